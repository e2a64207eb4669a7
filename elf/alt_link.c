/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "elf/alt_link.h"

#define SECTION ".gnu_debugaltlink"

/* The path, a NUL, and the bytes of the build ID up to the section's end. */
int image_alt_link(const struct image *image, struct alt_link *ret, struct error *err)
{
	int r;

	const struct section *section = image_find_section(image, SECTION);
	uint64_t size = 0;
	const uint8_t *bytes = section ? image_section_bytes(image, section, &size) : NULL;
	if (!bytes)
		return error_set(err, -ENOENT, "no " SECTION);
	const uint8_t *end = memchr(bytes, 0, (size_t)size);
	if (!end || end == bytes)
		return error_set(err, -EBADMSG,
				 SECTION ": no path, ended by a NUL, in its %" PRIu64 " bytes",
				 size);
	struct alt_link link = { .path = (const char *)bytes };
	r = build_id_set(&link.id, end + 1, (size_t)(bytes + size - (end + 1)), err);
	if (r < 0)
		return error_prefix(err, r, SECTION);
	*ret = link;
	return 0;
}
