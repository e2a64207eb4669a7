/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/walk.h"
#include "elf/file_kind.h"
#include "split/inputs.h"

static void name_free(struct input_name *name)
{
	free(name->path);
	free(name->relative);
	free(name->name);
}

void inputs_free(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->n; i++) {
		for (size_t k = 0; k < inputs->items[i].n_names; k++)
			name_free(&inputs->items[i].names[k]);
		free(inputs->items[i].names);
	}
	free(inputs->items);
	for (size_t i = 0; i < inputs->n_passed; i++) {
		free(inputs->passed[i].path);
		free(inputs->passed[i].why);
	}
	free(inputs->passed);
	*inputs = (struct inputs){ 0 };
}

/* ---- finding ---- */

struct search {
	struct inputs *inputs;
	const struct inputs_options *options;
	const char *root; /* the named folder that is walked */
	size_t n_items, n_passed; /* allocated */
};

static int pass_over(struct search *s, const char *path, bool failed, const char *why,
		     struct error *err)
{
	struct inputs *inputs = s->inputs;
	if (inputs->n_passed == s->n_passed) {
		size_t n = s->n_passed ? 2 * s->n_passed : 16;
		struct passed_over *grown = reallocarray(inputs->passed, n, sizeof(*grown));
		if (!grown)
			return error_no_memory(err);
		inputs->passed = grown;
		s->n_passed = n;
	}
	struct passed_over passed = { strdup(path), strdup(why), failed };
	if (!passed.path || !passed.why) {
		free(passed.path);
		free(passed.why);
		return error_no_memory(err);
	}
	inputs->passed[inputs->n_passed++] = passed;
	return 0;
}

static int add_input(struct search *s, const char *path, const char *relative, const char *last,
		     const struct stat *folder, const struct stat *st, struct error *err)
{
	struct inputs *inputs = s->inputs;
	if (inputs->n == s->n_items) {
		size_t n = s->n_items ? 2 * s->n_items : 64;
		struct input *grown = reallocarray(inputs->items, n, sizeof(*grown));
		if (!grown)
			return error_no_memory(err);
		inputs->items = grown;
		s->n_items = n;
	}
	struct input_name *name = calloc(1, sizeof(*name));
	if (!name)
		return error_no_memory(err);
	*name = (struct input_name){ .path = strdup(path),
				     .relative = strdup(relative),
				     .name = strdup(last),
				     .root = s->root,
				     .folder_dev = folder->st_dev,
				     .folder_ino = folder->st_ino };
	if (!name->path || !name->relative || !name->name) {
		name_free(name);
		free(name);
		return error_no_memory(err);
	}
	inputs->items[inputs->n++] = (struct input){ .names = name,
						     .n_names = 1,
						     .dev = st->st_dev,
						     .ino = st->st_ino,
						     .n_links = st->st_nlink,
						     .size_bytes = (uint64_t)st->st_size };
	inputs->size_bytes += (uint64_t)st->st_size;
	return 0;
}

static const char *why_passed_over(enum file_kind kind)
{
	switch (kind) {
	case FILE_KIND_OBJECT:
		return "an object file";
	case FILE_KIND_CORE:
		return "a core file";
	case FILE_KIND_ARCHIVE:
		return "an archive";
	case FILE_KIND_PACKED_MODULE:
		return "a compressed kernel module: --recompress splits it";
	default:
		return NULL;
	}
}

static int visit_file(const struct walk_file *file, void *context, struct error *err)
{
	struct search *s = context;
	struct stat folder;
	enum file_kind kind;
	int r = fstat(file->dir_fd, &folder) < 0 ? -errno
						 : file_kind_read(file->dir_fd, file->name, &kind);
	if (r < 0) {
		struct error trouble = ERROR_NONE;
		error_errno(&trouble, r, "cannot be read");
		return pass_over(s, file->path, true, trouble.message, err);
	}
	const char *why = why_passed_over(kind);
	if (why && !(kind == FILE_KIND_PACKED_MODULE && s->options->packed_modules))
		return pass_over(s, file->path, false, why, err);
	if (kind == FILE_KIND_OTHER)
		return 0;
	return add_input(s, file->path, file->relative, file->name, &folder, file->st, err);
}

