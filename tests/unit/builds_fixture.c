/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/sources.h"

static const char common_text[] = "#pragma once\nint common(void);\n";
static const char zero_text[] = "int zero(void) { return 0; }\n";
static const char one_text[] = "int one(void) { return 1; }\n";
static const char settings_text[] = "path\texample.com/a\nmod\texample.com/a\tv1.0.0\n";

static void put(struct store *st, struct builds *b, enum piece piece, const void *bytes, size_t size,
		struct artifact *ret)
{
	struct error err = ERROR_NONE;
	struct object_result result;
	assert_ok(object_put(st, bytes, size, &result, &err));
	b->pieces[piece] = result.digest;
	b->sizes[piece] = result.size_bytes;
	*ret = (struct artifact){ true, result.digest, result.size_bytes };
}

/* Not too well compressible, and different for each piece. */
static void put_made(struct store *st, struct builds *b, enum piece piece, size_t size, struct artifact *ret)
{
	uint8_t *bytes = malloc(size);
	assert_non_null(bytes);
	uint32_t x = 1 + (uint32_t)piece;
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 28);
	}
	put(st, b, piece, bytes, size, ret);
	free(bytes);
}

static void put_sources(struct store *st, struct builds *b, unsigned which, struct artifact *ret)
{
	struct error err = ERROR_NONE;
	struct source_writer *w = NULL;
	assert_ok(source_writer_new(st, NULL, &w, &err));
	assert_ok(source_writer_add(w, "/src/common.h", common_text, strlen(common_text), false, &err));
	if (which == 0)
		assert_ok(source_writer_add(w, "/src/zero.c", zero_text, strlen(zero_text), false, &err));
	else
		assert_ok(source_writer_add(w, "/src/one.c", one_text, strlen(one_text), false, &err));
	struct source_result result;
	assert_ok(source_writer_finish(w, &result, &err));
	source_writer_free(w);
	*ret = result.manifest;
	b->pieces[which ? MANIFEST_1 : MANIFEST_0] = result.manifest.digest;
	b->sizes[which ? MANIFEST_1 : MANIFEST_0] = result.manifest.size_bytes;

	struct lookup *l = NULL;
	struct source_place place;
	assert_ok(lookup_new(st, &l, &err));
	assert_ok(lookup_source(l, which ? &b->one : &b->zero, &place, &err));
	b->pieces[which ? PACK_1 : PACK_0] = place.object;
	lookup_free(l);
	struct object *o = NULL;
	assert_ok(object_open(st, &place.object, &o, &err));
	b->sizes[which ? PACK_1 : PACK_0] = object_size(o);
	object_close(o);
}

void builds_add_one(struct store *st, unsigned which, struct builds *b)
{
	struct error err = ERROR_NONE;
	b->common = digest_of(common_text, strlen(common_text));
	b->zero = digest_of(zero_text, strlen(zero_text));
	b->one = digest_of(one_text, strlen(one_text));

	static const uint8_t ids[2][4] = { { 0xab, 0xcd, 0xef, 0x00 }, { 0x12, 0x34, 0x56, 0x01 } };
	struct contribution c = {
		.machine = EM_X86_64,
		.class = ELFCLASS64,
		.encoding = ELFDATA2LSB,
		.type = ET_DYN,
		.time = 1700000000 + which,
		.quality = QUALITY_DWARF,
		.origin = { .path = which ? "bin/one" : "bin/zero", .package = "example" },
	};
	assert_ok(build_id_set(&c.build_id, ids[which], sizeof(ids[which]), &err));
	b->ids[which] = c.build_id;
	put(st, b, SETTINGS, settings_text, strlen(settings_text), &c.origin.settings);
	if (which == 0) {
		put_made(st, b, DEBUG_0, 3000, &c.debug);
		put_made(st, b, STRIPPED_0, 1000, &c.stripped);
	} else {
		put_made(st, b, ORIGINAL_1, 2000, &c.original);
	}
	put_sources(st, b, which, &c.sources);
	assert_ok(record_put(st, &c, NULL, &err));
}

void builds_add(struct store *st, struct builds *ret)
{
	*ret = (struct builds){ 0 };
	builds_add_one(st, 0, ret);
	builds_add_one(st, 1, ret);
}

/* ---- findings ---- */

