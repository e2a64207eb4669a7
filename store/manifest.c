/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "elf/source_names.h"
#include "store/internal.h"
#include "store/sources.h"

/*
 * The text of a manifest:
 *
 *	dbgvault-sources 1
 *	<64 hex digits> <' ', or '?' where doubtful><path>
 *
 * in order of the paths' bytes, each path once. A path may hold any byte but NUL; backslash and
 *newline are written "\\" and "\n". Every line ends with a newline.
 */
static const char magic[] = "dbgvault-sources ";
static const char first_line[] = "dbgvault-sources 1\n";

#define HEX_DIGITS (DIGEST_HEX_SIZE - 1u)
#define FLAG_AT (HEX_DIGITS + 1)
#define PATH_AT (HEX_DIGITS + 2)

struct manifest {
	char *text; /* lines as they were read, but each path unescaped and ended by NUL */
	uint32_t n_entries;
	uint32_t line_at[]; /* where each entry's line begins in @text: MANIFEST_SIZE_LIMIT fits */
};

void manifest_close(struct manifest *m)
{
	if (!m)
		return;
	free(m->text);
	free(m);
}

static size_t escaped_size(const char *path)
{
	size_t size = 0;
	for (; *path; path++)
		size += *path == '\\' || *path == '\n' ? 2 : 1;
	return size;
}

static char *escape_path(const char *path, char *to)
{
	for (; *path; path++) {
		if (*path == '\\' || *path == '\n')
			*to++ = '\\';
		*to++ = *path == '\n' ? 'n' : *path;
	}
	return to;
}

int manifest_format(const struct manifest_entry *entries, size_t n_entries, char **ret,
		    size_t *ret_size, struct error *err)
{
	uint64_t size = sizeof(first_line) - 1;
	for (size_t i = 0; i < n_entries; i++)
		size += PATH_AT + escaped_size(entries[i].path) + 1;
	if (size > MANIFEST_SIZE_LIMIT)
		return error_set(err, -EFBIG,
				 "source manifest: %" PRIu64 " bytes, over the limit of %u", size,
				 MANIFEST_SIZE_LIMIT);

	char *text = malloc((size_t)size + 1);
	if (!text)
		return error_no_memory(err);
	char *at = mempcpy(text, first_line, sizeof(first_line) - 1);
	for (size_t i = 0; i < n_entries; i++) {
		hex_encode(entries[i].digest.bytes, DIGEST_SIZE, at);
		at[HEX_DIGITS] = ' ';
		at[FLAG_AT] = entries[i].doubtful ? '?' : ' ';
		at = escape_path(entries[i].path, at + PATH_AT);
		*at++ = '\n';
	}
	*at = 0;
	*ret = text;
	*ret_size = (size_t)size;
	return 0;
}

/* Undo escape_path() in place; @path ends with NUL. */
static bool unescape_path(char *path)
{
	char *from = strchr(path, '\\');
	if (!from)
		return true;
	for (char *to = from;; from++, to++) {
		if (*from == '\\') {
			from++;
			if (*from != '\\' && *from != 'n')
				return false;
			*to = *from == 'n' ? '\n' : '\\';
			continue;
		}
		*to = *from;
		if (!*from)
			return true;
	}
}

/* One line, already ended by NUL in place of its newline. What is wrong with it, or NULL. */
static const char *parse_line(char *line, size_t size)
{
	uint8_t digest[DIGEST_SIZE];
	if (size < PATH_AT + 1)
		return "shorter than a digest and a path";
	if (!hex_decode(line, HEX_DIGITS, digest))
		return "does not begin with 64 hex digits";
	if (line[HEX_DIGITS] != ' ' || (line[FLAG_AT] != ' ' && line[FLAG_AT] != '?'))
		return "no \"  \" or \" ?\" behind the digest";
	if (!unescape_path(line + PATH_AT))
		return "a backslash that is neither \"\\\\\" nor \"\\n\"";
	if (strlen(line + PATH_AT) > SOURCE_PATH_LIMIT)
		return "path over the limit";
	return NULL;
}

