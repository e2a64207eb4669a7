/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/merge.h"
#include "store/sources.h"

/* The store beside the fixture's: what is merged. */
static struct store *open_other(struct store_fixture *f)
{
	struct error err = ERROR_NONE;
	char path[200];
	snprintf(path, sizeof(path), "%s/other", f->folder);
	struct store *st = NULL;
	if (!exists(path))
		assert_ok(store_init(path, STORE_PRIVATE, (gid_t)-1, &err));
	assert_ok(store_open(path, STORE_WRITE, &st, &err));
	return st;
}

static int merge(struct store_fixture *f, const char *what, struct merge_result *ret,
		 struct findings *findings)
{
	struct error err = ERROR_NONE;
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", f->folder, what);
	memset(findings, 0, sizeof(*findings));
	int r = store_merge(f->st, path, NULL, findings_add, findings, ret, &err);
	findings_sort(findings);
	return r;
}

static void assert_holds_both(struct store_fixture *f, struct store *other, const struct builds *b)
{
	assert_whole(f->st);
	char *theirs = catalog_dump(other, b), *ours = catalog_dump(f->st, b);
	assert_string_equal(ours, theirs);
	assert_non_null(strstr(ours, "bin/one"));
	free(theirs);
	free(ours);
	/* Union by name: the same files below objects and builds. */
	shell("cd %s && diff -r store/objects other/objects && diff -r store/builds other/builds", f->folder);
	shell("test -z \"$(ls -A %s/tmp)\"", f->path);
}

static void a_folder_is_taken(void **state)
{
	struct store_fixture *f = *state;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	struct merge_result result = { 0 };
	struct findings findings;
	assert_int_equal(merge(f, "other", &result, &findings), 0);
	assert_int_equal(findings.n, 0);
	assert_int_equal(result.n_objects, N_PIECES);
	assert_int_equal(result.n_contributions, 2);
	assert_int_equal(result.n_there, 0);
	assert_holds_both(f, other, &b);

	assert_int_equal(merge(f, "other", &result, &findings), 0);
	assert_int_equal(result.n_objects + result.n_contributions, 0);
	assert_int_equal(result.n_there, N_PIECES + 2);
	assert_holds_both(f, other, &b);
	store_close(other);
}

