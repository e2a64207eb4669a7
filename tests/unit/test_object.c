/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/tmpfile.h"
#include "store/internal.h"
#include "store/object.h"

/* Bytes that compress about as debug information does: words of a small vocabulary among noise. */
static uint8_t *make_content(size_t size, uint64_t seed)
{
	uint8_t *bytes = malloc(size + 8);
	assert_non_null(bytes);
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	for (size_t at = 0; at < size; at += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		uint64_t word = x % 3 ? x % 61 * 0x0101030507110b0du : x;
		memcpy(bytes + at, &word, 8);
	}
	return bytes;
}

static void file_of(struct store_fixture *f, const struct digest *digest, char *ret, size_t size)
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, size, "%s/objects/%s", f->path, object_name(digest, name));
}

static void assert_holds(struct store_fixture *f, const struct digest *digest, const uint8_t *bytes,
			 size_t size)
{
	struct error err = ERROR_NONE;
	char *read = NULL;
	size_t read_size = 0;
	assert_ok(object_read_whole(f->st, digest, UINT64_MAX, &read, &read_size, &err));
	assert_int_equal(read_size, size);
	assert_memory_equal(read, bytes, size);
	free(read);
	assert_ok(object_verify(f->st, digest, &err));
}

/* The judge is zstd's own program: it knows nothing of seek tables. */
static void assert_zstd_gives(struct store_fixture *f, const struct digest *digest)
{
	char path[256], command[512], line[DIGEST_HEX_SIZE] = { 0 };
	file_of(f, digest, path, sizeof(path));
	snprintf(command, sizeof(command), "zstd -dc '%s' | sha256sum", path);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	assert_int_equal(fread(line, 1, 64, out), 64);
	assert_int_equal(pclose(out), 0);
	assert_string_equal(line, DIGEST_HEX(digest));
}

static void contents_come_back(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	static const struct {
		size_t size, frame_limit, step;
		bool is_lent;
	} cases[] = {
		{ 0, 0, 1, false },
		{ 1, 0, 1, false },
		{ 255, 0, 7, true },
		{ 256, 0, 256, true },
		{ 65535, 0, 4096, false },
		{ 65536, 0, 65536, true },
		{ 65537, 65536, 1000, true },
		{ 262144, 262144, 262144, false },
		{ 262145, 262144, 99999, false },
		{ 3000000, 262144, 3000000, true },
		{ 3000000, 1000, 12345, false },
		{ 4u << 20, 0, 4u << 20, true },
		{ (4u << 20) + 1, 0, 1u << 20, false },
		{ 30000000, 0, 30000000, true },
		{ 30000000, 0, 7777777, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = cases[i].size;
		print_message("%zu bytes in steps of %zu\n", size, cases[i].step);
		uint8_t *bytes = make_content(size, i);
		struct object_writer *w = NULL;
		assert_ok(object_writer_new(f->st, NULL, cases[i].frame_limit, &w, &err));
		for (size_t at = 0; at < size; at += cases[i].step) {
			size_t step = (size_t)min_u64(cases[i].step, size - at);
			if (cases[i].is_lent)
				assert_ok(object_writer_lend(w, bytes + at, step, &err));
			else
				assert_ok(object_writer_write(w, bytes + at, step, &err));
		}
		struct object_result result = { 0 };
		assert_ok(object_writer_finish(w, &result, &err));
		object_writer_free(w);

		struct digest digest = digest_of(bytes, size);
		assert_string_equal(DIGEST_HEX(&result.digest), DIGEST_HEX(&digest));
		assert_int_equal(result.size_bytes, size);
		assert_false(result.was_there);
		char path[256];
		file_of(f, &digest, path, sizeof(path));
		struct stat is;
		assert_int_equal(stat(path, &is), 0);
		assert_int_equal(result.stored_bytes, is.st_size);
		assert_int_equal(is.st_mode & 07777, 0600);
		assert_holds(f, &digest, bytes, size);
		assert_zstd_gives(f, &digest);
		free(bytes);
	}
}

/* Ranges that are lent one by one: joined where they touch, and gathered where they do not. */
static void lent_ranges_are_joined(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	size_t size = 9000000;
	uint8_t *bytes = make_content(size, 8), *content = malloc(size);
	assert_non_null(content);
	static const struct {
		size_t offset, size;
	} ranges[] = {
		{ 0, 1000 },          { 1000, 1000 },    { 5000, 1000 },      { 0, 1 },
		{ 100000, 4u << 20 }, { 100, 4u << 20 }, { 4194404, 200000 },
	};
	struct object_writer *w = NULL;
	assert_ok(object_writer_new(f->st, NULL, 0, &w, &err));
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		assert_ok(object_writer_lend(w, bytes + ranges[i].offset, ranges[i].size, &err));
		memcpy(content + at, bytes + ranges[i].offset, ranges[i].size);
		at += ranges[i].size;
	}
	struct object_result result = { 0 };
	assert_ok(object_writer_finish(w, &result, &err));
	object_writer_free(w);
	struct digest digest = digest_of(content, at);
	assert_true(digest_equal(&digest, &result.digest));
	assert_holds(f, &result.digest, content, at);
	free(content);
	free(bytes);
}

