/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/digest.h"
#include "elf/build_id.h"

int build_id_set(struct build_id *ret, const uint8_t *bytes, size_t size, struct error *err)
{
	if (size == 0)
		return error_set(err, -EBADMSG, "the build ID has no bytes");
	if (size > BUILD_ID_MAX_SIZE)
		return error_set(err, -EBADMSG, "the build ID has %zu bytes, the limit is %d", size,
				 BUILD_ID_MAX_SIZE);
	struct build_id id = { .size = (uint8_t)size };
	memcpy(id.bytes, bytes, size);
	*ret = id;
	return 0;
}

int build_id_parse(const char *hex, size_t size, struct build_id *ret, struct error *err)
{
	if (size == 0)
		return error_set(err, -EINVAL, "a build ID has at least 2 hex digits");
	if (size > 2 * (size_t)BUILD_ID_MAX_SIZE)
		return error_set(err, -EINVAL,
				 "%zu characters, a build ID has at most %d hex digits", size,
				 2 * BUILD_ID_MAX_SIZE);
	if (size % 2)
		return error_set(err, -EINVAL, "%zu hex digits, a build ID has an even number",
				 size);
	struct build_id id = { .size = (uint8_t)(size / 2) };
	if (!hex_decode(hex, size, id.bytes))
		return error_set(err, -EINVAL, "a build ID has hex digits (0-9, a-f) alone");
	*ret = id;
	return 0;
}

const char *build_id_hex(const struct build_id *id, char ret[static BUILD_ID_HEX_SIZE])
{
	hex_encode(id->bytes, id->size, ret);
	return ret;
}

bool build_id_equal(const struct build_id *a, const struct build_id *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}