static void a_tar_is_taken_in_any_order_and_compression(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	static const struct {
		const char *what, *command;
	} cases[] = {
		{ "from within", "tar -C other -cf x.tar ." },
		{ "from above", "tar -cf x.tar other" },
		{ "records first", "tar -C other -cf x.tar builds FORMAT objects" },
		{ "objects first", "tar -C other -cf x.tar FORMAT objects builds" },
		{ "names without folders", "cd other && find . -type f | sort -r | tar -cf ../x.tar -T -" },
		{ "gzip", "tar -cf - other | gzip > x.tar" },
		{ "xz", "tar -cf - other | xz -0 > x.tar" },
		{ "zstd", "tar -cf - other | zstd -q > x.tar" },
		{ "bzip2", "tar -cf - other | bzip2 > x.tar" },
		{ "pax", "tar --format=pax -cf x.tar other" },
		{ "old", "tar --format=v7 -cf x.tar other" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		shell("cd %s && rm -f x.tar && { %s; }", f->folder, cases[i].command);
		store_close(f->st);
		shell("rm -r %s", f->path);
		assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
		assert_ok(store_open(f->path, STORE_WRITE, &f->st, &err));
		struct merge_result result;
		struct findings findings;
		assert_int_equal(merge(f, "x.tar", &result, &findings), 0);
		assert_int_equal(findings.n, 0);
		assert_int_equal(result.n_objects, N_PIECES);
		assert_int_equal(result.n_contributions, 2);
		assert_holds_both(f, other, &b);
	}
	store_close(other);
}

static void contributions_join(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct builds b, ours;
	builds_add_one(f->st, 0, &ours);
	builds_add(other, &b);
	/* The same build there, of another path. */
	struct record record;
	assert_ok(record_read(other, &b.ids[0], &record, &err));
	record.contributions[0].time++;
	char *path = record.contributions[0].origin.path;
	record.contributions[0].origin.path = "elsewhere/zero";
	assert_ok(record_put(other, &record.contributions[0], NULL, &err));
	record.contributions[0].origin.path = path;
	record_free(&record);

	struct merge_result result;
	struct findings findings;
	assert_int_equal(merge(f, "other", &result, &findings), 0);
	assert_int_equal(result.n_contributions, 2); /* the other path, and build 1 */
	assert_int_equal(result.n_objects, N_PIECES - 5);
	assert_holds_both(f, other, &b);
	assert_ok(record_read(f->st, &b.ids[0], &record, &err));
	assert_int_equal(record.n_contributions, 2);
	record_free(&record);
	store_close(other);
}

static void damaged_pieces_are_left_out(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	char path[300];
	piece_path(other->path, &b.pieces[DEBUG_0], path);
	size_t size;
	char *bytes = read_all(path, &size);
	bytes[size / 2] ^= 4;
	write_all(path, bytes, size);

	static const char *const sources[] = { "other", "x.tar" };
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		shell("cd %s && tar cf x.tar other", f->folder);
		struct merge_result result;
		struct findings findings;
		assert_int_equal(merge(f, sources[i], &result, &findings), -EBADMSG);
		assert_int_equal(findings.n, 2);
		assert_string_equal(findings.lines[0], PIECE_LINE("damaged", &b.pieces[DEBUG_0]));
		assert_string_equal(findings.lines[1], PIECE_LINE("missing", &b.pieces[DEBUG_0]));
		assert_false(exists(PIECE_PATH(f, &b.pieces[DEBUG_0])));
		assert_false(exists(RECORD_PATH(f, &b.ids[0])));
		assert_true(exists(RECORD_PATH(f, &b.ids[1]))); /* the rest is there */
		assert_whole(f->st);
	}

	/* Once it is whole there, it comes. And what is damaged here is mended from there. */
	bytes[size / 2] ^= 4;
	write_all(path, bytes, size);
	free(bytes);
	char name[256];
	only_name(RECORD_PATH(f, &b.ids[1]), name);
	shell("echo x >> %s/%s && echo x >> %s", RECORD_PATH(f, &b.ids[1]), name,
	      PIECE_PATH(f, &b.pieces[ORIGINAL_1]));
	struct findings findings;
	struct merge_result result;
	assert_int_equal(merge(f, "other", &result, &findings), 0);
	shell("test $(ls %s/quarantine | wc -l) = 2 && rm %s/quarantine/*", f->path, f->path);
	assert_holds_both(f, other, &b);

	/* A contribution whose bytes are others, and one that is of another build. */
	store_close(f->st);
	shell("rm -r %s", f->path);
	assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
	assert_ok(store_open(f->path, STORE_WRITE, &f->st, &err));
	char folder[400], to[400];
	record_path(other->path, &b.ids[0], folder);
	record_path(other->path, &b.ids[1], to);
	shell("cp %s/* %s", folder, to);
	only_name(folder, name);
	shell("echo x >> %s/%s", folder, name);
	assert_int_equal(merge(f, "other", &result, &findings), -EBADMSG);
	assert_int_equal(findings.n, 2);
	assert_int_equal(result.n_contributions, 1);
	assert_false(exists(RECORD_PATH(f, &b.ids[0])));
	assert_whole(f->st);
	store_close(other);
}

