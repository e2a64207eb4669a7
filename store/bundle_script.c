/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "store/bundle_script.h"

int bundle_tops_add(struct bundle_tops *tops, const char *path, struct error *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._+-@~";
	if (*path != '/')
		return 0;
	const char *name = path + strspn(path, "/");
	size_t size = strcspn(name, "/");
	if (!size || strspn(name, plain) < size || tops->n == BUNDLE_SOURCE_TOPS)
		return 0;
	for (size_t i = 0; i < tops->n; i++)
		if (strlen(tops->names[i]) == size && !memcmp(tops->names[i], name, size))
			return 0;
	char *top = strndup(name, size);
	if (!top)
		return error_no_memory(err);
	tops->names[tops->n++] = top;
	return 0;
}

void bundle_tops_free(struct bundle_tops *tops)
{
	for (size_t i = 0; i < tops->n; i++)
		free(tops->names[i]);
	tops->n = 0;
}

/* Inside single quotes of a shell; the quotes are the caller's. */
static void put_quoted(FILE *to, const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", to);
		else
			putc(*text, to);
}

static const char head[] =
	"#!/bin/sh\n"
	"# gdb on the core file beside this script, with what lies here: no network is asked, no build\n"
	"# tree is needed. Arguments go to gdb; $GDB is another gdb.\n"
	"here=$(cd \"$(dirname \"$0\")\" && pwd -P) || exit 1\n"
	"unset DEBUGINFOD_URLS\n"
	"exec \"${GDB:-gdb}\" -iex \"set sysroot $here/root\" \\\n"
	"\t-iex \"set debug-file-directory $here/debug:/usr/lib/debug\" \\\n"
	"\t-iex \"directory \\\"$here/sources\\\"\" \\\n";

int bundle_script(const char *program, const struct bundle_tops *tops, char **ret,
		  struct error *err)
{
	scoped(string_free) char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	if (!to)
		return error_no_memory(err);
	fputs(head, to);
	for (size_t i = 0; i < tops->n; i++)
		fprintf(to, "\t-iex \"set substitute-path /%s \\\"$here/sources/%s\\\"\" \\\n",
			tops->names[i], tops->names[i]);
	fputs("\t\"$@\" ", to);
	if (program) {
		fputs("\"$here\"/'", to);
		put_quoted(to, program);
		fputs("' ", to);
	}
	fputs("-c \"$here/core\"\n", to);
	if (fclose(to) != 0 || !text)
		return error_no_memory(err);
	*ret = take(text);
	return 0;
}
