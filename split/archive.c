/* SPDX-License-Identifier: Apache-2.0 */
#include <ar.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "split/archive.h"

#define THIN_MAGIC "!<thin>\n"
#define MEMBERS_LIMIT (1u << 24)

bool archive_is(const uint8_t *bytes, uint64_t size)
{
	return size >= SARMAG &&
	       (!memcmp(bytes, ARMAG, SARMAG) || !memcmp(bytes, THIN_MAGIC, SARMAG));
}

void archive_close(struct archive *archive)
{
	for (size_t i = 0; i < archive->n_members; i++) {
		struct archive_member *member = &archive->members[i];
		stripped_free(&member->stripped);
		symbols_free(&member->symbols);
		plan_free(&member->plan);
		image_close(&member->image);
	}
	free(archive->members);
	*archive = (struct archive){ 0 };
}

/* ---- reading ---- */

/* A decimal number, blanks behind it, and nothing else. */
static bool read_decimal(const char *field, size_t width, uint64_t *ret)
{
	uint64_t value = 0;
	size_t k = 0;
	for (; k < width && field[k] >= '0' && field[k] <= '9'; k++)
		value = 10 * value + (uint64_t)(field[k] - '0');
	bool any = k > 0;
	for (; k < width; k++)
		any = any && field[k] == ' ';
	*ret = value;
	return any; /* at most 15 digits: cannot wrap */
}

static bool is_called(const struct ar_hdr *header, const char *name)
{
	size_t length = strlen(name);
	if (memcmp(header->ar_name, name, length) != 0)
		return false;
	for (size_t k = length; k < sizeof(header->ar_name); k++)
		if (header->ar_name[k] != ' ')
			return false;
	return true;
}

static int read_header(const struct archive *archive, uint64_t at, struct ar_hdr *header,
		       struct archive_member *ret, struct error *err)
{
	uint64_t left = archive->size_bytes - at;
	if (left < sizeof(*header))
		return error_set(err, -EBADMSG,
				 "archive: %" PRIu64 " bytes at 0x%" PRIx64
				 " are no member header of %zu",
				 left, at, sizeof(*header));
	memcpy(header, archive->bytes + at, sizeof(*header));
	*ret = (struct archive_member){ .header_at = at, .data_at = at + sizeof(*header) };
	if (memcmp(header->ar_fmag, ARFMAG, sizeof(header->ar_fmag)) != 0 ||
	    !read_decimal(header->ar_size, sizeof(header->ar_size), &ret->size_bytes))
		return error_set(err, -EBADMSG, "archive: no member header at 0x%" PRIx64, at);
	if (ret->size_bytes > left - sizeof(*header))
		return error_set(err, -EBADMSG,
				 "archive: the member at 0x%" PRIx64 " has %" PRIu64
				 " bytes, past the 0x%" PRIx64 "-byte file",
				 at, ret->size_bytes, archive->size_bytes);
	return 0;
}

/* Source: ar(5) of GNU binutils and System V; "#1/" and "__.SYMDEF" are BSD's. */
static int read_member(const struct archive *archive, uint64_t at, struct archive_member *ret,
		       struct error *err)
{
	int r;

	struct ar_hdr header;
	r = read_header(archive, at, &header, ret, err);
	if (r < 0)
		return r;
	size_t length = strnlen(header.ar_name, sizeof(header.ar_name));
	while (length && header.ar_name[length - 1] == ' ')
		length--;
	escape_bytes(header.ar_name, length, ret->name, sizeof(ret->name));
	if (is_called(&header, "/"))
		ret->kind = MEMBER_INDEX;
	else if (is_called(&header, "/SYM64/"))
		ret->kind = MEMBER_INDEX64;
	else if (is_called(&header, "//"))
		ret->kind = MEMBER_NAMES;
	else if (!memcmp(header.ar_name, "#1/", 3) || !memcmp(header.ar_name, "__.SYMDEF", 9))
		return error_set(err, -ENOTSUP, "an archive in BSD's form: not split");
	else if (archive_is(archive->bytes + ret->data_at, ret->size_bytes))
		return error_set(err, -ENOTSUP, "an archive with an archive in it (%s): not split",
				 ret->name);
	return 0;
}

/* Names over 15 bytes are in the member "//": "/N", N where it begins there; it ends with "/\n". */
static void find_long_name(const struct archive *archive, const struct archive_member *names,
			   struct archive_member *member)
{
	const char *field = (const char *)archive->bytes + member->header_at;
	uint64_t at;
	if (field[0] != '/' || member->kind != MEMBER_FILE || !read_decimal(field + 1, 15, &at) ||
	    at >= names->size_bytes)
		return;
	const char *name = (const char *)archive->bytes + names->data_at + at;
	const char *end = memchr(name, '\n', (size_t)(names->size_bytes - at));
	if (end && end > name)
		escape_bytes(name, (size_t)(end - name - (end[-1] == '/')), member->name,
			     sizeof(member->name));
}

