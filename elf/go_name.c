/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "elf/go_name.h"

/* Type arguments stand between the first '[' and the last ']'. */
struct parts {
	const char *name; /* all of it, NUL-terminated */
	const char *bare; /* without type arguments */
	size_t arguments; /* where the first '[' is, or SIZE_MAX */
};

static bool begins(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* "go.uber.org/zap": a host's name up to the first slash, and neither "go.(*struct { …/… }).Get"
 * nor "type..eq.a/b.T". */
static bool has_host(const char *bare)
{
	const char *dot = strchr(bare, '.');
	size_t n = strspn(bare, "abcdefghijklmnopqrstuvwxyz0123456789.-%");
	return bare[n] == '/' && dot && dot[1] != '.';
}

static bool is_generated(const char *bare, bool colon)
{
	if (colon)
		return begins(bare, "go:") || begins(bare, "type:");
	return (begins(bare, "go.") || begins(bare, "type.")) && !has_host(bare);
}

/* What Go's linker escapes in the last part of a path ('.', '%', '"', bytes that do not print) is
 * %xx. What is no escape is left as it is. */
static void unescape(char *path)
{
	char *to = path;
	for (const char *from = path; *from; from++) {
		uint8_t byte;
		if (*from == '%' && from[1] && from[2] && hex_decode(from + 1, 2, &byte) && byte) {
			*to++ = (char)byte;
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = 0;
}

/* A pointer receiver loses its marks at both ends: "(*T)" is "T". */
static void trim_pointer(const char **receiver, size_t *size)
{
	if (*size < 2 || memcmp(*receiver, "(*", 2) != 0)
		return;
	while (*size && strchr("(*)", **receiver)) {
		++*receiver;
		--*size;
	}
	while (*size && strchr("(*)", (*receiver)[*size - 1]))
		--*size;
}

/* The symbol: receiver and name, of all of the name where type arguments stand in it. */
static void write_symbol(const struct parts *parts, const char *path_end, char *ret)
{
	const char *first = strchr(path_end, '.'), *last = strrchr(path_end, '.');
	if (!first) { /* no package, and a dot before the last slash counts for the name alone */
		const char *dot = strrchr(parts->bare, '.');
		strcpy(ret, dot ? parts->name + (dot - parts->bare) + 1 : parts->name);
		return;
	}
	/* The last dot behind the arguments is the last of all, whatever dots are in them. */
	bool has_arguments = parts->arguments != SIZE_MAX;
	const char *name_last = strrchr(parts->name, '.');
	const char *base = has_arguments && (size_t)(last - parts->bare) > parts->arguments
				   ? name_last + 1
				   : parts->name + (last - parts->bare) + 1;
	if (first == last) {
		strcpy(ret, base);
		return;
	}
	const char *receiver = parts->name + (first - parts->bare) + 1;
	size_t size = name_last > receiver ? (size_t)(name_last - receiver) : 0;
	trim_pointer(&receiver, &size);
	memcpy(ret, receiver, size);
	ret[size] = 0;
	if (size)
		strcpy(ret + size++, ".");
	strcpy(ret + size, base);
}

/* What is left of the bare name behind the package, with nothing of pointers. */
static void write_plain(const char *from, char *ret)
{
	for (; *from; from++)
		if (*from != '(' && *from != '*' && *from != ')')
			*ret++ = *from;
	*ret = 0;
}

int go_name_parse(const char *name, size_t size, bool generated_colon, struct go_name *ret,
		  struct error *err)
{
	if (size && memchr(name, 0, size))
		return error_set(err, -EBADMSG, "Go function name: a NUL in it");
	/* Five texts; the symbol may have what stands behind the package twice, the others once. */
	size_t room = size + 4;
	if (room * 6 > ret->buffer_size) {
		char *buffer = realloc(ret->buffer, room * 12);
		if (!buffer)
			return error_no_memory(err);
		ret->buffer = buffer;
		ret->buffer_size = room * 12;
	}
	char *whole = ret->buffer, *bare = whole + room;
	ret->package = bare + room;
	ret->plain = ret->package + room;
	ret->symbol = ret->plain + room;
	if (size)
		memcpy(whole, name, size);
	whole[size] = 0;

	struct parts parts = { whole, bare, SIZE_MAX };
	const char *open = strchr(whole, '['), *close = strrchr(whole, ']');
	strcpy(bare, whole);
	if (open && close && close > open) {
		parts.arguments = (size_t)(open - whole);
		strcpy(bare + parts.arguments, close + 1);
	}

	const char *slash = strrchr(bare, '/');
	const char *path_end = slash ? slash : bare;
	const char *dot = strchr(path_end, '.');
	bool has_package = dot && !is_generated(bare, generated_colon);
	size_t package_size = has_package ? (size_t)(dot - bare) : 0;
	memcpy(ret->package, bare, package_size);
	ret->package[package_size] = 0;
	unescape(ret->package);
	write_symbol(&parts, path_end, ret->symbol);
	write_plain(has_package ? dot + 1 : bare, ret->plain);
	return 0;
}

void go_name_free(struct go_name *name)
{
	free(name->buffer);
	*name = (struct go_name){ 0 };
}