#define N_SECTIONS 7

/* A layout as an ELF file may have it, and its content. */
static size_t make_layout(struct object_section sections[static N_SECTIONS],
			  struct object_layout *ret)
{
	static const struct {
		const char *name;
		uint32_t type;
		uint64_t size;
	} parts[N_SECTIONS] = {
		{ ".note.gnu.build-id", SHT_NOTE, 36 },   { ".text", SHT_NOBITS, 1u << 30 },
		{ ".debug_info", SHT_PROGBITS, 9000000 }, { ".debug_abbrev", SHT_PROGBITS, 5000 },
		{ ".debug_line", SHT_PROGBITS, 30001 },   { ".symtab", SHT_SYMTAB, 100000 },
		{ ".strtab", SHT_STRTAB, 20000 },
	};
	uint64_t at = 64 + 56;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		at = align_up(at, 8);
		sections[i] = (struct object_section){ parts[i].name, parts[i].type, i, at,
						       parts[i].size };
		if (parts[i].type != SHT_NOBITS)
			at += parts[i].size;
	}
	*ret = (struct object_layout){ .sections = sections, .n_sections = N_SECTIONS };
	at = align_up(at, 8);
	ret->tables[ret->n_tables++] = (struct object_range){ 0, 64 };
	ret->tables[ret->n_tables++] = (struct object_range){ 64, 56 };
	ret->tables[ret->n_tables++] = (struct object_range){ at, 64 * (N_SECTIONS + 2) };
	ret->size_bytes = at + 64 * (N_SECTIONS + 2);
	return ret->size_bytes;
}

static void put_with_layout(struct store_fixture *f, const struct object_layout *layout,
			    const uint8_t *bytes, struct object_result *ret)
{
	struct error err = ERROR_NONE;
	struct object_writer *w = NULL;
	assert_ok(object_writer_new(f->st, layout, 0, &w, &err));
	for (size_t at = 0, step; at < layout->size_bytes; at += step) {
		step = (size_t)min_u64(layout->size_bytes - at, 1 + at * 7 % 2000000);
		if (at % 3)
			assert_ok(object_writer_write(w, bytes + at, step, &err));
		else
			assert_ok(object_writer_lend(w, bytes + at, step, &err));
	}
	assert_ok(object_writer_finish(w, ret, &err));
	object_writer_free(w);
}

