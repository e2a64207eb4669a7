/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/builds_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void a_new_store_is_whole(void **state)
{
	struct store_fixture *f = *state;
	assert_whole(f->st);
	struct builds b;
	builds_add(f->st, &b);
	assert_whole(f->st);

	struct error err = ERROR_NONE;
	struct verify_result result;
	assert_ok(store_verify(f->st, NULL, NULL, NULL, &result, &err));
	assert_int_equal(result.n_objects, N_PIECES);
	assert_int_equal(result.n_contributions, 2);
	assert_int_equal(result.n_builds, 2);
}

/* Exactly this piece is named, whichever bit of its file is another. */
static void each_flipped_byte_of_each_object_is_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	for (size_t i = 0; i < N_PIECES; i++) {
		size_t size;
		const char *path = PIECE_PATH(f, &b.pieces[i]);
		char *bytes = read_all(path, &size);
		print_message("%s, %zu bytes\n", piece_names[i], size);
		size_t n_silent = 0;
		/* Large ones by a sample; both ends, where the tables are, whole. */
		for (size_t at = 0; at < size; at += at < 64 || size - at < 200 ? 1 : 13) {
			bytes[at] ^= (char)(1 << at % 8);
			write_all(path, bytes, size);
			bytes[at] ^= (char)(1 << at % 8);
			struct findings findings;
			verify_store(f->st, &findings);
			if (findings.n > 0 &&
			    findings_have(&findings, PIECE_LINE("damaged", &b.pieces[i])))
				continue;
			/* Bits that a decoder looks past: the content is the same, and zstd itself the judge. */
			print_message("byte %zu of %zu is not told\n", at, size);
			n_silent++;
			shell("zstd -dcq %s | sha256sum | grep -q %s", path, DIGEST_HEX(&b.pieces[i]));
		}
		assert_in_range(n_silent, 0, 2);
		/* In the middle, where no table is: nothing else is said, not even of a pack's sources. */
		bytes[size / 4] ^= 0x10;
		write_all(path, bytes, size);
		bytes[size / 4] ^= 0x10;
		struct findings findings;
		verify_store(f->st, &findings);
		assert_true(findings_have(&findings, PIECE_LINE("damaged", &b.pieces[i])));
		if (i != PACK_0 && i != PACK_1)
			assert_int_equal(findings.n, 1);

		static const size_t cuts[] = { 0, 1, 100 };
		for (size_t k = 0; k < ARRAY_SIZE(cuts); k++) {
			write_all(path, bytes, size - 1 < cuts[k] ? size - 1 : cuts[k]);
			verify_store(f->st, &findings);
			assert_true(findings_have(&findings, PIECE_LINE("damaged", &b.pieces[i])));
		}
		write_all(path, bytes, size - 1);
		verify_store(f->st, &findings);
		assert_true(findings_have(&findings, PIECE_LINE("damaged", &b.pieces[i])));
		write_all(path, bytes, size);
		free(bytes);
	}
	assert_whole(f->st);
}

static void each_missing_object_is_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	for (size_t i = 0; i < N_PIECES; i++) {
		print_message("%s\n", piece_names[i]);
		char path[300], aside[320];
		piece_path(f->path, &b.pieces[i], path);
		snprintf(aside, sizeof(aside), "%s/aside", f->folder);
		assert_int_equal(rename(path, aside), 0);
		struct findings findings;
		verify_store(f->st, &findings);
		if (i == PACK_0) { /* two sources, which the first manifest names first */
			assert_int_equal(findings.n - findings.n_strays, 2);
			assert_true(findings_have(&findings, PIECE_LINE("missing", &b.pieces[MANIFEST_0])));
		} else if (i == PACK_1) {
			assert_int_equal(findings.n - findings.n_strays, 1);
			assert_true(findings_have(&findings, PIECE_LINE("missing", &b.pieces[MANIFEST_1])));
		} else { /* once, though two builds name the settings */
			assert_int_equal(findings.n, 1);
			assert_string_equal(findings.lines[0], PIECE_LINE("missing", &b.pieces[i]));
		}
		assert_int_equal(rename(aside, path), 0);
	}
	assert_whole(f->st);
}

