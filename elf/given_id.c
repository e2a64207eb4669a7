/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "elf/given_id.h"
#include "elf/identity.h"
#include "elf/notes.h"

#define CONTENT_TEXT "dbgvault build ID 1"

/* Its parts are those of the action, the main action, the main content and the content; the last
 * one is put in after the link. What the linker hashed has the action's in its place. */
struct go_parts {
	const char *text;
	size_t size; /* of the first three, with the third's slash */
	size_t action_size;
};

static bool read_parts(const struct image *image, struct go_parts *ret)
{
	const char *text;
	uint64_t size;
	if (image_go_build_id(image, &text, &size, NULL) < 0)
		return false;
	*ret = (struct go_parts){ .text = text };
	size_t start = 0, n = 0;
	for (size_t at = 0; at < size; at++) {
		if (text[at] != '/')
			continue;
		if (at == start || ++n > 3)
			return false;
		if (n == 1)
			ret->action_size = at;
		start = ret->size = at + 1;
	}
	return n == 3 && start < size;
}

/* The toolchain's hashes are SHA-256 with the first byte changed, lest somebody mistakes them for
 * that: by 0xff since Go 1.25, by 1 in Go 1.24. */
static struct build_id cut(const struct digest *digest, uint8_t flip)
{
	struct build_id id = { .size = GIVEN_ID_SIZE };
	memcpy(id.bytes, digest->bytes, GIVEN_ID_SIZE);
	id.bytes[0] ^= flip;
	return id;
}

int image_derive_build_id(const struct image *image, struct build_id *ret, bool *ret_is_go,
			  struct error *err)
{
	int r;

	scoped(digester_freep) struct digester *d = NULL;
	r = digester_new(&d, err);
	if (r < 0)
		return r;
	struct go_parts parts;
	bool is_go = read_parts(image, &parts);
	if (is_go) {
		digester_add(d, parts.text, parts.size);
		digester_add(d, parts.text, parts.action_size);
	} else {
		struct digest identity;
		r = image_identity(image, &identity, err);
		if (r < 0)
			return r;
		digester_add(d, CONTENT_TEXT, sizeof(CONTENT_TEXT));
		digester_add(d, identity.bytes, sizeof(identity.bytes));
	}
	struct digest digest = digester_finish(d);
	*ret = cut(&digest, is_go ? 0xff : 0);
	if (ret_is_go)
		*ret_is_go = is_go;
	return 0;
}

bool image_build_id_says_nothing(const struct image *image, const struct build_id *id)
{
	const char *text;
	uint64_t size;
	struct go_parts parts;
	if (id->size != GIVEN_ID_SIZE || image_go_build_id(image, &text, &size, NULL) < 0 ||
	    read_parts(image, &parts))
		return false;
	struct digest digest = digest_of(text, size);
	struct build_id now = cut(&digest, 0xff), old = cut(&digest, 1);
	return build_id_equal(id, &now) || build_id_equal(id, &old);
}

bool image_is_go(const struct image *image)
{
	const char *text;
	uint64_t size;
	return image_go_build_id(image, &text, &size, NULL) == 0 ||
	       image_find_section(image, ".note.go.buildid") ||
	       image_find_section(image, ".go.buildinfo") ||
	       image_find_section(image, ".gopclntab");
}

int image_known_build_id(const struct image *image, struct build_id *ret, struct error *err)
{
	struct build_id id;
	int r = image_build_id(image, &id, NULL, err);
	bool none = r == -ENOENT && image_is_go(image);
	if (none || (r == 0 && image_build_id_says_nothing(image, &id))) {
		int derived = image_derive_build_id(image, &id, NULL, NULL);
		if (derived == -ENOMEM)
			return error_no_memory(err);
		r = derived == 0 ? 0 : r; /* a debug file: its own must do */
	}
	if (r == 0)
		*ret = id;
	return r;
}