static uint64_t next_header(const struct archive_member *member, uint64_t size_bytes)
{
	uint64_t end = member->data_at + member->size_bytes;
	return min_u64(end + end % 2, size_bytes); /* the last one's padding may be missing */
}

static int read_members(struct archive *archive, struct error *err)
{
	int r;

	size_t n_allocated = 0, n_indexes = 0;
	const struct archive_member *names = NULL;
	for (uint64_t at = SARMAG; at < archive->size_bytes;) {
		if (archive->n_members == n_allocated) {
			n_allocated = n_allocated ? 2 * n_allocated : 64;
			struct archive_member *members =
				reallocarray(archive->members, n_allocated, sizeof(*members));
			if (!members)
				return error_no_memory(err);
			archive->members = members;
		}
		if (archive->n_members == MEMBERS_LIMIT)
			return error_set(err, -EFBIG, "archive: more than %u members",
					 MEMBERS_LIMIT);
		struct archive_member *member = &archive->members[archive->n_members];
		r = read_member(archive, at, member, err);
		if (r < 0)
			return r;
		archive->n_members++;
		n_indexes += member->kind == MEMBER_INDEX || member->kind == MEMBER_INDEX64;
		at = next_header(member, archive->size_bytes);
	}
	if (n_indexes > 1)
		return error_set(err, -ENOTSUP, "an archive with %zu symbol indexes: not split",
				 n_indexes);
	for (size_t i = 0; i < archive->n_members && !names; i++)
		if (archive->members[i].kind == MEMBER_NAMES)
			names = &archive->members[i];
	for (size_t i = 0; i < archive->n_members && names; i++)
		find_long_name(archive, names, &archive->members[i]);
	return 0;
}

/* ---- planning ---- */

static int strip_member(const struct archive *archive, struct archive_member *member,
			const struct plan_options *options, struct error *err)
{
	int r;

	const uint8_t *bytes = archive->bytes + member->data_at;
	if (member->kind != MEMBER_FILE || !image_is_elf(bytes, member->size_bytes))
		return 0;
	r = image_open(bytes, member->size_bytes, &member->image, err);
	if (r < 0)
		return r;
	if (!image_is_relocatable(&member->image) || image_is_separate_debug(&member->image) ||
	    member->image.n_sections == 0)
		return 0;
	r = plan_make(&member->image, options, &member->plan, err);
	if (r < 0 || !plan_has_work(&member->plan))
		return r;
	r = symbols_plan(&member->plan, &member->symbols, err);
	if (r == 0)
		r = stripped_plan(&member->plan, &member->symbols, NULL, &member->stripped, err);
	if (r < 0)
		return r;
	member->is_stripped = true;
	return 0;
}

static int strip_members(struct archive *archive, const struct plan_options *options,
			 struct error *err)
{
	for (size_t i = 0; i < archive->n_members; i++) {
		struct archive_member *member = &archive->members[i];
		int r = strip_member(archive, member, options, err);
		if (r == -ENOTSUP)
			member->why = "it cannot be split";
		else if (r < 0)
			return error_prefix(err, r, "member %s", member->name);
		if (!member->is_stripped)
			continue;
		archive->n_stripped++;
		archive->taken_bytes += member->plan.taken_bytes;
	}
	return 0;
}

static void place_members(struct archive *archive)
{
	uint64_t at = SARMAG;
	for (size_t i = 0; i < archive->n_members; i++) {
		struct archive_member *member = &archive->members[i];
		member->new_header_at = at;
		/* Splitting never adds much: no member outgrows the ten digits of its size. */
		member->new_size_bytes =
			member->is_stripped ? member->stripped.size_bytes : member->size_bytes;
		at += sizeof(struct ar_hdr) + member->new_size_bytes;
		at += at % 2;
	}
	archive->new_size_bytes = at;
}

/* ---- the symbol index ---- */

static uint64_t read_big(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;
	for (unsigned k = 0; k < width; k++)
		value = value << 8 | bytes[k];
	return value;
}

static void write_big(uint8_t *bytes, unsigned width, uint64_t value)
{
	for (unsigned k = width; k-- > 0; value >>= 8)
		bytes[k] = (uint8_t)value;
}