static void a_cut_tar_gives_what_was_whole(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	shell("cd %s && tar -C other -cf whole.tar FORMAT objects builds && tar -C other -cf records.tar FORMAT "
	      "builds objects", f->folder);
	static const char *const tars[] = { "whole", "records" };
	for (size_t i = 0; i < ARRAY_SIZE(tars); i++) {
		for (unsigned kib = 1; kib < 22; kib++) {
			shell("cd %s && head -c $((%u * 1024 + 77)) %s.tar > cut.tar", f->folder, kib, tars[i]);
			store_close(f->st);
			shell("rm -r %s", f->path);
			assert_ok(store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err));
			assert_ok(store_open(f->path, STORE_WRITE, &f->st, &err));
			struct merge_result result;
			struct findings findings;
			int r = merge(f, "cut.tar", &result, &findings);
			assert_true(r == -EBADMSG || (r == 0 && !findings.n));
			/* All that may lack is sources, which a later merge brings. */
			verify_store(f->st, &findings);
			for (size_t k = 0; k < findings.n; k++)
				assert_true(!strcmp(findings.lines[k],
						    PIECE_LINE("missing", &b.pieces[MANIFEST_0])) ||
					    !strcmp(findings.lines[k],
						    PIECE_LINE("missing", &b.pieces[MANIFEST_1])));
			assert_int_equal(merge(f, "whole.tar", &result, &findings), 0);
			assert_whole(f->st);
			shell("test -z \"$(ls -A %s/tmp)\"", f->path);
		}
	}
	store_close(other);
}

static void tombstones_of_both_sides_hold(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct builds b, ours;
	builds_add(other, &b);
	builds_add_one(f->st, 1, &ours);
	struct remove_result removed;

	/* Here: build 1 and the common source. */
	assert_ok(store_remove_source(f->st, "/src/common.h", false, &removed, &err));
	assert_ok(store_remove_builds(f->st, &b.ids[1], 1, false, &removed, &err));
	struct merge_result result;
	struct findings findings;
	assert_int_equal(merge(f, "other", &result, &findings), 0);
	assert_int_equal(result.n_refused, 1);
	assert_false(exists(PIECE_PATH(f, &b.pieces[ORIGINAL_1]))); /* not even as litter */
	assert_true(exists(PIECE_PATH(f, &b.pieces[SETTINGS])));    /* build 0's, too */
	assert_false(exists(RECORD_PATH(f, &b.ids[1])));
	assert_true(exists(RECORD_PATH(f, &b.ids[0])));
	shell("! find %s -name '*.zst' -exec zstd -dcq {} + | grep -q 'int common(void)'", f->path);
	assert_whole(f->st);
	char *dump = catalog_dump(f->st, &b);
	char line[200];
	snprintf(line, sizeof(line), "%s -2 ", DIGEST_HEX(&b.common)); /* ENOENT */
	assert_non_null(strstr(dump, line));
	snprintf(line, sizeof(line), "%s 0 ", DIGEST_HEX(&b.zero));
	assert_non_null(strstr(dump, line));
	free(dump);

	/* There: build 0 and /src/zero.c. They go here too. A tar does as well as a folder. */
	assert_ok(store_remove_source(other, "/src/zero.c", false, &removed, &err));
	assert_ok(store_remove_builds(other, &b.ids[0], 1, false, &removed, &err));
	shell("cd %s && tar cf x.tar other", f->folder);
	assert_int_equal(merge(f, "x.tar", &result, &findings), 0);
	assert_int_equal(result.n_removed_builds, 1);
	assert_int_equal(result.n_removed_sources, 1);
	assert_false(exists(RECORD_PATH(f, &b.ids[0])));
	assert_true(removed_build(f->st, &b.ids[0]));
	assert_true(removed_source(f->st, &b.zero));
	shell("grep -q /src/zero.c %s/removed/sources/%s", f->path, DIGEST_HEX(&b.zero));
	assert_whole(f->st);
	assert_int_equal(merge(f, "x.tar", &result, &findings), 0);
	assert_int_equal(result.n_removed_builds + result.n_removed_sources, 0);
	store_close(other);
}

