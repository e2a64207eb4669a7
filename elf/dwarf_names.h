/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* DWARF's numbers, as far as this folder needs them. Source: DWARF 5, section 7.5.6 and tables
 * 7.2, 7.5, 7.27; the GNU ones are binutils' and elfutils'. */

enum dwarf_form {
	FORM_addr = 0x01,
	FORM_block2 = 0x03,
	FORM_block4 = 0x04,
	FORM_data2 = 0x05,
	FORM_data4 = 0x06,
	FORM_data8 = 0x07,
	FORM_string = 0x08,
	FORM_block = 0x09,
	FORM_block1 = 0x0a,
	FORM_data1 = 0x0b,
	FORM_flag = 0x0c,
	FORM_sdata = 0x0d,
	FORM_strp = 0x0e,
	FORM_udata = 0x0f,
	FORM_ref_addr = 0x10,
	FORM_ref1 = 0x11,
	FORM_ref2 = 0x12,
	FORM_ref4 = 0x13,
	FORM_ref8 = 0x14,
	FORM_ref_udata = 0x15,
	FORM_indirect = 0x16,
	FORM_sec_offset = 0x17,
	FORM_exprloc = 0x18,
	FORM_flag_present = 0x19,
	FORM_strx = 0x1a,
	FORM_addrx = 0x1b,
	FORM_ref_sup4 = 0x1c,
	FORM_strp_sup = 0x1d,
	FORM_data16 = 0x1e,
	FORM_line_strp = 0x1f,
	FORM_ref_sig8 = 0x20,
	FORM_implicit_const = 0x21,
	FORM_loclistx = 0x22,
	FORM_rnglistx = 0x23,
	FORM_ref_sup8 = 0x24,
	FORM_strx1 = 0x25,
	FORM_strx2 = 0x26,
	FORM_strx3 = 0x27,
	FORM_strx4 = 0x28,
	FORM_addrx1 = 0x29,
	FORM_addrx2 = 0x2a,
	FORM_addrx3 = 0x2b,
	FORM_addrx4 = 0x2c,
	FORM_GNU_addr_index = 0x1f01,
	FORM_GNU_str_index = 0x1f02,
	FORM_GNU_ref_alt = 0x1f20,
	FORM_GNU_strp_alt = 0x1f21,
};

enum dwarf_attribute {
	AT_stmt_list = 0x10,
	AT_comp_dir = 0x1b,
	AT_str_offsets_base = 0x72,
	AT_dwo_name = 0x76,
	AT_GNU_dwo_name = 0x2130,
	AT_GNU_dwo_id = 0x2131,
};

enum dwarf_unit_type {
	UT_compile = 1,
	UT_type = 2,
	UT_partial = 3,
	UT_skeleton = 4,
	UT_split_compile = 5,
	UT_split_type = 6,
};

enum dwarf_line_content { LNCT_path = 1, LNCT_directory_index = 2, LNCT_MD5 = 5 };