/* A build whose source manifest is that object, as a newer release writes it. */
static void put_naming(struct store *st, const struct object_result *manifest)
{
	struct error err = ERROR_NONE;
	struct contribution c = {
		.machine = EM_X86_64,
		.class = ELFCLASS64,
		.encoding = ELFDATA2LSB,
		.type = ET_DYN,
		.sources = { true, manifest->digest, manifest->size_bytes },
	};
	assert_ok(build_id_set(&c.build_id, (const uint8_t *)"naming", 6, &err));
	char *text = NULL;
	size_t size;
	bool was_there;
	assert_ok(contribution_format(&c, &text, &size, &err));
	assert_ok(contribution_publish(st, &c.build_id, text, size, &was_there, &err));
	free(text);
	assert_ok(catalog_refresh_build(st, &c.build_id, NULL, &err));
}

static void swapped_objects_are_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	const char *debug = PIECE_PATH(f, &b.pieces[DEBUG_0]), *stripped = PIECE_PATH(f, &b.pieces[STRIPPED_0]);
	shell("cd %s && mv %s x && mv %s %s && mv x %s", f->folder, debug, stripped, debug, stripped);
	struct findings findings;
	verify_store(f->st, &findings);
	assert_true(findings_have(&findings, PIECE_LINE("damaged", &b.pieces[DEBUG_0])));
	assert_true(findings_have(&findings, PIECE_LINE("damaged", &b.pieces[STRIPPED_0])));
}

/* What a newer release made is no damage, and what else there is, is checked. */
static void a_manifest_of_a_newer_release_is_stray(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct error err = ERROR_NONE;
	builds_add(f->st, &b);
	static const char text[] = "dbgvault-sources 2\nsomething new\n";
	struct object_result manifest;
	assert_ok(object_put(f->st, text, strlen(text), &manifest, &err));
	put_naming(f->st, &manifest);
	write_all(PIECE_PATH(f, &b.pieces[DEBUG_0]), "", 0);

	struct findings findings;
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 2);
	assert_true(findings_have(&findings, PIECE_LINE("stray", &manifest.digest)));
	assert_true(findings_have(&findings, PIECE_LINE("damaged", &b.pieces[DEBUG_0])));
}

static void damage_of_contributions_is_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	char folder[400], name[256], path[700], line[700];
	record_path(f->path, &b.ids[0], folder);
	only_name(folder, name);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(line, sizeof(line), "damaged builds/ab/%s/%s", BUILD_ID_HEX(&b.ids[0]), name);
	size_t size;
	char *text = read_all(path, &size);
	struct findings findings;
	for (size_t at = 0; at < size; at++) {
		text[at] ^= 1;
		write_all(path, text, size);
		text[at] ^= 1;
		verify_store(f->st, &findings);
		assert_int_equal(findings.n, 1);
		assert_string_equal(findings.lines[0], line);
	}
	write_all(path, text, size / 2);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], line);
	write_all(path, text, size);
	free(text);
	assert_whole(f->st);

	/* Whole, but in the folder of another build: there it says what it is not. */
	char other[700];
	snprintf(other, sizeof(other), "%s/%s", RECORD_PATH(f, &b.ids[1]), name);
	shell("cp %s %s", path, other);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	snprintf(line, sizeof(line), "damaged builds/12/%s/%s", BUILD_ID_HEX(&b.ids[1]), name);
	assert_string_equal(findings.lines[0], line);
}

static void missing_records_are_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	char folder[400], line[500];
	record_path(f->path, &b.ids[0], folder);
	snprintf(line, sizeof(line), "missing builds/ab/%s", BUILD_ID_HEX(&b.ids[0]));
	struct findings findings;

	/* The folder, then only what was in it, then one of two. */
	shell("mv %s %s/aside", folder, f->folder);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], line);
	shell("mkdir %s", folder);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], line);
	shell("rmdir %s && mv %s/aside %s", folder, f->folder, folder);
	assert_whole(f->st);

	struct error err = ERROR_NONE;
	struct record record;
	assert_ok(record_read(f->st, &b.ids[0], &record, &err));
	struct contribution second = record.contributions[0]; /* borrows */
	second.origin.path = "elsewhere/zero";
	assert_ok(record_put(f->st, &second, NULL, &err));
	record_free(&record);
	assert_whole(f->st);
	shell("cd %s && rm $(ls | head -1)", folder);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], line);
}