static void a_pack_that_lies_is_not_taken(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	struct pack_writer w = { 0 };
	struct object_result pack;
	assert_ok(pack_writer_add(&w, other, &b.one, "not one.c", 9, &err));
	assert_ok(pack_writer_finish(&w, other, &pack, &err));
	pack_writer_free(&w);
	struct merge_result result;
	struct findings findings;
	assert_int_equal(merge(f, "other", &result, &findings), -EBADMSG);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], PIECE_LINE("damaged", &pack.digest));
	assert_false(exists(PIECE_PATH(f, &pack.digest)));
	shell("rm %s/quarantine/*", f->path);
	assert_whole(f->st);
	store_close(other);
}

/* ---- hostile tars ---- */

struct entry {
	const char *path;
	mode_t type; /* AE_IFREG… */
	const char *link;
	const void *bytes;
	size_t size;
};

static void write_tar(const char *path, const struct entry *entries, size_t n)
{
	struct archive *a = archive_write_new();
	assert_int_equal(archive_write_set_format_pax_restricted(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *entry = archive_entry_new();
		archive_entry_set_pathname(entry, entries[i].path);
		archive_entry_set_filetype(entry, entries[i].type);
		archive_entry_set_perm(entry, 04777);
		archive_entry_set_size(entry, (la_int64_t)entries[i].size);
		if (entries[i].link && entries[i].type == AE_IFLNK)
			archive_entry_set_symlink(entry, entries[i].link);
		else if (entries[i].link)
			archive_entry_set_hardlink(entry, entries[i].link);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		if (entries[i].size)
			assert_int_equal(archive_write_data(a, entries[i].bytes, entries[i].size),
					 entries[i].size);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void no_path_is_made_of_a_name(void **state)
{
	struct store_fixture *f = *state;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	size_t size;
	char *bytes = read_all(piece_path(other->path, &b.pieces[SETTINGS], (char[300]){ 0 }), &size);
	char name[OBJECT_NAME_SIZE], up[200], good[200], odd[200], link[200], hard[200], upper[200];
	object_name(&b.pieces[SETTINGS], name);
	snprintf(good, sizeof(good), "../../../../tmp/objects/%s", name); /* a good name, wherever it lies */
	snprintf(up, sizeof(up), "objects/%.2s/../../%s", name, name + 3);
	snprintf(odd, sizeof(odd), "objects/%.2s/%.20s\n%s", name, name, name + 23);
	snprintf(link, sizeof(link), "a/objects/%s", name);
	snprintf(hard, sizeof(hard), "b/objects/%s", name);
	snprintf(upper, sizeof(upper), "OBJECTS/%s", name);
	const struct entry entries[] = {
		{ "objects", AE_IFLNK, "/tmp", NULL, 0 },
		{ link, AE_IFLNK, "/etc/passwd", NULL, 0 },
		{ hard, AE_IFREG, "/etc/passwd", NULL, 0 },
		{ "../escaped", AE_IFREG, NULL, "x", 1 },
		{ "/tmp/dbgvault-escaped", AE_IFREG, NULL, "x", 1 },
		{ "objects/../../escaped", AE_IFREG, NULL, "x", 1 },
		{ up, AE_IFREG, NULL, bytes, size },
		{ odd, AE_IFREG, NULL, bytes, size },
		{ upper, AE_IFREG, NULL, bytes, size },
		{ "catalog/catalog.sqlite", AE_IFREG, NULL, "x", 1 },
		{ "quarantine/x", AE_IFREG, NULL, "x", 1 },
		{ "tmp/x", AE_IFREG, NULL, "x", 1 },
		{ "removed/builds/../../x", AE_IFREG, NULL, "x", 1 },
		{ "removed/builds/xyz", AE_IFREG, NULL, "x", 1 },
		{ "builds/ab/abcd/x.json", AE_IFREG, NULL, "x", 1 },
		{ good, AE_IFREG, NULL, bytes, size },
	};
	char tar[200];
	snprintf(tar, sizeof(tar), "%s/x.tar", f->folder);
	write_tar(tar, entries, ARRAY_SIZE(entries));
	shell("cd %s && find store | sort > before", f->folder);
	struct merge_result result;
	struct findings findings;
	assert_int_equal(merge(f, "x.tar", &result, &findings), 0);
	assert_int_equal(findings.n, 0);
	assert_int_equal(result.n_objects, 1);
	assert_int_equal(result.n_contributions, 0);
	/* New is the object alone, with its folder; nothing is beside the store. */
	shell("cd %s && find store | sort > after && test \"$(comm -13 before after | tr '\\n' ' ')\" = "
	      "'store/objects/%.2s store/objects/%s '", f->folder, name, name);
	shell("cd %s && test \"$(ls | tr '\\n' ' ')\" = 'after before other store x.tar '", f->folder);
	assert_false(exists("/tmp/dbgvault-escaped"));
	assert_whole(f->st);
	free(bytes);
	store_close(other);
}

/* 6 bytes a MiB: a zstd frame of run-length blocks, with window, content size and no checksum, is what a bomb is
 * made of. Ours wants seek table and checksums; the ratio is looked at before one frame is decoded. */
static void a_bomb_is_left_out(void **state)
{
	struct store_fixture *f = *state;
	struct error err = ERROR_NONE;
	struct store *other = open_other(f);
	struct object_writer *w = NULL;
	static const uint8_t zeros[1 << 20];
	assert_ok(object_writer_new(other, NULL, 0, &w, &err));
	for (size_t i = 0; i < 200; i++)
		assert_ok(object_writer_lend(w, zeros, sizeof(zeros), &err));
	struct object_result bomb;
	assert_ok(object_writer_finish(w, &bomb, &err));
	object_writer_free(w);
	print_message("%llu bytes in %llu\n", (unsigned long long)bomb.size_bytes,
		      (unsigned long long)bomb.stored_bytes);
	struct merge_result result;
	struct findings findings;
	assert_int_equal(merge(f, "other", &result, &findings), -EBADMSG);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], PIECE_LINE("damaged", &bomb.digest));
	assert_non_null(strstr(findings.whys[0], "times as much"));

	/* A sparse entry: its zeros would be ours to write. */
	shell("cd %s && rm -r other && mkdir -p x/objects/ab && truncate -s 1T x/objects/ab/%062d.zst && "
	      "tar --sparse -cf x.tar x && rm -r x", f->folder, 1);
	assert_int_equal(merge(f, "x.tar", &result, &findings), -EBADMSG);
	assert_int_equal(findings.n, 1);

	/* The same with a good object behind the hole: a hole is refused, not passed over. */
	struct object_result small;
	assert_ok(object_put(f->st, "text", 4, &small, &err));
	char name[OBJECT_NAME_SIZE];
	object_name(&small.digest, name);
	shell("cd %s && mkdir -p x/objects/%.2s && truncate -s 1M x/objects/%s && cat store/objects/%s >> "
	      "x/objects/%s && rm store/objects/%s && tar --sparse -cf x.tar x && rm -r x && "
	      "test $(stat -c %%s x.tar) -lt 100000", f->folder, name, name, name, name, name);
	assert_int_equal(merge(f, "x.tar", &result, &findings), -EBADMSG);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], PIECE_LINE("damaged", &small.digest));
	assert_non_null(strstr(findings.whys[0], "sparse"));
	shell("test -z \"$(ls -A %s/tmp)\"", f->path);
	store_close(other);
}

