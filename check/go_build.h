/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/go_info.h"

/* What Go's build information says of how a program was built. */

/** The minor number of a release: 26 of "go1.26.8", "go1.26rc1" and "go1.26.8 X:boringcrypto".
 * 0: none can be told ("devel …"). */
unsigned go_minor(const char *version);
/** Is it of a release before 1.@minor? False where none can be told. */
bool go_is_before(const char *version, unsigned minor);

struct go_release {
	unsigned minor, patch; /* 26 and 3 of "1.26.3" */
};
/** "go1.26.3", "1.26.3" or "1.26"; what stands behind a space or '-' counts for nothing. False: it
 * is none, as "devel go1.27-abc". */
bool go_release_parse(const char *text, struct go_release *ret);

/**
 * A build setting, "-trimpath" or "GOARCH" say, with Go's quotes undone.
 * @ret     filled and cut to @size
 * @return  false: it is not recorded, and @ret is ""
 */
bool go_setting(const struct go_info *info, const char *key, char *ret, size_t size);
/** Is it recorded with that value? */
bool go_setting_is(const struct go_info *info, const char *key, const char *value);
/** Are there any settings? Go 1.18 and newer record some, other builders than its own (Bazel) may
 * not. */
bool go_has_settings(const struct go_info *info);

/** Is a word among the flags of a setting, as "-s" in "-s -w", quoted or not? */
bool go_flags_have(const char *flags, const char *word);
