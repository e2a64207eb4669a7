/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/unit/store_fixture.h"

#include "base/file.h"
#include "store/internal.h"
#include "store/maintain.h"

/*
 * Two builds that share what releases share: a source, and the text of the settings.
 *
 *	build 0: debug image, stripped executable, sources /src/common.h and /src/zero.c, settings
 *	build 1: original, sources /src/common.h and /src/one.c, the same settings
 *
 * The first's sources lie in pack 0, /src/one.c in pack 1.
 */
enum piece { DEBUG_0, STRIPPED_0, MANIFEST_0, PACK_0, ORIGINAL_1, MANIFEST_1, PACK_1, SETTINGS, N_PIECES };
static const char *const piece_names[N_PIECES] __attribute__((unused)) = {
	"debug image", "executable", "manifest 0", "pack 0", "original", "manifest 1", "pack 1", "settings",
};

struct builds {
	struct build_id ids[2];
	struct digest pieces[N_PIECES];
	uint64_t sizes[N_PIECES];	  /* of the contents */
	struct digest common, zero, one;  /* of the sources */
};

void builds_add(struct store *st, struct builds *ret);
/** One of the two alone. */
void builds_add_one(struct store *st, unsigned which, struct builds *b);

/** What a check found, as sorted lines "VERDICT PATH". */
struct findings {
	char lines[64][400];
	char whys[64][600];
	size_t n;
	size_t n_strays; /* not in the lines */
};
void findings_add(const char *verdict, const char *what, const char *why, void *context);
void findings_sort(struct findings *findings);
bool findings_have(const struct findings *findings, const char *line);
/** Run store_verify(); damaged and missing are in the lines, sorted. */
void verify_store(struct store *st, struct findings *ret);
void assert_whole(struct store *st);

/** A file's path in a store, of the expression's scope. */
#define PIECE_PATH(f, digest) piece_path((f)->path, (digest), (char[300]){ 0 })
const char *piece_path(const char *store, const struct digest *digest, char ret[static 300]);
#define RECORD_PATH(f, id) record_path((f)->path, (id), (char[400]){ 0 })
const char *record_path(const char *store, const struct build_id *id, char ret[static 400]);
#define PIECE_LINE(verdict, digest) piece_line((verdict), (digest), (char[128]){ 0 })
const char *piece_line(const char *verdict, const struct digest *digest, char ret[static 128]);

/** All that the catalog answers: a line for each build and each of the three sources. Freed by the caller. */
char *catalog_dump(struct store *st, const struct builds *b);

char *read_all(const char *path, size_t *ret_size);
void write_all(const char *path, const void *bytes, size_t size);
bool exists(const char *path);
/** system(3), which must succeed. */
void shell(const char *format, ...) printf_like(1, 2);
/** The only name in a folder. */
void only_name(const char *folder, char ret[static 256]);
