/* SPDX-License-Identifier: Apache-2.0 */
/* make_store DIR N: a store of N builds that share one object, for measuring lookups and misses. */
#include <stdio.h>
#include <stdlib.h>

#include "store/object.h"
#include "store/record.h"
#include "store/store.h"

static int fill(const char *path, uint64_t n, struct error *err)
{
	int r;

	r = store_init(path, STORE_PRIVATE, (gid_t)-1, err);
	if (r < 0)
		return r;
	scoped(store_closep) struct store *st = NULL;
	r = store_open(path, STORE_WRITE, &st, err);
	if (r < 0)
		return r;

	static const char content[] = "stands for a debug image";
	struct object_result object;
	r = object_put(st, content, sizeof(content), &object, err);
	if (r < 0)
		return r;

	for (uint64_t i = 0; i < n; i++) {
		struct digest spread = digest_of(&i, sizeof(i));
		struct contribution c = {
			.machine = 62,
			.class = 2,
			.encoding = 1,
			.type = 3,
			.time = 1700000000,
			.debug = { true, object.digest, object.size_bytes },
			.quality = QUALITY_DWARF,
		};
		r = build_id_set(&c.build_id, spread.bytes, 20, err);
		if (r == 0)
			r = record_put(st, &c, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: make_store DIR N\n");
		return 2;
	}
	struct error err = ERROR_NONE;
	if (fill(argv[1], strtoull(argv[2], NULL, 10), &err) < 0) {
		fprintf(stderr, "make_store: %s\n", err.message);
		return 1;
	}
	return 0;
}
