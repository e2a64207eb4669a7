/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/**
 * A linker's name of a Go function, taken apart as vulnerability databases name functions:
 * "example.com/a%2eb/p.(*T).Get" is "T.Get" of package "example.com/a.b/p". Type arguments stay:
 * "p.Map[...]" is "Map[...]". The rules are govulncheck's, which are those of debug/gosym, but for
 * one: packages of hosts like "go.uber.org" are packages, and not the compiler's own "go.".
 */
struct go_name {
	char *package; /* "": none, a name that the compiler made */
	char *symbol;
	char *plain; /* the symbol without type arguments, pointers and parentheses */
	/* Private: where the three are, reused by the next name. */
	char *buffer;
	size_t buffer_size;
};

/**
 * @ret   zeroed, or what another name was read into
 * @generated_colon  of struct go_function
 * Errors: -ENOMEM; -EBADMSG a NUL in it
 */
must_check int go_name_parse(const char *name, size_t size, bool generated_colon,
			     struct go_name *ret, struct error *err);
/** Also accepts a zeroed one. A guard. */
void go_name_free(struct go_name *name);
