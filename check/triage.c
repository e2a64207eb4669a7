/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "check/go_build.h"
#include "check/triage.h"
#include "check/triage_doubts.h"
#include "check/wanted.h"
#include "elf/go_name.h"
#include "elf/go_version.h"

const char *triage_level_name(enum triage_level level)
{
	static const char *const names[] = { "module", "package", "symbol" };
	return names[level];
}

/* ---- which entries affect the modules ---- */

struct system {
	char name[64], machine[64]; /* GOOS and GOARCH; "": not recorded */
};

/* Databases may speak of related modules in one entry: only what is of this one counts. */
static bool applies(const struct vuln_affected *affected, const struct go_module *module,
		    const struct system *system)
{
	if (strcmp(affected->module, module->path) != 0 ||
	    !vuln_affects(affected, module->real_version))
		return false;
	for (size_t i = 0; i < affected->n_packages; i++)
		if (vuln_package_fits(&affected->packages[i], system->name, system->machine))
			return true;
	return affected->n_packages == 0;
}

static bool is_fixed_in(const struct vuln_entry *entry, const struct go_module *module,
			const struct system *system, const char *version)
{
	for (size_t i = 0; i < entry->n_affected; i++) {
		const struct vuln_affected *affected = &entry->affected[i];
		if (!applies(affected, module, system) ||
		    strcmp(affected->module, module->real_path) != 0)
			continue;
		for (size_t k = 0; k < affected->n_ranges; k++)
			if (vuln_range_holds(&affected->ranges[k], version))
				return false;
	}
	return true;
}

/* The first version behind the module's that is named as a fix, and is not affected itself. */
static const char *find_fix(const struct vuln_entry *entry, const struct go_module *module,
			    const struct system *system)
{
	const char *first = NULL;
	for (size_t i = 0; i < entry->n_affected; i++) {
		const struct vuln_affected *affected = &entry->affected[i];
		if (!applies(affected, module, system) ||
		    strcmp(affected->module, module->real_path) != 0)
			continue;
		for (size_t k = 0; k < affected->n_ranges; k++) {
			const struct vuln_range *range = &affected->ranges[k];
			for (size_t m = 0; range->is_semver && m < range->n_events; m++) {
				const char *fixed = range->events[m].fixed;
				if (fixed && *fixed &&
				    go_version_bare_compare(module->real_version, fixed) < 0 &&
				    (!first || go_version_bare_compare(fixed, first) < 0) &&
				    is_fixed_in(entry, module, system, fixed))
					first = fixed;
			}
		}
	}
	return first;
}

static int add_concern(struct wanted *wanted, size_t vuln, const struct vuln_package *package,
		       struct error *err)
{
	struct concern *concerns =
		reallocarray(wanted->concerns, wanted->n_concerns + 1, sizeof(*concerns));
	if (!concerns)
		return error_no_memory(err);
	wanted->concerns = concerns;
	concerns[wanted->n_concerns++] = (struct concern){ vuln, package };
	return 0;
}

static int add_vuln(struct wanted *wanted, const struct vuln_entry *entry,
		    const struct go_module *module, const struct system *system, struct error *err)
{
	struct triage *triage = wanted->triage;
	struct triage_vuln *vulns =
		reallocarray(triage->vulns, triage->n_vulns + 1, sizeof(*vulns));
	if (!vulns)
		return error_no_memory(err);
	triage->vulns = vulns;
	struct triage_vuln *vuln = &vulns[triage->n_vulns++];
	*vuln = (struct triage_vuln){ .entry = entry, .module = module };
	const char *fixed = find_fix(entry, module, system);
	return fixed ? string_format(&vuln->fixed, err, "%s%s", *fixed == 'v' ? "" : "v", fixed)
		     : 0;
}

static int consider(struct wanted *wanted, const struct vuln_entry *entry,
		    const struct go_module *module, const struct system *system, struct error *err)
{
	if (entry->withdrawn)
		return 0;
	int r = 0;
	bool is_added = false;
	for (size_t i = 0; i < entry->n_affected && r == 0; i++) {
		const struct vuln_affected *affected = &entry->affected[i];
		if (!applies(affected, module, system))
			continue;
		if (!is_added)
			r = add_vuln(wanted, entry, module, system, err);
		is_added = true;
		size_t vuln = wanted->triage->n_vulns - 1;
		if (r == 0 && !affected->n_packages)
			r = add_concern(wanted, vuln, NULL, err);
		for (size_t k = 0; k < affected->n_packages && r == 0; k++)
			if (vuln_package_fits(&affected->packages[k], system->name,
					      system->machine))
				r = add_concern(wanted, vuln, &affected->packages[k], err);
	}
	return r;
}

static int compare_vulns(const void *a, const void *b)
{
	const struct triage_vuln *vulns[] = { a, b };
	int order = strcmp(vulns[0]->entry->id, vulns[1]->entry->id);
	return order ? order : strcmp(vulns[0]->module->path, vulns[1]->module->path);
}

