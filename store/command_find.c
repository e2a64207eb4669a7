/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "store/command_build.h"
#include "store/command_core.h"

struct finding {
	const struct command *c;
	struct lookup *l;
	uint64_t n;
};

static int print_found(const struct build *build, const char *path, void *context,
		       struct error *err)
{
	struct finding *f = context;
	f->n++;
	return command_print_build(f->c, f->l, build, path, err);
}

/* STATUS_GO_ON where nothing was found. */
static int find_id(struct finding *f, const char *word, struct error *err)
{
	int r;

	struct build_id id;
	struct build build;
	scoped(origin_free) struct origin origin = { 0 };
	r = build_id_parse(word, strlen(word), &id, NULL);
	if (r == 0)
		r = lookup_build(f->l, &id, &build, err);
	if (r == 0)
		r = lookup_origin(f->l, &id, &origin, err);
	if (r == 0)
		r = command_print_build(f->c, f->l, &build, origin.path ? origin.path : "", err);
	if (r == 0)
		return STATUS_DONE;

	r = lookup_prefix(f->l, word, print_found, f, err);
	if (r < 0 && r != -EINVAL) /* fewer digits, or none */
		return command_failed(f->c, word, err);
	if (f->n < 2)
		return f->n == 1 ? STATUS_DONE : STATUS_GO_ON;
	error_set(err, -EINVAL, "%s: ambiguous, %llu builds begin so", word,
		  (unsigned long long)f->n);
	return command_failed(f->c, word, err);
}

static int find_one(struct finding *f, const char *word)
{
	int r;

	f->n = 0;
	struct error err = ERROR_NONE;
	struct build_id id;
	if (command_file_id(word, &id, NULL) == 0) {
		struct build build;
		r = lookup_build_again(f->l, &id, &build, &err);
		scoped(origin_free) struct origin origin = { 0 };
		if (r == 0)
			r = lookup_origin(f->l, &id, &origin, &err);
		if (r == 0)
			r = command_print_build(f->c, f->l, &build, origin.path ? origin.path : "",
						&err);
		/* Another build of that path would be the wrong answer. */
		if (r == -ENOENT)
			error_set(&err, r, "%s: its build ID %s is not in the store", ESCAPED(word),
				  BUILD_ID_HEX(&id));
		return r < 0 ? command_failed(f->c, word, &err) : STATUS_DONE;
	}
	int status = find_id(f, word, &err);
	if (status != STATUS_GO_ON)
		return status;
	r = lookup_path(f->l, word, print_found, f, &err);
	if (r == 0 && f->n == 0)
		r = error_set(&err, -ENOENT, "%s: not in the store", ESCAPED(word));
	return r < 0 ? command_failed(f->c, word, &err) : STATUS_DONE;
}

int command_find(int argc, char **argv)
{
	int r;

	struct command c = {
		.usage = { "dbgstore find", "[OPTION]... [PATH|ELF|ID|PREFIX]...",
			   "Find builds: by an ELF file's own build ID, by build ID or the beginning of one (6\n"
			   "digits or more), or by the path they came from or what it ends in. With --core, list\n"
			   "each file that was mapped in a process that left a core file, and what is here of it." }
	};
	scoped(option_values_free) struct option_values cores = { 0 };
	const struct option_entry entries[] = {
		{ "core", 0, "FILE", "list the files of this core; may be repeated",
		  .list = &cores },
		{ 0 },
	};
	int first;
	int status = command_parse(&c, entries, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	if (first == argc && !cores.n)
		return options_wrong(&c.usage, "nothing to find");

	scoped(store_closep) struct store *st = NULL;
	status = command_open(&c, STORE_READ, &st);
	if (status != STATUS_GO_ON)
		return status;
	struct error err = ERROR_NONE;
	scoped(lookup_freep) struct lookup *l = NULL;
	r = lookup_new(st, &l, &err);
	if (r < 0)
		return command_failed(&c, NULL, &err);
	struct finding f = { .c = &c, .l = l };
	status = STATUS_DONE;
	for (size_t i = 0; i < cores.n; i++)
		if (command_find_core(&c, l, cores.values[i]) != STATUS_DONE)
			status = STATUS_TROUBLE;
	for (int i = first; i < argc; i++)
		if (find_one(&f, argv[i]) != STATUS_DONE)
			status = STATUS_TROUBLE;
	return status;
}
