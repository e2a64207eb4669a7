/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "elf/source_names.h"

/*
 * Part by part: what is kept is moved to the front, ".." takes the last kept part away again. The
 * output never runs past the part that is being read, so it may be the input itself.
 */
void source_path_fold(const char *path, char *ret)
{
	bool absolute = *path == '/';
	char *start = ret + (absolute ? 1 : 0); /* of the first part */
	char *to = start;
	bool slash_at_end = false;
	for (const char *part = path; *part;) {
		if (*part == '/') {
			part++;
			slash_at_end = true;
			continue;
		}
		size_t size = strcspn(part, "/");
		slash_at_end = false;
		if (size == 2 && part[0] == '.' && part[1] == '.') {
			while (to > start && *--to != '/')
				;
		} else if (size != 1 || part[0] != '.') {
			if (to > start)
				*to++ = '/';
			memmove(to, part, size);
			to += size;
		}
		part += size;
	}
	if (slash_at_end && to > start)
		*to++ = '/';
	if (absolute)
		*ret = '/';
	*to = 0;
}
