/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "check/audit.h"
#include "check/rules.h"
#include "check/sarif.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/subject_fixture.h"

/* The input is an ELF file: it is judged by every rule, and told. */

static void check_findings(const struct audit *audit)
{
	for (size_t i = 0; i < n_rules; i++) {
		const struct finding *finding = &audit->findings[i];
		FUZZ_CHECK(audit->judged[i]);
		FUZZ_CHECK(finding->seen && finding->seen[0]);
		FUZZ_CHECK(strlen(finding->seen) < FINDING_TEXT_LIMIT);
		/* Where something is to be done, it is said what. */
		FUZZ_CHECK((finding->verdict >= VERDICT_ADVICE) == (finding->advice != NULL));
		for (const char *c = finding->seen; *c; c++)
			FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

static void tell(const struct audit *audit)
{
	struct sarif *sarif;
	if (sarif_new(&sarif, NULL) < 0)
		return;
	sarif_add(sarif, "prog", audit);
	char *text = NULL;
	struct error err = ERROR_NONE;
	FUZZ_CHECK(sarif_format(sarif, &text, &err) == 0);
	json_t *value = NULL;
	FUZZ_CHECK(json_parse(text, strlen(text), &value, &err) == 0);
	json_decref(value);
	free(text);
	sarif_free(sarif);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image;
	if (image_open(data, size, &image, NULL) < 0)
		return 0;
	static const struct go_release releases[] = { { 25, 1 }, { 26, 3 } };
	const struct subject_context context = { .go_releases = releases, .n_go_releases = 2 };
	bool wanted[64];
	FUZZ_CHECK(n_rules <= ARRAY_SIZE(wanted));
	memset(wanted, true, sizeof(wanted));
	struct subject subject;
	subject_open("prog", &image, &context, &subject);
	struct audit audit;
	int r = audit_run(&subject, wanted, &audit, NULL);
	FUZZ_CHECK(r == 0 || r == -ENOMEM);
	if (r == 0) {
		check_findings(&audit);
		tell(&audit);
		audit_free(&audit);
	}
	subject_close(&subject);
	image_close(&image);
	return 0;
}

static void add_everything(struct elf_builder *b)
{
	static const char functions[] = "/opt/go/src/runtime/proc.go\0/home/ann/x/main.go";
	static const char producer[] = "GNU C17 12.2.0 -O2 -fstack-protector-strong";
	static const char comment[] = "GCC: (Debian) 12.2.0";
	static const uint8_t go[] = "\xff Go buildinf:\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				    "\x08go1.26.3\x4d"
				    "0123456789abcdef"
				    "mod\tx\tv1\nbuild\t-ldflags=\"-s\"\nbuild\tGOARM=5\n"
				    "0123456789abcdef";
	uint8_t property[32] = { 0 };
	elf_builder_put(b, property, 0xc0000002, 4);
	elf_builder_put(b, property + 4, 4, 4);
	elf_builder_put(b, property + 8, 3, 4);
	elf_builder_put(b, property + 16, 0xc0008002, 4);
	elf_builder_put(b, property + 20, 4, 4);
	elf_builder_put(b, property + 24, 4, 4);
	unsigned id = elf_builder_note(b, ".note.gnu.build-id", "GNU", 3, "12345678", 8);
	unsigned last = elf_builder_note(b, ".note.gnu.property", "GNU", 5, property, 32);
	elf_builder_segment_over(b, PT_NOTE, PF_R, id, last);
	if (b->ehdr.e_machine != EM_386)
		elf_builder_section(b, ".go.buildinfo", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, go,
				    sizeof(go) - 1);
	elf_builder_section(b, ".gopclntab", SHT_PROGBITS, SHF_ALLOC, functions, sizeof(functions));
	elf_builder_section(b, ".debug_str", SHT_PROGBITS, 0, producer, sizeof(producer));
	elf_builder_section(b, ".comment", SHT_PROGBITS, 0, comment, sizeof(comment));
	elf_builder_section(b, ".gnu_debuglink", SHT_PROGBITS, 0, "prog.debug\0\0crc", 16);
	elf_builder_note(b, ".gnu.build.attributes", "GA*\2\3", 0x100, "", 0);
	elf_builder_segment(b, &(GElf_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W });
	elf_builder_segment(b, &(GElf_Phdr){ .p_type = PT_GNU_RELRO, .p_memsz = 4096 });
}

void fuzz_seeds(fuzz_add add)
{
	static const struct dynamic_entry dynamic[] = {
		{ DT_NEEDED, 0, "libc.so.6" },  { DT_RUNPATH, 0, "$ORIGIN:/tmp" },
		{ DT_FLAGS, DF_TEXTREL, NULL }, { DT_FLAGS_1, DF_1_PIE, NULL },
		{ DT_PLTRELSZ, 24, NULL },      { 0 },
	};
	static const struct fixture_symbol symbols[] = {
		{ "__memcpy_chk", true },
		{ "strcpy", true },
		{ "getaddrinfo", true },
		{ "__stack_chk_fail", true },
		{ "x_cgo_init", false },
		{ "main.Version.str", false },
		{ "main.main", false },
		{ "__gxx_personality_v0", true },
		{ 0 },
	};
	static const struct {
		unsigned class, encoding, type, machine;
		bool bare;
	} kinds[] = {
		{ ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64, false },
		{ ELFCLASS64, ELFDATA2MSB, ET_DYN, EM_S390, false },
		{ ELFCLASS32, ELFDATA2LSB, ET_EXEC, EM_386, false },
		{ ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_AARCH64, false },
		{ ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64, true },
		{ ELFCLASS32, ELFDATA2MSB, ET_REL, EM_PPC, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct fixture fixture = { .class = kinds[i].class,
						 .encoding = kinds[i].encoding,
						 .type = kinds[i].type,
						 .machine = kinds[i].machine,
						 .dynamic = dynamic,
						 .symbols = symbols,
						 .interpreter = "/lib64/ld-linux-x86-64.so.2",
						 .no_section_headers = kinds[i].bare,
						 .more = add_everything };
		size_t size;
		uint8_t *file = fixture_build(&fixture, &size);
		add(file, size);
		free(file);
	}
}
