/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "check/wanted.h"

/* ---- packages ---- */

/* Paths of the standard library have no dot in the first part. */
static bool is_standard(const char *path)
{
	return *path && !memchr(path, '.', strcspn(path, "/"));
}

/*
 * The module that a package is taken to be of, among those that the database knows: the longest
 * whose path it begins with, at a slash or not (govulncheck's rule).
 */
static const struct go_module *find_module(const struct wanted *wanted, const char *path)
{
	const struct go_module *best = NULL;
	bool standard = is_standard(path);
	for (size_t i = 0; i < wanted->triage->modules.n; i++) {
		const struct go_module *module = &wanted->triage->modules.items[i];
		if (!wanted->is_known[i])
			continue;
		if (standard && !strcmp(module->path, GO_STDLIB))
			return module;
		if (!strncmp(path, module->path, strlen(module->path)) &&
		    (!best || strlen(best->path) < strlen(module->path)))
			best = module;
	}
	return best;
}

static int add_symbols(struct named_package *package, struct match *match, struct error *err)
{
	const struct vuln_texts *symbols = &match->concern->package->symbols;
	for (size_t i = 0; i < symbols->n; i++) {
		void **value;
		int r = text_map_add(&package->symbols, symbols->items[i],
				     strlen(symbols->items[i]), &value, err);
		if (r < 0)
			return r;
		if (!*value)
			*value = calloc(1, sizeof(struct named_symbol));
		struct named_symbol *symbol = *value;
		struct match_link *link = calloc(1, sizeof(*link));
		if (!symbol || !link) {
			free(link);
			return error_no_memory(err);
		}
		*link = (struct match_link){ match, symbol->matches };
		symbol->matches = link;
	}
	return 0;
}

static int add_match(struct named_package *package, const struct concern *concern,
		     struct error *err)
{
	struct match *match = calloc(1, sizeof(*match));
	if (!match)
		return error_no_memory(err);
	*match = (struct match){ .concern = concern, .next = package->matches };
	package->matches = match;
	return concern->package ? add_symbols(package, match, err) : 0;
}

static int add_matches(const struct wanted *wanted, const char *path, struct named_package *package,
		       struct error *err)
{
	int r;

	const struct go_module *module = find_module(wanted, path);
	if (!module)
		return 0;
	/* As it is called in what stands in its module's place. */
	scoped(string_free) char *real = NULL;
	r = string_format(&real, err, "%s%s", module->is_replaced ? module->real_path : "",
			  path + (module->is_replaced ? strlen(module->path) : 0));
	for (size_t i = 0; i < wanted->n_concerns && r == 0; i++) {
		const struct concern *concern = &wanted->concerns[i];
		if (wanted->triage->vulns[concern->vuln].module == module &&
		    (!concern->package || !strcmp(concern->package->path, real)))
			r = add_match(package, concern, err);
	}
	return r;
}

struct named_package *wanted_find(const struct wanted *wanted, const char *path)
{
	void **value = text_map_find(&wanted->packages, path, strlen(path));
	return value ? *value : NULL;
}

static int add_package(struct wanted *wanted, const char *path, struct named_package **ret,
		       struct error *err)
{
	void **value;
	int r = text_map_add(&wanted->packages, path, strlen(path), &value, err);
	if (r < 0)
		return r;
	struct named_package *package = calloc(1, sizeof(*package));
	if (!package)
		return error_no_memory(err);
	*value = package;
	*ret = package;
	package->path = strdup(path);
	if (!package->path)
		return error_no_memory(err);
	return add_matches(wanted, path, package, err);
}

/* ---- symbols ---- */

static struct named_symbol *find_symbol(const struct named_package *package, const char *name,
					size_t size)
{
	void **value = text_map_find(&package->symbols, name, size);
	return value ? *value : NULL;
}

static int trace(struct named_symbol *symbol, const char *name, const char *what, struct error *err)
{
	for (struct match_link *link = symbol->matches; link; link = link->next) {
		if (link->match->trace)
			continue;
		char *text = NULL;
		int r = string_format(&text, err, "%s %s", name, what);
		if (r < 0)
			return r;
		link->match->trace = text;
	}
	return 0;
}

/*
 * What shows that code of a vulnerable function may be there although the function is not: closures
 * in it ("Get.func1") and wrappers of it ("Get-fm").
 */
