/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/content.h"
#include "split/plan.h"
#include "split/recipe.h"
#include "split/section_names.h"
#include "split/sink.h"
#include "store/object.h"

/*
 * The separate debug file: a header for every section of the input, in the same order; the bytes of
 * what is taken or goes to both; the input's own program headers. What is loaded is SHT_NOBITS, but
 * for notes. DWARF sections are decompressed. All places are known before the first byte.
 */

struct debug_section {
	GElf_Shdr shdr;
	bool has_bytes;
	bool decoded; /* it was compressed, and is not */
	struct content content;
	const char *name; /* as it is called here */
};

struct recipe_source;

/* What is known of a compressed section's stream. */
struct debug_stream {
	int level; /* at which it may have been made; 0: none is known */
	bool proved; /* it was */
	bool kept; /* carried as it is, for that is not so, and the same stream is wanted */
};

struct debug_image {
	const struct plan *plan;
	struct debug_section *sections; /* as many as the input has */
	uint32_t *order; /* of those with bytes: their indexes, in order of offset */
	size_t n_order;
	uint64_t size_bytes;
	GElf_Ehdr ehdr;
	uint8_t *head; /* ELF header and program headers, */
	uint64_t head_size;
	uint8_t *table; /* section header table, at e_shoff */
	char *renamed; /* the names that .zdebug_* get, one behind the other */
	struct section_names names;
	/* Sections whose compression is not understood or damaged: carried as they are. One bit a
	 * section. */
	uint64_t *opaque;
	size_t n_opaque;
	/* How the input is joined again; see split/recipe.h. */
	const struct recipe_source *source; /* NULL: no recipe */
	struct debug_stream *streams; /* one a section */
	uint64_t kept_bytes; /* of streams that are carried as they are */
	struct recipe_body recipe; /* behind the table, with a trailer behind it */
};

/**
 * Lay the image out. @plan and the input outlive it.
 * Errors: -EFBIG it would be larger than its ELF class, or any honest file, can be
 */
must_check int debug_image_plan(const struct plan *plan, struct debug_image *ret,
				struct error *err);
/** Also accepts a zeroed struct. A guard: scoped(debug_image_free). */
void debug_image_free(struct debug_image *debug);

/**
 * Let the image also say how the input is made of it and the stripped image again. It is laid out
 * anew. @source outlives the image.
 */
must_check int debug_image_add_recipe(struct debug_image *debug, const struct recipe_source *source,
				      struct error *err);

/** Are the section's bytes here its content, and not a stream that is carried as it is? */
bool debug_image_has_content(const struct debug_image *debug, uint64_t index);

/**
 * All bytes in order.
 *
 * @ret_damaged  true where the error is that a compressed section cannot be decoded: then
 *		 debug_image_give_in(), and write again from the start
 */
must_check int debug_image_write(const struct debug_image *debug, const struct sink *sink,
				 bool *ret_damaged, struct error *err);

/** Try all compressed sections, and lay the image out anew with those that are damaged as they are.
 */
must_check int debug_image_give_in(struct debug_image *debug, struct error *err);

/** How it lies, for the store. @ret points into the image; its sections are freed by the caller. */
must_check int debug_image_layout(const struct debug_image *debug, struct object_layout *ret,
				  struct object_section **ret_sections, struct error *err);