/* The collector goes by the time: what a merge relies on is young. */
static void what_was_there_is_relied_on(void **state)
{
	struct store_fixture *f = *state;
	struct store *other = open_other(f);
	struct builds b;
	builds_add(other, &b);
	struct merge_result result;
	struct findings findings;
	assert_int_equal(merge(f, "other", &result, &findings), 0);
	shell("find %s/objects -type f -exec touch -d '2 days ago' {} +", f->path);
	assert_int_equal(merge(f, "other", &result, &findings), 0);
	shell("test -z \"$(find %s/objects -type f -mtime +0)\"", f->path);
	store_close(other);
}

static void what_is_no_store_is_refused(void **state)
{
	struct store_fixture *f = *state;
	struct merge_result result;
	struct findings findings;
	shell("cd %s && mkdir empty && echo text > text && : > nothing && tar cf empty.tar -T /dev/null && "
	      "mkdir newer && echo 'dbgvault-store 99' > newer/FORMAT && tar cf newer.tar newer && tar cf other.tar text",
	      f->folder);
	static const struct {
		const char *from;
		int r;
	} cases[] = {
		{ "none", -ENOENT },	{ "empty", -EINVAL },	  { "text", -EBADMSG }, { "store", -EINVAL },
		{ "newer", -ENOTSUP }, { "newer.tar", -ENOTSUP }, { "empty.tar", -EINVAL },
		{ "nothing", -EBADMSG },   { "other.tar", -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].from);
		assert_int_equal(merge(f, cases[i].from, &result, &findings), cases[i].r);
		assert_int_equal(findings.n, 0);
	}
}

