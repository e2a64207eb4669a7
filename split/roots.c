/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "split/go_sources.h"
#include "split/roots.h"
#include "split/source_guesses.h"

struct source_roots {
	char **paths; /* resolved, each once; NULL behind the last */
	unsigned *kinds; /* of each */
	unsigned kind; /* that roots have which are being added */
	size_t n;
	struct source_map map;
};

void source_roots_free(struct source_roots *roots)
{
	if (!roots)
		return;
	for (size_t i = 0; i < roots->n; i++)
		free(roots->paths[i]);
	free(roots->paths);
	free(roots->kinds);
	source_map_free(&roots->map);
	free(roots);
}

const char *const *source_roots_paths(const struct source_roots *roots)
{
	return (const char *const *)roots->paths;
}

const char *source_roots_next(const struct source_roots *roots, unsigned kinds, unsigned others,
			      size_t *at)
{
	while (*at < roots->n) {
		size_t i = (*at)++;
		if (roots->kinds[i] & kinds && !(roots->kinds[i] & others))
			return roots->paths[i];
	}
	return NULL;
}

bool path_is_below(const char *path, const char *root)
{
	size_t size = strlen(root);
	if (size == 1)
		return true; /* "/" */
	return !strncmp(path, root, size) && (path[size] == '/' || !path[size]);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* @path is resolved, and taken over. */
static int keep(struct source_roots *roots, char *path, struct error *err)
{
	scoped(string_free) char *guard = path;
	for (size_t i = 0; i < roots->n; i++)
		if (!strcmp(roots->paths[i], path)) {
			roots->kinds[i] |= roots->kind;
			return 0;
		}
	unsigned *kinds = reallocarray(roots->kinds, roots->n + 1, sizeof(*kinds));
	if (!kinds)
		return error_no_memory(err);
	roots->kinds = kinds;
	kinds[roots->n] = roots->kind;
	char **paths = reallocarray(roots->paths, roots->n + 2, sizeof(*paths));
	if (!paths)
		return error_no_memory(err);
	roots->paths = paths;
	paths[roots->n++] = take(guard);
	paths[roots->n] = NULL;
	return 0;
}

/* Not safe with threads, as getpwuid(3) is not: roots are found once, before there are any. */
static const char *home(void)
{
	const char *path = getenv("HOME");
	if (path && *path == '/')
		return path;
	const struct passwd *user = getpwuid(geteuid());
	return user && user->pw_dir && *user->pw_dir == '/' ? user->pw_dir : NULL;
}

/* Is this resolved path the resolved home folder at @where, or above it? */
static bool holds_home(const char *path, const char *where)
{
	scoped(string_free) char *resolved = where ? realpath(where, NULL) : NULL;
	return resolved && path_is_below(resolved, path);
}

/*
 * "/", /etc, a home folder and what holds one are never a root of themselves: a stray .git or an
 * odd variable in the environment must not open a person's every file. /home and /root stand for
 * the others' homes.
 */
static bool is_too_much(const char *path)
{
	if (!strcmp(path, "/") || path_is_below(path, "/etc"))
		return true;
	if (holds_home(path, getenv("HOME")) || holds_home(path, "/root") ||
	    holds_home(path, "/home"))
		return true;
	const struct passwd *user = getpwuid(geteuid());
	if (user && holds_home(path, user->pw_dir))
		return true;
	return !strncmp(path, "/home/", 6) && !strchr(path + 6, '/');
}

/* A root that may be there or not: @path and @below joined. */
static int add(struct source_roots *roots, const char *path, const char *below, struct error *err)
{
	int r;

	if (!path || *path != '/')
		return 0; /* a variable that is not set, or not usable */
	scoped(string_free) char *joined = NULL;
	r = string_format(&joined, err, "%s%s", path, below);
	if (r < 0)
		return r;
	char *resolved = realpath(joined, NULL);
	if (!resolved)
		return errno == ENOMEM ? error_no_memory(err) : 0;
	if (!is_folder(resolved) || is_too_much(resolved)) {
		free(resolved);
		return 0;
	}
	return keep(roots, resolved, err);
}

/* Call @each for every folder that the pattern @path@below matches; stars in @path count as well.
 */
static int add_matches(struct source_roots *roots, const char *path, const char *below,
		       int (*each)(struct source_roots *roots, const char *path, struct error *err),
		       struct error *err)
{
	int r;

	if (!path || *path != '/')
		return 0;
	scoped(string_free) char *pattern = NULL;
	r = string_format(&pattern, err, "%s%s", path, below);
	if (r < 0)
		return r;
	scoped(globfree) glob_t found = { 0 };
	r = glob(pattern, 0, NULL, &found);
	if (r == GLOB_NOSPACE)
		return error_no_memory(err);
	if (r != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		r = each(roots, found.gl_pathv[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_match(struct source_roots *roots, const char *path, struct error *err)
{
	return add(roots, path, "", err);
}

/* Of the system: whatever the environment says about homes. */
static int add_fixed(struct source_roots *roots, const char *path, struct error *err)
{
	char *resolved = realpath(path, NULL);
	if (!resolved)
		return errno == ENOMEM ? error_no_memory(err) : 0;
	if (!is_folder(resolved) || !strcmp(resolved, "/")) {
		free(resolved);
		return 0;
	}
	return keep(roots, resolved, err);
}

/* ---- the project ---- */

static bool has_marker(const char *folder)
{
	static const char *const markers[] = { ".git", "go.mod", "Cargo.toml", "meson.build" };
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++) {
		char path[PATH_MAX];
		struct stat st;
		int n = snprintf(path, sizeof(path), "%s/%s", folder, markers[i]);
		if (n < (int)sizeof(path) && lstat(path, &st) == 0)
			return true;
	}
	return false;
}

/* In a folder like /tmp anyone may have left a marker. */
static bool is_anyones(const char *folder)
{
	struct stat st;
	return stat(folder, &st) < 0 || ((st.st_mode & S_ISVTX) && (st.st_mode & S_IWOTH));
}

static int add_project(struct source_roots *roots, struct error *err)
{
	scoped(string_free) char *folder = getcwd(NULL, 0);
	if (!folder || *folder != '/')
		return 0; /* gone, or out of reach: no project */
	while (!has_marker(folder)) {
		*strrchr(folder, '/') = 0;
		if (!*folder)
			return 0;
	}
	return is_anyones(folder) ? 0 : add(roots, folder, "", err);
}

/* ---- Go ---- */

const char *go_env_value(char *text, const char *key)
{
	const char *ret = NULL;
	size_t key_size = strlen(key);
	for (char *next, *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		size_t size = strlen(line);
		if (size && line[size - 1] == '\r')
			line[size - 1] = 0;
		if (!strncmp(line, key, key_size) && line[key_size] == '=')
			ret = line + key_size + 1;
	}
	return ret && *ret ? ret : NULL;
}

/* What the go command goes by: the environment, then its file. Empty counts as not set. Freed by
 * the caller. */
static int go_setting(const char *key, char **ret, struct error *err)
{
	int r;

	const char *value = getenv(key);
	if (value && *value) {
		*ret = strdup(value);
		return *ret ? 0 : error_no_memory(err);
	}

	const char *goenv = getenv("GOENV");
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *folder = home();
	scoped(string_free) char *path = NULL;
	*ret = NULL;
	if (goenv && *goenv)
		r = string_format(&path, err, "%s", goenv);
	else if (config && *config)
		r = string_format(&path, err, "%s/go/env", config);
	else if (folder)
		r = string_format(&path, err, "%s/.config/go/env", folder);
	else
		return 0;
	if (r < 0)
		return r;

	scoped(string_free) char *text = NULL;
	size_t size;
	if (!strcmp(path, "off") || file_read_at(AT_FDCWD, path, 1 << 20, &text, &size, NULL) < 0)
		return 0;
	value = go_env_value(text, key);
	if (!value)
		return 0;
	*ret = strdup(value);
	return *ret ? 0 : error_no_memory(err);
}

/* A Go root is one by what it holds. Distributions make its src a link to another place. */
static int add_go_root(struct source_roots *roots, const char *path, struct error *err)
{
	scoped(string_free) char *probe = NULL;
	int r = string_format(&probe, err, "%s/src/runtime", path);
	if (r < 0)
		return r;
	if (!is_folder(probe))
		return 0;
	roots->kind = ROOT_GO;
	r = add(roots, path, "", err);
	roots->kind = 0;
	return r < 0 ? r : add(roots, path, "/src", err);
}

/* The root of the first go program in $PATH: BIN/.. */
static int add_go_root_of_path(struct source_roots *roots, struct error *err)
{
	const char *value = getenv("PATH");
	scoped(string_free) char *path = strdup(value ? value : "");
	if (!path)
		return error_no_memory(err);
	char *rest = path;
	for (const char *folder; (folder = strsep(&rest, ":"));) {
		if (*folder != '/')
			continue;
		scoped(string_free) char *program = NULL;
		int r = string_format(&program, err, "%s/go", folder);
		if (r < 0)
			return r;
		scoped(string_free) char *resolved = realpath(program, NULL);
		if (!resolved || access(resolved, X_OK) < 0 || is_folder(resolved))
			continue;
		for (int up = 0; up < 2; up++) {
			char *slash = strrchr(resolved, '/');
			if (slash)
				*slash = 0;
		}
		return *resolved ? add_go_root(roots, resolved, err) : 0;
	}
	return 0;
}

/* The modules that the nearest go.work above the working directory uses, as the go command does. */
static int add_used(struct source_roots *roots, const char *folder, const char *text,
		    struct error *err)
{
	const char *path;
	size_t size;
	for (size_t i = 0; (path = go_mod_argument(text, "use", i, &size)); i++) {
		scoped(string_free) char *used = NULL;
		int r = *path == '/' ? string_format(&used, err, "%.*s", (int)size, path)
				     : string_format(&used, err, "%s/%.*s", folder, (int)size, path);
		if (r < 0)
			return r;
		if (!is_folder(used) || !has_marker(used) || is_anyones(used))
			continue;
		r = add(roots, used, "", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_workspace(struct source_roots *roots, struct error *err)
{
	int r;

	const char *set = getenv("GOWORK");
	scoped(string_free) char *folder = NULL;
	if (set && *set == '/')
		folder = strdup(set);
	else if (!set || !*set)
		folder = getcwd(NULL, 0);
	if (!folder || *folder != '/')
		return 0; /* "off", or no working directory */
	bool is_file = set && *set;
	for (char *end = folder + strlen(folder);; end = strrchr(folder, '/')) {
		*end = 0;
		if (!*folder)
			return 0;
		scoped(string_free) char *path = NULL, *text = NULL;
		r = string_format(&path, err, is_file ? "%s" : "%s/go.work", folder);
		if (r < 0)
			return r;
		size_t size;
		if (file_read_at(AT_FDCWD, path, 1 << 20, &text, &size, NULL) == 0) {
			char *slash = strrchr(path, '/');
			*slash = 0;
			return *path && !is_anyones(path) ? add_used(roots, path, text, err) : 0;
		}
		if (is_file)
			return 0;
	}
}

static int add_go(struct source_roots *roots, struct error *err)
{
	int r;

	scoped(string_free) char *go_root = NULL;
	r = go_setting("GOROOT", &go_root, err);
	if (r == 0 && go_root && *go_root == '/')
		r = add_go_root(roots, go_root, err);
	if (r == 0)
		r = add_go_root_of_path(roots, err);
	if (r == 0)
		r = add_go_root(roots, "/usr/local/go", err);
	if (r == 0)
		r = add_matches(roots, "/usr/lib", "/go*", add_go_root, err);
	if (r == 0)
		r = add_matches(roots, home(), "/sdk/go*", add_go_root, err);
	return r;
}

static int add_module_cache(struct source_roots *roots, struct error *err)
{
	int r;

	/* The module cache, which is also where the go command puts toolchains that it fetches. */
	scoped(string_free) char *cache = NULL;
	r = go_setting("GOMODCACHE", &cache, err);
	if (r < 0 || cache)
		return r < 0 ? r : add(roots, cache, "", err);
	scoped(string_free) char *go_path = NULL;
	r = go_setting("GOPATH", &go_path, err);
	if (r < 0)
		return r;
	if (!go_path)
		return add(roots, home(), "/go/pkg/mod", err);
	go_path[strcspn(go_path, ":")] = 0; /* the first of the list holds the cache */
	return add(roots, go_path, "/pkg/mod", err);
}

/* ---- Rust ---- */

static int add_rust(struct source_roots *roots, struct error *err)
{
	int r;

	const char *cargo = getenv("CARGO_HOME");
	if (cargo && *cargo)
		r = add(roots, cargo, "/registry/src", err);
	else
		r = add(roots, home(), "/.cargo/registry/src", err);
	if (r < 0)
		return r;

	const char *rustup = getenv("RUSTUP_HOME");
	if (rustup && *rustup)
		r = add_matches(roots, rustup, "/toolchains/*/lib/rustlib/src", add_match, err);
	else
		r = add_matches(roots, home(), "/.rustup/toolchains/*/lib/rustlib/src", add_match,
				err);
	if (r == 0)
		r = add_matches(roots, "/usr/lib", "/rustlib/src", add_match, err);
	if (r == 0)
		r = add_matches(roots, "/usr/local/lib", "/rustlib/src", add_match, err);
	return r;
}

/* ---- C and C++ ---- */

static int add_system(struct source_roots *roots, struct error *err)
{
	static const char *const patterns[] = {
		"/usr/include",
		"/usr/local/include",
		"/usr/*-*/include", /* cross compilers' system headers */
		"/usr/lib/gcc*/*/*/include",
		"/usr/lib/gcc*/*/*/include-fixed",
		"/usr/lib64/gcc*/*/*/include",
		"/usr/local/lib/gcc*/*/*/include",
		"/usr/lib/llvm-*/include",
		"/usr/lib/llvm-*/lib/clang/*/include",
		"/usr/lib*/clang/*/include",
		"/usr/src",
	};
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		int r = add_matches(roots, patterns[i], "", add_fixed, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the user named is taken as named, and must be there. */
static int add_named(struct source_roots *roots, const char *path, struct error *err)
{
	scoped(string_free) char *resolved = realpath(path, NULL);
	if (!resolved)
		return error_errno(err, -errno, "source root %s", ESCAPED(path));
	if (!is_folder(resolved))
		return error_set(err, -ENOTDIR, "source root %s: not a folder", ESCAPED(path));
	return keep(roots, take(resolved), err);
}

int source_roots_new(const char *const *extra, size_t n_extra, struct source_roots **ret,
		     struct error *err)
{
	int r;

	scoped(source_roots_freep) struct source_roots *roots = calloc(1, sizeof(*roots));
	if (!roots)
		return error_no_memory(err);
	roots->paths = calloc(1, sizeof(*roots->paths));
	if (!roots->paths)
		return error_no_memory(err);
	roots->kind = ROOT_PROJECT;
	for (size_t i = 0; i < n_extra; i++) {
		r = add_named(roots, extra[i], err);
		if (r < 0)
			return r;
	}
	r = add_project(roots, err);
	if (r == 0)
		r = add_workspace(roots, err);
	roots->kind = 0;
	if (r == 0)
		r = add_go(roots, err);
	roots->kind = ROOT_GO_MODULES;
	if (r == 0)
		r = add_module_cache(roots, err);
	roots->kind = 0;
	if (r == 0)
		r = add_rust(roots, err);
	if (r == 0)
		r = add_system(roots, err);
	if (r < 0)
		return r;
	*ret = take(roots);
	return 0;
}

int source_roots_map(struct source_roots *roots, const char *mapping, struct error *err)
{
	int r = source_map_add(&roots->map, mapping, err);
	if (r < 0)
		return r;
	char *path = strdup(roots->map.mappings[roots->map.n - 1].to);
	if (!path)
		return error_no_memory(err);
	roots->kind = ROOT_PROJECT;
	return keep(roots, path, err);
}

const struct source_map *source_roots_mapped(const struct source_roots *roots)
{
	return &roots->map;
}