static int consider_modules(struct wanted *wanted, struct vulndb *db, bool *is_known,
			    struct error *err)
{
	int r = 0;
	struct triage *triage = wanted->triage;
	struct system system;
	go_setting(&triage->info, "GOOS", system.name, sizeof(system.name));
	go_setting(&triage->info, "GOARCH", system.machine, sizeof(system.machine));
	for (size_t i = 0; i < triage->modules.n && r == 0; i++) {
		struct go_module *module = &triage->modules.items[i];
		struct vuln_entries entries;
		r = vulndb_find(db, module->real_path, &entries, err);
		if (r < 0)
			return r;
		is_known[i] = entries.n != 0;
		for (size_t k = 0; k < entries.n && r == 0; k++)
			r = consider(wanted, entries.items[k], module, &system, err);
	}
	return r;
}

/* ---- what of them is there ---- */

struct visit {
	struct wanted *wanted;
	struct go_name name;
};

static int visit_function(const struct go_function *f, void *context, struct error *err)
{
	struct visit *visit = context;
	int r = go_name_parse(f->name, f->name_size, f->generated_colon, &visit->name, err);
	if (r < 0)
		return r;
	return wanted_note(visit->wanted, f->kind, visit->name.package, visit->name.symbol,
			   visit->name.plain, err);
}

static void visit_end(struct visit *visit)
{
	go_name_free(&visit->name);
}

/* Without names, all is taken to be there that the database names. */
static int assume(struct wanted *wanted, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < wanted->n_concerns && r == 0; i++) {
		const struct vuln_package *package = wanted->concerns[i].package;
		if (!package)
			continue;
		if (!package->symbols.n)
			r = wanted_note(wanted, GO_FUNCTION, package->path, "*", "*", err);
		for (size_t k = 0; k < package->symbols.n && r == 0; k++)
			r = wanted_note(wanted, GO_FUNCTION, package->path,
					package->symbols.items[k], package->symbols.items[k], err);
	}
	return r;
}

static int look_for_names(const struct image *image, struct wanted *wanted, struct error *err)
{
	struct triage *triage = wanted->triage;
	struct error why = ERROR_NONE;
	scoped(visit_end) struct visit visit = { .wanted = wanted };
	int r = go_functions_read(image, visit_function, &visit, &triage->functions, &why);
	if (r == -ENOENT || r == -EBADMSG) {
		triage->is_assumed = true;
		snprintf(triage->why, sizeof(triage->why), "%.*s", (int)sizeof(triage->why) - 1,
			 why.message);
		return assume(wanted, err);
	}
	if (r < 0)
		return error_set(err, r, "%s", why.message);
	memcpy(triage->why, triage->functions.why, sizeof(triage->why));
	return 0;
}

const char *triage_next_id(const struct triage *triage, size_t *at, enum triage_level *ret_level)
{
	if (*at == triage->n_vulns)
		return NULL;
	const char *id = triage->vulns[*at].entry->id;
	*ret_level = TRIAGE_MODULE;
	for (; *at < triage->n_vulns && !strcmp(triage->vulns[*at].entry->id, id); ++*at)
		if (triage->vulns[*at].level > *ret_level)
			*ret_level = triage->vulns[*at].level;
	return id;
}

static void count(struct triage *triage)
{
	size_t at = 0;
	enum triage_level level;
	while (triage_next_id(triage, &at, &level))
		for (unsigned k = 0; k <= level; k++)
			triage->n[k]++;
}

static void free_flags(bool **flags)
{
	free(*flags);
}

int triage_run(const struct image *image, struct vulndb *db, bool wants_doubts, struct triage *ret,
	       struct error *err)
{
	int r;

	scoped(triage_free) struct triage triage = { 0 };
	r = go_info_read(image, &triage.info, err);
	if (r < 0)
		return r;
	r = go_modules_read(&triage.info, &triage.modules, err);
	if (r < 0)
		return r;
	scoped(free_flags) bool *is_known = calloc(triage.modules.n + 1, sizeof(*is_known));
	if (!is_known)
		return error_no_memory(err);
	scoped(wanted_free) struct wanted wanted = { .triage = &triage, .is_known = is_known };
	r = consider_modules(&wanted, db, is_known, err);
	if (r == 0)
		r = look_for_names(image, &wanted, err);
	if (r == 0)
		r = wanted_settle(&wanted, err);
	if (r == 0 && wants_doubts)
		r = triage_doubt(image, &wanted, err);
	if (r < 0)
		return r;
	if (triage.n_vulns)
		qsort(triage.vulns, triage.n_vulns, sizeof(*triage.vulns), compare_vulns);
	count(&triage);
	*ret = triage;
	triage = (struct triage){ 0 };
	return 0;
}

void triage_free(struct triage *triage)
{
	for (size_t i = 0; i < triage->n_vulns; i++) {
		struct triage_vuln *vuln = &triage->vulns[i];
		for (size_t k = 0; k < vuln->n_packages; k++) {
			struct triage_package *package = &vuln->packages[k];
			for (size_t m = 0; m < package->n_symbols; m++)
				free(package->symbols[m]);
			free(package->symbols);
			free(package->path);
		}
		free(vuln->packages);
		free(vuln->fixed);
		free(vuln->doubt);
	}
	free(triage->vulns);
	go_modules_free(&triage->modules);
	go_info_free(&triage->info);
	*triage = (struct triage){ 0 };
}