static int parse_lines(struct manifest *m, size_t size, struct error *err)
{
	const char *previous = NULL;
	uint32_t n = 0;
	for (char *line = m->text + sizeof(first_line) - 1; line < m->text + size;) {
		char *end = memchr(line, '\n', (size_t)(m->text + size - line));
		if (!end)
			return error_set(err, -EBADMSG,
					 "source manifest: line %u has no newline at its end",
					 n + 2);
		*end = 0;
		const char *wrong = parse_line(line, (size_t)(end - line));
		if (!wrong && previous && strcmp(previous, line + PATH_AT) >= 0)
			wrong = "path not behind that of the line before";
		if (wrong)
			return error_set(err, -EBADMSG, "source manifest: line %u: %s", n + 2,
					 wrong);
		m->line_at[n++] = (uint32_t)(line - m->text);
		previous = line + PATH_AT;
		line = end + 1;
	}
	m->n_entries = n;
	return 0;
}

int manifest_parse(char *text, size_t size, struct manifest **ret, struct error *err)
{
	int r;

	scoped(string_free) char *guard = text;
	if (size > MANIFEST_SIZE_LIMIT)
		return error_set(err, -EFBIG, "source manifest: %zu bytes, over the limit of %u",
				 size, MANIFEST_SIZE_LIMIT);
	if (memchr(text, 0, size))
		return error_set(err, -EBADMSG, "source manifest: has a NUL byte in it");
	if (strncmp(text, magic, sizeof(magic) - 1))
		return error_set(err, -EBADMSG, "source manifest: does not begin with \"%s\"",
				 magic);
	if (strncmp(text, first_line, sizeof(first_line) - 1))
		return error_set(err, -ENOTSUP,
				 "source manifest: version is not 1, as this release knows it");

	size_t n_lines = 0;
	for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + size - at))); at++)
		n_lines++;

	scoped(manifest_closep) struct manifest *m =
		calloc(1, sizeof(*m) + n_lines * sizeof(m->line_at[0]));
	if (!m)
		return error_no_memory(err);
	m->text = take(guard);
	r = parse_lines(m, size, err);
	if (r < 0)
		return r;
	*ret = take(m);
	return 0;
}

int manifest_open(struct store *st, const struct digest *digest, struct manifest **ret,
		  struct error *err)
{
	int r;

	char *text;
	size_t size;
	r = object_read_whole(st, digest, MANIFEST_SIZE_LIMIT, &text, &size, err);
	if (r < 0)
		return r;
	r = manifest_parse(text, size, ret, err);
	if (r < 0)
		return error_prefix(err, r, "object %s", DIGEST_HEX(digest));
	return 0;
}

uint64_t manifest_n_entries(const struct manifest *m)
{
	return m->n_entries;
}

static const char *path_at(const struct manifest *m, uint64_t i)
{
	return m->text + m->line_at[i] + PATH_AT;
}

struct manifest_entry manifest_entry_at(const struct manifest *m, uint64_t i)
{
	const char *line = m->text + m->line_at[i];
	struct manifest_entry ret = { .path = line + PATH_AT, .doubtful = line[FLAG_AT] == '?' };
	/* Was hex when it was parsed. */
	(void)hex_decode(line, HEX_DIGITS, ret.digest.bytes);
	return ret;
}

static bool find_exact(const struct manifest *m, const char *path, struct manifest_entry *ret)
{
	uint64_t low = 0;
	for (uint64_t high = m->n_entries; low < high;) {
		uint64_t middle = low + (high - low) / 2;
		int order = strcmp(path_at(m, middle), path);
		if (order == 0) {
			*ret = manifest_entry_at(m, middle);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool manifest_find(const struct manifest *m, const char *path, struct manifest_entry *ret)
{
	if (find_exact(m, path, ret))
		return true;

	/* Longer ones are in no manifest; the fold only shortens, but not from far beyond the
	 * limit. */
	char folded[2 * SOURCE_PATH_LIMIT + 1];
	if (strlen(path) >= sizeof(folded))
		return false;
	source_path_fold(path, folded);
	return strcmp(folded, path) && find_exact(m, folded, ret);
}