static void a_catalog_that_is_gone_or_old_is_noted(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	struct findings findings;
	builds_add_one(f->st, 0, &b);
	shell("cp -r %s/catalog %s/old", f->path, f->folder);
	builds_add_one(f->st, 1, &b);
	shell("rm %s/catalog/*", f->path);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], "stray catalog/catalog.sqlite");

	shell("cp %s/old/* %s/catalog", f->folder, f->path);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 2); /* build 1, and its source */
	assert_int_equal(findings.n_strays, 2);
	assert_string_equal(findings.lines[0], "stray builds/12/12345601");
	assert_string_equal(findings.lines[1], "stray catalog/catalog.sqlite");
}

static void a_damaged_catalog_is_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	char path[200];
	snprintf(path, sizeof(path), "%s/catalog/catalog.sqlite", f->path);
	store_close(f->st); /* what is in the log goes into the file */
	struct error err = ERROR_NONE;
	assert_ok(store_open(f->path, STORE_READ, &f->st, &err));
	shell("python3 -c \"import sqlite3; sqlite3.connect('%s').execute('PRAGMA wal_checkpoint(TRUNCATE)')\"",
	      path);
	size_t size;
	char *bytes = read_all(path, &size);
	struct findings findings;

	/* No database; pages that are none; a row that says what no record does. */
	static const struct {
		size_t at, size;
	} cases[] = { { 0, 16 }, { 4096, 64 }, { 4096, 8192 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *copy = malloc(size);
		memcpy(copy, bytes, size);
		memset(copy + cases[i].at, 0x5a, cases[i].size);
		write_all(path, copy, size);
		free(copy);
		verify_store(f->st, &findings);
		assert_true(findings_have(&findings, "damaged catalog/catalog.sqlite"));
		assert_int_equal(findings.n, 1);
	}
	char *digest = memmem(bytes, size, b.pieces[DEBUG_0].bytes, DIGEST_SIZE);
	assert_non_null(digest);
	digest[5] ^= 1;
	write_all(path, bytes, size);
	verify_store(f->st, &findings);
	assert_int_equal(findings.n, 1);
	assert_string_equal(findings.lines[0], "damaged catalog/catalog.sqlite");
	free(bytes);
}

static void what_does_not_belong_is_noted(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	shell("cd %s && touch -d '2 days ago' tmp/old && touch tmp/young quarantine/x objects/y objects/ab.zst"
	      " builds/z && mkdir -p objects/zz builds/ab/00 builds/.dbgvault.0.tmp && touch objects/.dbgvault.1.tmp objects/zz/a builds/ab/%s/README",
	      f->path, BUILD_ID_HEX(&b.ids[0]));
	static const char *const expected[] = {
		"stray builds/ab/00",  "stray builds/ab/abcdef00/README", "stray builds/z",
		"stray objects/ab.zst", "stray objects/y", "stray objects/zz", "stray quarantine/x",
		"stray tmp/old",
	};
	struct findings findings;
	verify_store(f->st, &findings);
	for (size_t i = 0; i < findings.n; i++)
		print_message("%s\n", findings.lines[i]);
	assert_int_equal(findings.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < findings.n; i++)
		assert_string_equal(findings.lines[i], expected[i]);
}

static void reindexing_takes_what_is_whole(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct error err = ERROR_NONE;
	char name[256];
	only_name(RECORD_PATH(f, &b.ids[0]), name);
	shell("echo x >> %s/%s && echo x >> %s", RECORD_PATH(f, &b.ids[0]), name,
	      PIECE_PATH(f, &b.pieces[PACK_1]));
	assert_ok(store_reindex(f->st, NULL, &err));
	char *dump = catalog_dump(f->st, &b);
	assert_null(strstr(dump, "bin/zero"));
	assert_non_null(strstr(dump, "bin/one"));
	char line[200];
	snprintf(line, sizeof(line), "%s 0 ", DIGEST_HEX(&b.zero)); /* found; the other is not */
	assert_non_null(strstr(dump, line));
	snprintf(line, sizeof(line), "%s -2 ", DIGEST_HEX(&b.one));
	assert_non_null(strstr(dump, line));
	free(dump);
}