static const struct archive_member *member_at(const struct archive *archive, uint64_t header_at)
{
	size_t low = 0, high = archive->n_members;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (archive->members[middle].header_at < header_at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < archive->n_members && archive->members[low].header_at == header_at
		       ? &archive->members[low]
		       : NULL;
}

/* Big-endian whatever the members are: a count, so many places of member headers, the names. */
static int read_index(const struct archive *archive, const struct archive_member *index,
		      unsigned *ret_width, uint64_t *ret_n, struct error *err)
{
	unsigned width = index->kind == MEMBER_INDEX64 ? 8 : 4;
	const uint8_t *bytes = archive->bytes + index->data_at;
	uint64_t n = index->size_bytes >= width ? read_big(bytes, width) : 0;
	if (index->size_bytes < width || n > index->size_bytes / width - 1)
		return error_set(err, -EBADMSG, "archive: its symbol index is cut");
	for (uint64_t k = 1; k <= n; k++) {
		uint64_t at = read_big(bytes + width * k, width);
		if (!member_at(archive, at))
			return error_set(err, -EBADMSG,
					 "archive: its symbol index names a member at 0x%" PRIx64
					 ", where there is none",
					 at);
	}
	*ret_width = width;
	*ret_n = n;
	return 0;
}

static int check_index(const struct archive *archive, struct error *err)
{
	unsigned width;
	uint64_t n;
	for (size_t i = 0; i < archive->n_members; i++) {
		const struct archive_member *member = &archive->members[i];
		if (member->kind == MEMBER_INDEX || member->kind == MEMBER_INDEX64) {
			int r = read_index(archive, member, &width, &n, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int archive_open(const uint8_t *bytes, uint64_t size, const struct archive_options *options,
		 struct archive *ret, struct error *err)
{
	int r;

	if (size >= SARMAG && !memcmp(bytes, THIN_MAGIC, SARMAG))
		return error_set(
			err, -ENOTSUP,
			"a thin archive, which has its members elsewhere: not split; name these");
	scoped(archive_close) struct archive archive = { .bytes = bytes,
							 .size_bytes = size,
							 .keeps_fields = options->keeps_fields };
	r = read_members(&archive, err);
	if (r == 0)
		r = check_index(&archive, err);
	if (r == 0)
		r = strip_members(&archive, &options->plan, err);
	if (r < 0)
		return r;
	place_members(&archive);
	*ret = archive;
	archive = (struct archive){ 0 };
	return 0;
}

/* ---- writing ---- */

static void fill_field(char *field, size_t width, const char *text)
{
	memset(field, ' ', width);
	memcpy(field, text, strlen(text));
}

static void make_header(const struct archive *archive, const struct archive_member *member,
			struct ar_hdr *ret)
{
	memcpy(ret, archive->bytes + member->header_at, sizeof(*ret));
	char digits[24];
	snprintf(digits, sizeof(digits), "%" PRIu64, member->new_size_bytes);
	if (member->is_stripped)
		fill_field(ret->ar_size, sizeof(ret->ar_size), digits);
	if (archive->keeps_fields || member->kind == MEMBER_NAMES)
		return;
	fill_field(ret->ar_date, sizeof(ret->ar_date), "0");
	fill_field(ret->ar_uid, sizeof(ret->ar_uid), "0");
	fill_field(ret->ar_gid, sizeof(ret->ar_gid), "0");
	fill_field(ret->ar_mode, sizeof(ret->ar_mode), member->kind == MEMBER_FILE ? "644" : "0");
}

bool archive_changes_fields(const struct archive *archive)
{
	for (size_t i = 0; i < archive->n_members; i++) {
		const struct archive_member *member = &archive->members[i];
		struct ar_hdr header;
		make_header(archive, member, &header);
		if (memcmp(&header, archive->bytes + member->header_at, sizeof(header)) != 0)
			return true;
	}
	return false;
}

static void free_bytes(uint8_t **bytes)
{
	free(*bytes);
}

static int write_index(const struct archive *archive, const struct archive_member *index,
		       const struct sink *sink, struct error *err)
{
	int r;

	unsigned width;
	uint64_t n;
	r = read_index(archive, index, &width, &n, err);
	if (r < 0)
		return r;
	const uint8_t *old = archive->bytes + index->data_at;
	scoped(free_bytes) uint8_t *bytes = malloc((size_t)index->size_bytes);
	if (!bytes)
		return error_no_memory(err);
	memcpy(bytes, old, (size_t)index->size_bytes);
	for (uint64_t k = 1; k <= n; k++) {
		const struct archive_member *member =
			member_at(archive, read_big(old + width * k, width));
		uint64_t place = member ? member->new_header_at : 0;
		if (width == 4 && place > UINT32_MAX)
			return error_set(err, -EFBIG,
					 "archive: over 4 GiB, which its symbol index cannot tell");
		write_big(bytes + width * k, width, place);
	}
	return sink_take(sink, bytes, index->size_bytes, false, err);
}

int archive_write(const struct archive *archive, const struct sink *sink, struct error *err)
{
	int r;

	r = sink_take(sink, archive->bytes, SARMAG, true, err);
	for (size_t i = 0; r == 0 && i < archive->n_members; i++) {
		const struct archive_member *member = &archive->members[i];
		struct ar_hdr header;
		make_header(archive, member, &header);
		r = sink_take(sink, (const uint8_t *)&header, sizeof(header), false, err);
		if (r < 0)
			return r;
		if (member->kind == MEMBER_INDEX || member->kind == MEMBER_INDEX64)
			r = write_index(archive, member, sink, err);
		else if (member->is_stripped)
			r = stripped_write(&member->stripped, sink, err);
		else
			r = sink_take(sink, archive->bytes + member->data_at, member->size_bytes,
				      true, err);
		if (r == 0 && member->new_size_bytes % 2)
			r = sink_take(sink, (const uint8_t *)"\n", 1, false, err);
	}
	return r;
}
