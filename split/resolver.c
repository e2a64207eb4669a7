/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "split/resolver.h"

#define LINKS_LIMIT 40 /* of one name, as Linux has it */
#define OPEN_FOLDERS 128 /* descriptors kept; the first opened is the first closed */
#define PLACES_LIMIT 100000 /* what is known is forgotten when there is more of it */

enum place_kind { PLACE_FOLDER, PLACE_LINK, PLACE_NOTHING, PLACE_CLOSED };

/* What lies at a path without links, as it was when it was met first. */
struct place {
	struct place *parent; /* NULL: "/" */
	enum place_kind kind;
	int fd; /* of a folder: O_PATH; -1: closed for now */
	bool inside; /* below a root, or a root */
	bool unwanted; /* inside, and is or is below something called .git or the like */
	char *target; /* of a link */
	const char *path;
	const char *name; /* last part of it */
	char text[];
};

struct resolver {
	const char *const *roots;
	void *places; /* tsearch(3) tree, by path */
	size_t n_places;
	struct place *top;
	struct place *open[OPEN_FOLDERS]; /* a ring, or NULL */
	size_t next_open;
	/* The last name's folder, and where it led: names come sorted. */
	char *last_folder;
	struct place *last_place;
	char *buffer;
	size_t buffer_size;
};

/* ---- places ---- */

static int place_order(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

static void place_free(void *memory)
{
	struct place *p = memory;
	fd_close(&p->fd);
	free(p->target);
	free(p);
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncasecmp(name, prefix, strlen(prefix));
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), n_suffix = strlen(suffix);
	return n >= n_suffix && !strcasecmp(name + n - n_suffix, suffix);
}

/* Names under which secrets and histories lie. */
static bool is_unwanted(const char *name)
{
	return !strcasecmp(name, ".git") || has_prefix(name, ".env") || has_suffix(name, ".pem") ||
	       has_suffix(name, ".key");
}

static bool is_root(const struct resolver *rs, const char *path)
{
	for (const char *const *root = rs->roots; *root; root++)
		if (!strcmp(*root, path))
			return true;
	return false;
}

static int place_new(struct resolver *rs, struct place *parent, const char *path,
		     struct place **ret, struct error *err)
{
	size_t size = strlen(path) + 1;
	struct place *p = calloc(1, sizeof(*p) + size);
	if (!p)
		return error_no_memory(err);
	p->path = memcpy(p->text, path, size);
	p->name = strrchr(p->path, '/') + 1;
	p->parent = parent;
	p->fd = -1;
	/* A root begins anew: what it is called itself was decided by whoever named it. */
	bool root = is_root(rs, path);
	p->inside = root || (parent && parent->inside);
	p->unwanted = !root && p->inside && (parent->unwanted || is_unwanted(p->name));
	if (!tsearch(p, &rs->places, place_order)) {
		place_free(p);
		return error_no_memory(err);
	}
	rs->n_places++;
	*ret = p;
	return 0;
}

static void forget(struct resolver *rs)
{
	tdestroy(rs->places, place_free);
	rs->places = NULL;
	rs->n_places = 0;
	memset(rs->open, 0, sizeof(rs->open));
	rs->top = rs->last_place = NULL;
	free(take(rs->last_folder));
}

/* The oldest descriptor goes: so none is used across this call. */
static void keep_open(struct resolver *rs, struct place *p, int fd)
{
	struct place **slot = &rs->open[rs->next_open++ % OPEN_FOLDERS];
	if (*slot) {
		fd_close(&(*slot)->fd);
		(*slot)->fd = -1;
	}
	*slot = p;
	p->fd = fd;
}

