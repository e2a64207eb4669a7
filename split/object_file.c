/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "split/object_file.h"

static const char signature_mark[] = "~Module signature appended~\n";

bool object_file_is_signed(const struct image *image)
{
	uint64_t size = sizeof(signature_mark) - 1;
	return image->size_bytes - image->end >= size &&
	       !memcmp(image->bytes + image->size_bytes - size, signature_mark, size);
}

void object_file_warn(const struct image *image, struct outcome *outcome)
{
	if (object_file_is_signed(image))
		outcome_warn(
			outcome,
			"the module signature behind it is kept, and no longer holds: kernels refuse the module until it is signed again");
}