static void reindexing_loses_nothing(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct error err = ERROR_NONE;
	char *before = catalog_dump(f->st, &b);
	assert_non_null(strstr(before, "bin/zero"));

	static const char *const acts[] = {
		"true", "rm %s/catalog/catalog.sqlite*", "rm -r %s/catalog",
		"for f in %s/catalog/*; do echo nonsense > $f; done",
		"truncate -s 0 %s/catalog/catalog.sqlite", "truncate -s 5000 %s/catalog/catalog.sqlite",
	};
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		print_message("%s\n", acts[i]);
		store_close(f->st);
		f->st = NULL;
		char command[300];
		snprintf(command, sizeof(command), "P=%s; %s", f->path, acts[i]);
		char *at = strstr(command, "%s");
		if (at) {
			char rest[200];
			snprintf(rest, sizeof(rest), "%s", at + 2);
			snprintf(at, sizeof(command) - (size_t)(at - command), "$P%s", rest);
		}
		shell("%s", command);
		assert_ok(store_open(f->path, STORE_WRITE, &f->st, &err));
		assert_ok(store_reindex(f->st, NULL, &err));
		char *after = catalog_dump(f->st, &b);
		assert_string_equal(after, before);
		free(after);
		shell("rm -f %s/quarantine/*", f->path);
		assert_whole(f->st);
	}
	free(before);
}

static void a_damaged_record_does_not_keep_the_catalog_from_being_made_again(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct error err = ERROR_NONE;
	char name[256];
	only_name(RECORD_PATH(f, &b.ids[0]), name);
	shell("echo x >> %s/%s", RECORD_PATH(f, &b.ids[0]), name);
	assert_ok(store_reindex(f->st, NULL, &err));
	char *dump = catalog_dump(f->st, &b);
	assert_non_null(strstr(dump, "bin/one"));
	free(dump);
}

static void a_file_in_place_of_a_record_hides_no_other(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct error err = ERROR_NONE;
	shell("echo x > %s/builds/12/123456", f->path);
	shell("ln -s abcdef00 %s/builds/ab/abcdef", f->path);
	assert_ok(store_reindex(f->st, NULL, &err));
	char *dump = catalog_dump(f->st, &b);
	assert_non_null(strstr(dump, "bin/one"));
	free(dump);
	struct store_stats stats;
	assert_ok(store_stats(f->st, &stats, &err));
	assert_int_equal(stats.n_builds, 2);
	struct remove_result result;
	assert_ok(store_remove_builds(f->st, &b.ids[1], 1, false, &result, &err));
	assert_false(result.unsure);
}

/* As a writer leaves it that indexes a pack which has been rewritten meanwhile. */
static void a_source_in_a_pack_that_is_gone_is_found(void **state)
{
	struct store_fixture *f = *state;
	struct builds b;
	builds_add(f->st, &b);
	struct error err = ERROR_NONE;
	struct digest gone = digest_of("gone", 4);
	const struct pack_member member = { b.one, 512, 10 };
	assert_ok(catalog_put_pack(f->st, &gone, &member, 1, &err));
	struct findings findings;
	verify_store(f->st, &findings);
	assert_true(findings_have(&findings, "damaged catalog/catalog.sqlite"));
	assert_ok(store_reindex(f->st, NULL, &err));
	assert_whole(f->st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(a_new_store_is_whole),
		store_test(each_flipped_byte_of_each_object_is_found),
		store_test(each_missing_object_is_found),
		store_test(swapped_objects_are_found),
		store_test(a_manifest_of_a_newer_release_is_stray),
		store_test(damage_of_contributions_is_found),
		store_test(missing_records_are_found),
		store_test(a_catalog_that_is_gone_or_old_is_noted),
		store_test(a_damaged_catalog_is_found),
		store_test(what_does_not_belong_is_noted),
		store_test(reindexing_takes_what_is_whole),
		store_test(reindexing_loses_nothing),
		store_test(a_damaged_record_does_not_keep_the_catalog_from_being_made_again),
		store_test(a_file_in_place_of_a_record_hides_no_other),
		store_test(a_source_in_a_pack_that_is_gone_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
