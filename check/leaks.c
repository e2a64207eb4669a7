/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "check/leaks.h"

const char *leak_kind_name(enum leak_kind kind)
{
	static const char *const names[] = { "home", "module cache", "Go root", "build folder" };
	return names[kind];
}

static bool is_path_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
	       (c && strchr("/._+-@~%!=,#$", c));
}

static bool begins(const char *path, size_t size, const char *start)
{
	size_t n = strlen(start);
	return size > n && !memcmp(path, start, n);
}

/* Is @part in it, with something before and behind? */
static bool has(const char *path, size_t size, const char *part)
{
	const char *at = memmem(path, size, part, strlen(part));
	return at && at > path && at + strlen(part) < path + size;
}

/* Names that manuals use. */
static bool is_example(const char *name, size_t size)
{
	static const char *const names[] = { "user", "username", "you", "me", "foo", "name" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == size && !memcmp(names[i], name, size))
			return true;
	return false;
}

static bool is_in_home(const char *path, size_t size)
{
	/* "/home/NAME/…": what follows is a path of a person's, and not a route of a web server. */
	if (begins(path, size, "/root/"))
		return true;
	if (!begins(path, size, "/home/") && !begins(path, size, "/Users/"))
		return false;
	size_t name = path[1] == 'h' ? 6 : 7;
	const char *slash = memchr(path + name, '/', size - name);
	return slash && slash > path + name && slash + 1 < path + size &&
	       !is_example(path + name, (size_t)(slash - path) - name);
}

static bool is_source(const char *path, size_t size)
{
	static const char *const ends[] = { ".go", ".c", ".cc", ".cpp", ".cxx", ".h",
					    ".s",  ".S", ".rs", ".hpp", ".asm", ".f90" };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t n = strlen(ends[i]);
		if (size > n && !memcmp(path + size - n, ends[i], n))
			return true;
	}
	return false;
}

/* Folders that are the same on all systems of a kind, and paths that stand for others
 * (rustc's /rustc/HASH, Go's /_/GOROOT). */
static bool is_common(const char *path, size_t size)
{
	static const char *const starts[] = { "/usr/include/", "/usr/lib/",
					      "/usr/lib64/",   "/usr/share/",
					      "/rustc/",       "/lib/",
					      "/_/",           "/etc/",
					      "/proc/",        "/dev/",
					      "/sys/",         "/nix/store/",
					      "/usr/bin/",     "/usr/local/include/" };
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (begins(path, size, starts[i]))
			return true;
	return false;
}

/* What a path is; N_LEAK_KINDS: nothing of the build machine. */
static enum leak_kind classify(const struct leaks *leaks, enum leak_place place, const char *path,
			       size_t size, bool whole)
{
	if (has(path, size, "/pkg/mod/") || has(path, size, "/registry/src/"))
		return LEAK_MODULES;
	size_t root = strlen(leaks->go_root);
	if (root && size > root && path[root] == '/' && !memcmp(path, leaks->go_root, root))
		return LEAK_GO_ROOT;
	if (is_in_home(path, size))
		return LEAK_HOME;
	if (is_common(path, size) || !memchr(path + 1, '/', size - 1))
		return N_LEAK_KINDS;
	return is_source(path, size) || (place == LEAK_DEBUG && whole) ? LEAK_BUILD : N_LEAK_KINDS;
}

static void count(struct leaks *leaks, enum leak_place place, const char *path, size_t size,
		  bool whole)
{
	enum leak_kind kind = classify(leaks, place, path, size, whole);
	if (kind == N_LEAK_KINDS)
		return;
	leaks->counts[place][kind].n++;
	leaks->counts[place][kind].bytes += size;
	bool home = is_in_home(path, size) && place != LEAK_DEBUG;
	if (!leaks->example[0] || place < leaks->example_place ||
	    (home && !leaks->home_is_loaded)) {
		size = min_u64(size, sizeof(leaks->example) - 1);
		memcpy(leaks->example, path, size);
		leaks->example[size] = 0;
		leaks->example_place = place;
	}
	leaks->home_is_loaded |= home;
}

/* Does one begin at this slash, or is it the middle of one? */
static bool begins_path(const char *text, const char *slash)
{
	if (slash == text || !is_path_char(slash[-1]) || slash[-1] == '=')
		return true;
	/* "-I/home/…": flags of cgo */
	return slash - text >= 2 && slash[-2] == '-' && strchr("ILB", slash[-1]);
}

void leaks_add(struct leaks *leaks, enum leak_place place, const struct text *text)
{
	const char *end = text->bytes + text->size;
	for (const char *at = text->bytes; (at = memchr(at, '/', (size_t)(end - at)));) {
		bool starts = begins_path(text->bytes, at);
		const char *from = at;
		while (at < end && is_path_char(*at))
			at++;
		size_t size = (size_t)(at - from);
		if (starts && size > 5 && from[1] != '/')
			count(leaks, place, from, size, at == end && text->whole);
		if (at == end)
			return;
	}
}

void leaks_find_go_root(struct leaks *leaks, const uint8_t *functions, uint64_t size)
{
	static const char file[] = "/src/runtime/proc.go";
	const uint8_t *found = memmem(functions, (size_t)size, file, sizeof(file));
	const uint8_t *start = found;
	while (start && start > functions && start[-1] &&
	       (size_t)(found - start) < sizeof(leaks->go_root) - 1)
		start--;
	if (!found || start == found || *start != '/')
		return; /* -trimpath leaves "runtime/proc.go" */
	memcpy(leaks->go_root, start, (size_t)(found - start));
	leaks->go_root[found - start] = 0;
}
