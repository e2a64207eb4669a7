/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fresh.h"

void fresh_note(struct fresh *fresh, const struct digest *digest, const struct stat *stat)
{
	if (!fresh)
		return;
	pthread_mutex_lock(&fresh->mutex);
	if (fresh->n < FRESH_LIMIT)
		fresh->objects[fresh->n++] = (struct fresh_object){ .digest = *digest,
								    .device = stat->st_dev,
								    .inode = stat->st_ino,
								    .time = stat->st_mtim };
	pthread_mutex_unlock(&fresh->mutex);
}

void fresh_note_pack(struct fresh *fresh, const struct digest *digest)
{
	if (!fresh)
		return;
	pthread_mutex_lock(&fresh->mutex);
	for (size_t i = 0; i < fresh->n; i++)
		fresh->objects[i].is_pack |= digest_equal(&fresh->objects[i].digest, digest);
	pthread_mutex_unlock(&fresh->mutex);
}