static void sections_have_their_own_frames(void **state)
{
	struct store_fixture *f = *state;
	struct object_section sections[N_SECTIONS];
	struct object_layout layout;
	size_t size = make_layout(sections, &layout);
	uint8_t *bytes = make_content(size, 1);
	struct object_result result = { 0 };
	put_with_layout(f, &layout, bytes, &result);
	assert_holds(f, &result.digest, bytes, size);
	assert_zstd_gives(f, &result.digest);

	struct error err = ERROR_NONE;
	struct object *o = NULL;
	assert_ok(object_open(f->st, &result.digest, &o, &err));
	size_t n = 0;
	const struct object_section *read = object_sections(o, &n);
	assert_int_equal(n, N_SECTIONS);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(read[i].name, sections[i].name);
		assert_int_equal(read[i].type, sections[i].type);
		assert_int_equal(read[i].flags, sections[i].flags);
		assert_int_equal(read[i].offset, sections[i].offset);
		assert_int_equal(read[i].size_bytes, sections[i].size_bytes);
	}
	assert_ptr_equal(object_find_section(o, ".debug_line"), &read[4]);
	assert_null(object_find_section(o, ".debug_str"));

	/* What may go out as it is stored: cut out of the file, zstd gives just these bytes. */
	static const struct {
		const char *name;
		bool is_whole_frames;
	} cases[] = {
		{ ".debug_info", true },   { ".debug_line", true },         { ".symtab", true },
		{ ".debug_abbrev", true }, { ".note.gnu.build-id", false }, { ".text", false }
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct object_section *s = object_find_section(o, cases[i].name);
		struct object_range range = { 0 };
		print_message("%s\n", s->name);
		assert_int_equal(object_stored_range(o, s->offset, s->size_bytes, &range),
				 cases[i].is_whole_frames);
		if (!cases[i].is_whole_frames)
			continue;
		char command[512], path[256], line[DIGEST_HEX_SIZE] = { 0 };
		file_of(f, &result.digest, path, sizeof(path));
		snprintf(command, sizeof(command),
			 "tail -c +%llu '%s' | head -c %llu | zstd -dc | sha256sum",
			 (unsigned long long)range.offset + 1, path,
			 (unsigned long long)range.size_bytes);
		FILE *out = popen(command, "r");
		assert_int_equal(fread(line, 1, 64, out), 64);
		pclose(out);
		struct digest digest = digest_of(bytes + s->offset, s->size_bytes);
		assert_string_equal(line, DIGEST_HEX(&digest));
	}
	struct object_range range;
	assert_true(object_stored_range(o, 0, size, &range));
	assert_int_equal(range.offset, 0);
	assert_false(object_stored_range(o, 0, 0, &range));
	assert_false(object_stored_range(o, 0, size + 1, &range));
	assert_false(object_stored_range(o, size, 1, &range));
	assert_false(object_stored_range(o, UINT64_MAX, UINT64_MAX, &range));
	object_close(o);
	free(bytes);
}

static void any_range_reads_as_memory_does(void **state)
{
	struct store_fixture *f = *state;
	struct object_section sections[N_SECTIONS];
	struct object_layout layout;
	size_t size = make_layout(sections, &layout);
	uint8_t *bytes = make_content(size, 2), *read = malloc(size);
	struct object_result result = { 0 };
	put_with_layout(f, &layout, bytes, &result);

	struct error err = ERROR_NONE;
	struct object *o = NULL;
	assert_ok(object_open(f->st, &result.digest, &o, &err));
	struct object_reader *r = NULL;
	assert_ok(object_reader_new(o, &r, &err));
	srand(1);
	for (int i = 0; i < 300; i++) {
		size_t offset = (size_t)rand() % (size + 10);
		size_t wanted = (size_t)rand() % (i % 10 ? 3000 : size), n = 1;
		size_t there = offset < size ? (size_t)min_u64(wanted, size - offset) : 0;
		assert_ok(object_read(r, offset, read, wanted, &n, &err));
		assert_int_equal(n, there);
		if (n)
			assert_memory_equal(read, bytes + offset, n);
	}
	size_t n = 1;
	assert_ok(object_read(r, UINT64_MAX, read, size, &n, &err));
	assert_int_equal(n, 0);
	object_reader_free(r);
	object_close(o);

	char *whole = NULL;
	size_t whole_size = 0;
	assert_int_equal(
		object_read_whole(f->st, &result.digest, size - 1, &whole, &whole_size, &err),
		-EFBIG);
	assert_int_equal(object_read_whole(f->st, &(struct digest){ { 1 } }, size, &whole,
					   &whole_size, &err),
			 -ENOENT);
	free(read);
	free(bytes);
}