static void names_are_parsed(void **state)
{
	(void)state;
#define D62 "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"
	static const struct {
		const char *path;
		enum merge_kind kind;
	} cases[] = {
		{ "objects/ff/" D62 ".zst", MERGE_OBJECT },
		{ "./objects/ff/" D62 ".zst", MERGE_OBJECT },
		{ "/a/b/objects/ff/" D62 ".zst", MERGE_OBJECT },
		{ "objects/FF/" D62 ".zst", MERGE_NOTHING },
		{ "objects/ff/" D62, MERGE_NOTHING },
		{ "objects//" D62 ".zst", MERGE_NOTHING },
		{ "objects/ff/x/" D62 ".zst", MERGE_NOTHING },
		{ "ff/" D62 ".zst", MERGE_NOTHING },
		{ "builds/ab/abcd/ff" D62 ".json", MERGE_CONTRIBUTION },
		{ "builds/ac/abcd/ff" D62 ".json", MERGE_NOTHING },
		{ "builds/ab/abc/ff" D62 ".json", MERGE_NOTHING },
		{ "builds/ab/ABCD/ff" D62 ".json", MERGE_NOTHING },
		{ "builds/ab/abcd/" D62 ".json", MERGE_NOTHING },
		{ "removed/builds/abcd", MERGE_REMOVED_BUILD },
		{ "x/removed/sources/ff" D62, MERGE_REMOVED_SOURCE },
		{ "removed/sources/" D62, MERGE_NOTHING },
		{ "removed/x/abcd", MERGE_NOTHING },
		{ "FORMAT", MERGE_FORMAT },
		{ "x/FORMAT", MERGE_FORMAT },
		{ "FORMAT/", MERGE_NOTHING },
		{ "", MERGE_NOTHING },
		{ "/", MERGE_NOTHING },
		{ "////", MERGE_NOTHING },
		{ "objects", MERGE_NOTHING },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].path);
		assert_int_equal(merge_name_parse(cases[i].path).kind, cases[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_parsed),
		store_test(a_folder_is_taken),
		store_test(a_tar_is_taken_in_any_order_and_compression),
		store_test(contributions_join),
		store_test(damaged_pieces_are_left_out),
		store_test(a_cut_tar_gives_what_was_whole),
		store_test(tombstones_of_both_sides_hold),
		store_test(a_pack_that_lies_is_not_taken),
		store_test(no_path_is_made_of_a_name),
		store_test(a_bomb_is_left_out),
		store_test(what_was_there_is_relied_on),
		store_test(what_is_no_store_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
