/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check/rules.h"

static void nx_stack(void **state)
{
	(void)state;
	static const struct {
		uint32_t type, flags;
		bool separate;
		enum verdict verdict;
		const char *seen;
	} cases[] = {
		{ PT_GNU_STACK, PF_R | PF_W, false, VERDICT_GOOD,
		  "PT_GNU_STACK is not executable" },
		{ PT_GNU_STACK, PF_R | PF_W | PF_X, false, VERDICT_BAD,
		  "PT_GNU_STACK is executable" },
		{ PT_LOAD, PF_R | PF_X, false, VERDICT_ADVICE,
		  "no PT_GNU_STACK: the kernel's default holds" },
		{ PT_GNU_STACK, PF_R | PF_W, true, VERDICT_NOT_APPLICABLE,
		  "not a program or library" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		GElf_Phdr segment = { .p_type = cases[i].type, .p_flags = cases[i].flags };
		struct section sections[2] = { [1] = { .shdr = { .sh_type = SHT_PROGBITS,
								 .sh_flags = SHF_ALLOC,
								 .sh_size = 4 },
						       .name = ".text" } };
		struct image image = { .ehdr.e_type = ET_DYN,
				       .segments = &segment,
				       .n_segments = 1,
				       .sections = sections,
				       .n_sections = 2,
				       .separate_debug = cases[i].separate };
		struct subject subject;
		struct finding finding = { 0 };
		subject_open("prog", &image, NULL, &subject);
		rule_find("nx-stack")->judge(&subject, &finding);
		assert_int_equal(finding.verdict, cases[i].verdict);
		assert_string_equal(finding.seen, cases[i].seen);
		assert_int_equal(finding.advice != NULL, cases[i].verdict >= VERDICT_ADVICE);
		finding_free(&finding);
		subject_close(&subject);
	}
	assert_null(rule_find("nx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nx_stack) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
