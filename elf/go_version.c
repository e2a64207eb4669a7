/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "elf/go_version.h"

/* A piece of the caller's text. bytes NULL: not there. */
struct span {
	const char *bytes;
	size_t size;
};

/* Semantic Versioning 2.0.0, with Go's short forms. prerelease.bytes is NULL where there is none.
 */
struct version {
	struct span major, minor, patch;
	struct span prerelease; /* without its '-' */
};

static const struct span ZERO = { "0", 1 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_identifier_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool is_number(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!is_digit(s.bytes[i]))
			return false;
	return true;
}

static int sign(int r)
{
	return (r > 0) - (r < 0);
}

/* By the bytes; of two where one begins with the other, the shorter is first. */
static int span_compare(struct span a, struct span b)
{
	int r = a.size && b.size ? memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size) : 0;
	return r ? sign(r) : (a.size > b.size) - (a.size < b.size);
}

static bool span_equal(struct span a, const char *text)
{
	return a.size == strlen(text) && !memcmp(a.bytes, text, a.size);
}

/* Decimal digits without leading zeros: the longer is the larger. None at all is before "0". */
static int number_compare(struct span a, struct span b)
{
	if (a.size != b.size)
		return a.size < b.size ? -1 : 1;
	return span_compare(a, b);
}

/* Take a decimal number without leading zeros off the front of *@at. */
static bool take_number(const char **at, struct span *ret)
{
	size_t size = strspn(*at, "0123456789");
	if (size == 0 || (size > 1 && **at == '0'))
		return false;
	*ret = (struct span){ *at, size };
	*at += size;
	return true;
}

/*
 * Take identifiers with dots between them off the front of *@at, none of them empty. @strict: a
 * number has no leading zeros.
 */
static bool take_identifiers(const char **at, bool strict, struct span *ret)
{
	const char *from = *at;
	for (;;) {
		struct span one = { *at, 0 };
		while (is_identifier_char(one.bytes[one.size]))
			one.size++;
		if (one.size == 0)
			return false;
		if (strict && one.size > 1 && *one.bytes == '0' && is_number(one))
			return false;
		*at += one.size;
		if (**at != '.')
			break;
		++*at;
	}
	*ret = (struct span){ from, (size_t)(*at - from) };
	return true;
}

/* @at is behind the 'v'. */
static bool version_parse(const char *at, struct version *ret)
{
	struct version v = { .minor = ZERO, .patch = ZERO };
	if (!take_number(&at, &v.major))
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (*at == '\0') { /* a short form ends here: nothing follows it */
			*ret = v;
			return true;
		}
		if (*at++ != '.' || !take_number(&at, i ? &v.patch : &v.minor))
			return false;
	}
	if (*at == '-') {
		at++;
		if (!take_identifiers(&at, true, &v.prerelease))
			return false;
	}
	struct span build;
	if (*at == '+') {
		at++;
		if (!take_identifiers(&at, false, &build))
			return false;
	}
	if (*at != '\0')
		return false;
	*ret = v;
	return true;
}

static bool version_parse_strict(const char *text, struct version *ret)
{
	return *text == 'v' && version_parse(text + 1, ret);
}

static bool version_parse_bare(const char *text, struct version *ret)
{
	if (*text == 'v')
		text++;
	if (!strncmp(text, "go", 2))
		text += 2;
	return version_parse(text, ret);
}

/* The identifier at the front of *@rest, which moves behind it and its dot. */
static struct span next_identifier(struct span *rest)
{
	const char *dot = memchr(rest->bytes, '.', rest->size);
	size_t size = dot ? (size_t)(dot - rest->bytes) : rest->size;
	struct span one = { rest->bytes, size };
	size_t skip = dot ? size + 1 : size;
	rest->bytes += skip;
	rest->size -= skip;
	return one;
}

/* Semantic Versioning 2.0.0, 11.4. A version without one is behind all that have one. */
static int prerelease_compare(struct span a, struct span b)
{
	if (!a.bytes || !b.bytes)
		return (b.bytes != NULL) - (a.bytes != NULL);
	while (a.size && b.size) {
		struct span one = next_identifier(&a), other = next_identifier(&b);
		bool number = is_number(one), other_number = is_number(other);
		if (number != other_number)
			return number ? -1 : 1;
		int r = number ? number_compare(one, other) : span_compare(one, other);
		if (r)
			return r;
	}
	return (a.size > 0) - (b.size > 0);
}

static int version_compare(const struct version *a, const struct version *b)
{
	int r = number_compare(a->major, b->major);
	if (!r)
		r = number_compare(a->minor, b->minor);
	if (!r)
		r = number_compare(a->patch, b->patch);
	return r ? r : prerelease_compare(a->prerelease, b->prerelease);
}

bool go_version_is_valid(const char *version)
{
	struct version v;
	return version_parse_strict(version, &v);
}

int go_version_compare(const char *a, const char *b)
{
	struct version one, other;
	bool valid = version_parse_strict(a, &one), other_valid = version_parse_strict(b, &other);
	return valid && other_valid ? version_compare(&one, &other) : valid - other_valid;
}

