/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"
#include "elf/source_names.h"
#include "split/capture.h"
#include "split/resolver.h"
#include "store/sources.h"

struct capture {
	struct source_writer *writer;
	struct resolver *resolver;
	int64_t binary_time;
	capture_report report;
	void *context;
	struct capture_result result;
};

static void leave_out(struct capture *c, const char *path, const char *why)
{
	c->result.n_left_out++;
	if (c->report)
		c->report(path, why, c->context);
}

/* MD5 is what DWARF 5 has; where it is there it decides alone, for a checkout may be newer than
 * what was built from it. libcrypto may be without MD5 (FIPS): then the time decides. */
static bool is_doubtful(const struct capture *c, const struct source_name *name,
			const struct reached_file *file)
{
	uint8_t md5[16];
	if (name->has_md5 && EVP_Digest(file->bytes, file->size, md5, NULL, EVP_md5(), NULL))
		return memcmp(md5, name->md5, sizeof(md5));
	return file->mtime > c->binary_time;
}

static int capture_one(struct capture *c, const struct source_name *name, struct error *err)
{
	int r;

	enum reached reached;
	struct reached_file file;
	r = resolver_read(c->resolver, name->path, SOURCE_SIZE_LIMIT, &reached, &file, err);
	if (r < 0)
		return r;
	switch (reached) {
	case REACHED_OUTSIDE:
		c->result.n_outside++;
		return 0;
	case REACHED_NOTHING:
		c->result.n_missing++;
		return 0;
	case REACHED_LEFT_OUT:
		leave_out(c, name->path, file.why);
		return 0;
	case REACHED:
		break;
	}

	bool doubtful = is_doubtful(c, name, &file);
	r = source_writer_add(c->writer, name->path, file.bytes, file.size, doubtful, err);
	if (r == -EPERM) {
		leave_out(c, name->path, "removed from the store for good");
		return 0;
	}
	if (r == -EFBIG) {
		leave_out(c, name->path, "one more than a manifest holds");
		return 0;
	}
	if (r < 0)
		return error_prefix(err, r, "source %s", ESCAPED(name->path));
	c->result.n_doubtful += doubtful;
	return 0;
}

int capture_sources(struct store *st, const struct image *image, const struct source_roots *roots,
		    int64_t binary_time, capture_report report, void *context,
		    struct capture_result *ret, struct error *err)
{
	int r;

	scoped(source_names_free) struct source_names names = { 0 };
	r = source_names_read(image, &names, err);
	if (r == -ENOENT) {
		*ret = (struct capture_result){ 0 };
		return 0;
	}
	if (r < 0)
		return r;

	scoped(source_writer_freep) struct source_writer *writer = NULL;
	r = source_writer_new(st, &writer, err);
	if (r < 0)
		return r;
	scoped(resolver_freep) struct resolver *resolver = NULL;
	r = resolver_new(source_roots_paths(roots), &resolver, err);
	if (r < 0)
		return r;

	struct capture c = { .writer = writer,
			     .resolver = resolver,
			     .binary_time = binary_time,
			     .report = report,
			     .context = context };
	c.result.n_named = names.n_names;
	for (uint64_t i = 0; i < names.n_names; i++) {
		r = capture_one(&c, &names.names[i], err);
		if (r < 0)
			return r;
	}
	r = source_writer_finish(writer, &c.result.stored, err);
	if (r < 0)
		return r;
	*ret = c.result;
	return 0;
}
