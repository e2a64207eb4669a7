/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "split/claims.h"

struct claim {
	struct digest identity;
	const char *path; /* the key, which need not lie in the claim */
	char text[];
};

struct claims {
	pthread_mutex_t mutex;
	void *tree; /* tsearch(3), by path */
};

static int compare_claims(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->path, ((const struct claim *)b)->path);
}

int claims_new(struct claims **ret, struct error *err)
{
	struct claims *claims = calloc(1, sizeof(*claims));
	if (!claims)
		return error_no_memory(err);
	pthread_mutex_init(&claims->mutex, NULL);
	*ret = claims;
	return 0;
}

void claims_free(struct claims *claims)
{
	if (!claims)
		return;
	while (claims->tree) {
		struct claim *first = *(struct claim **)claims->tree;
		tdelete(first, &claims->tree, compare_claims);
		free(first);
	}
	pthread_mutex_destroy(&claims->mutex);
	free(claims);
}

/* With the mutex held. */
static int take_locked(struct claims *claims, const char *path, const struct digest *identity,
		       struct error *err)
{
	const struct claim key = { .path = path };
	struct claim *const *found = tfind(&key, &claims->tree, compare_claims);
	if (found && digest_equal(&(*found)->identity, identity))
		return 0;
	if (found)
		return error_set(
			err, -EEXIST,
			"%s: the debug file of another program among the inputs: split them one by one, each into its own --debug-dir or --debug-file",
			ESCAPED(path));
	size_t size = strlen(path) + 1;
	struct claim *claim = malloc(sizeof(*claim) + size);
	if (!claim)
		return error_no_memory(err);
	claim->identity = *identity;
	claim->path = memcpy(claim->text, path, size);
	if (!tsearch(claim, &claims->tree, compare_claims)) {
		free(claim);
		return error_no_memory(err);
	}
	return 0;
}

int claims_take(struct claims *claims, const char *path, const struct digest *identity,
		struct error *err)
{
	pthread_mutex_lock(&claims->mutex);
	int r = take_locked(claims, path, identity, err);
	pthread_mutex_unlock(&claims->mutex);
	return r;
}
