/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "elf/go_modules.h"
#include "elf/go_version.h"

/* Field @n, from 0, of a line of fields between tabs; "" where there is none. NULL: no memory. */
static char *copy_field(const char *line, const char *end, unsigned n)
{
	for (; n; n--) {
		const char *tab = memchr(line, '\t', (size_t)(end - line));
		if (!tab)
			return strdup("");
		line = tab + 1;
	}
	const char *tab = memchr(line, '\t', (size_t)(end - line));
	return strndup(line, (size_t)((tab ? tab : end) - line));
}

/* Takes both texts. */
static int add(struct go_modules *modules, char *path, char *version, struct error *err)
{
	struct go_module *items =
		reallocarray(modules->items, modules->n + 1, sizeof(*modules->items));
	if (items)
		modules->items = items;
	if (!items || !path || !version) {
		free(path);
		free(version);
		return error_no_memory(err);
	}
	struct go_module *module = &items[modules->n++];
	*module = (struct go_module){ .path = path, .version = version };
	module->real_path = strdup(path);
	module->real_version = strdup(version);
	return module->real_path && module->real_version ? 0 : error_no_memory(err);
}

static int replace(struct go_module *module, char *path, char *version, struct error *err)
{
	free(module->real_path);
	free(module->real_version);
	module->real_path = path;
	module->real_version = version;
	module->is_replaced = true;
	return path && version ? 0 : error_no_memory(err);
}

static int read_lines(const struct go_info *info, struct go_modules *modules, struct error *err)
{
	int r = 0;
	bool follows = false; /* the line before was of a module that may be replaced */
	for (const char *line = info->module_text; *line && r == 0;) {
		const char *end = strchrnul(line, '\n');
		if (!strncmp(line, "dep\t", 4)) {
			r = add(modules, copy_field(line, end, 1), copy_field(line, end, 2), err);
			follows = true;
		} else if (follows && !strncmp(line, "=>\t", 3)) {
			r = replace(&modules->items[modules->n - 1], copy_field(line, end, 1),
				    copy_field(line, end, 2), err);
			follows = false;
		} else {
			follows = false;
		}
		line = *end ? end + 1 : end;
	}
	return r;
}

int go_modules_read(const struct go_info *info, struct go_modules *ret, struct error *err)
{
	int r;

	scoped(go_modules_free) struct go_modules modules = { 0 };
	r = read_lines(info, &modules, err);
	if (r < 0)
		return r;
	char version[GO_TOOLCHAIN_VERSION_SIZE] = "";
	if (!go_toolchain_version(info->version, version))
		version[0] = 0;
	r = add(&modules, strdup(GO_STDLIB), strdup(version), err);
	if (r == 0 && *info->main_module)
		r = add(&modules, strdup(info->main_module), strdup(info->main_version), err);
	if (r < 0)
		return r;
	*ret = modules;
	modules = (struct go_modules){ 0 };
	return 0;
}

void go_modules_free(struct go_modules *modules)
{
	for (size_t i = 0; i < modules->n; i++) {
		free(modules->items[i].path);
		free(modules->items[i].version);
		free(modules->items[i].real_path);
		free(modules->items[i].real_version);
	}
	free(modules->items);
	*modules = (struct go_modules){ 0 };
}
