/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/tmpfile.h"
#include "split/inputs.h"
#include "split/judge.h"
#include "split/replace.h"

/* Where the stripped file goes: in the input's place, or to another name (-o). */
struct output {
	int dir_fd;
	char *name; /* in that folder; owned */
	struct tmpfile file;
	bool in_place;
};

#define OUTPUT_NONE ((struct output){ .dir_fd = -1, .file = { .fd = -1, .dir_fd = -1 } })

/* Where -o points to. */
struct output_place {
	int dir_fd;
	char *name; /* in that folder */
	bool is_there;
	dev_t dev; /* of the file there */
	ino_t ino;
};

/**
 * A link is followed to the file it names, and nothing but a regular file may be there. Folder and
 * name are the caller's: close(), free().
 */
must_check int output_find(const char *path, struct output_place *ret, struct error *err);

/** Take what is needed to write: fails early, and changes nothing. @path of -o, or NULL. */
must_check int output_open(const struct input *input, const char *path, struct output *ret,
			   struct error *err);
/** Removes what was not published. */
void output_close(struct output *output);

/** Write all of an image, to be published later, with the attributes of the input. */
must_check int output_write(struct output *output, const struct stripped *stripped,
			    const struct image *image, const struct judge_options *judge,
			    int input_fd, const struct stat *input_stat, bool times,
			    replace_warning warn, void *context, struct error *err);

/** Content of another kind, and how it is checked once it is written. */
struct output_content {
	int (*write)(const struct sink *sink, void *context, struct error *err);
	int (*judge)(const uint8_t *bytes, uint64_t size, void *context, struct error *err);
	void *context;
};

/** As output_write(), of any content. */
must_check int output_write_content(struct output *output, const struct output_content *content,
				    int input_fd, const struct stat *input_stat, bool times,
				    replace_warning warn, void *context, struct error *err);

/** The same of an input that stays as it is (-o alone). */
must_check int output_copy(struct output *output, const uint8_t *bytes, uint64_t size,
			   const struct stat *input_stat, bool times, struct error *err);

/** Give the file its name, or names; durable when this returns 0. */
must_check int output_publish(struct output *output, const struct input *input,
			      const struct stat *input_stat, struct error *err);
