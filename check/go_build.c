/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "check/go_build.h"

static bool read_number(const char **at, unsigned *ret)
{
	if (!isdigit((unsigned char)**at))
		return false;
	unsigned value = 0;
	for (; isdigit((unsigned char)**at); (*at)++) {
		value = 10 * value + (unsigned)(**at - '0');
		if (value > 100000)
			return false;
	}
	*ret = value;
	return true;
}

bool go_release_parse(const char *text, struct go_release *ret)
{
	struct go_release release = { 0 };
	const char *at = !strncmp(text, "go", 2) ? text + 2 : text;
	if (strncmp(at, "1.", 2) != 0)
		return false;
	at += 2;
	if (!read_number(&at, &release.minor))
		return false;
	/* A release candidate, "1.26rc1", counts as the first release. */
	if (*at == '.') {
		at++;
		if (!read_number(&at, &release.patch))
			return false;
	}
	*ret = release;
	return true;
}

unsigned go_minor(const char *version)
{
	struct go_release release;
	return go_release_parse(version, &release) ? release.minor : 0;
}

bool go_is_before(const char *version, unsigned minor)
{
	unsigned own = go_minor(version);
	return own && own < minor;
}

/* The text of a setting in @line, which ends at @end; NULL: it is another one. */
static const char *setting_value(const char *line, const char *end, const char *key)
{
	static const char start[] = "build\t";
	size_t key_size = strlen(key);
	if ((size_t)(end - line) < sizeof(start) + key_size ||
	    strncmp(line, start, sizeof(start) - 1) != 0)
		return NULL;
	line += sizeof(start) - 1;
	/* A key with odd bytes is quoted; none that is asked for is. */
	return !strncmp(line, key, key_size) && line[key_size] == '=' ? line + key_size + 1 : NULL;
}

/* Go's strconv.Quote: backslashes before quotes, backslashes and letters; raw strings in `. */
static void unquote(const char *value, size_t n, char *ret, size_t size)
{
	size_t used = 0;
	bool raw = n >= 2 && value[0] == '`', quoted = n >= 2 && value[0] == '"';
	if (raw || quoted) {
		value++;
		n -= 2;
	}
	for (size_t i = 0; i < n && used + 1 < size; i++) {
		char c = value[i];
		if (quoted && c == '\\' && i + 1 < n) {
			c = value[++i];
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		ret[used++] = c;
	}
	ret[used] = 0;
}

bool go_setting(const struct go_info *info, const char *key, char *ret, size_t size)
{
	ret[0] = 0;
	for (const char *line = info->module_text; *line;) {
		const char *end = strchrnul(line, '\n');
		const char *value = setting_value(line, end, key);
		if (value) {
			unquote(value, (size_t)(end - value), ret, size);
			return true;
		}
		line = *end ? end + 1 : end;
	}
	return false;
}

bool go_setting_is(const struct go_info *info, const char *key, const char *value)
{
	char text[256];
	return go_setting(info, key, text, sizeof(text)) && !strcmp(text, value);
}

bool go_has_settings(const struct go_info *info)
{
	return !strncmp(info->module_text, "build\t", 6) || strstr(info->module_text, "\nbuild\t");
}

bool go_flags_have(const char *flags, const char *word)
{
	static const char between[] = " \t\n'\"";
	size_t size = strlen(word);
	for (const char *at = flags + strspn(flags, between); *at;) {
		size_t length = strcspn(at, between);
		/* Go takes --s and -s=true for -s, too. */
		const char *flag = length > 2 && at[0] == '-' && at[1] == '-' ? at + 1 : at;
		size_t left = length - (size_t)(flag - at);
		if (left >= size && !strncmp(flag, word, size) &&
		    (left == size || (left == size + 5 && !strncmp(flag + size, "=true", 5)) ||
		     (left == size + 2 && !strncmp(flag + size, "=1", 2))))
			return true;
		at += length;
		at += strspn(at, between);
	}
	return false;
}
