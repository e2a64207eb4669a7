/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>

#include "split/addrsig.h"

int addrsig_next(const uint8_t *bytes, uint64_t size, uint64_t *at, uint32_t *ret,
		 struct error *err)
{
	uint64_t value = 0, start = *at;
	for (unsigned shift = 0; *at < size && shift < 35; shift += 7) {
		uint8_t byte = bytes[(*at)++];
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (value > UINT32_MAX)
			break;
		*ret = (uint32_t)value;
		return 0;
	}
	return error_set(err, -EBADMSG, ".llvm_addrsig: no symbol number at 0x%" PRIx64, start);
}

static uint64_t put(uint32_t value, uint8_t *ret)
{
	uint64_t n = 0;
	do {
		uint8_t byte = value & 0x7f;
		value >>= 7;
		if (ret)
			ret[n] = byte | (value ? 0x80 : 0);
		n++;
	} while (value);
	return n;
}

int addrsig_renumber(const uint8_t *bytes, uint64_t size,
		     bool (*renumber)(uint32_t *number, const void *context), const void *context,
		     uint8_t *ret, uint64_t *ret_size, struct error *err)
{
	uint64_t used = 0;
	for (uint64_t at = 0; at < size;) {
		uint32_t number;
		int r = addrsig_next(bytes, size, &at, &number, err);
		if (r < 0)
			return r;
		if (renumber(&number, context))
			used += put(number, ret ? ret + used : NULL);
	}
	*ret_size = used;
	return 0;
}
