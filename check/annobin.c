/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/annobin.h"
#include "elf/notes.h"

#define NOTE_OPEN 0x100 /* of a whole file, or of an address range */
#define NOTE_FUNCTION 0x101
#define ATTRIBUTE_STACK_PROTECTOR 2

struct votes {
	uint64_t yes, no;
};

struct tally {
	struct votes stack_protector, fortify, stack_clash;
};

static void vote(struct votes *votes, bool yes)
{
	votes->yes += yes;
	votes->no += !yes;
}

/* A number: little-endian bytes, as many as there are, up to 8. */
static uint64_t read_number(const uint8_t *at, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size && i < 8; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

/* The value behind the attribute "@name\0". */
static bool is_named(const uint8_t *at, size_t size, const char *name, uint64_t *ret)
{
	size_t n = strlen(name) + 1;
	if (size < n || memcmp(at, name, n) != 0)
		return false;
	*ret = read_number(at + n, size - n);
	return true;
}

static void read_note(const struct note *note, struct tally *tally)
{
	const uint8_t *at = (const uint8_t *)note->name;
	if ((note->type != NOTE_OPEN && note->type != NOTE_FUNCTION) || note->name_size < 4 ||
	    memcmp(at, "GA", 2) != 0)
		return;
	uint8_t kind = at[2]; /* '*' number, '$' text, '+' true, '!' false */
	size_t size = note->name_size - 3;
	uint64_t value;
	at += 3;
	if (kind == '*' && size >= 2 && at[0] == ATTRIBUTE_STACK_PROTECTOR) {
		/* 0 none, 1 basic, 2 all, 3 strong, 4 explicit */
		value = read_number(at + 1, size - 1);
		vote(&tally->stack_protector, value >= 1 && value <= 3);
	} else if (kind == '*' && is_named(at, size, "FORTIFY", &value)) {
		if (value < 0xfe) /* above: not known */
			vote(&tally->fortify, value > 0);
	} else if ((kind == '+' || kind == '!') && is_named(at, size, "stack_clash", &value)) {
		vote(&tally->stack_clash, kind == '+');
	}
}

static enum annobin_answer answer(const struct votes *votes)
{
	if (votes->yes && votes->no)
		return ANNOBIN_SOME;
	return votes->yes ? ANNOBIN_ALL : votes->no ? ANNOBIN_NONE : ANNOBIN_SILENT;
}

struct annobin annobin_read(const struct image *image)
{
	struct tally tally = { 0 };
	for (uint64_t i = 0; i < image->n_sections; i++) {
		const struct section *section = &image->sections[i];
		if (section->shdr.sh_type != SHT_NOTE ||
		    strncmp(section->name, ".gnu.build.attributes", 21) != 0)
			continue;
		uint64_t at = section->shdr.sh_offset, end = at + section->shdr.sh_size;
		struct note note;
		while (note_next(image, &at, end, 4, &note, NULL) == 0)
			read_note(&note, &tally);
	}
	return (struct annobin){ answer(&tally.stack_protector), answer(&tally.fortify),
				 answer(&tally.stack_clash) };
}
