/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/go_modules.h"
#include "store/maintain.h"
#include "store/module_list.h"

#define SETTINGS_LIMIT (16u << 20) /* of a module text; Go's own are below 100 KB */

void module_list_free(struct module_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].path);
		free(list->items[i].version);
	}
	free(list->items);
	*list = (struct module_list){ 0 };
}

static int add(struct module_list *list, const char *path, const char *version, struct error *err)
{
	struct module_use *items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return error_no_memory(err);
	list->items = items;
	struct module_use use = { strdup(path), strdup(version) };
	items[list->n++] = use;
	return use.path && use.version ? 0 : error_no_memory(err);
}

static int add_modules(struct module_list *list, const struct origin *origin, char *text,
		       struct error *err)
{
	int r;

	struct go_info info = { .version = (char *)"",
				.module_text = text,
				.main_path = (char *)"",
				.main_module =
					origin->main_module ? origin->main_module : (char *)"",
				.main_version =
					origin->main_version ? origin->main_version : (char *)"" };
	scoped(go_modules_free) struct go_modules modules = { 0 };
	r = go_modules_read(&info, &modules, err);
	for (size_t i = 0; i < modules.n && r == 0; i++) {
		const struct go_module *module = &modules.items[i];
		if (!strcmp(module->path, GO_STDLIB) || !*module->path)
			continue; /* the toolchain stands for it */
		/* A folder in place of a module has no version, and its path means nothing
		 * elsewhere. */
		bool is_folder = module->is_replaced && !*module->real_version;
		r = add(list, is_folder ? module->path : module->real_path, module->real_version,
			err);
	}
	return r;
}

static int add_contribution(struct module_list *list, struct store *st, const struct origin *origin,
			    struct error *err)
{
	int r;

	r = origin->toolchain ? add(list, "", origin->toolchain, err) : 0;
	if (r < 0 || !origin->settings.present)
		return r;
	scoped(string_free) char *text = NULL;
	size_t size;
	r = object_read_whole(st, &origin->settings.digest, SETTINGS_LIMIT, &text, &size, err);
	if (r == -ENOENT || is_damage(r))
		return 0;
	return r < 0 ? r : add_modules(list, origin, text, err);
}

static int by_path(const void *a, const void *b)
{
	const struct module_use *one = a, *other = b;
	int order = strcmp(one->path, other->path);
	return order ? order : strcmp(one->version, other->version);
}

int module_list_of_record(struct store *st, const struct record *record, struct module_list *ret,
			  struct error *err)
{
	int r;

	scoped(module_list_free) struct module_list list = { 0 };
	for (size_t i = 0; i < record->n_contributions; i++) {
		r = add_contribution(&list, st, &record->contributions[i].origin, err);
		if (r < 0)
			return r;
	}
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), by_path);
	/* Each once. */
	size_t n = 0;
	for (size_t i = 0; i < list.n; i++) {
		if (n && by_path(&list.items[n - 1], &list.items[i]) == 0) {
			free(list.items[i].path);
			free(list.items[i].version);
		} else {
			list.items[n++] = list.items[i];
		}
	}
	list.n = n;
	*ret = list;
	list = (struct module_list){ 0 };
	return 0;
}
