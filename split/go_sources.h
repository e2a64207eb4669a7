/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "split/capture.h"

/*
 * Where a Go program's sources lie that `go build -trimpath` names by module: "fmt/print.go" in the
 * Go root, "golang.org/x/net@v0.1.0/html/doc.go" in the module cache, a vendor tree or what go.mod
 * puts in its place, "example.com/app/main.go" in the folder whose go.mod says so. Places are
 * guesses: they are read by the resolver alone, which takes nothing that is below no root.
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

struct go_place {
	char *path; /* absolute */
	bool doubtful; /* of another Go release than the program's */
};

struct go_places {
	struct go_place *places; /* best first */
	size_t n;
};

/** Where a relative, folded @name may lie. Errors: -ENOMEM */
must_check int go_sources_places(struct go_sources *go, const char *name, struct go_places *ret,
				 struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(go_places_free). */
void go_places_free(struct go_places *places);

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
