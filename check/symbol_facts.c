/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check/symbol_facts.h"

/* Functions of which glibc has a checked one, __NAME_chk. In byte order. Source: glibc 2.36,
 * debug/Versions. */
static const char *const checkable[] = {
	"asprintf",       "confstr",        "dprintf",       "explicit_bzero", "fgets",
	"fgets_unlocked", "fgetws",         "fprintf",       "fread",          "fread_unlocked",
	"fwprintf",       "getcwd",         "getdomainname", "getgroups",      "gethostname",
	"getlogin_r",     "gets",           "getwd",         "longjmp",        "mbsnrtowcs",
	"mbsrtowcs",      "mbstowcs",       "memcpy",        "memmove",        "mempcpy",
	"memset",         "obstack_printf", "poll",          "ppoll",          "pread",
	"pread64",        "printf",         "ptsname_r",     "read",           "readlink",
	"readlinkat",     "realpath",       "recv",          "recvfrom",       "snprintf",
	"sprintf",        "stpcpy",         "stpncpy",       "strcat",         "strcpy",
	"strncat",        "strncpy",        "swprintf",      "syslog",         "ttyname_r",
	"vasprintf",      "vdprintf",       "vfprintf",      "vfwprintf",      "vprintf",
	"vsnprintf",      "vsprintf",       "vswprintf",     "vsyslog",        "vwprintf",
	"wcpcpy",         "wcpncpy",        "wcrtomb",       "wcscat",         "wcscpy",
	"wcsncat",        "wcsncpy",        "wcsnrtombs",    "wcsrtombs",      "wcstombs",
	"wctomb",         "wmemcpy",        "wmemmove",      "wmempcpy",       "wmemset",
	"wprintf",
};

/* What asks libc's resolver, and its user and group database. In byte order. */
static const char *const resolver[] = {
	"getaddrinfo", "getgrgid_r", "getgrnam_r", "getgrouplist", "gethostbyaddr", "gethostbyname",
	"getnameinfo", "getpwnam_r", "getpwuid_r", "res_nsearch",  "res_search",
};

static int compare_names(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

static bool is_listed(const char *name, const char *const *list, size_t n)
{
	return bsearch(name, list, n, sizeof(*list), compare_names);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

struct reading {
	const struct image *image;
	struct symbol_facts *facts;
};

/* __NAME_chk; the stack protector's own two are named alike. */
static bool is_checked(const char *name, char ret[static 64])
{
	size_t size = strlen(name);
	if (size < 7 || size >= 64 || !starts_with(name, "__") || strcmp(name + size - 4, "_chk"))
		return false;
	memcpy(ret, name + 2, size - 6);
	ret[size - 6] = 0;
	return !strcmp(ret, "fdelt") || is_listed(ret, checkable, ARRAY_SIZE(checkable));
}

static void note_import(struct symbol_facts *facts, const char *name)
{
	char plain[64];
	if (is_checked(name, plain))
		word_list_add(&facts->checked, plain);
	else if (is_listed(name, checkable, ARRAY_SIZE(checkable)))
		word_list_add(&facts->unchecked, name);
	if (is_listed(name, resolver, ARRAY_SIZE(resolver)) ||
	    (starts_with(name, "__res_") && is_listed(name + 2, resolver, ARRAY_SIZE(resolver))))
		word_list_add(&facts->resolver, name);
}

/* Packages of the standard library have no dot in their first part; Go's own linker sets variables
 * of these. */
static bool is_own_package(const char *name)
{
	size_t first = strcspn(name, "/");
	return starts_with(name, "main.") ||
	       (name[first] && (memchr(name, '.', first) || memmem(name, first, "%2e", 3)));
}

bool symbol_is_version_name(const char *name)
{
	static const char *const words[] = { "version", "release", "semver", "tag" };
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(dot ? dot : name, words[i]))
			return true;
	return false;
}

/* The linker's -X makes a symbol "PACKAGE.VARIABLE.str" of the text. */
static void note_stamp(const struct reading *r, const struct symbol *symbol)
{
	size_t size = strlen(symbol->name);
	if (size < 6 || size > 400 || strcmp(symbol->name + size - 4, ".str") != 0 ||
	    GELF_ST_TYPE(symbol->sym.st_info) != STT_OBJECT || !is_own_package(symbol->name))
		return;
	uint64_t left, n = symbol->sym.st_size;
	const uint8_t *text = image_at_address(r->image, symbol->sym.st_value, &left);
	if (!text || n > left)
		return;
	char word[512];
	snprintf(word, sizeof(word), "%.*s=%.*s", (int)(size - 4), symbol->name,
		 (int)min_u64(n, 64), (const char *)text);
	word_list_add(&r->facts->stamps, word);
	word[size - 4] = 0;
	r->facts->stamps_version |= n > 0 && symbol_is_version_name(word);
}

static void note_language(struct symbol_facts *facts, const char *name)
{
	/* _cgo_init and its like are variables of every runtime; these are C's. */
	facts->cgo |= starts_with(name, "x_cgo_");
	facts->rust |= !strcmp(name, "rust_eh_personality") || !strcmp(name, "rust_begin_unwind");
	facts->cxx |= starts_with(name, "__gxx_personality");
}

static int visit(const struct symbol *symbol, void *context)
{
	const struct reading *r = context;
	struct symbol_facts *facts = r->facts;
	bool defined = symbol->sym.st_shndx != SHN_UNDEF;
	unsigned type = GELF_ST_TYPE(symbol->sym.st_info);
	if (!symbol->dynamic) {
		facts->has_table = true;
		facts->n_functions += defined && type == STT_FUNC;
		note_stamp(r, symbol);
	}
	note_language(facts, symbol->name);
	if (starts_with(symbol->name, "__stack_chk_fail") ||
	    !strcmp(symbol->name, "__stack_smash_handler"))
		facts->stack_protector = true;
	if (symbol->dynamic && !defined)
		note_import(facts, symbol->name);
	if (defined && !strcmp(symbol->name, "getaddrinfo"))
		facts->defines_resolver = true;
	return 0;
}

void symbol_facts_read(const struct image *image, const struct dynamic *dynamic,
		       struct symbol_facts *ret)
{
	*ret = (struct symbol_facts){ 0 };
	struct reading reading = { .image = image, .facts = ret };
	symbols_visit(image, visit, &reading);
	if (dynamic)
		dynamic_symbols_visit(dynamic, visit, &reading);
}
