/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* A contribution's JSON text. Its keys are described in docs/FORMAT.md. */

#define CONTRIBUTION_FORMAT 1

static const char *const quality_names[] = {
	[QUALITY_NONE] = "none",
	[QUALITY_SYMBOLS] = "symbols",
	[QUALITY_DWARF] = "dwarf",
};

const char *quality_name(enum quality quality)
{
	return quality_names[quality];
}

static const struct {
	const char *key;
	size_t at;
} artifacts[] = {
	{ "original", offsetof(struct contribution, original) },
	{ "stripped", offsetof(struct contribution, stripped) },
	{ "debug", offsetof(struct contribution, debug) },
	{ "sources", offsetof(struct contribution, sources) },
	{ "supplement", offsetof(struct contribution, supplement) },
};

static const char *const artifact_keys[] = { "digest", "size_bytes", NULL };

static const char *const keys[] = { "format",   "build_id", "time",	  "machine",	   "class",
				    "encoding", "type",	    "identity",	  "memory_layout", "original",
				    "stripped", "debug",    "sources",	  "supplement",	   "supplement_id",
				    "quality",	"origin",   "sections",	  "changes",	   NULL };

/* Keys of newer releases may also stand in these; they are kept under the same key in unknown. */
static const struct {
	const char *key;
	const char *const *known;
} nested[] = {
	{ "original", artifact_keys }, { "stripped", artifact_keys }, { "debug", artifact_keys },
	{ "sources", artifact_keys },  { "supplement", artifact_keys },
	{ "origin", origin_keys },
};

void contribution_free(struct contribution *c)
{
	origin_free(&c->origin);
	json_decref(c->sections);
	json_decref(c->changes);
	json_decref(c->unknown);
	memset(c, 0, sizeof(*c));
}

/* ---- writing ---- */

json_t *artifact_json(const struct artifact *artifact)
{
	if (artifact->size_bytes > INT64_MAX)
		return NULL;
	scoped(json_scoped_decref) json_t *object = json_object();
	if (json_object_set_new(object, "digest", json_string(DIGEST_HEX(&artifact->digest))) < 0 ||
	    json_object_set_new(object, "size_bytes",
				json_integer((json_int_t)artifact->size_bytes)) < 0)
		return NULL;
	return take(object);
}

static int set(json_t *object, const char *key, json_t *value, struct error *err)
{
	if (json_object_set_new(object, key, value) < 0) /* also where value is NULL */
		return error_set(err, -ENOMEM, "%s: cannot be written as JSON", key);
	return 0;
}

static int set_number(json_t *object, const char *key, json_int_t value, struct error *err)
{
	return set(object, key, json_integer(value), err);
}

static int set_digest(json_t *object, const char *key, const struct digest *digest,
		      struct error *err)
{
	return set(object, key, json_string(DIGEST_HEX(digest)), err);
}

/* What another release wrote and this one does not know goes behind what this one knows. */
static int set_unknown(json_t *object, const json_t *unknown, struct error *err)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)unknown, key, value)
	{
		bool is_nested = false;
		for (size_t i = 0; i < ARRAY_SIZE(nested); i++)
			is_nested |= !strcmp(key, nested[i].key);
		json_t *inner = is_nested ? json_object_get(object, key) : NULL;
		int r = inner       ? json_object_update_missing(inner, value)
			: is_nested ? 0
				    : json_object_set(object, key, value);
		if (r < 0)
			return error_no_memory(err);
	}
	return 0;
}