/* Our own want of descriptors or memory, which says nothing about the place. */
static bool is_our_trouble(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* The folder's descriptor, or -1 and errno: it is gone, or something else by now. */
static int place_fd(struct resolver *rs, struct place *p)
{
	if (p->fd >= 0)
		return p->fd;
	int fd = AT_FDCWD;
	if (p->parent) {
		fd = place_fd(rs, p->parent);
		if (fd < 0)
			return -1;
	}
	fd = openat(fd, p->parent ? p->name : "/", O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		keep_open(rs, p, fd);
	return fd;
}

static int look_failed(struct place *p, int error, struct error *err)
{
	if (is_our_trouble(error))
		return error_errno(err, -error, "looking for sources");
	p->kind = error == ENOENT || error == ENOTDIR ? PLACE_NOTHING : PLACE_CLOSED;
	return 0;
}

/* Find out what a new place is. */
static int look(struct resolver *rs, struct place *p, struct error *err)
{
	int parent = place_fd(rs, p->parent);
	if (parent < 0)
		return look_failed(p, errno, err);
	scoped(fd_close) int fd = openat(parent, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return look_failed(p, errno, err);
	if (S_ISDIR(st.st_mode)) {
		p->kind = PLACE_FOLDER;
		keep_open(rs, p, fd_take(&fd));
		return 0;
	}
	if (!S_ISLNK(st.st_mode)) {
		p->kind = PLACE_NOTHING; /* a file is not there as a folder */
		return 0;
	}
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	if (n <= 0 || n == sizeof(target)) {
		p->kind = PLACE_CLOSED;
		return 0;
	}
	p->kind = PLACE_LINK;
	p->target = strndup(target, (size_t)n);
	return p->target ? 0 : error_no_memory(err);
}

static bool join(const char *folder, const char *name, size_t name_size, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%.*s", folder[1] ? folder : "", (int)name_size, name);
	return n < PATH_MAX;
}

/* What lies in @folder under @name; NULL: its path is too long for the system. */
static int place_below(struct resolver *rs, struct place *folder, const char *name,
		       size_t name_size, struct place **ret, struct error *err)
{
	int r;

	char path[PATH_MAX];
	if (name_size > NAME_MAX || !join(folder->path, name, name_size, path)) {
		*ret = NULL;
		return 0;
	}
	const struct place key = { .path = path };
	struct place **there = tfind(&key, &rs->places, place_order);
	if (there) {
		*ret = *there;
		return 0;
	}
	struct place *p;
	r = place_new(rs, folder, path, &p, err);
	if (r < 0)
		return r;
	r = look(rs, p, err);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}

/* ---- walking ---- */

/* Where a walk stands: in a folder, or it has ended for a reason. */
struct walker {
	struct place *at;
	unsigned n_links;
	enum reached end; /* REACHED: goes on */
	const char *why;
};

/* Always 0, for a caller's return. */
static int stop(struct walker *w, enum reached end, const char *why)
{
	/* What is missing or closed outside the roots is no concern of theirs. */
	w->end = w->at->inside ? end : REACHED_OUTSIDE;
	w->why = why;
	return 0;
}

static int walk_into(struct resolver *rs, struct walker *w, const char *path, size_t size,
		     struct error *err);

/* May one more link be followed? */
static bool count_link(struct walker *w)
{
	if (w->n_links++ < LINKS_LIMIT)
		return true;
	(void)stop(w, REACHED_LEFT_OUT, "too many links");
	return false;
}

static int step(struct resolver *rs, struct walker *w, const char *name, size_t size,
		struct error *err)
{
	int r;

	if (size == 0 || (size == 1 && name[0] == '.'))
		return 0;
	if (size == 2 && name[0] == '.' && name[1] == '.') {
		if (w->at->parent)
			w->at = w->at->parent;
		return 0;
	}
	struct place *p;
	r = place_below(rs, w->at, name, size, &p, err);
	if (r < 0)
		return r;
	if (!p)
		return stop(w, REACHED_NOTHING, NULL);
	switch (p->kind) {
	case PLACE_FOLDER:
		w->at = p;
		return 0;
	case PLACE_LINK:
		return count_link(w) ? walk_into(rs, w, p->target, strlen(p->target), err) : 0;
	case PLACE_NOTHING:
		return stop(w, REACHED_NOTHING, NULL);
	case PLACE_CLOSED:
		break;
	}
	return stop(w, REACHED_LEFT_OUT, "a folder on the way is closed");
}

/* Walk the first @size bytes of @path, all of them folders. Recurses through links, LINKS_LIMIT
 * deep. */
static int walk_into(struct resolver *rs, struct walker *w, const char *path, size_t size,
		     struct error *err)
{
	if (size && *path == '/')
		w->at = rs->top;
	for (const char *at = path, *end = path + size; at < end && w->end == REACHED;) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *behind = slash ? slash : end;
		int r = step(rs, w, at, (size_t)(behind - at), err);
		if (r < 0)
			return r;
		at = behind + 1;
	}
	return 0;
}

/* The folder of a name that DWARF gives, by way of the last one's. */
static int walk_to_folder(struct resolver *rs, struct walker *w, const char *path, size_t size,
			  struct error *err)
{
	if (rs->last_folder && strlen(rs->last_folder) == size &&
	    !memcmp(rs->last_folder, path, size)) {
		w->at = rs->last_place;
		return 0;
	}
	int r = walk_into(rs, w, path, size, err);
	if (r < 0 || w->end != REACHED || w->n_links)
		return r; /* behind links: not kept, for they count in the name's last part, too */
	char *folder = strndup(path, size);
	if (!folder)
		return error_no_memory(err);
	free(rs->last_folder);
	rs->last_folder = folder;
	rs->last_place = w->at;
	return 0;
}

/* ---- the file ---- */

/* The whole of a file into the resolver's buffer. */
static int read_all(struct resolver *rs, int fd, size_t size, bool *ret_whole, struct error *err)
{
	if (size > rs->buffer_size || !rs->buffer) {
		size_t larger = (size_t)max_u64(align_up(size, 1 << 16), 1 << 18);
		char *buffer = malloc(larger); /* nothing in the old one is needed */
		if (!buffer)
			return error_no_memory(err);
		free(rs->buffer);
		rs->buffer = buffer;
		rs->buffer_size = larger;
	}
	*ret_whole = true;
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, rs->buffer + at, size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			*ret_whole = false;
			return 0;
		}
		at += (size_t)n;
	}
	return 0;
}