bool go_version_bare_is_valid(const char *version)
{
	struct version v;
	return version_parse_bare(version, &v);
}

int go_version_bare_compare(const char *a, const char *b)
{
	struct version one, other;
	bool valid = version_parse_bare(a, &one), other_valid = version_parse_bare(b, &other);
	return valid && other_valid ? version_compare(&one, &other) : valid - other_valid;
}

/*
 * https://go.dev/ref/mod#pseudo-versions: the prerelease ends with TIME-COMMIT, where TIME is
 * yyyymmddhhmmss. Before it stands nothing, behind vX.0.0; or "0.", alone or as the last of others.
 */
bool go_version_is_pseudo(const char *version)
{
	struct version v;
	if (!version_parse_strict(version, &v) || !v.prerelease.bytes)
		return false;
	struct span before = v.prerelease;
	while (before.size && before.bytes[before.size - 1] != '-') {
		if (before.bytes[before.size - 1] == '.')
			return false;
		before.size--;
	}
	enum { TIME_SIZE = 14 };
	if (before.size == v.prerelease.size || before.size < TIME_SIZE + 1)
		return false;
	before.size -= TIME_SIZE + 1;
	if (!is_number((struct span){ before.bytes + before.size, TIME_SIZE }))
		return false;
	if (before.size == 0) {
		/* Written out: a short form has no prerelease. */
		return !span_compare(v.minor, ZERO) && !span_compare(v.patch, ZERO);
	}
	if (before.size < 2 || memcmp(before.bytes + before.size - 2, "0.", 2) != 0)
		return false;
	return before.size == 2 || before.bytes[before.size - 3] == '.';
}

/* patch.size 0: none; kind.size 0: no "rc" or "beta" */
struct toolchain {
	struct span major, minor, patch, kind, number;
};

/* @ret_rest is what follows: "", or a suffix that begins with ' ' or '-'. */
static bool toolchain_parse(const char *text, struct toolchain *ret, const char **ret_rest)
{
	static const char ends[] = " -";
	if (strncmp(text, "go", 2) != 0)
		return false;
	const char *at = text + 2;
	const char *end = at + strcspn(at, ends);
	struct toolchain t = { 0 };
	if (!take_number(&at, &t.major))
		return false;
	if (at == end) {
		t.minor = ZERO;
		t.patch = ZERO;
	} else {
		if (*at++ != '.' || !take_number(&at, &t.minor))
			return false;
		if (at == end) {
			/* Since 1.21 a name without patch is the language's; the first release is
			 * .0 */
			static const struct span first = { "21", 2 };
			if (number_compare(t.minor, first) < 0)
				t.patch = ZERO;
		} else if (*at == '.') {
			at++;
			if (!take_number(&at, &t.patch))
				return false;
		} else {
			t.kind = (struct span){ at, strspn(at, "abcdefghijklmnopqrstuvwxyz") };
			at += t.kind.size;
			if (t.kind.size == 0 || (at != end && !take_number(&at, &t.number)))
				return false;
		}
	}
	if (at != end)
		return false;
	*ret = t;
	*ret_rest = end;
	return true;
}

bool go_toolchain_is_valid(const char *toolchain)
{
	struct toolchain t;
	const char *rest;
	return toolchain_parse(toolchain, &t, &rest);
}

int go_toolchain_compare(const char *a, const char *b)
{
	struct toolchain one, other;
	const char *rest;
	bool valid = toolchain_parse(a, &one, &rest);
	bool other_valid = toolchain_parse(b, &other, &rest);
	if (!valid || !other_valid)
		return valid - other_valid;
	int r = number_compare(one.major, other.major);
	if (!r)
		r = number_compare(one.minor, other.minor);
	if (!r)
		r = number_compare(one.patch, other.patch);
	if (!r)
		r = span_compare(one.kind, other.kind);
	return r ? r : number_compare(one.number, other.number);
}

#define SPAN(s) (int)(s).size, (s).bytes ? (s).bytes : ""

bool go_toolchain_version(const char *toolchain, char ret[static GO_TOOLCHAIN_VERSION_SIZE])
{
	struct toolchain t;
	const char *rest;
	if (!toolchain_parse(toolchain, &t, &rest) || *rest == '-')
		return false;
	/* "go1" was the first release, and never called "go1.0"; all later ones have a minor
	 * version. */
	struct span name = { toolchain, (size_t)(rest - toolchain) };
	if (!span_equal(name, "go1") &&
	    (span_equal(name, "go1.0") || !memchr(name.bytes, '.', name.size)))
		return false;
	bool prerelease = t.kind.size != 0;
	if (prerelease &&
	    (t.number.size == 0 || !(span_equal(t.kind, "rc") || span_equal(t.kind, "beta"))))
		return false;
	if (name.size > 32) /* nothing is cut below */
		return false;
	snprintf(ret, GO_TOOLCHAIN_VERSION_SIZE, "v%.*s.%.*s.%.*s%s%.*s%s%.*s", SPAN(t.major),
		 SPAN(t.minor), SPAN(t.patch.size ? t.patch : ZERO), prerelease ? "-" : "",
		 SPAN(t.kind), prerelease ? "." : "", SPAN(t.number));
	return true;
}