static bool skip_folder(const char *path, const struct stat *st, void *context)
{
	const struct search *s = context;
	for (size_t i = 0; i < s->options->n_skipped; i++)
		if (st->st_dev == s->options->skipped[i].st_dev &&
		    st->st_ino == s->options->skipped[i].st_ino)
			return true;
	return !strcmp(path, "usr/lib/debug") || path_ends_with(path, "/usr/lib/debug");
}

static void note_trouble(const char *path, const struct error *trouble, void *context)
{
	struct search *s = context;
	/* No memory for the note: the walk will say so itself at its next file. */
	(void)!pass_over(s, path, true, trouble->message, NULL);
}

static int find_folder(struct search *s, const char *path, struct error *err)
{
	struct error trouble = ERROR_NONE;
	const struct walk_options options = { .skip_folder = skip_folder,
					      .file = visit_file,
					      .trouble = note_trouble,
					      .context = s };
	s->root = path;
	int r = walk(path, &options, &trouble);
	s->root = NULL;
	if (r == -ENOMEM)
		return error_no_memory(err);
	return r < 0 ? pass_over(s, path, true, trouble.message, err) : 0;
}

/* The folder of a path, and the last component. */
static int split_path(const char *path, char **ret_folder, char **ret_name, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	*ret_folder = !slash ? strdup(".") : length ? strndup(path, length) : strdup("/");
	*ret_name = strdup(slash ? slash + 1 : path);
	return *ret_folder && *ret_name ? 0 : error_no_memory(err);
}

/* A named file: the link that it may be is followed, and the target is what is split. */
static int find_file(struct search *s, const char *path, const struct stat *st, struct error *err)
{
	int r;

	scoped(string_free) char *real = realpath(path, NULL), *folder_path = NULL, *name = NULL;
	if (!real) {
		struct error trouble = ERROR_NONE;
		error_errno(&trouble, -errno, "cannot be reached");
		return pass_over(s, path, true, trouble.message, err);
	}
	r = split_path(real, &folder_path, &name, err);
	if (r < 0)
		return r;
	struct stat folder = { 0 };
	if (stat(folder_path, &folder) < 0) {
		struct error trouble = ERROR_NONE;
		error_errno(&trouble, -errno, "cannot be reached");
		return pass_over(s, path, true, trouble.message, err);
	}
	const char *slash = strrchr(path, '/');
	return add_input(s, path, slash ? slash + 1 : path, name, &folder, st, err);
}

static int find_path(struct search *s, const char *path, struct error *err)
{
	struct stat st;
	struct error trouble = ERROR_NONE;
	if (stat(path, &st) < 0) {
		error_errno(&trouble, -errno, "cannot be split");
		return pass_over(s, path, true, trouble.message, err);
	}
	if (S_ISDIR(st.st_mode) && s->options->no_folders)
		return pass_over(s, path, true, "is a folder", err);
	if (S_ISDIR(st.st_mode))
		return find_folder(s, path, err);
	if (!S_ISREG(st.st_mode))
		return pass_over(s, path, true, "not a regular file", err);
	return find_file(s, path, &st, err);
}

/* ---- one input for each inode ---- */

static int compare_items(const void *a, const void *b)
{
	const struct input *const *left = a, *const *right = b;
	const struct input *x = *left, *y = *right;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x < y ? -1 : x > y; /* in the order they were met */
}

static bool same_name(const struct input_name *a, const struct input_name *b)
{
	return a->folder_dev == b->folder_dev && a->folder_ino == b->folder_ino &&
	       !strcmp(a->name, b->name);
}

/* Move the one name of @from to @into, unless it is there already. */
static int merge(struct input *into, struct input *from, struct error *err)
{
	for (size_t k = 0; k < into->n_names; k++) {
		if (!same_name(&into->names[k], &from->names[0]))
			continue;
		name_free(&from->names[0]);
		from->n_names = 0;
		return 0;
	}
	struct input_name *names = reallocarray(into->names, into->n_names + 1, sizeof(*names));
	if (!names)
		return error_no_memory(err);
	into->names = names;
	names[into->n_names++] = from->names[0];
	from->n_names = 0;
	return 0;
}

