/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/* What only this folder uses. */

/* elf/translate.c: to the host's byte order; @from as in elf/image.h. */
void image_decode_ehdr(const struct image *image, const uint8_t *from, GElf_Ehdr *ret);
void image_decode_phdr(const struct image *image, const uint8_t *from, GElf_Phdr *ret);
void image_decode_shdr(const struct image *image, const uint8_t *from, GElf_Shdr *ret);