/* A small object of some frames and a directory, as a file in memory. */
static char *small_object(struct store_fixture *f, struct digest *ret, size_t *ret_size)
{
	static const char content[] =
		"a line table, a line table, a line table; strings, strings, strings, end";
	const struct object_section sections[] = { { ".debug_line", SHT_PROGBITS, 0, 14, 28 },
						   { ".debug_str", SHT_PROGBITS, 48, 44, 20 } };
	struct object_layout layout = { .sections = sections,
					.n_sections = 2,
					.size_bytes = sizeof(content) };
	struct object_result result = { 0 };
	put_with_layout(f, &layout, (const uint8_t *)content, &result);
	char path[256], *bytes = NULL;
	file_of(f, &result.digest, path, sizeof(path));
	struct error err = ERROR_NONE;
	assert_ok(file_read_at(AT_FDCWD, path, 1 << 20, &bytes, ret_size, &err));
	*ret = result.digest;
	return bytes;
}

static int check_bytes(const char *bytes, size_t size, const struct digest *digest,
		       struct error *err)
{
	char path[] = "/tmp/dbgvault-test.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(file_write(fd, bytes, size, "bytes", err), 0);
	struct object *o = NULL;
	int r = object_open_fd(fd, digest, "bytes", &o, err);
	if (r == 0)
		r = object_check(o, err);
	object_close(o);
	return r;
}

static void every_damaged_byte_is_found(void **state)
{
	struct store_fixture *f = *state;
	struct digest digest;
	size_t size = 0;
	char *bytes = small_object(f, &digest, &size);
	struct error err = ERROR_NONE;
	assert_ok(check_bytes(bytes, size, &digest, &err));
	for (size_t at = 0; at < size; at++) {
		for (unsigned bit = 0; bit < 9; bit++) {
			uint8_t flip = (uint8_t)(bit == 8 ? 0xff : 1u << bit);
			bytes[at] = (char)((uint8_t)bytes[at] ^ flip);
			if (check_bytes(bytes, size, &digest, &err) != -EBADMSG)
				fail_msg("byte %zu, flipped by 0x%02x: not found", at,
					 (uint8_t)flip);
			bytes[at] = (char)((uint8_t)bytes[at] ^ flip);
		}
	}
	for (size_t end = 0; end < size; end++)
		assert_int_equal(check_bytes(bytes, end, &digest, &err), -EBADMSG);
	char *longer = malloc(size + 1);
	memcpy(longer, bytes, size);
	longer[size] = 0;
	assert_int_equal(check_bytes(longer, size + 1, &digest, &err), -EBADMSG);
	free(longer);

	digest.bytes[0] ^= 1;
	assert_int_equal(check_bytes(bytes, size, &digest, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "has the digest"));
	free(bytes);
}

static size_t n_files(const char *store, const char *folder)
{
	char command[256];
	snprintf(command, sizeof(command), "find '%s/%s' -type f | wc -l", store, folder);
	FILE *out = popen(command, "r");
	unsigned long n = 0;
	assert_int_equal(fscanf(out, "%lu", &n), 1);
	pclose(out);
	return n;
}

