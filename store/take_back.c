/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "store/internal.h"
#include "store/needs.h"
#include "store/object_remove.h"
#include "store/take_back.h"

#define N_ATTEMPTS 50 /* to get the lock, 20 ms apart: writers hold it for moments */

static int lock_soon(struct store *st, int *ret_fd)
{
	for (int attempt = 0;; attempt++) {
		int r = store_try_lock_exclusive(st, ret_fd, NULL);
		if (r != -EWOULDBLOCK || attempt == N_ATTEMPTS)
			return r;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
}

/* Is it the file that we published, and has nobody renewed its time? */
static bool is_untouched(struct store *st, const struct fresh_object *object)
{
	struct stat is;
	return object_stat(st, &object->digest, &is) && is.st_dev == object->device &&
	       is.st_ino == object->inode &&
	       is.st_mtim.tv_sec == object->time.tv_sec &&
	       is.st_mtim.tv_nsec == object->time.tv_nsec;
}

/* The folders that the act made go with what was in them, unless something else has come. */
static void remove_folder(int parent_fd, const char *name)
{
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		return;
	if (file_sync(parent_fd, "folder", NULL) < 0)
		return; /* after a crash it may be there again: empty, it means nothing */
}

static void remove_shelf(struct store *st, const struct digest *digest)
{
	char name[OBJECT_NAME_SIZE];
	object_name(digest, name);
	name[2] = 0;
	remove_folder(st->objects_fd, name);
}

/* Does a contribution name one of ours? Then the act had come as far as its record. */
static bool names_ours(const struct contribution *c, const struct fresh *fresh, bool packs_alone)
{
	struct need needs[CONTRIBUTION_N_NEEDS];
	contribution_needs(c, needs);
	for (size_t i = 0; i < CONTRIBUTION_N_NEEDS; i++)
		for (size_t j = 0; j < fresh->n && needs[i].artifact->present; j++)
			if (digest_equal(&needs[i].artifact->digest, &fresh->objects[j].digest))
				return true;
	/* No record names a pack; its manifests need it. */
	return packs_alone && c->sources.present;
}

/* Also where it cannot be told. */
static bool is_in_use(struct store *st, const struct fresh *fresh, const struct build_id *id,
		      bool *ret_has_record)
{
	*ret_has_record = false;
	if (!id->size)
		return false;
	scoped(record_free) struct record record = { 0 };
	int r = record_read(st, id, &record, NULL);
	*ret_has_record = r != -ENOENT;
	if (r == -ENOENT)
		return false;
	if (r < 0 || record.n_damaged)
		return true;
	bool packs_alone = true;
	for (size_t i = 0; i < fresh->n; i++)
		packs_alone &= fresh->objects[i].is_pack;
	for (size_t i = 0; i < record.n_contributions; i++)
		if (names_ours(&record.contributions[i], fresh, packs_alone))
			return true;
	return false;
}

/* What record_put() made before it failed. */
static void remove_record_folders(struct store *st, const struct build_id *id)
{
	char path[RECORD_NAME_SIZE];
	remove_folder(st->fd, record_name(id, path));
	*strrchr(path, '/') = 0;
	remove_folder(st->fd, path);
}

void fresh_take_back(struct store *st, struct fresh *fresh, const struct build_id *id)
{
	if (!fresh->n && !fresh->has_record)
		return;
	bool has_record;
	scoped(fd_close) int lock_fd = -1;
	if (lock_soon(st, &lock_fd) < 0 || is_in_use(st, fresh, id, &has_record))
		return;
	/* Packs last: what goes before them makes the room that the catalog needs. */
	for (int packs = 0; packs < 2; packs++)
		for (size_t i = 0; i < fresh->n; i++)
			if (fresh->objects[i].is_pack == (packs == 1) &&
			    is_untouched(st, &fresh->objects[i]))
				(void)!object_unlink(st, &fresh->objects[i].digest, packs == 1, NULL, NULL);
	for (size_t i = 0; i < fresh->n; i++)
		remove_shelf(st, &fresh->objects[i].digest);
	fresh->n = 0;
	if (fresh->has_record && !has_record)
		remove_record_folders(st, id);
}