static int contribution_json(const struct contribution *c, json_t **ret, struct error *err)
{
	int r;

	scoped(json_scoped_decref) json_t *object = json_object();
	if ((r = set_number(object, "format", CONTRIBUTION_FORMAT, err)) < 0 ||
	    (r = set(object, "build_id", json_string(BUILD_ID_HEX(&c->build_id)), err)) < 0 ||
	    (r = set(object, "time", json_string(TIME_TEXT(c->time)), err)) < 0 ||
	    (r = set_number(object, "machine", c->machine, err)) < 0 ||
	    (r = set_number(object, "class", c->class, err)) < 0 ||
	    (r = set_number(object, "encoding", c->encoding, err)) < 0 ||
	    (r = set_number(object, "type", c->type, err)) < 0)
		return r;
	if (c->has_identity && (r = set_digest(object, "identity", &c->identity, err)) < 0)
		return r;
	if (c->has_memory_layout &&
	    (r = set_digest(object, "memory_layout", &c->memory_layout, err)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(artifacts); i++) {
		const struct artifact *artifact = (const void *)((const char *)c + artifacts[i].at);
		if (artifact->present &&
		    (r = set(object, artifacts[i].key, artifact_json(artifact), err)) < 0)
			return r;
	}
	if (c->supplement_id.size &&
	    (r = set(object, "supplement_id", json_string(BUILD_ID_HEX(&c->supplement_id)), err)) < 0)
		return r;
	r = set(object, "quality", json_string(quality_names[c->quality]), err);
	if (r < 0)
		return r;
	r = set(object, "origin", origin_json(&c->origin), err);
	if (r < 0)
		return r;
	if (c->sections && json_object_set(object, "sections", c->sections) < 0)
		return error_no_memory(err);
	if (c->changes && json_object_set(object, "changes", c->changes) < 0)
		return error_no_memory(err);
	r = set_unknown(object, c->unknown, err);
	if (r < 0)
		return r;
	*ret = take(object);
	return 0;
}

int contribution_format(const struct contribution *c, char **ret, size_t *ret_size,
			struct error *err)
{
	int r;

	scoped(json_scoped_decref) json_t *object = NULL;
	r = contribution_json(c, &object, err);
	if (r < 0)
		return r;
	scoped(string_free) char *text = NULL;
	size_t size;
	r = json_format(object, false, &text, &size, err);
	if (r < 0)
		return r;
	if (size + 1 > CONTRIBUTION_SIZE_LIMIT)
		return error_set(err, -EFBIG, "build record of %s: %zu bytes, over the limit of %u",
				 BUILD_ID_HEX(&c->build_id), size, CONTRIBUTION_SIZE_LIMIT);
	text[size++] = '\n'; /* over the NUL: the text is bytes with a size from here on */
	*ret = take(text);
	*ret_size = size;
	return 0;
}

/* ---- reading ---- */

int artifact_of_json(const json_t *object, struct artifact *ret, struct error *err)
{
	int r;

	if (!object)
		return 0;
	if (!json_is_object(object))
		return error_set(err, -EBADMSG, "not an object");
	const json_t *hex = json_object_get(object, "digest");
	const json_t *size = json_object_get(object, "size_bytes");
	if (!json_is_string(hex))
		return error_set(err, -EBADMSG, "digest: missing, or not a string");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return error_set(err, -EBADMSG, "size_bytes: missing, or not a whole number");
	struct artifact artifact = { true, .size_bytes = (uint64_t)json_integer_value(size) };
	r = digest_parse(json_string_value(hex), json_string_length(hex), &artifact.digest, err);
	if (r < 0)
		return error_prefix(err, r, "digest");
	*ret = artifact;
	return 0;
}

static int get_number(const json_t *object, const char *key, json_int_t limit, json_int_t *ret,
		      struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_integer(value))
		return error_set(err, -EBADMSG, "%s: missing, or not a whole number", key);
	json_int_t number = json_integer_value(value);
	if (number < 0 || number > limit)
		return error_set(err, -EBADMSG,
				 "%s: %" JSON_INTEGER_FORMAT ", not in [0, %" JSON_INTEGER_FORMAT
				 "]",
				 key, number, limit);
	*ret = number;
	return 0;
}

static int get_digest(const json_t *object, const char *key, bool *ret_has, struct digest *ret,
		      struct error *err)
{
	const json_t *hex = json_object_get(object, key);
	if (!hex)
		return 0;
	if (!json_is_string(hex))
		return error_set(err, -EBADMSG, "%s: not a string", key);
	int r = digest_parse(json_string_value(hex), json_string_length(hex), ret, err);
	if (r < 0)
		return error_prefix(err, r, "%s", key);
	*ret_has = true;
	return 0;
}

static int get_array(const json_t *object, const char *key, json_t **ret, struct error *err)
{
	json_t *value = json_object_get(object, key);
	if (value && !json_is_array(value))
		return error_set(err, -EBADMSG, "%s: not an array", key);
	*ret = json_incref(value); /* takes NULL */
	return 0;
}

static int get_build_id(const json_t *object, const char *key, struct build_id *ret, struct error *err)
{
	const json_t *hex = json_object_get(object, key);
	if (!json_is_string(hex))
		return error_set(err, -EBADMSG, "%s: missing, or not a string", key);
	if (build_id_parse(json_string_value(hex), json_string_length(hex), ret, err) < 0)
		return error_prefix(err, -EBADMSG, "%s", key);
	return 0;
}

static int get_time(const json_t *object, int64_t *ret, struct error *err)
{
	const json_t *text = json_object_get(object, "time");
	if (!json_is_string(text))
		return error_set(err, -EBADMSG, "time: missing, or not a string");
	if (time_parse(json_string_value(text), ret, err) < 0)
		return error_prefix(err, -EBADMSG, "time");
	return 0;
}

