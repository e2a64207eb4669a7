/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "elf/file_kind.h"

bool path_ends_with(const char *path, const char *end)
{
	size_t length = strlen(path), end_length = strlen(end);
	return length >= end_length && !strcmp(path + length - end_length, end);
}

/* Kernels load these as they are: what is in them is not looked at. */
bool file_is_packed_module(const char *name)
{
	static const char *const ends[] = { ".ko.zst", ".ko.xz", ".ko.gz" };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (path_ends_with(name, ends[i]))
			return true;
	return false;
}

/* Of one architecture, with 32 or 64 bits, in either byte order; and of several, whose magic is that
 * of Java classes too: there, a version stands where these have a small count. */
static bool is_mach_o(const uint8_t *bytes)
{
	static const uint8_t magics[][4] = { { 0xfe, 0xed, 0xfa, 0xce },
					     { 0xfe, 0xed, 0xfa, 0xcf },
					     { 0xce, 0xfa, 0xed, 0xfe },
					     { 0xcf, 0xfa, 0xed, 0xfe } };
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (!memcmp(bytes, magics[i], sizeof(magics[i])))
			return true;
	static const uint8_t several[] = { 0xca, 0xfe, 0xba, 0xbe, 0, 0, 0 };
	return !memcmp(bytes, several, sizeof(several)) && bytes[sizeof(several)] < 32;
}

const char *file_foreign_form(const uint8_t *bytes, uint64_t size)
{
	if (size < 8)
		return NULL;
	if (is_mach_o(bytes))
		return "Mach-O";
	if (size >= 64 && !memcmp(bytes, "MZ", 2)) /* a DOS header comes first */
		return "PE";
	return memcmp(bytes, "\0asm", 4) == 0 ? "WebAssembly" : NULL;
}

static enum file_kind kind_of_elf(unsigned type, const char *name)
{
	switch (type) {
	case ET_REL:
		return path_ends_with(name, ".ko") ? FILE_KIND_MODULE : FILE_KIND_OBJECT;
	case ET_CORE:
		return FILE_KIND_CORE;
	default:
		return FILE_KIND_PROGRAM;
	}
}

int file_kind_read(int dir_fd, const char *name, enum file_kind *ret)
{
	uint8_t start[EI_NIDENT + 2];
	scoped(fd_close) int fd = -1;
	int r = file_open_at(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, NULL);
	if (r < 0)
		return r;
	ssize_t n = pread(fd, start, sizeof(start), 0);
	if (n < 0)
		return -errno;
	if (n >= 8 && (!memcmp(start, "!<arch>\n", 8) || !memcmp(start, "!<thin>\n", 8)))
		*ret = FILE_KIND_ARCHIVE;
	else if (n < SELFMAG || memcmp(start, ELFMAG, SELFMAG) != 0)
		*ret = file_is_packed_module(name) ? FILE_KIND_PACKED_MODULE : FILE_KIND_OTHER;
	else if (n < (ssize_t)sizeof(start))
		*ret = FILE_KIND_PROGRAM; /* cut: to be told so */
	else if (start[EI_DATA] == ELFDATA2MSB)
		*ret = kind_of_elf((unsigned)start[EI_NIDENT] << 8 | start[EI_NIDENT + 1], name);
	else
		*ret = kind_of_elf((unsigned)start[EI_NIDENT + 1] << 8 | start[EI_NIDENT], name);
	return 0;
}
