/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapping.h"
#include "split/output.h"

void output_close(struct output *output)
{
	tmpfile_discard(&output->file);
	fd_close(&output->dir_fd);
	free(output->name);
	*output = OUTPUT_NONE;
}

int output_find(const char *path, struct output_place *ret, struct error *err)
{
	int r;

	struct output_place place = { .dir_fd = -1 };
	struct stat st;
	scoped(string_free) char *real = NULL;
	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return error_set(err, -EINVAL, "%s: not a regular file", ESCAPED(path));
		place.is_there = true;
		place.dev = st.st_dev;
		place.ino = st.st_ino;
		real = realpath(path, NULL);
	} else {
		real = strdup(path);
	}
	if (!real)
		return error_errno(err, -errno, "%s", ESCAPED(path));
	char *slash = strrchr(real, '/');
	scoped(string_free) char *name = strdup(slash ? slash + 1 : real);
	if (!name)
		return error_no_memory(err);
	if (slash)
		slash[slash == real] = 0; /* "/" keeps its slash */
	r = file_open_at(AT_FDCWD, slash ? real : ".", O_RDONLY | O_DIRECTORY, 0, &place.dir_fd,
			 err);
	if (r < 0)
		return r;
	place.name = take(name);
	*ret = place;
	return 0;
}

static int open_path(const struct input *input, const char *path, struct output *output,
		     struct error *err)
{
	struct output_place place;
	int r = output_find(path, &place, err);
	if (r < 0)
		return r;
	output->in_place = place.is_there && place.dev == input->dev && place.ino == input->ino;
	output->name = place.name;
	output->dir_fd = place.dir_fd;
	return 0;
}

int output_open(const struct input *input, const char *path, struct output *ret, struct error *err)
{
	int r;

	scoped(output_close) struct output output = OUTPUT_NONE;
	if (path) {
		r = open_path(input, path, &output, err);
	} else {
		output.in_place = true;
		r = input_open_folder(input, 0, &output.dir_fd, &output.name, err);
	}
	if (r < 0)
		return r;
	r = tmpfile_create(output.dir_fd, &output.file, err);
	if (r < 0)
		return error_prefix(err, r, "its folder");
	*ret = output;
	output = OUTPUT_NONE;
	return 0;
}

/* -o makes a file of the caller's own, with the input's permissions. */
static int own_attributes(struct output *output, const struct stat *input, bool times,
			  struct error *err)
{
	if (fchmod(output->file.fd, input->st_mode & 0777) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(output->name));
	struct timespec both[2] = { input->st_atim, input->st_mtim };
	if (times && futimens(output->file.fd, both) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(output->name));
	return 0;
}

static int judge(const struct output *output, const struct output_content *content,
		 struct error *err)
{
	int r;

	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = mapping_open(output->file.fd, "the written file", &mapping, err);
	if (r == 0)
		r = content->judge(mapping_bytes(mapping), mapping_size(mapping), content->context,
				   err);
	return r == 0 ? mapping_check(mapping, err) : r;
}

int output_write_content(struct output *output, const struct output_content *content, int input_fd,
			 const struct stat *input_stat, bool times, replace_warning warn,
			 void *context, struct error *err)
{
	int r;

	struct file_sink file = { .fd = output->file.fd, .what = output->name };
	const struct sink sink = file_sink(&file);
	r = content->write(&sink, content->context, err);
	if (r < 0)
		return r;
	r = judge(output, content, err); /* before its times are set: it reads the file */
	if (r == 0)
		r = output->in_place ? replace_attributes(input_fd, input_stat, output->file.fd,
							  times, warn, context, err)
				     : own_attributes(output, input_stat, times, err);
	return r == 0 ? file_sync(output->file.fd, output->name, err) : r;
}

/* A binary without what was taken. */
struct binary {
	const struct stripped *stripped;
	const struct image *image;
	const struct judge_options *options;
};

static int write_binary(const struct sink *sink, void *context, struct error *err)
{
	const struct binary *binary = context;
	return stripped_write(binary->stripped, sink, err);
}

static int judge_binary(const uint8_t *bytes, uint64_t size, void *context, struct error *err)
{
	const struct binary *binary = context;
	return judge_stripped(binary->image, bytes, size, binary->options, err);
}

int output_write(struct output *output, const struct stripped *stripped, const struct image *image,
		 const struct judge_options *options, int input_fd, const struct stat *input_stat,
		 bool times, replace_warning warn, void *context, struct error *err)
{
	struct binary binary = { stripped, image, options };
	const struct output_content content = { write_binary, judge_binary, &binary };
	return output_write_content(output, &content, input_fd, input_stat, times, warn, context,
				    err);
}

int output_copy(struct output *output, const uint8_t *bytes, uint64_t size,
		const struct stat *input_stat, bool times, struct error *err)
{
	int r;

	r = file_write(output->file.fd, bytes, size, output->name, err);
	return r == 0 ? own_attributes(output, input_stat, times, err) : r;
}

int output_publish(struct output *output, const struct input *input, const struct stat *input_stat,
		   struct error *err)
{
	int r;

	if (!output->in_place)
		return tmpfile_replace(&output->file, output->dir_fd, output->name, err);
	r = replace_name(&output->file, output->dir_fd, output->name, input_stat, err);
	for (size_t i = 0; r == 0 && input->n_names > 1 && i < input->n_names; i++) {
		scoped(fd_close) int folder = -1;
		scoped(string_free) char *name = NULL;
		r = input_open_folder(input, i, &folder, &name, err);
		if (r == 0)
			r = replace_link(output->dir_fd, output->name, folder, name, input_stat,
					 err);
		else if (r == -EBUSY)
			r = 0; /* the name that was just replaced, or that somebody else gave away
				*/
	}
	return r;
}