static void an_object_that_is_there_is_confirmed(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	uint8_t *bytes = make_content(5000000, 3);
	struct object_result first = { 0 }, again = { 0 };
	assert_ok(object_put(f->st, bytes, 5000000, &first, &err));
	char path[256];
	file_of(f, &first.digest, path, sizeof(path));
	struct timespec old[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	struct stat before, after;
	assert_int_equal(stat(path, &before), 0);

	assert_ok(object_put(f->st, bytes, 5000000, &again, &err));
	assert_true(again.was_there);
	assert_int_equal(again.stored_bytes, first.stored_bytes);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_true(after.st_mtim.tv_sec > 1000000);
	assert_int_equal(n_files(f->path, "objects"), 1);
	assert_int_equal(n_files(f->path, "quarantine"), 0);
	assert_int_equal(n_files(f->path, "tmp"), 0);
	free(bytes);
}

static void a_damaged_object_is_replaced(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	uint8_t *bytes = make_content(5000000, 4);
	struct object_result result = { 0 };
	assert_ok(object_put(f->st, bytes, 5000000, &result, &err));
	char path[256];
	file_of(f, &result.digest, path, sizeof(path));
	static const char *const damages[] = {
		"printf X | dd bs=1 seek=1000 conv=notrunc status=none of=\"$FILE\"",
		"truncate -s -1 \"$FILE\"",
		"truncate -s 0 \"$FILE\"",
		"printf other | zstd -q -c > \"$FILE\"",
		/* whole, but another object */
		"cat \"$OTHER\" > \"$FILE\"",
	};
	setenv("FILE", path, 1);
	struct object_result other = { 0 };
	assert_ok(object_put(f->st, "other", 5, &other, &err));
	file_of(f, &other.digest, path, sizeof(path));
	setenv("OTHER", path, 1);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		print_message("%s\n", damages[i]);
		assert_int_equal(system(damages[i]), 0);
		assert_int_equal(object_verify(f->st, &result.digest, &err), -EBADMSG);
		assert_ok(object_put(f->st, bytes, 5000000, &result, &err));
		assert_false(result.was_there);
		assert_holds(f, &result.digest, bytes, 5000000);
		assert_int_equal(n_files(f->path, "objects"), 2);
		assert_int_equal(n_files(f->path, "quarantine"), i + 1);
	}
	free(bytes);
}

struct parallel {
	struct store_fixture *f;
	const uint8_t *common;
	size_t size;
	unsigned seed;
	_Atomic(unsigned) *n_new;
};

static void *write_objects(void *arg)
{
	struct parallel *p = arg;
	struct error err = ERROR_NONE;
	for (unsigned i = 0; i < 6; i++) {
		/* Two writers at once in one thread: neither may hold what the other waits for. */
		struct object_writer *idle = NULL, *w = NULL;
		assert_ok(object_writer_new(p->f->st, NULL, 0, &idle, &err));
		assert_ok(object_writer_write(idle, p->common, 3000000, &err));
		assert_ok(object_writer_new(p->f->st, NULL, i % 2 ? 100000 : 0, &w, &err));
		assert_ok(object_writer_write(w, &p->seed, sizeof(p->seed), &err));
		assert_ok(object_writer_lend(w, p->common + i, p->size - i, &err));
		struct object_result result = { 0 };
		if (i == 5) /* given up half-way, with frames in flight */
			object_writer_free(w);
		else {
			assert_ok(object_writer_finish(w, &result, &err));
			object_writer_free(w);
			assert_ok(object_verify(p->f->st, &result.digest, &err));
		}
		object_writer_free(idle);

		assert_ok(object_put(p->f->st, p->common, p->size, &result, &err));
		*p->n_new += !result.was_there;
	}
	return NULL;
}

