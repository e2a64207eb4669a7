/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/capture.h"
#include "split/source_guesses.h"

/*
 * Where a Go program's sources lie that `go build -trimpath` names by module: "fmt/print.go" in the
 * Go root, "golang.org/x/net@v0.1.0/html/doc.go" in the module cache, a vendor tree or what go.mod
 * puts in its place, "example.com/app/main.go" in the folder whose go.mod says so.
 */
struct go_sources;

/**
 * @ret  NULL: not a Go program. Keeps a pointer to @roots
 * Errors: -ENOMEM
 */
must_check int go_sources_new(const struct image *image, const struct source_roots *roots,
			      struct go_sources **ret, struct error *err);
void go_sources_free(struct go_sources *go);
define_scoped(struct go_sources *, go_sources_free)

/** Add where a relative, folded @name may lie. Errors: -ENOMEM */
must_check int go_sources_guesses(struct go_sources *go, const char *name,
				 struct source_guesses *to, struct error *err);

/* Pure parts, apart for tests. */

/** As the module cache writes it: "Azure" is "!azure". @ret freed by the caller. */
must_check int go_escape(const char *path, size_t size, char **ret, struct error *err);

/**
 * The argument of the first @verb in a go.mod's or go.work's text ("module", "use"), or of the
 * @i-th: also in a block of round brackets, quoted or not; comments are passed over.
 *
 * @ret_size  of the argument in @text, which is returned; NULL: there are not so many
 */
const char *go_mod_argument(const char *text, const char *verb, size_t i, size_t *ret_size);
