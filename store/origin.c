/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* The members that are plain strings, in the order in which they are written. */
static const struct {
	const char *key;
	size_t at;
} strings[] = {
	{ "path", offsetof(struct origin, path) },
	{ "package", offsetof(struct origin, package) },
	{ "version", offsetof(struct origin, version) },
	{ "distro", offsetof(struct origin, distro) },
	{ "purl", offsetof(struct origin, purl) },
	{ "namespace", offsetof(struct origin, name_space) },
	{ "toolchain", offsetof(struct origin, toolchain) },
	{ "main_module", offsetof(struct origin, main_module) },
	{ "main_version", offsetof(struct origin, main_version) },
};

const char *const origin_keys[] = { "path",         "package",   "version",   "distro",
				    "purl",         "namespace", "toolchain", "main_module",
				    "main_version", "tags",      "settings",  NULL };

static char **member(struct origin *origin, size_t i)
{
	return (char **)((char *)origin + strings[i].at);
}

static const char *value(const struct origin *origin, size_t i)
{
	return *(char *const *)((const char *)origin + strings[i].at);
}

void origin_free(struct origin *origin)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*member(origin, i));
	for (size_t i = 0; i < origin->n_tags; i++)
		free(origin->tags[i]);
	free(origin->tags);
	memset(origin, 0, sizeof(*origin));
}

int origin_copy(const struct origin *from, struct origin *ret, struct error *err)
{
	scoped(origin_free) struct origin copy = { .settings = from->settings };
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		if (!value(from, i))
			continue;
		*member(&copy, i) = strdup(value(from, i));
		if (!*member(&copy, i))
			return error_no_memory(err);
	}
	if (from->n_tags) {
		copy.tags = calloc(from->n_tags, sizeof(*copy.tags));
		if (!copy.tags)
			return error_no_memory(err);
	}
	for (; copy.n_tags < from->n_tags; copy.n_tags++) {
		copy.tags[copy.n_tags] = strdup(from->tags[copy.n_tags]);
		if (!copy.tags[copy.n_tags])
			return error_no_memory(err);
	}
	*ret = copy;
	copy = (struct origin){ 0 };
	return 0;
}

static json_t *tags_json(const struct origin *origin)
{
	json_t *tags = json_array();
	for (size_t i = 0; i < origin->n_tags; i++)
		if (json_array_append_new(tags, json_bytes_string(origin->tags[i])) < 0) {
			json_decref(tags);
			return NULL;
		}
	return tags;
}

json_t *origin_json(const struct origin *origin)
{
	scoped(json_scoped_decref) json_t *object = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const char *text = value(origin, i);
		if (text &&
		    json_object_set_new(object, strings[i].key, json_bytes_string(text)) < 0)
			return NULL;
	}
	if (origin->n_tags && json_object_set_new(object, "tags", tags_json(origin)) < 0)
		return NULL;
	if (origin->settings.present &&
	    json_object_set_new(object, "settings", artifact_json(&origin->settings)) < 0)
		return NULL;
	return take(object);
}

static int read_tags(const json_t *object, struct origin *origin, struct error *err)
{
	int r;

	const json_t *tags = json_object_get(object, "tags");
	if (!tags)
		return 0;
	if (!json_is_array(tags))
		return error_set(err, -EBADMSG, "tags: not an array");
	size_t n = json_array_size(tags);
	origin->tags = calloc(n ? n : 1, sizeof(*origin->tags));
	if (!origin->tags)
		return error_no_memory(err);
	for (; origin->n_tags < n; origin->n_tags++) {
		r = json_bytes_of(json_array_get(tags, origin->n_tags),
				  &origin->tags[origin->n_tags], err);
		if (r < 0)
			return error_prefix(err, r, "tags");
	}
	return 0;
}

int origin_of_json(const json_t *object, struct origin *ret, struct error *err)
{
	int r;

	if (!json_is_object(object))
		return error_set(err, -EBADMSG, "not an object");
	scoped(origin_free) struct origin origin = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		r = json_get_bytes(object, strings[i].key, member(&origin, i), err);
		if (r < 0)
			return error_prefix(err, r, "%s", strings[i].key);
	}
	r = read_tags(object, &origin, err);
	if (r < 0)
		return r;
	r = artifact_of_json(json_object_get(object, "settings"), &origin.settings, err);
	if (r < 0)
		return error_prefix(err, r, "settings");
	*ret = origin;
	origin = (struct origin){ 0 };
	return 0;
}
