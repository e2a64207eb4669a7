/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/toolbox.h"

static char folder[64];

static void die(const char *what, const char *which)
{
	fprintf(stderr, "toolbox: %s: %s\n", what, which);
	abort();
}

static void remove_folder(void)
{
	char command[256];
	snprintf(command, sizeof(command), "chmod -R u+w '%s'; rm -rf '%s'", folder, folder);
	if (system(command) != 0)
		fprintf(stderr, "toolbox: %s is left behind\n", folder);
}

static const char *get_folder(void)
{
	if (folder[0])
		return folder;
	snprintf(folder, sizeof(folder), "/tmp/dbgvault-test.XXXXXX");
	if (!mkdtemp(folder))
		die("mkdtemp", folder);
	atexit(remove_folder);
	return folder;
}

bool toolbox_has(const char *program)
{
	char command[256];
	snprintf(command, sizeof(command), "command -v '%s' >/dev/null 2>&1", program);
	return system(command) == 0;
}

bool toolbox_run(const char *format, ...)
{
	char inner[4096], command[4096 + 256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(inner, sizeof(inner), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(inner))
		die("command is too long", format);
	/* Sanitizers that a test is built with are not for the compilers it calls. */
	snprintf(command, sizeof(command),
		 "cd '%s' && unset LD_PRELOAD && { %s; } >log 2>&1 || { cat log; false; }",
		 get_folder(), inner);
	int status = system(command);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static FILE *open_in_folder(const char *name, const char *mode)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", get_folder(), name);
	FILE *file = fopen(path, mode);
	if (!file)
		die("cannot open", path);
	return file;
}

void toolbox_write(const char *name, const char *text)
{
	FILE *file = open_in_folder(name, "w");
	if (fwrite(text, 1, strlen(text), file) != strlen(text) || fclose(file) != 0)
		die("cannot write", name);
}

uint8_t *toolbox_read(const char *name, size_t *ret_size)
{
	FILE *file = open_in_folder(name, "r");
	if (fseek(file, 0, SEEK_END) != 0)
		die("cannot read", name);
	long size = ftell(file);
	rewind(file);
	uint8_t *bytes = malloc((size_t)size + 1);
	if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
		die("cannot read", name);
	bytes[size] = 0;
	fclose(file);
	*ret_size = (size_t)size;
	return bytes;
}
