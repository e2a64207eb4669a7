/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/internal.h"
#include "store/lookup.h"
#include "store/merge_state.h"

/*
 * Objects go in as they come, each checked in a temporary file of ours, so that nobody changes it between
 * check and use. Contributions wait in another until all objects are there; then packs go into the catalog,
 * contributions into their records, and the builds into the catalog last: a reader never meets a record whose
 * objects are not there. The shared lock is held throughout, so that nothing is collected that a waiting
 * contribution will need.
 */

static void merge_free(struct merge *m)
{
	free(m->buffer);
	tmpfile_discard(&m->waiting_file);
	free(m->waiting);
	digest_set_free(&m->taken);
	free(m->unindexed);
	digest_set_free(&m->refused);
	digest_set_free(&m->manifests);
	lookup_free(m->lookup);
	digest_set_free(&m->removed_ids);
	digest_set_free(&m->removed_sources);
	free(m->removed_builds);
	for (size_t i = 0; i < m->n_tombstones; i++)
		free(m->tombstones[i].path);
	free(m->tombstones);
}

void merge_tell(struct merge *m, const char *verdict, const char *what, const char *why)
{
	if (m->report)
		m->report(verdict, what, why, m->context);
}

void merge_tell_damaged(struct merge *m, const char *what, const char *why)
{
	m->n_wrong++;
	merge_tell(m, "damaged", what, why);
}

const char *merge_object_what(const struct digest *digest, char ret[static WHAT_SIZE])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, WHAT_SIZE, "objects/%s", object_name(digest, name));
	return ret;
}

const char *merge_contribution_what(const struct build_id *id, const struct digest *digest,
				     char ret[static WHAT_SIZE])
{
	char name[RECORD_NAME_SIZE];
	snprintf(ret, WHAT_SIZE, "%s/%s.json", record_name(id, name), DIGEST_HEX(digest));
	return ret;
}

struct digest merge_id_key(const struct build_id *id)
{
	return digest_of(id->bytes, id->size);
}

int store_merge(struct store *st, const char *from, struct progress *progress, verify_report report,
		void *context, struct merge_result *ret, struct error *err)
{
	int r;
	struct error own;

	if (!err)
		err = &own; /* reports quote it */
	scoped(merge_free) struct merge m = {
		.st = st,
		.progress = progress,
		.report = report,
		.context = context,
		.waiting_file = TMPFILE_NONE,
	};
	m.buffer = malloc(COPY_SIZE);
	if (!m.buffer)
		return error_no_memory(err);
	r = tmpfile_create(st->tmp_fd, &m.waiting_file, err);
	if (r < 0)
		return r;
	r = lookup_new(st, &m.lookup, err);
	if (r < 0)
		return r;

	scoped(fd_close) int fd = -1;
	if (!strcmp(from, "-"))
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	if (fd < 0 || fstat(fd, &stat) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(from));

	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;
	if (S_ISDIR(stat.st_mode))
		r = merge_folder(&m, st, from, err);
	else
		r = merge_tar(&m, fd, from, err);
	if (r == 0)
		r = merge_finish(&m, err);
	if (r < 0)
		return r;
	fd_close(&lock_fd);
	r = merge_remove_there(&m, err);
	if (r < 0)
		return r;
	*ret = m.result;
	if (m.n_wrong)
		return error_set(err, -EBADMSG, "%s: %" PRIu64 " damaged or missing pieces were left out",
				 ESCAPED(from), m.n_wrong);
	return 0;
}
