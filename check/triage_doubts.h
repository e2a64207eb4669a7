/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "check/wanted.h"

/**
 * Why the absence of a name is no proof that code is absent, for each vulnerability that is not at
 * symbol level (triage_vuln.doubt). After wanted_settle(). For check/triage.c alone.
 *
 * - The function table was not read in full, or is not the whole program's (-linkshared).
 * - It is of Go before 1.16, and does not tell what was compiled together: go:linkname would not be seen.
 * - Names are obfuscated: there is not even a runtime.
 * - The package of a plugin that is its main package has another name in it.
 * - Its package gives functions other names: go:linkname, and assembly that names another package's
 *   functions. Seen by what was compiled together, and by the folders of source files.
 */
must_check int triage_doubt(const struct image *image, struct wanted *wanted, struct error *err);
