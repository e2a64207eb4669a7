/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "server/control.h"
#include "server/escape.h"
#include "server/route.h"

const char *kind_name(enum kind kind)
{
	static const char *const names[N_KINDS] = {
		[KIND_DEBUGINFO] = "debuginfo", [KIND_EXECUTABLE] = "executable",
		[KIND_SOURCE] = "source",       [KIND_SECTION] = "section",
		[KIND_METRICS] = "metrics",     [KIND_METADATA] = "metadata",
		[KIND_HEALTH] = "healthz",      [KIND_ROOT] = "root",
		[KIND_OTHER] = "other",
	};
	return names[kind];
}

static void refuse(struct route *route, unsigned status, const char *why)
{
	route->status = status;
	route->why = why;
}

/* RFC 9112, 3.2.2: a server must take the absolute form, which clients send to proxies. */
static const char *skip_origin(const char *target)
{
	size_t scheme = 0;
	if (!strncasecmp(target, "http://", 7))
		scheme = 7;
	else if (!strncasecmp(target, "https://", 8))
		scheme = 8;
	if (!scheme)
		return target;

	size_t host = strcspn(target + scheme, "/?");
	return target[scheme + host] == '/' ? target + scheme + host : "/";
}

/* Decode the path, up to a query, into @ret. NULL, or why it is refused. */
static const char *decode_path(const char *raw, char *ret, size_t *ret_size)
{
	size_t size = 0;

	while (*raw && *raw != '?') {
		char c;
		if (!escape_decode(&raw, &c))
			return "a percent sign without two hex digits";
		if (is_control(c))
			return "a control byte in the path";
		ret[size++] = c;
	}
	ret[size] = 0;
	*ret_size = size;
	return NULL;
}

static bool word_is(const char *at, size_t size, const char *word)
{
	return strlen(word) == size && !memcmp(at, word, size);
}

/* What follows "/buildid/": ID "/" word, and a name where the word takes one. */
static void parse_build(const char *at, const char *end, struct route *ret)
{
	const char *id_end = memchr(at, '/', (size_t)(end - at));
	if (!id_end)
		id_end = end;
	if (build_id_parse(at, (size_t)(id_end - at), &ret->id, NULL) < 0)
		return refuse(ret, 400, "not a build ID: 2 to 128 hex digits, an even number");
	if (id_end == end)
		return refuse(ret, 404, "no such path");

	const char *word = id_end + 1;
	const char *word_end = memchr(word, '/', (size_t)(end - word));
	if (!word_end)
		word_end = end;
	size_t word_size = (size_t)(word_end - word);

	if (word_is(word, word_size, "debuginfo") && word_end == end) {
		ret->kind = KIND_DEBUGINFO;
	} else if (word_is(word, word_size, "executable") && word_end == end) {
		ret->kind = KIND_EXECUTABLE;
	} else if (word_is(word, word_size, "source")) {
		ret->kind = KIND_SOURCE;
		ret->name = word_end; /* its "/" is the path's own */
		ret->name_size = (size_t)(end - word_end);
		if (ret->name_size < 2)
			refuse(ret, 400, "no source path");
	} else if (word_is(word, word_size, "section")) {
		ret->kind = KIND_SECTION;
		ret->name = word_end + (word_end < end);
		ret->name_size = (size_t)(end - ret->name);
		if (!ret->name_size)
			refuse(ret, 400, "no section name");
	} else {
		refuse(ret, 404, "no such path");
	}
}

/* "XX/REST", and what follows: the two halves of an ID that is a folder and a name in it. */
static const char *parse_halves(const char *at, const char *end, struct build_id *ret)
{
	char hex[BUILD_ID_HEX_SIZE];
	size_t rest = 0;

	if (end - at < 5 || at[2] != '/')
		return NULL;
	while (at + 3 + rest < end && hex_value(at[3 + rest]) >= 0)
		rest++;
	if (!rest || 2 + rest >= sizeof(hex))
		return NULL;
	memcpy(hex, at, 2);
	memcpy(hex + 2, at + 3, rest);
	return build_id_parse(hex, 2 + rest, ret, NULL) == 0 ? at + 3 + rest : NULL;
}

/* The folders that debuggers look into on disk, and those of symbol servers. @at is behind the
 * first slash. False: neither. */
static bool parse_other_layout(const char *at, const char *end, struct route *ret)
{
	static const char folder[] = ".build-id/";
	bool on_disk =
		(size_t)(end - at) > sizeof(folder) - 1 && !memcmp(at, folder, sizeof(folder) - 1);
	struct build_id id = { 0 };

	const char *rest = parse_halves(on_disk ? at + sizeof(folder) - 1 : at, end, &id);
	if (!rest)
		return false;
	size_t size = (size_t)(end - rest);
	if (word_is(rest, size, on_disk ? ".debug" : "/debuginfo"))
		ret->kind = KIND_DEBUGINFO;
	else if (word_is(rest, size, on_disk ? "" : "/executable"))
		ret->kind = KIND_EXECUTABLE;
	else
		return false;
	ret->id = id;
	return true;
}

bool base_path_parse(const char *text, char *ret)
{
	size_t size = strlen(text);
	while (size > 1 && text[size - 1] == '/' && text[size - 2] != '/')
		size--;
	if (*text != '/' || size > BASE_PATH_LIMIT || has_control(text, size, false) ||
	    strpbrk(text, "%?#"))
		return false;
	if (size == 1) {
		*ret = 0;
		return true;
	}
	for (const char *part = text + 1; part <= text + size;) {
		size_t part_size = min_u64(strcspn(part, "/"), (uint64_t)(text + size - part));
		if (!part_size || word_is(part, part_size, ".") || word_is(part, part_size, ".."))
			return false;
		part += part_size + 1;
	}
	memcpy(ret, text, size);
	ret[size] = 0;
	return true;
}

/* Behind the base, with one slash at its front; NULL: it is not below the base. */
static const char *skip_base(const char *path, const char *base)
{
	size_t size = strlen(base);
	if (strncmp(path, base, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	path += size;
	if (!*path)
		return "/";
	while (path[1] == '/') /* a base URL with a slash at its end */
		path++;
	return path;
}

void route_parse(const char *target, const char *base, char *scratch, struct route *ret)
{
	*ret = (struct route){ .kind = KIND_OTHER, .name = "", .query = "" };

	const char *raw = skip_origin(target);
	if (*raw != '/')
		return refuse(ret, 400, "not a path");
	while (raw[1] == '/')
		raw++;

	size_t size;
	const char *why = decode_path(raw, scratch, &size);
	if (why)
		return refuse(ret, 400, why);

	/* Decoding only shortens: the query has room behind the path. */
	const char *query = strchr(raw, '?');
	if (query)
		ret->query = strcpy(scratch + size + 1, query + 1);

	const char *path = skip_base(scratch, base);
	if (!path)
		return refuse(ret, 404, "not below the base path");
	size = strlen(path);

	static const char builds[] = "/buildid/";
	size_t builds_size = sizeof(builds) - 1;
	if (size > builds_size && !memcmp(path, builds, builds_size))
		return parse_build(path + builds_size, path + size, ret);

	if (word_is(path, size, "/metrics"))
		ret->kind = KIND_METRICS;
	else if (word_is(path, size, "/metadata"))
		ret->kind = KIND_METADATA;
	else if (word_is(path, size, "/healthz"))
		ret->kind = KIND_HEALTH;
	else if (word_is(path, size, "/"))
		ret->kind = KIND_ROOT;
	else if (!parse_other_layout(path + 1, path + size, ret))
		refuse(ret, 404, "no such path");
}