static const char *why_not_taken(const struct stat *st, size_t limit)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (!(st->st_mode & S_IRGRP) || !(st->st_mode & S_IROTH))
		return "not readable by group and others";
	if ((uint64_t)st->st_size > limit)
		return "too large";
	return NULL;
}

/*
 * Read the file @name in the folder that the walk stands in: no link, inside, wanted. @seen is what
 * it was a moment ago: a device or a FIFO is not opened, for that alone may do something; and
 * should one have taken the file's place meanwhile, O_NONBLOCK keeps it from holding us, and the
 * second look from being read.
 */
static int read_file(struct resolver *rs, struct walker *w, int folder, const char *name,
		     const struct stat *seen, size_t limit, struct reached_file *ret,
		     struct error *err)
{
	const char *why = why_not_taken(seen, limit);
	if (why)
		return stop(w, REACHED_LEFT_OUT, why);
	scoped(fd_close) int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (is_our_trouble(errno))
			return error_errno(err, -errno, "reading sources");
		return errno == ENOENT ? stop(w, REACHED_NOTHING, NULL)
				       : stop(w, REACHED_LEFT_OUT, "cannot be opened");
	}
	why = why_not_taken(&st, limit);
	if (why)
		return stop(w, REACHED_LEFT_OUT, why);

	bool whole = false;
	int r = read_all(rs, fd, (size_t)st.st_size, &whole, err);
	if (r < 0)
		return r;
	if (!whole)
		return stop(w, REACHED_LEFT_OUT, "cannot be read to its end");
	ret->bytes = rs->buffer;
	ret->size = (size_t)st.st_size;
	ret->mtime = st.st_mtime;
	return 0;
}

/* The last part of the way: @name in the folder that the walk stands in, or where it links to. */
static int walk_to_file(struct resolver *rs, struct walker *w, const char *path, size_t limit,
			struct reached_file *ret, struct error *err)
{
	int r;

	const char *own_name = strrchr(path, '/') + 1;
	char target[PATH_MAX];
	for (const char *rest = path;;) {
		const char *slash = strrchr(rest, '/');
		const char *name = slash ? slash + 1 : rest;
		if (rest == path)
			r = walk_to_folder(rs, w, rest, (size_t)(name - rest), err);
		else
			r = walk_into(rs, w, rest, (size_t)(name - rest), err);
		if (r < 0 || w->end != REACHED)
			return r;
		if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
			return stop(w, REACHED_LEFT_OUT, "not a regular file");

		int folder = place_fd(rs, w->at);
		struct stat st;
		if (folder < 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return is_our_trouble(errno)
				       ? error_errno(err, -errno, "looking for sources")
				       : stop(w, REACHED_NOTHING, NULL);
		if (S_ISLNK(st.st_mode)) {
			char next[PATH_MAX];
			ssize_t n = readlinkat(folder, name, next, sizeof(next));
			if (n <= 0 || n == sizeof(next))
				return stop(w, REACHED_LEFT_OUT, "a link that cannot be read");
			if (!count_link(w))
				return 0;
			memcpy(target, next, (size_t)n);
			target[n] = 0;
			rest = target;
			continue;
		}
		/* Outside, nothing is said about what is there. */
		if (!w->at->inside)
			return stop(w, REACHED_OUTSIDE, NULL);
		if (w->at->unwanted || is_unwanted(name) || is_unwanted(own_name))
			return stop(w, REACHED_LEFT_OUT, "a name that secrets go by");
		return read_file(rs, w, folder, name, &st, limit, ret, err);
	}
}

int resolver_read(struct resolver *rs, const char *path, size_t limit, enum reached *ret_reached,
		  struct reached_file *ret, struct error *err)
{
	int r;

	if (*path != '/') {
		*ret_reached = REACHED_OUTSIDE;
		return 0;
	}
	if (rs->n_places > PLACES_LIMIT)
		forget(rs);
	if (!rs->top) {
		r = place_new(rs, NULL, "/", &rs->top, err);
		if (r < 0)
			return r;
	}

	struct walker w = { .at = rs->top, .end = REACHED };
	struct reached_file file = { 0 };
	r = walk_to_file(rs, &w, path, limit, &file, err);
	if (r < 0)
		return r;
	file.why = w.why;
	*ret_reached = w.end;
	*ret = file;
	return 0;
}

int resolver_new(const char *const *roots, struct resolver **ret, struct error *err)
{
	struct resolver *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return error_no_memory(err);
	rs->roots = roots;
	*ret = rs;
	return 0;
}

void resolver_free(struct resolver *rs)
{
	if (!rs)
		return;
	forget(rs);
	free(rs->buffer);
	free(rs);
}
