/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

/* A store in a folder of its own for one test; cmocka's setup and teardown. */
struct store_fixture {
	char folder[64];
	char path[80];
	struct store *st;
};

static inline int store_fixture_remove(const char *path, const struct stat *st, int type,
				       struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path);
}

static inline void store_fixture_make_folder(char *ret, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(ret, size, "%.32s/dbgvault-test.XXXXXX", tmp && strlen(tmp) <= 32 ? tmp : "/tmp");
	assert_non_null(mkdtemp(ret));
}

static inline int store_fixture_setup(void **state)
{
	struct store_fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	store_fixture_make_folder(f->folder, sizeof(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/store", f->folder);
	struct error err = ERROR_NONE;
	if (store_init(f->path, STORE_PRIVATE, (gid_t)-1, &err) < 0 ||
	    store_open(f->path, STORE_WRITE, &f->st, &err) < 0)
		fail_msg("%s", err.message);
	*state = f;
	return 0;
}

static inline int store_fixture_teardown(void **state)
{
	struct store_fixture *f = *state;
	store_close(f->st);
	nftw(f->folder, store_fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#define store_test(f) \
	cmocka_unit_test_setup_teardown(f, store_fixture_setup, store_fixture_teardown)

/* Expect success, and say what went wrong where it did not come. */
#define assert_ok(call)                                                \
	do {                                                           \
		int assert_ok_r_ = (call);                             \
		if (assert_ok_r_ < 0)                                  \
			fail_msg("%d: %s", assert_ok_r_, err.message); \
	} while (0)
