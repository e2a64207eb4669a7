/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * An entry of the Go vulnerability database: OSV with Go's ecosystem_specific
 * (https://go.dev/security/vuln/database). Texts are never NULL, but where it is said.
 */

struct vuln_event {
	const char *introduced, *fixed; /* versions without 'v'; NULL: it is not that */
};

struct vuln_range {
	bool is_semver;
	struct vuln_event *events; /* in the order of versions */
	size_t n_events;
};

struct vuln_texts {
	const char **items;
	size_t n;
};

struct vuln_package {
	const char *path;
	struct vuln_texts symbols; /* "Type.Method"; none: all of the package */
	struct vuln_texts systems, machines; /* GOOS and GOARCH; none: all */
};

struct vuln_affected {
	const char *module;
	struct vuln_range *ranges;
	size_t n_ranges;
	struct vuln_package *packages; /* none: all of the module */
	size_t n_packages;
};

struct vuln_entry {
	const char *id; /* "GO-2024-2687" */
	const char *summary; /* "": none */
	struct vuln_texts aliases;
	bool withdrawn;
	struct vuln_affected *affected;
	size_t n_affected;
	json_t *json; /* Private: has the texts */
};

/** @now: seconds; what was withdrawn before is. Errors: -EBADMSG not an entry */
must_check int vuln_entry_parse(const char *text, size_t size, int64_t now, struct vuln_entry **ret,
				struct error *err);
void vuln_entry_free(struct vuln_entry *entry);
define_scoped(struct vuln_entry *, vuln_entry_free)

	/* What follows is as govulncheck decides; versions are a module's ("v1.2.3"). */

	/** Is a version in one of the ranges? False for "" and "(devel)", of which nothing is
	   known. */
	bool vuln_affects(const struct vuln_affected *affected, const char *version);
/** Is the version in the range? */
bool vuln_range_holds(const struct vuln_range *range, const char *version);
/** Is the package affected on this system? Empty names match all. */
bool vuln_package_fits(const struct vuln_package *package, const char *system, const char *machine);