void findings_add(const char *verdict, const char *what, const char *why, void *context)
{
	struct findings *findings = context;
	if (!strcmp(verdict, "stray"))
		findings->n_strays++;
	assert_true(findings->n < ARRAY_SIZE(findings->lines));
	snprintf(findings->lines[findings->n], sizeof(findings->lines[0]), "%s %s", verdict, what);
	snprintf(findings->whys[findings->n++], sizeof(findings->whys[0]), "%s", why);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

void findings_sort(struct findings *findings)
{
	qsort(findings->lines, findings->n, sizeof(findings->lines[0]), by_text);
}

bool findings_have(const struct findings *findings, const char *line)
{
	for (size_t i = 0; i < findings->n; i++)
		if (!strcmp(findings->lines[i], line))
			return true;
	return false;
}

void verify_store(struct store *st, struct findings *ret)
{
	struct error err = ERROR_NONE;
	memset(ret, 0, sizeof(*ret));
	struct verify_result result;
	assert_ok(store_verify(st, NULL, findings_add, ret, &result, &err));
	assert_int_equal(result.n_damaged + result.n_missing + result.n_stray, ret->n);
	assert_int_equal(result.n_stray, ret->n_strays);
	findings_sort(ret);
}

void assert_whole(struct store *st)
{
	struct findings findings;
	verify_store(st, &findings);
	for (size_t i = 0; i < findings.n; i++)
		print_message("%s: %s\n", findings.lines[i], findings.whys[i]);
	assert_int_equal(findings.n, 0);
}

/* ---- files ---- */

const char *piece_path(const char *store, const struct digest *digest, char ret[static 300])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, 300, "%s/objects/%s", store, object_name(digest, name));
	return ret;
}

const char *record_path(const char *store, const struct build_id *id, char ret[static 400])
{
	char name[RECORD_NAME_SIZE];
	snprintf(ret, 400, "%s/%s", store, record_name(id, name));
	return ret;
}

const char *piece_line(const char *verdict, const struct digest *digest, char ret[static 128])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, 128, "%s objects/%s", verdict, object_name(digest, name));
	return ret;
}

char *read_all(const char *path, size_t *ret_size)
{
	struct error err = ERROR_NONE;
	char *bytes = NULL;
	assert_ok(file_read_at(AT_FDCWD, path, 1u << 30, &bytes, ret_size, &err));
	return bytes;
}

/* In place, so that nothing else of the file changes. */
void write_all(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(close(fd), 0);
}

bool exists(const char *path)
{
	struct stat stat;
	return lstat(path, &stat) == 0;
}

void shell(const char *format, ...)
{
	char command[4096];
	va_list list;
	va_start(list, format);
	int size = vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	assert_true(size > 0 && (size_t)size < sizeof(command));
	if (system(command) != 0)
		fail_msg("%s", command);
}

void only_name(const char *folder, char ret[static 256])
{
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	unsigned n = 0;
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(ret, 256, "%s", entry->d_name);
		n++;
	}
	closedir(dir);
	assert_int_equal(n, 1);
}

/* ---- what the catalog says ---- */

static int dump_build(const struct build *build, const char *path, void *context, struct error *err)
{
	(void)err;
	fprintf(context, "%s %s %d %u %d %s %s %s\n", BUILD_ID_HEX(&build->id), path, (int)build->quality,
		build->n_contributions, build->collision, DIGEST_HEX(&build->debug.digest),
		DIGEST_HEX(&build->executable.digest), DIGEST_HEX(&build->sources.digest));
	return 0;
}

char *catalog_dump(struct store *st, const struct builds *b)
{
	struct error err = ERROR_NONE;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	struct lookup *l = NULL;
	assert_ok(lookup_new(st, &l, &err));
	assert_ok(lookup_each(l, dump_build, out, &err));
	const struct digest *sources[] = { &b->common, &b->zero, &b->one };
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct source_place place = { 0 };
		int r = lookup_source(l, sources[i], &place, NULL);
		fprintf(out, "%s %d %s %llu %llu\n", DIGEST_HEX(sources[i]), r, DIGEST_HEX(&place.object),
			(unsigned long long)place.offset, (unsigned long long)place.size_bytes);
	}
	lookup_free(l);
	fclose(out);
	return text;
}