static int join_names(struct inputs *inputs, struct error *err)
{
	int r = 0;

	const struct input **order = calloc(inputs->n + 1, sizeof(*order));
	if (!order)
		return error_no_memory(err);
	for (size_t i = 0; i < inputs->n; i++)
		order[i] = &inputs->items[i];
	qsort(order, inputs->n, sizeof(*order), compare_items);
	for (size_t i = 0, first = 0; r == 0 && i < inputs->n; i++) {
		struct input *leader = (struct input *)order[first];
		struct input *item = (struct input *)order[i];
		if (i == first)
			continue;
		if (item->dev != leader->dev || item->ino != leader->ino) {
			first = i;
			continue;
		}
		r = merge(leader, item, err);
		if (r == 0)
			inputs->size_bytes -= item->size_bytes;
	}
	free(order);

	size_t n = 0;
	for (size_t i = 0; i < inputs->n; i++) {
		if (inputs->items[i].n_names)
			inputs->items[n++] = inputs->items[i];
		else
			free(inputs->items[i].names);
	}
	inputs->n = n;
	return r;
}

int inputs_find(const char *const *paths, size_t n_paths, const struct inputs_options *options,
		struct inputs *ret, struct error *err)
{
	int r;

	scoped(inputs_free) struct inputs inputs = { 0 };
	struct search s = { .inputs = &inputs, .options = options };
	for (size_t i = 0; i < n_paths; i++) {
		r = find_path(&s, paths[i], err);
		if (r < 0)
			return r;
	}
	r = join_names(&inputs, err);
	if (r < 0)
		return r;
	*ret = inputs;
	inputs = (struct inputs){ 0 };
	return 0;
}

/* ---- opening ---- */

/* Enter the folders of a relative path one by one, so that no link leads elsewhere. */
static int enter_folders(int root_fd, const char *relative, int *ret_folder, char **ret_name,
			 struct error *err)
{
	int r;

	scoped(fd_close) int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, -errno, "%s", ESCAPED(relative));
	const char *at = relative;
	for (const char *slash; (slash = strchr(at, '/')); at = slash + 1) {
		if (slash == at)
			continue;
		scoped(string_free) char *component = strndup(at, (size_t)(slash - at));
		if (!component)
			return error_no_memory(err);
		int next = -1;
		r = file_open_at(fd, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &next, err);
		if (r < 0)
			return r;
		close(fd);
		fd = next;
	}
	*ret_name = strdup(at);
	if (!*ret_name)
		return error_no_memory(err);
	*ret_folder = fd_take(&fd);
	return 0;
}

int input_open_folder(const struct input *input, size_t name, int *ret_folder, char **ret_name,
		      struct error *err)
{
	int r;

	const struct input_name *which = &input->names[name];
	scoped(fd_close) int folder = -1;
	scoped(string_free) char *last = NULL;
	if (which->root) {
		scoped(fd_close) int root = -1;
		r = file_open_at(AT_FDCWD, which->root, O_RDONLY | O_DIRECTORY, 0, &root, err);
		if (r < 0)
			return r;
		r = enter_folders(root, which->relative, &folder, &last, err);
	} else {
		scoped(string_free) char *real = realpath(which->path, NULL), *path = NULL;
		if (!real)
			return error_errno(err, -errno, "cannot be reached");
		r = split_path(real, &path, &last, err);
		if (r == 0)
			r = file_open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder, err);
	}
	if (r < 0)
		return r;
	struct stat st;
	if (fstatat(folder, last, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, -errno, "is gone");
	if (st.st_dev != input->dev || st.st_ino != input->ino || !S_ISREG(st.st_mode))
		return error_set(err, -EBUSY, "another file is there now");
	*ret_folder = fd_take(&folder);
	*ret_name = take(last);
	return 0;
}
