/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/texts.h"
#include "elf/content.h"

#define TEXT_MIN 4

/* A text that is cut by the end of a piece is held until the next one. */
struct walk {
	text_visit visit;
	void *context;
	char held[TEXT_LIMIT];
	size_t n_held;
};

static bool is_printable(uint8_t byte)
{
	return byte >= 0x20 && byte != 0x7f;
}

static void hand_out(struct walk *walk, const char *bytes, size_t size, bool whole)
{
	const struct text text = { bytes, size, whole };
	if (size >= TEXT_MIN)
		walk->visit(&text, walk->context);
}

/* @end: no more of the text that reaches to the end of @bytes follows, or that is not known yet. */
static void take_piece(struct walk *walk, const uint8_t *bytes, uint64_t size, bool end)
{
	for (uint64_t at = 0; at < size;) {
		uint64_t from = at;
		while (at < size && at - from < TEXT_LIMIT - walk->n_held &&
		       is_printable(bytes[at]))
			at++;
		bool reaches = at == size;
		if (walk->n_held || (reaches && !end)) {
			memcpy(walk->held + walk->n_held, bytes + from, (size_t)(at - from));
			walk->n_held += (size_t)(at - from);
			if (reaches && !end && walk->n_held < TEXT_LIMIT)
				return;
			hand_out(walk, walk->held, walk->n_held, !reaches && !bytes[at]);
			walk->n_held = 0;
		} else {
			hand_out(walk, (const char *)bytes + from, (size_t)(at - from),
				 !reaches && !bytes[at]);
		}
		while (at < size && !is_printable(bytes[at]))
			at++;
	}
}

static int take_decoded(const uint8_t *bytes, size_t size, void *context, struct error *err)
{
	(void)err;
	take_piece(context, bytes, size, false);
	return 0;
}

void texts_visit(const struct image *image, const struct section *section, text_visit visit,
		 void *context)
{
	struct walk walk = { .visit = visit, .context = context };
	struct content content;
	/* Damage is not this reader's to tell: what comes before it counts. */
	if (content_open(image, section, &content, NULL) == 0)
		(void)!content_decode(&content, take_decoded, &walk, NULL);
	hand_out(&walk, walk.held, walk.n_held, false);
}

void texts_visit_bytes(const uint8_t *bytes, uint64_t size, text_visit visit, void *context)
{
	struct walk walk = { .visit = visit, .context = context };
	take_piece(&walk, bytes, size, true);
}
