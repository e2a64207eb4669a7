/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "elf/go_info.h"
#include "split/go_sources.h"

#define GO_MOD_LIMIT (1u << 20) /* bytes of a go.mod */
#define SEARCH_DEPTH 4 /* folders below a root in which a go.mod is looked for */
#define SEARCH_LIMIT 4000 /* folders of one root */

/* A module of this machine's: the folder whose go.mod names it. */
struct module {
	char *path, *folder;
};

struct go_sources {
	const struct source_roots *roots;
	struct go_info info;
	struct module *modules;
	size_t n_modules;
	bool looked; /* for modules: only once a name asks */
};

void go_sources_free(struct go_sources *go)
{
	if (!go)
		return;
	for (size_t i = 0; i < go->n_modules; i++) {
		free(go->modules[i].path);
		free(go->modules[i].folder);
	}
	free(go->modules);
	go_info_free(&go->info);
	free(go);
}

int go_sources_new(const struct image *image, const struct source_roots *roots,
		   struct go_sources **ret, struct error *err)
{
	struct go_sources *go = calloc(1, sizeof(*go));
	if (!go)
		return error_no_memory(err);
	int r = go_info_read(image, &go->info, err);
	if (r < 0) {
		free(go);
		if (r == -ENOMEM)
			return r;
		*ret = NULL;
		return 0;
	}
	go->roots = roots;
	*ret = go;
	return 0;
}

/* ---- go.mod and go.work ---- */

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Past blanks, and a comment that ends the line. */
static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\r')
		at++;
	if (at[0] == '/' && at[1] == '/')
		at += strcspn(at, "\n");
	return at;
}

static size_t word_size(const char *at)
{
	if (*at == '"' || *at == '`')
		return 0;
	return strcspn(at, " \t\r\n");
}

static const char *argument_at(const char *at, size_t *ret_size)
{
	if (*at == '"' || *at == '`') {
		const char quote[] = { *at, '\n', 0 };
		*ret_size = strcspn(at + 1, quote);
		return at + 1;
	}
	*ret_size = word_size(at);
	return at;
}

const char *go_mod_argument(const char *text, const char *verb, size_t i, size_t *ret_size)
{
	size_t verb_size = strlen(verb);
	bool in_block = false, of_verb = false;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *at = skip_blanks(line);
		if (!*at || *at == '\n')
			continue;
		if (in_block && *at == ')') {
			in_block = false;
			continue;
		}
		if (!in_block) {
			size_t size = word_size(at);
			of_verb = size == verb_size && !memcmp(at, verb, size);
			at = skip_blanks(at + size);
			if (*at == '(') {
				in_block = true;
				continue;
			}
		}
		if (of_verb && *at && *at != '\n' && i-- == 0)
			return argument_at(at, ret_size);
	}
	return NULL;
}

int go_escape(const char *path, size_t size, char **ret, struct error *err)
{
	char *escaped = malloc(2 * size + 1);
	if (!escaped)
		return error_no_memory(err);
	char *to = escaped;
	for (size_t i = 0; i < size; i++) {
		bool upper = path[i] >= 'A' && path[i] <= 'Z';
		if (upper)
			*to++ = '!';
		*to++ = (char)(upper ? path[i] - 'A' + 'a' : path[i]);
	}
	*to = 0;
	*ret = escaped;
	return 0;
}

/* ---- modules of this machine ---- */

/* If @folder holds a go.mod, it is a module. */
static int note_module(struct go_sources *go, const char *folder, struct error *err)
{
	int r;

	scoped(string_free) char *go_mod = NULL, *text = NULL;
	r = string_format(&go_mod, err, "%s/go.mod", folder);
	if (r < 0)
		return r;
	size_t size;
	struct stat st;
	if (stat(go_mod, &st) < 0 || !S_ISREG(st.st_mode) ||
	    file_read_at(AT_FDCWD, go_mod, GO_MOD_LIMIT, &text, &size, NULL) < 0)
		return 0;
	const char *path = go_mod_argument(text, "module", 0, &size);
	if (!path || !size)
		return 0;
	struct module *modules =
		reallocarray(go->modules, go->n_modules + 1, sizeof(*go->modules));
	if (!modules)
		return error_no_memory(err);
	go->modules = modules;
	struct module module = { strndup(path, size), strdup(folder) };
	if (!module.path || !module.folder) {
		free(module.path);
		free(module.folder);
		return error_no_memory(err);
	}
	go->modules[go->n_modules++] = module;
	return 0;
}

