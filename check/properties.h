/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "elf/image.h"

/* Program properties: NT_GNU_PROPERTY_TYPE_0. Sources: x86-64 psABI and AArch64 ABI, "Program
 * Property". Values are bits. */

#define PROPERTY_X86_FEATURE_1_AND 0xc0000002u
#define PROPERTY_X86_FEATURE_1_IBT 1u
#define PROPERTY_X86_FEATURE_1_SHSTK 2u
#define PROPERTY_X86_ISA_1_NEEDED 0xc0008002u
#define PROPERTY_AARCH64_FEATURE_1_AND 0xc0000000u
#define PROPERTY_AARCH64_FEATURE_1_BTI 1u
#define PROPERTY_AARCH64_FEATURE_1_PAC 2u

/** The word of a property, from a PT_NOTE or a SHT_NOTE section. False: it is not there. */
bool property_find(const struct image *image, uint32_t type, uint32_t *ret);