static void many_writers_share_the_threads(void **state)
{
	struct store_fixture *f = *state;
	enum { N = 8 };
	size_t size = 5500000;
	uint8_t *common = make_content(size, 5);
	_Atomic(unsigned) n_new = 0;
	pthread_t threads[N];
	struct parallel args[N];
	for (unsigned i = 0; i < N; i++) {
		args[i] = (struct parallel){ f, common, size, i, &n_new };
		assert_int_equal(pthread_create(&threads[i], NULL, write_objects, &args[i]), 0);
	}
	for (unsigned i = 0; i < N; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(n_new, 1);
	assert_int_equal(n_files(f->path, "objects"), 1 + 5 * N);
	assert_int_equal(n_files(f->path, "tmp"), 0);
	assert_int_equal(n_files(f->path, "quarantine"), 0);
	free(common);
}

static void sizes_that_differ_from_the_layout(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct object_layout layout = { .size_bytes = 100 };
	uint8_t bytes[101] = { 0 };
	struct object_result result = { .size_bytes = 77 };
	struct object_writer *w = NULL;
	assert_ok(object_writer_new(f->st, &layout, 0, &w, &err));
	assert_ok(object_writer_write(w, bytes, 99, &err));
	assert_int_equal(object_writer_finish(w, &result, &err), -EINVAL);
	assert_int_equal(result.size_bytes, 77);
	object_writer_free(w);
	assert_ok(object_writer_new(f->st, &layout, 0, &w, &err));
	assert_int_equal(object_writer_write(w, bytes, 101, &err), -EINVAL);
	object_writer_free(w);
	layout.size_bytes = 0;
	assert_ok(object_writer_new(f->st, &layout, 0, &w, &err));
	assert_int_equal(object_writer_lend(w, bytes, 1, &err), -EINVAL);
	object_writer_free(w);
	assert_int_equal(n_files(f->path, "objects"), 0);

	struct object_section past = { ".x", SHT_PROGBITS, 0, 50, UINT64_MAX };
	layout = (struct object_layout){ .sections = &past, .n_sections = 1, .size_bytes = 100 };
	put_with_layout(f, &layout, bytes, &result);
	assert_holds(f, &result.digest, bytes, 100);
}

/* Errors of the threads that write come to the caller. */
static void a_full_disk_is_told(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	uint8_t *bytes = make_content(40000000, 6);
	struct rlimit before, limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 3000000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct object_writer *w = NULL;
	assert_ok(object_writer_new(f->st, NULL, 0, &w, &err));
	int r = object_writer_lend(w, bytes, 40000000, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	/* There is room again, but a hole in the file. */
	struct object_result result = { 0 };
	if (r == 0)
		r = object_writer_finish(w, &result, &err);
	object_writer_free(w);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(err.message, "writing a new object"));
	assert_int_equal(n_files(f->path, "objects"), 0);
	assert_ok(object_put(f->st, bytes, 40000000, &result, &err));
	assert_holds(f, &result.digest, bytes, 40000000);
	free(bytes);
}

static void an_object_is_adopted(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct digest digest;
	size_t size = 0;
	char *bytes = small_object(f, &digest, &size), path[256];
	file_of(f, &digest, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 2; i++) {
		struct tmpfile t = TMPFILE_NONE;
		struct object_result result = { 0 };
		assert_ok(tmpfile_create(f->st->tmp_fd, &t, &err));
		assert_ok(file_write(t.fd, bytes, size, "bytes", &err));
		assert_ok(object_adopt(f->st, &t, &digest, &result, &err));
		tmpfile_discard(&t);
		assert_int_equal(result.was_there, i);
		assert_int_equal(result.stored_bytes, size);
		assert_int_equal(result.size_bytes, 73);
		assert_ok(object_verify(f->st, &digest, &err));
	}
	free(bytes);
}

static void names_and_digests(void **state)
{
	(void)state;
	struct digest digest = digest_of("x", 1), parsed = { 0 };
	char name[OBJECT_NAME_SIZE], file[OBJECT_NAME_SIZE];
	assert_int_equal(strlen(object_name(&digest, name)), OBJECT_NAME_SIZE - 1);
	name[2] = 0;
	strcpy(file, name + 3);
	assert_true(object_name_parse(name, file, &parsed));
	assert_true(digest_equal(&parsed, &digest));
	assert_false(object_name_parse(name, "x.zst", &parsed));
	assert_false(object_name_parse("a", file, &parsed));
	assert_false(object_name_parse("2D", file, &parsed));
	file[62] = '_';
	assert_false(object_name_parse(name, file, &parsed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(contents_come_back),
		store_test(lent_ranges_are_joined),
		store_test(sections_have_their_own_frames),
		store_test(any_range_reads_as_memory_does),
		store_test(every_damaged_byte_is_found),
		store_test(an_object_that_is_there_is_confirmed),
		store_test(a_damaged_object_is_replaced),
		store_test(many_writers_share_the_threads),
		store_test(sizes_that_differ_from_the_layout),
		store_test(a_full_disk_is_told),
		store_test(an_object_is_adopted),
		cmocka_unit_test(names_and_digests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
