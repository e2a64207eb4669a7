/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "elf/go_functions.h"
#include "elf/go_name.h"
#include "store/go_symbol.h"
#include "store/stored_image.h"

struct search {
	const char *symbol;
	struct go_name name;
};

static void search_end(struct search *search)
{
	go_name_free(&search->name);
}

/* "PACKAGE.SYMBOL" is what is looked for, or ends with it behind a slash. */
static bool is_it(const char *package, const char *symbol, const char *wanted)
{
	size_t package_size = strlen(package), symbol_size = strlen(symbol), size = strlen(wanted);
	if (size < symbol_size + 2 || strcmp(wanted + size - symbol_size, symbol) != 0 ||
	    wanted[size - symbol_size - 1] != '.')
		return false;
	size_t path_size = size - symbol_size - 1;
	return path_size <= package_size &&
	       !memcmp(package + package_size - path_size, wanted, path_size) &&
	       (path_size == package_size || package[package_size - path_size - 1] == '/');
}

static int visit(const struct go_function *f, void *context, struct error *err)
{
	struct search *search = context;
	if (f->kind == GO_LEFT)
		return 0;
	int r = go_name_parse(f->name, f->name_size, f->generated_colon, &search->name, err);
	if (r < 0)
		return r;
	const struct go_name *name = &search->name;
	/* -EEXIST ends the reading. */
	return is_it(name->package, name->symbol, search->symbol) ||
			       is_it(name->package, name->plain, search->symbol)
		       ? -EEXIST
		       : 0;
}

int go_symbol_find(struct store *st, const struct digest *executable, const char *symbol, bool *ret,
		   bool *ret_whole, struct error *err)
{
	int r;

	scoped(stored_image_close) struct stored_image si = { 0 };
	scoped(search_end) struct search search = { .symbol = symbol };
	r = stored_image_open(st, executable, stored_image_go_sections, &si, err);
	if (r < 0)
		return r;
	struct go_functions functions = { 0 };
	r = go_functions_read(&si.image, visit, &search, &functions, err);
	if (r != -EEXIST && (r < 0 || !functions.whole)) {
		/* It may be where it was not looked for. */
		r = stored_image_complete(&si, err);
		if (r == 0)
			r = go_functions_read(&si.image, visit, &search, &functions, err);
	}
	if (r < 0 && r != -EEXIST)
		return r;
	*ret = r == -EEXIST;
	*ret_whole = *ret || functions.whole;
	return 0;
}
