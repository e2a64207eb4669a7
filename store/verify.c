/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "store/verification.h"

/*
 * Three passes under the store's shared lock: objects (on all cores), contributions and what they need,
 * then the catalog against both. Writers go on meanwhile, in the order object, record, catalog; each pass
 * looks for what was durable before, so a build that is being added is never taken for damage.
 */

#define LITTER_AGE (24 * 60 * 60) /* seconds after which a temporary file is no live writer's */

void verify_tell(struct verification *v, enum verdict verdict, const char *what, const char *why)
{
	static const char *const words[] = { "damaged", "missing", "stray" };
	uint64_t *const counts[] = { &v->result.n_damaged, &v->result.n_missing, &v->result.n_stray };
	pthread_mutex_lock(&v->mutex);
	++*counts[verdict];
	if (v->report)
		v->report(words[verdict], what, why, v->context);
	pthread_mutex_unlock(&v->mutex);
}

void verify_trouble(struct verification *v, int r, const struct error *err)
{
	pthread_mutex_lock(&v->mutex);
	if (v->r == 0) {
		v->r = r;
		v->err = *err;
	}
	pthread_mutex_unlock(&v->mutex);
}

void verify_tell_error(struct verification *v, int r, const char *what, const struct error *why)
{
	verify_tell(v, r == -ENOTSUP ? STRAY : DAMAGED, what, why->message);
}

const char *verify_object_path(const struct digest *digest, char ret[static WHAT_SIZE])
{
	char name[OBJECT_NAME_SIZE];
	snprintf(ret, WHAT_SIZE, "objects/%s", object_name(digest, name));
	return ret;
}

struct digest verify_id_key(const struct build_id *id)
{
	return digest_of(id->bytes, id->size);
}

/* ---- what lies beside ---- */

static bool has_catalog_file(struct verification *v)
{
	return faccessat(v->st->fd, "catalog/catalog.sqlite", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int check_folder(struct verification *v, const char *folder, int64_t min_age, const char *why,
			struct error *err)
{
	int r;

	scoped(names_free) struct names names = { 0 };
	r = names_read(v->st->fd, folder, &names, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		char what[WHAT_SIZE];
		snprintf(what, sizeof(what), "%s/%s", folder, names.names[i]);
		struct stat stat;
		if (fstatat(v->st->fd, what, &stat, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (time(NULL) - stat.st_mtime >= min_age)
			verify_tell(v, STRAY, what, why);
	}
	return 0;
}

static void verification_free(struct verification *v)
{
	lookup_free(v->lookup);
	digest_set_free(&v->sources);
	digest_set_free(&v->manifests);
	digest_set_free(&v->missing);
	digest_set_free(&v->builds);
	pthread_mutex_destroy(&v->mutex);
}

int store_verify(struct store *st, struct progress *progress, verify_report report, void *context,
		 struct verify_result *ret, struct error *err)
{
	int r;
	struct error own;

	if (!err)
		err = &own; /* findings quote it */
	scoped(fd_close) int lock_fd = -1;
	r = store_lock_shared(st, &lock_fd, err);
	if (r < 0)
		return r;

	scoped(verification_free) struct verification v = {
		.st = st,
		.progress = progress,
		.report = report,
		.context = context,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	r = verify_open_catalog(&v, err);
	if (r < 0)
		return r;
	r = verify_objects(&v, err);
	if (r < 0)
		return r;
	r = verify_each_record(&v, verify_record, err);
	if (r < 0)
		return r;
	r = verify_catalog(&v, err);
	if (r < 0)
		return error_prefix(err, r, "catalog");
	if (v.result.n_builds && !has_catalog_file(&v))
		verify_tell(&v, STRAY, "catalog/catalog.sqlite", "not there: dbgstore reindex");
	r = check_folder(&v, "tmp", LITTER_AGE, "left by a writer that did not finish", err);
	if (r < 0)
		return r;
	r = check_folder(&v, "quarantine", INT64_MIN, "was found damaged and moved aside", err);
	if (r < 0)
		return r;

	*ret = v.result;
	if (v.r < 0)
		*err = v.err;
	return v.r;
}
