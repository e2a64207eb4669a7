/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/walk.h"
#include "check/targets.h"
#include "elf/file_kind.h"

void targets_free(struct targets *targets)
{
	for (size_t i = 0; i < targets->n; i++) {
		free(targets->items[i].path);
		free(targets->items[i].trouble);
	}
	free(targets->items);
	*targets = (struct targets){ 0 };
}

struct search {
	struct targets targets;
	size_t n_allocated;
	bool no_memory;
};

/* @trouble may be NULL. */
static int add(struct search *s, struct target target, const char *path, const char *trouble,
	       struct error *err)
{
	if (s->targets.n == s->n_allocated) {
		size_t n = s->n_allocated ? 2 * s->n_allocated : 64;
		struct target *grown = reallocarray(s->targets.items, n, sizeof(*grown));
		if (!grown)
			return error_no_memory(err);
		s->targets.items = grown;
		s->n_allocated = n;
	}
	target.path = strdup(path);
	target.trouble = trouble ? strdup(trouble) : NULL;
	if (!target.path || (trouble && !target.trouble)) {
		free(target.path);
		free(target.trouble);
		return error_no_memory(err);
	}
	s->targets.items[s->targets.n++] = target;
	return 0;
}

static int add_trouble(struct search *s, const char *path, int r, struct error *err)
{
	struct error trouble = ERROR_NONE;
	error_errno(&trouble, r, "cannot be read");
	return add(s, (struct target){ 0 }, path, trouble.message, err);
}

static int add_file(struct search *s, const char *path, const struct stat *st, bool named,
		    const char *skipped, struct error *err)
{
	const struct target target = { .dev = st->st_dev,
				       .ino = st->st_ino,
				       .size_bytes = (uint64_t)st->st_size,
				       .named = named,
				       .skipped = skipped };
	return add(s, target, path, NULL, err);
}

static int visit_file(const struct walk_file *file, void *context, struct error *err)
{
	struct search *s = context;
	enum file_kind kind;
	int r = file_kind_read(file->dir_fd, file->name, &kind);
	if (r < 0)
		return add_trouble(s, file->path, r, err);
	static const char *const skipped[] = {
		[FILE_KIND_OBJECT] = "an object file",
		[FILE_KIND_CORE] = "a core file",
		[FILE_KIND_ARCHIVE] = "an archive",
		[FILE_KIND_PACKED_MODULE] = "a compressed kernel module",
	};
	if (kind == FILE_KIND_OTHER)
		return 0;
	return add_file(s, file->path, file->st, false, skipped[kind], err);
}

static bool is_store(const char *path)
{
	scoped(string_free) char *format = NULL, *objects = NULL;
	if (string_format(&format, NULL, "%s/FORMAT", path) < 0 ||
	    string_format(&objects, NULL, "%s/objects", path) < 0)
		return false;
	return access(format, F_OK) == 0 && access(objects, F_OK) == 0;
}

static bool skip_folder(const char *path, const struct stat *st, void *context)
{
	(void)st;
	(void)context;
	return !strcmp(path, "usr/lib/debug") || path_ends_with(path, "/usr/lib/debug") ||
	       is_store(path);
}

static void note_trouble(const char *path, const struct error *trouble, void *context)
{
	struct search *s = context;
	s->no_memory |= add(s, (struct target){ 0 }, path, trouble->message, NULL) < 0;
}

static int find_path(struct search *s, const char *path, struct error *err)
{
	struct stat st;
	struct error trouble = ERROR_NONE;
	if (stat(path, &st) < 0)
		return add_trouble(s, path, -errno, err);
	if (S_ISREG(st.st_mode))
		return add_file(s, path, &st, true, NULL, err);
	if (!S_ISDIR(st.st_mode))
		return add(s, (struct target){ 0 }, path, "not a regular file", err);
	const struct walk_options options = { .skip_folder = skip_folder,
					      .file = visit_file,
					      .trouble = note_trouble,
					      .context = s };
	int r = walk(path, &options, &trouble);
	if (r == -ENOMEM || s->no_memory)
		return error_no_memory(err);
	return r < 0 ? add(s, (struct target){ 0 }, path, trouble.message, err) : 0;
}

/* ---- each file once ---- */

static int compare_files(const void *a, const void *b)
{
	const struct target *const *left = a, *const *right = b;
	const struct target *x = *left, *y = *right;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x < y ? -1 : x > y; /* in the order they were met */
}

static int drop_duplicates(struct targets *targets, struct error *err)
{
	struct target **order = calloc(targets->n + 1, sizeof(*order));
	if (!order)
		return error_no_memory(err);
	size_t n = 0;
	for (size_t i = 0; i < targets->n; i++)
		if (!targets->items[i].trouble)
			order[n++] = &targets->items[i];
	qsort(order, n, sizeof(*order), compare_files);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (order[i]->dev != order[first]->dev || order[i]->ino != order[first]->ino) {
			first = i;
		} else {
			free(order[i]->path);
			order[i]->path = NULL;
		}
	}
	free(order);
	n = 0;
	for (size_t i = 0; i < targets->n; i++)
		if (targets->items[i].path)
			targets->items[n++] = targets->items[i];
	targets->n = n;
	return 0;
}

int targets_find(const char *const *paths, size_t n_paths, struct targets *ret, struct error *err)
{
	int r = 0;

	struct search s = { 0 };
	for (size_t i = 0; r == 0 && i < n_paths; i++)
		r = find_path(&s, paths[i], err);
	if (r == 0)
		r = drop_duplicates(&s.targets, err);
	if (r < 0) {
		targets_free(&s.targets);
		return r;
	}
	for (size_t i = 0; i < s.targets.n; i++)
		s.targets.size_bytes += s.targets.items[i].size_bytes;
	*ret = s.targets;
	return 0;
}

int target_open(const struct target *target, int *ret_fd, struct error *err)
{
	/* O_NONBLOCK: it may have become a FIFO since. */
	scoped(fd_close) int fd = -1;
	int r = file_open_at(AT_FDCWD, target->path,
			     O_RDONLY | O_NONBLOCK | (target->named ? 0 : O_NOFOLLOW), 0, &fd, err);
	if (r < 0)
		return r;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, -errno, "cannot be read");
	if (st.st_dev != target->dev || st.st_ino != target->ino)
		return error_set(err, -EBUSY, "another file is there now");
	*ret_fd = fd_take(&fd);
	return 0;
}