static int get_quality(const json_t *object, enum quality *ret, struct error *err)
{
	const char *name = json_string_value(json_object_get(object, "quality"));
	if (!name)
		return error_set(err, -EBADMSG, "quality: missing, or not a string");
	for (size_t i = 0; i < ARRAY_SIZE(quality_names); i++)
		if (!strcmp(name, quality_names[i])) {
			*ret = (enum quality)i;
			return 0;
		}
	return error_set(err, -EBADMSG, "quality: \"%s\", not dwarf, symbols or none",
			 ESCAPED(name));
}

static bool is_known(const char *key, const char *const known[])
{
	for (; *known; known++)
		if (!strcmp(key, *known))
			return true;
	return false;
}

/* A new reference to the members of @object that are not among @known; NULL where there are none.
 */
static int unknown_members(const json_t *object, const char *const known[], json_t **ret,
			   struct error *err)
{
	scoped(json_scoped_decref) json_t *unknown = NULL;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		if (is_known(key, known))
			continue;
		if (!unknown)
			unknown = json_object();
		if (json_object_set(unknown, key, value) < 0)
			return error_no_memory(err);
	}
	*ret = take(unknown);
	return 0;
}

static int get_unknown(const json_t *object, json_t **ret, struct error *err)
{
	int r;

	scoped(json_scoped_decref) json_t *unknown = NULL;
	r = unknown_members(object, keys, &unknown, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(nested); i++) {
		json_t *inner = NULL;
		r = unknown_members(json_object_get(object, nested[i].key), nested[i].known, &inner,
				    err);
		if (r < 0)
			return r;
		if (!inner)
			continue;
		if (!unknown)
			unknown = json_object();
		if (json_object_set_new(unknown, nested[i].key, inner) < 0)
			return error_no_memory(err);
	}
	*ret = take(unknown);
	return 0;
}

static int contribution_of_json(const json_t *object, struct contribution *c, struct error *err)
{
	int r;

	json_int_t format, machine, class, encoding, type;
	if (!json_is_object(object))
		return error_set(err, -EBADMSG, "not an object");
	if ((r = get_number(object, "format", INT64_MAX, &format, err)) < 0)
		return r;
	if (format != CONTRIBUTION_FORMAT)
		return error_set(err, -ENOTSUP,
				 "format: %" JSON_INTEGER_FORMAT ", and this release knows 1",
				 format);
	if ((r = get_build_id(object, "build_id", &c->build_id, err)) < 0 ||
	    (r = get_time(object, &c->time, err)) < 0 ||
	    (r = get_number(object, "machine", UINT16_MAX, &machine, err)) < 0 ||
	    (r = get_number(object, "class", UINT8_MAX, &class, err)) < 0 ||
	    (r = get_number(object, "encoding", UINT8_MAX, &encoding, err)) < 0 ||
	    (r = get_number(object, "type", UINT16_MAX, &type, err)) < 0 ||
	    (r = get_digest(object, "identity", &c->has_identity, &c->identity, err)) < 0 ||
	    (r = get_digest(object, "memory_layout", &c->has_memory_layout, &c->memory_layout,
			    err)) < 0)
		return r;
	c->machine = (uint16_t)machine;
	c->class = (uint8_t) class;
	c->encoding = (uint8_t)encoding;
	c->type = (uint16_t)type;
	for (size_t i = 0; i < ARRAY_SIZE(artifacts); i++) {
		r = artifact_of_json(json_object_get(object, artifacts[i].key),
				     (struct artifact *)((char *)c + artifacts[i].at), err);
		if (r < 0)
			return error_prefix(err, r, "%s", artifacts[i].key);
	}
	if (json_object_get(object, "supplement_id") &&
	    (r = get_build_id(object, "supplement_id", &c->supplement_id, err)) < 0)
		return r;
	if ((r = get_quality(object, &c->quality, err)) < 0)
		return r;
	const json_t *origin = json_object_get(object, "origin");
	if (origin && (r = origin_of_json(origin, &c->origin, err)) < 0)
		return error_prefix(err, r, "origin");
	if ((r = get_array(object, "sections", &c->sections, err)) < 0 ||
	    (r = get_array(object, "changes", &c->changes, err)) < 0)
		return r;
	return get_unknown(object, &c->unknown, err);
}

int contribution_parse(const char *text, size_t size, struct contribution *ret, struct error *err)
{
	int r;

	if (size > CONTRIBUTION_SIZE_LIMIT)
		return error_set(err, -EBADMSG, "%zu bytes, over the limit of %u", size,
				 CONTRIBUTION_SIZE_LIMIT);
	scoped(json_scoped_decref) json_t *object = NULL;
	r = json_parse(text, size, &object, err);
	if (r < 0)
		return r;
	scoped(contribution_free) struct contribution c = { 0 };
	r = contribution_of_json(object, &c, err);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct contribution){ 0 };
	return 0;
}
