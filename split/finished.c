/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mapping.h"
#include "split/finished.h"

#define ARTIFACTS "artifacts.json"
#define LIST_LIMIT (16u << 20) /* bytes */

struct listed {
	dev_t dev;
	ino_t ino;
	char *list; /* owned; NULL: none speaks of it */
};

struct finished {
	struct listed *files; /* of the inputs, sorted */
	size_t n;
};

void finished_free(struct finished *finished)
{
	if (!finished)
		return;
	for (size_t i = 0; i < finished->n; i++)
		free(finished->files[i].list);
	free(finished->files);
	free(finished);
}

static int compare_files(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static struct listed *find_file(const struct finished *finished, dev_t dev, ino_t ino)
{
	const struct listed key = { .dev = dev, .ino = ino };
	return finished->n ? bsearch(&key, finished->files, finished->n, sizeof(key), compare_files)
			   : NULL;
}

const char *finished_list_of(const struct finished *finished, const struct input *input)
{
	const struct listed *file =
		finished ? find_file(finished, input->dev, input->ino) : NULL;
	return file ? file->list : NULL;
}

/* ---- a list ---- */

/* The folder that a list lies in. */
struct folder {
	const char *path;
	int fd;
};

static int set_list(struct listed *file, const struct folder *folder, const char *list,
		    struct error *err)
{
	return file->list ? 0 : string_format(&file->list, err, "%s/%s", folder->path, list);
}

/* An input that is called @name, seen from the folder; NULL: none is. */
static struct listed *named(struct finished *finished, const struct folder *folder,
			    const char *name)
{
	struct stat st;
	if (!*name || fstatat(folder->fd, name, &st, 0) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	return find_file(finished, st.st_dev, st.st_ino);
}

bool checksum_line_read(char *line, const char **ret_digits, const char **ret_name)
{
	char *digits = line, *name, *open = strstr(line, " ("), *close = strstr(line, ") = ");
	if (open && close && open < close) {
		*close = 0;
		name = open + 2;
		digits = close + 4;
	} else {
		name = line + strspn(line, "0123456789abcdefABCDEF");
		if (*name != ' ' && *name != '\t')
			return false;
		*name++ = 0;
		name += *name == ' ' || *name == '*';
	}
	size_t n = strspn(digits, "0123456789abcdefABCDEF");
	if (n < 40 || digits[n] || !*name)
		return false;
	*ret_digits = digits;
	*ret_name = name;
	return true;
}

/* One that does not match is not of this file. Others than SHA-256 are believed. */
static bool matches(const struct folder *folder, const char *name, const char *digits)
{
	struct digest wanted;
	char lower[2 * DIGEST_SIZE + 1] = "";
	if (strlen(digits) != 2 * DIGEST_SIZE)
		return true;
	for (size_t i = 0; i < 2 * DIGEST_SIZE; i++)
		lower[i] = (char)tolower((unsigned char)digits[i]);
	scoped(fd_close) int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	scoped(mapping_closep) struct mapping *mapping = NULL;
	if (fd < 0 || mapping_open(fd, name, &mapping, NULL) < 0 ||
	    digest_parse(lower, 2 * DIGEST_SIZE, &wanted, NULL) < 0)
		return false;
	struct digest digest = digest_of(mapping_bytes(mapping), mapping_size(mapping));
	return digest_equal(&digest, &wanted);
}

static int read_checksums(struct finished *finished, const struct folder *folder, const char *list,
			  char *text, struct error *err)
{
	int r = 0;

	for (char *line; r == 0 && (line = strtok_r(text, "\r\n", &text));) {
		const char *digits, *name;
		if (!checksum_line_read(line, &digits, &name))
			continue;
		struct listed *file = named(finished, folder, name);
		if (file && !file->list && matches(folder, name, digits))
			r = set_list(file, folder, list, err);
	}
	return r;
}

/* Nothing is made of these: `goreleaser build` makes no more, and they may still be split. */
static bool is_built(const char *type)
{
	return !strcmp(type, "Binary") || !strcmp(type, "Metadata") || !strncmp(type, "C ", 2);
}

static const char *text_of(const json_t *artifact, const char *key)
{
	const char *text = json_string_value(json_object_get(artifact, key));
	return text ? text : "";
}

/* Paths in it are relative to the project, in which dist/ lies. */
static int read_artifacts(struct finished *finished, const struct folder *folder, const char *text,
			  size_t size, struct error *err)
{
	int r = 0;

	scoped(json_scoped_decref) json_t *artifacts = NULL;
	if (json_parse(text, size, &artifacts, NULL) < 0)
		return 0;
	bool more = false;
	size_t i;
	json_t *artifact;
	json_array_foreach(artifacts, i, artifact)
		more |= !is_built(text_of(artifact, "type"));
	json_array_foreach(artifacts, i, artifact)
	{
		const char *path = text_of(artifact, "path");
		scoped(string_free) char *outer = NULL;
		struct listed *file = more ? named(finished, folder, path) : NULL;
		if (more && !file && *path != '/') {
			r = string_format(&outer, err, "../%s", path);
			if (r < 0)
				return r;
			file = named(finished, folder, outer);
		}
		if (file)
			r = set_list(file, folder, ARTIFACTS, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_checksum_file(const char *name)
{
	static const char *const words[] = { "checksum", "sha256", "sha512", "sha1sum", "md5sum" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (const char *at = name; *at; at++)
			if (!strncasecmp(at, words[i], strlen(words[i])))
				return true;
	return false;
}

static int read_list(struct finished *finished, const struct folder *folder, const char *name,
		     struct error *err)
{
	struct stat st;
	bool artifacts = !strcmp(name, ARTIFACTS);
	if ((!artifacts && !is_checksum_file(name)) ||
	    fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	scoped(string_free) char *text = NULL;
	size_t size;
	int r = file_read_at(folder->fd, name, LIST_LIMIT, &text, &size, NULL);
	if (r < 0)
		return r == -ENOMEM ? error_no_memory(err) : 0;
	return artifacts ? read_artifacts(finished, folder, text, size, err)
			 : read_checksums(finished, folder, name, text, err);
}

/* ---- all of them ---- */

static void close_folder(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int read_folder(struct finished *finished, const char *path, struct error *err)
{
	int r = 0;

	scoped(close_folder) DIR *dir = opendir(path);
	if (!dir)
		return 0;
	const struct folder folder = { path, dirfd(dir) };
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
		r = read_list(finished, &folder, entry->d_name, err);
	return r;
}

struct paths {
	char **items;
	size_t n;
};

static void paths_free(struct paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->items[i]);
	free(paths->items);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Where it lies, and the folder above. */
static int add_folders(struct paths *paths, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	scoped(string_free) char *folder = NULL;
	int r = slash ? string_format(&folder, err, "%.*s/", (int)(slash - path), path)
		      : string_format(&folder, err, ".");
	if (r < 0)
		return r;
	scoped(string_free) char *real = realpath(folder, NULL);
	if (!real)
		return errno == ENOMEM ? error_no_memory(err) : 0;
	paths->items[paths->n++] = take(real);
	const char *last = strrchr(paths->items[paths->n - 1], '/');
	size_t above = (size_t)(last - paths->items[paths->n - 1]);
	if (!above)
		return 0;
	paths->items[paths->n] = strndup(paths->items[paths->n - 1], above);
	if (!paths->items[paths->n])
		return error_no_memory(err);
	paths->n++;
	return 0;
}

static int find_folders(const struct inputs *inputs, struct paths *ret, struct error *err)
{
	int r = 0;

	size_t n_names = 0;
	for (size_t i = 0; i < inputs->n; i++)
		n_names += inputs->items[i].n_names;
	ret->items = calloc(n_names + 1, 2 * sizeof(*ret->items));
	if (!ret->items)
		return error_no_memory(err);
	for (size_t i = 0; i < inputs->n; i++)
		for (size_t k = 0; r == 0 && k < inputs->items[i].n_names; k++)
			r = add_folders(ret, inputs->items[i].names[k].path, err);
	if (r == 0)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_paths);
	return r;
}

int finished_find(const struct inputs *inputs, struct finished **ret, struct error *err)
{
	int r;

	scoped(finished_freep) struct finished *finished = calloc(1, sizeof(*finished));
	scoped(paths_free) struct paths folders = { 0 };
	if (!finished)
		return error_no_memory(err);
	finished->files = calloc(inputs->n + 1, sizeof(*finished->files));
	if (!finished->files)
		return error_no_memory(err);
	for (size_t i = 0; i < inputs->n; i++)
		finished->files[finished->n++] = (struct listed){ .dev = inputs->items[i].dev,
								  .ino = inputs->items[i].ino };
	qsort(finished->files, finished->n, sizeof(*finished->files), compare_files);
	r = find_folders(inputs, &folders, err);
	for (size_t i = 0; r == 0 && i < folders.n; i++)
		if (i == 0 || strcmp(folders.items[i], folders.items[i - 1]) != 0)
			r = read_folder(finished, folders.items[i], err);
	if (r < 0)
		return r;
	*ret = take(finished);
	return 0;
}
