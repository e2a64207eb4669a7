/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "elf/dynamic.h"

const uint8_t *image_at_address(const struct image *image, uint64_t address, uint64_t *ret_size)
{
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++) {
		const GElf_Phdr *load = &image->segments[i];
		if (load->p_type != PT_LOAD || address < load->p_vaddr ||
		    address - load->p_vaddr >= load->p_filesz)
			continue;
		*ret_size = load->p_filesz - (address - load->p_vaddr);
		return image->bytes + load->p_offset + (address - load->p_vaddr);
	}
	return NULL;
}

static uint64_t word_size(const struct image *image)
{
	return image_type_size(image, ELF_T_ADDR);
}

static int64_t entry_tag(const struct dynamic *d, uint64_t i)
{
	uint64_t tag = image_decode_address(d->image, d->entries + 2 * i * word_size(d->image));
	return d->image->class == ELFCLASS64 ? (int64_t)tag : (int32_t)tag;
}

static uint64_t entry_value(const struct dynamic *d, uint64_t i)
{
	return image_decode_address(d->image, d->entries + (2 * i + 1) * word_size(d->image));
}

bool dynamic_value(const struct dynamic *dynamic, int64_t tag, uint64_t n, uint64_t *ret)
{
	for (uint64_t i = 0; i < dynamic->n_entries; i++) {
		if (entry_tag(dynamic, i) != tag || n--)
			continue;
		*ret = entry_value(dynamic, i);
		return true;
	}
	return false;
}

/* A string that ends in the table, or NULL. */
static const char *string_at(const struct dynamic *d, uint64_t offset)
{
	if (offset >= d->strings_size ||
	    !memchr(d->strings + offset, 0, (size_t)(d->strings_size - offset)))
		return NULL;
	return (const char *)d->strings + offset;
}

static const char *string_of(const struct dynamic *d, int64_t tag, uint64_t n)
{
	uint64_t offset;
	return dynamic_value(d, tag, n, &offset) ? string_at(d, offset) : NULL;
}

const char *dynamic_needed(const struct dynamic *dynamic, uint64_t n)
{
	return string_of(dynamic, DT_NEEDED, n);
}

static uint32_t word_at(const struct image *image, const uint8_t *bytes, uint64_t i)
{
	return image_decode_word(image, bytes + 4 * i);
}

/*
 * DT_GNU_HASH does not state a number: the chain of the bucket with the highest symbol ends, with a
 * set lowest bit, at the last one. Layout: 4 words (buckets, first hashed symbol, words of the
 * bloom filter, shift), the filter in the class's words, the buckets, the chains.
 */
static uint64_t count_by_gnu_hash(const struct image *image, const uint8_t *hash, uint64_t size)
{
	if (size < 16)
		return 0;
	uint64_t n_buckets = word_at(image, hash, 0), first = word_at(image, hash, 1);
	uint64_t filter_size = (uint64_t)word_at(image, hash, 2) * word_size(image);
	uint64_t buckets_at = 16 + filter_size, chains_at = buckets_at + 4 * n_buckets;
	if (chains_at > size)
		return 0;
	uint64_t last = 0;
	for (uint64_t i = 0; i < n_buckets; i++)
		last = max_u64(last, word_at(image, hash + buckets_at, i));
	if (last < first)
		return first; /* none is hashed, so what there is, is before the first */
	for (uint64_t at = chains_at + 4 * (last - first); at + 4 <= size; at += 4, last++)
		if (image_decode_word(image, hash + at) & 1)
			return last + 1;
	return 0;
}

/* DT_HASH: 32-bit words but on Alpha and 64-bit s390, where they are 64-bit ones. */
static uint64_t count_by_hash(const struct image *image, const uint8_t *hash, uint64_t size)
{
	bool wide = image->class == ELFCLASS64 &&
		    (image->ehdr.e_machine == EM_S390 || image->ehdr.e_machine == EM_ALPHA);
	if (size < (wide ? 16 : 8))
		return 0;
	return wide ? image_decode_xword(image, hash + 8) : word_at(image, hash, 1);
}