static int note_parts(struct named_package *package, const char *plain, struct error *err)
{
	for (const char *at = plain; *at; at++) {
		if (at == plain || (*at != '.' && *at != '-'))
			continue;
		struct named_symbol *symbol = find_symbol(package, plain, (size_t)(at - plain));
		int r = symbol ? trace(symbol, plain, "is there, which is made of it", err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int note_symbol(struct named_package *package, enum go_function_kind kind, const char *name,
		       const char *plain, struct error *err)
{
	struct named_symbol *symbol = find_symbol(package, name, strlen(name));
	/* The database names generic functions without their type arguments. */
	if (!symbol && strchr(name, '['))
		symbol = find_symbol(package, plain, strlen(plain));
	if (!symbol)
		return note_parts(package, plain, err);
	if (kind == GO_LEFT)
		return trace(symbol, plain, "is a name that the function table has of no function",
			     err);
	symbol->is_seen = true;
	for (struct match_link *link = symbol->matches; link; link = link->next)
		link->match->has_symbol = true;
	return 0;
}

int wanted_note(struct wanted *wanted, enum go_function_kind kind, const char *package_path,
		const char *symbol, const char *plain, struct error *err)
{
	if (!*package_path)
		return 0;
	/* Package main has its path in the database. */
	if (!strcmp(package_path, "main") && *wanted->triage->info.main_path)
		package_path = wanted->triage->info.main_path;
	struct named_package *package = wanted->last;
	if (!package || strcmp(package->path, package_path) != 0)
		package = wanted_find(wanted, package_path);
	int r = package ? 0 : add_package(wanted, package_path, &package, err);
	if (r < 0)
		return r;
	wanted->last = package;
	if (kind != GO_LEFT)
		package->is_seen = true;
	if (!package->matches)
		return 0;
	for (struct match *match = package->matches; match && kind != GO_LEFT; match = match->next)
		if (!match->concern->package || !match->concern->package->symbols.n)
			match->has_symbol = true;
	return package->symbols.n ? note_symbol(package, kind, symbol, plain, err) : 0;
}

/* ---- what comes of it ---- */

static int compare_texts(const void *a, const void *b)
{
	const char *const *texts[] = { a, b };
	return strcmp(*texts[0], *texts[1]);
}

static int compare_packages(const void *a, const void *b)
{
	const struct triage_package *packages[] = { a, b };
	return strcmp(packages[0]->path, packages[1]->path);
}

static bool is_exported(const char *symbol)
{
	const char *dot = strrchr(symbol, '.');
	return isupper((unsigned char)(dot ? dot[1] : symbol[0]));
}

/* Those that are there; unexported ones only where no exported one is, as govulncheck tells them.
 */
static int take_symbols(const struct named_package *package, const struct match *match,
			struct triage_package *ret, struct error *err)
{
	const struct vuln_texts *symbols = &match->concern->package->symbols;
	bool has_exported = false;
	ret->symbols = calloc(symbols->n + 1, sizeof(*ret->symbols));
	if (!ret->symbols)
		return error_no_memory(err);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < symbols->n; i++) {
			const char *name = symbols->items[i];
			if (!find_symbol(package, name, strlen(name))->is_seen)
				continue;
			if (!pass) {
				has_exported = has_exported || is_exported(name);
				continue;
			}
			if (has_exported && !is_exported(name))
				continue;
			ret->symbols[ret->n_symbols] = strdup(name);
			if (!ret->symbols[ret->n_symbols++])
				return error_no_memory(err);
		}
	}
	qsort(ret->symbols, ret->n_symbols, sizeof(*ret->symbols), compare_texts);
	return 0;
}

/* An entry may name a package twice, with other symbols or systems: then it is told twice. */
static int settle_match(struct wanted *wanted, const struct named_package *package,
			struct match *match, struct error *err)
{
	struct triage_vuln *vuln = &wanted->triage->vulns[match->concern->vuln];
	enum triage_level level = match->has_symbol ? TRIAGE_SYMBOL : TRIAGE_PACKAGE;
	vuln->level = level > vuln->level ? level : vuln->level;
	if (match->trace && !vuln->doubt) {
		vuln->doubt = match->trace;
		match->trace = NULL;
	}
	struct triage_package *packages =
		reallocarray(vuln->packages, vuln->n_packages + 1, sizeof(*packages));
	if (!packages)
		return error_no_memory(err);
	vuln->packages = packages;
	struct triage_package *added = &packages[vuln->n_packages++];
	*added = (struct triage_package){ .path = strdup(package->path) };
	if (!added->path)
		return error_no_memory(err);
	added->is_whole = !match->concern->package || !match->concern->package->symbols.n;
	return added->is_whole ? 0 : take_symbols(package, match, added, err);
}

/* A package that is only left, or of which only a trace is, is not there. */
static void settle_trace(struct wanted *wanted, struct match *match)
{
	struct triage_vuln *vuln = &wanted->triage->vulns[match->concern->vuln];
	if (vuln->doubt)
		return;
	vuln->doubt = match->trace;
	match->trace = NULL;
}

int wanted_settle(struct wanted *wanted, struct error *err)
{
	for (size_t i = 0; i < wanted->packages.room; i++) {
		const struct named_package *package = wanted->packages.entries[i].value;
		struct match *match = package ? package->matches : NULL;
		for (; match; match = match->next) {
			int r = 0;
			if (package->is_seen)
				r = settle_match(wanted, package, match, err);
			else
				settle_trace(wanted, match);
			if (r < 0)
				return r;
		}
	}
	for (size_t i = 0; i < wanted->triage->n_vulns; i++) {
		struct triage_vuln *vuln = &wanted->triage->vulns[i];
		if (vuln->n_packages)
			qsort(vuln->packages, vuln->n_packages, sizeof(*vuln->packages),
			      compare_packages);
	}
	return 0;
}

static void package_free(struct named_package *package)
{
	if (!package)
		return;
	for (size_t i = 0; i < package->symbols.room; i++) {
		struct named_symbol *symbol = package->symbols.entries[i].value;
		while (symbol && symbol->matches) {
			struct match_link *next = symbol->matches->next;
			free(symbol->matches);
			symbol->matches = next;
		}
		free(symbol);
	}
	text_map_free(&package->symbols);
	free(package->path);
	while (package->matches) {
		struct match *next = package->matches->next;
		free(package->matches->trace);
		free(package->matches);
		package->matches = next;
	}
	free(package);
}

void wanted_free(struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->packages.room; i++)
		package_free(wanted->packages.entries[i].value);
	text_map_free(&wanted->packages);
	free(wanted->concerns);
	*wanted = (struct wanted){ 0 };
}