/* Folders that the go command passes over, or that hold other people's modules. */
static bool is_passed_over(const char *name)
{
	return *name == '.' || *name == '_' || !strcmp(name, "vendor") ||
	       !strcmp(name, "testdata") || !strcmp(name, "node_modules");
}

static int search(struct go_sources *go, const char *folder, unsigned depth, unsigned *budget,
		  struct error *err)
{
	int r = note_module(go, folder, err);
	if (r < 0 || depth == 0)
		return r;
	scoped(dir_close) DIR *dir = opendir(folder);
	if (!dir)
		return 0;
	for (const struct dirent *entry; *budget && (entry = readdir(dir));) {
		if (is_passed_over(entry->d_name) ||
		    (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		scoped(string_free) char *below = NULL;
		r = string_format(&below, err, "%s/%s", folder, entry->d_name);
		if (r < 0)
			return r;
		struct stat st;
		if (entry->d_type == DT_UNKNOWN &&
		    (lstat(below, &st) < 0 || !S_ISDIR(st.st_mode)))
			continue;
		--*budget;
		r = search(go, below, depth - 1, budget, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Nearest to the root first is not needed: the module's path decides, and the longest one wins. */
static int compare_modules(const void *a, const void *b)
{
	const struct module *x = a, *y = b;
	size_t n_x = strlen(x->path), n_y = strlen(y->path);
	if (n_x != n_y)
		return n_x > n_y ? -1 : 1;
	size_t depth_x = strlen(x->folder), depth_y = strlen(y->folder);
	if (depth_x != depth_y)
		return depth_x < depth_y ? -1 : 1;
	return strcmp(x->folder, y->folder);
}

static int look_for_modules(struct go_sources *go, struct error *err)
{
	if (go->looked)
		return 0;
	go->looked = true;
	const char *root;
	for (size_t at = 0; (root = source_roots_next(go->roots, ROOT_PROJECT,
						      ROOT_GO | ROOT_GO_MODULES, &at));) {
		unsigned budget = SEARCH_LIMIT;
		int r = search(go, root, SEARCH_DEPTH, &budget, err);
		if (r < 0)
			return r;
	}
	if (go->n_modules)
		qsort(go->modules, go->n_modules, sizeof(*go->modules), compare_modules);
	return 0;
}

/* What is behind the module's path in @name ("" or "/…"), or NULL: not of this module. */
static const char *behind_module(const char *name, const char *module)
{
	size_t size = strlen(module);
	bool same = !strncmp(name, module, size) && (name[size] == '/' || !name[size]);
	return same ? name + size : NULL;
}

/* ---- places ---- */

/* Is the Go root at @root of the program's own release? Its file VERSION begins with it. */
static bool is_release(const struct go_sources *go, const char *root)
{
	char path[PATH_MAX];
	scoped(string_free) char *text = NULL;
	size_t size, want = strcspn(go->info.version, " ");
	int n = snprintf(path, sizeof(path), "%s/VERSION", root);
	if (n >= PATH_MAX || file_read_at(AT_FDCWD, path, 4096, &text, &size, NULL) < 0)
		return false;
	return strcspn(text, " \r\n") == want && !memcmp(text, go->info.version, want);
}

/* The standard library, of the program's release first. */
static int add_standard(struct go_sources *go, const char *name, struct source_guesses *to,
			struct error *err)
{
	int r;

	const char *root;
	for (int other = 0; other < 2; other++)
		for (size_t at = 0; (root = source_roots_next(go->roots, ROOT_GO, 0, &at));) {
			if (is_release(go, root) == (other == 1))
				continue;
			r = source_guesses_add(to, other, err, "%s/src/%s", root, name);
			if (r < 0)
				return r;
		}
	return 0;
}

/* Toolchains that the go command fetched lie in the module cache. */
static int add_fetched(struct go_sources *go, const char *name, struct source_guesses *to,
		       struct error *err)
{
	const char *root;
	int size = (int)strcspn(go->info.version, " ");
	if (strspn(go->info.version, "abcdefghijklmnopqrstuvwxyz0123456789.-") < (size_t)size)
		return 0; /* it would be a pattern of its own */
	for (size_t at = 0; (root = source_roots_next(go->roots, ROOT_GO_MODULES, 0, &at));) {
		if (strpbrk(root, "*?[\\"))
			continue;
		char pattern[PATH_MAX];
		int n = snprintf(pattern, sizeof(pattern), "%s/golang.org/toolchain@v*-%.*s.*-*",
				 root, size, go->info.version);
		scoped(globfree) glob_t found = { 0 };
		if (n >= PATH_MAX || glob(pattern, 0, NULL, &found) != 0)
			continue;
		int r = source_guesses_add(to, false, err, "%s/src/%s", found.gl_pathv[0], name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "" or "/…" below the cache's folder of a module's version. */
static int add_cached(struct go_sources *go, const char *module, size_t module_size,
		      const char *version, size_t version_size, const char *rest,
		      struct source_guesses *to, struct error *err)
{
	int r;

	scoped(string_free) char *escaped = NULL, *escaped_version = NULL;
	r = go_escape(module, module_size, &escaped, err);
	if (r == 0)
		r = go_escape(version, version_size, &escaped_version, err);
	if (r < 0)
		return r;
	const char *root;
	for (size_t at = 0; (root = source_roots_next(go->roots, ROOT_GO_MODULES, 0, &at));) {
		r = source_guesses_add(to, false, err, "%s/%s@%s%s", root, escaped,
				       escaped_version, rest);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * What go.mod puts in a module's place: in the module text, the line "=>\tPATH\tVERSION\tSUM" behind
 * "dep\tMODULE\tVERSION". A path with a dot or slash in front is a folder, from the main module's.
 */
static int add_replaced(struct go_sources *go, const char *module, size_t size, const char *rest,
			struct source_guesses *to, struct error *err)
{
	bool of_module = false;
	for (const char *line = go->info.module_text; *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		if (!strncmp(line, "dep\t", 4)) {
			of_module = !strncmp(line + 4, module, size) && line[4 + size] == '\t';
			continue;
		}
		if (!of_module || strncmp(line, "=>\t", 3) != 0)
			continue;
		const char *path = line + 3;
		size_t path_size = strcspn(path, "\t\n");
		const char *version = path + path_size + (path[path_size] == '\t');
		if (*path == '/')
			return source_guesses_add(to, false, err, "%.*s%s", (int)path_size, path, rest);
		if (*path != '.')
			return add_cached(go, path, path_size, version, strcspn(version, "\t\n"),
					  rest, to, err);
		for (size_t i = 0; i < go->n_modules; i++) {
			if (strcmp(go->modules[i].path, go->info.main_module) != 0)
				continue;
			int r = source_guesses_add(to, false, err, "%s/%.*s%s", go->modules[i].folder,
					  (int)path_size, path, rest);
			if (r < 0)
				return r;
		}
		return 0;
	}
	return 0;
}

/* MODULE@VERSION/…: @at is the "@" in @name. */
static int versioned_places(struct go_sources *go, const char *name, const char *at,
			    struct source_guesses *to, struct error *err)
{
	int r;

	size_t size = (size_t)(at - name), version_size = strcspn(at + 1, "/");
	const char *rest = at + 1 + version_size;
	r = add_replaced(go, name, size, rest, to, err);
	if (r == 0)
		r = add_cached(go, name, size, at + 1, version_size, rest, to, err);
	/* Vendored: below the main module's folder, or a workspace's, which holds modules. */
	for (size_t i = 0; r == 0 && i < go->n_modules; i++)
		if (!strcmp(go->modules[i].path, go->info.main_module))
			r = source_guesses_add(to, false, err, "%s/vendor/%.*s%s",
					       go->modules[i].folder, (int)size, name, rest);
	const char *root;
	for (size_t k = 0; r == 0 && (root = source_roots_next(go->roots, ROOT_PROJECT, 0, &k));)
		r = source_guesses_add(to, false, err, "%s/vendor/%.*s%s", root, (int)size, name,
				       rest);
	return r;
}

int go_sources_guesses(struct go_sources *go, const char *name, struct source_guesses *to,
		      struct error *err)
{
	int r;

	r = look_for_modules(go, err);
	if (r < 0)
		return r;
	const char *at = strchr(name, '@');
	if (at) {
		r = versioned_places(go, name, at, to, err);
	} else {
		for (size_t i = 0; r == 0 && i < go->n_modules; i++) {
			const char *rest = behind_module(name, go->modules[i].path);
			if (rest)
				r = source_guesses_add(to, false, err, "%s%s", go->modules[i].folder,
					      rest);
		}
		if (r == 0)
			r = add_fetched(go, name, to, err);
		if (r == 0)
			r = add_standard(go, name, to, err);
	}
	return r;
}