static void find_symbols(struct dynamic *d)
{
	const struct image *image = d->image;
	uint64_t address, size, n = 0, hash_size;
	const uint8_t *symbols = NULL, *hash;
	if (dynamic_value(d, DT_SYMTAB, 0, &address))
		symbols = image_at_address(image, address, &size);
	if (!symbols)
		return;
	if (dynamic_value(d, DT_HASH, 0, &address)) {
		hash = image_at_address(image, address, &hash_size);
		n = hash ? count_by_hash(image, hash, hash_size) : 0;
	}
	if (n == 0 && dynamic_value(d, DT_GNU_HASH, 0, &address)) {
		hash = image_at_address(image, address, &hash_size);
		n = hash ? count_by_gnu_hash(image, hash, hash_size) : 0;
	}
	/* What is imported alone is in no hash table: the section, if there is one, knows. */
	for (uint64_t i = 0; i < image->n_sections; i++)
		if (image->sections[i].shdr.sh_type == SHT_DYNSYM)
			n = max_u64(n, image->sections[i].shdr.sh_size /
					       image_type_size(image, ELF_T_SYM));
	/* Without sections: linkers lay the strings behind the symbols. */
	uint64_t symtab, strtab;
	if (image->n_sections == 0 && dynamic_value(d, DT_SYMTAB, 0, &symtab) &&
	    dynamic_value(d, DT_STRTAB, 0, &strtab) && strtab > symtab)
		n = max_u64(n, (strtab - symtab) / image_type_size(image, ELF_T_SYM));
	d->symbols = symbols;
	d->n_symbols = min_u64(n, size / image_type_size(image, ELF_T_SYM));
}

static const GElf_Phdr *find_segment(const struct image *image)
{
	for (uint64_t i = 0; !image->separate_debug && i < image->n_segments; i++)
		if (image->segments[i].p_type == PT_DYNAMIC)
			return &image->segments[i];
	return NULL;
}

int dynamic_read(const struct image *image, struct dynamic *ret, struct error *err)
{
	const GElf_Phdr *segment = find_segment(image);
	if (!segment)
		return error_set(err, -ENOENT, "no PT_DYNAMIC");
	struct dynamic d = { .image = image, .entries = image->bytes + segment->p_offset };
	uint64_t limit = segment->p_filesz / (2 * word_size(image));
	while (d.n_entries < limit && entry_tag(&d, d.n_entries) != DT_NULL)
		d.n_entries++;
	if (d.n_entries == limit)
		return error_set(err, -EBADMSG, "PT_DYNAMIC: no DT_NULL ends it");

	uint64_t address, size, value;
	if (dynamic_value(&d, DT_STRTAB, 0, &address) && dynamic_value(&d, DT_STRSZ, 0, &value)) {
		d.strings = image_at_address(image, address, &size);
		d.strings_size = d.strings ? min_u64(size, value) : 0;
	}
	find_symbols(&d);
	if (dynamic_value(&d, DT_FLAGS, 0, &value))
		d.flags = value;
	if (dynamic_value(&d, DT_FLAGS_1, 0, &value))
		d.flags_1 = value;
	static const struct {
		int64_t tag;
		uint64_t flag;
	} older[] = { { DT_BIND_NOW, DF_BIND_NOW },
		      { DT_TEXTREL, DF_TEXTREL },
		      { DT_SYMBOLIC, DF_SYMBOLIC } };
	for (size_t i = 0; i < ARRAY_SIZE(older); i++)
		if (dynamic_value(&d, older[i].tag, 0, &value))
			d.flags |= older[i].flag;
	d.rpath = string_of(&d, DT_RPATH, 0);
	d.runpath = string_of(&d, DT_RUNPATH, 0);
	*ret = d;
	return 0;
}
