/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "check/report.h"
#include "check/triage_task.h"

static json_t *package_json(const struct triage_package *package)
{
	json_t *json = json_object(), *symbols = json_array();
	json_object_set_new(json, "path", json_bytes_string(package->path));
	json_object_set_new(json, "whole", json_boolean(package->is_whole));
	for (size_t i = 0; i < package->n_symbols; i++)
		json_array_append_new(symbols, json_bytes_string(package->symbols[i]));
	json_object_set_new(json, "symbols", symbols);
	return json;
}

static json_t *vuln_json(const struct triage_vuln *vuln)
{
	json_t *json = json_object(), *aliases = json_array(), *packages = json_array();
	json_object_set_new(json, "id", json_bytes_string(vuln->entry->id));
	for (size_t i = 0; i < vuln->entry->aliases.n; i++)
		json_array_append_new(aliases, json_string(vuln->entry->aliases.items[i]));
	json_object_set_new(json, "aliases", aliases);
	json_object_set_new(json, "level", json_string(triage_level_name(vuln->level)));
	json_object_set_new(json, "module", json_bytes_string(vuln->module->real_path));
	json_object_set_new(json, "version", json_bytes_string(vuln->module->real_version));
	if (vuln->fixed)
		json_object_set_new(json, "fixed", json_bytes_string(vuln->fixed));
	for (size_t i = 0; i < vuln->n_packages; i++)
		json_array_append_new(packages, package_json(&vuln->packages[i]));
	json_object_set_new(json, "packages", packages);
	return json;
}

static void print_json(const struct vulndb *db, const char *path, const struct build_id *build_id,
		       const struct triage *triage)
{
	json_t *line = report_line(path, "triaged"), *vulns = json_array(), *counts = json_object();
	if (build_id)
		json_object_set_new(line, "build_id", json_string(BUILD_ID_HEX(build_id)));
	json_object_set_new(line, "go_version", json_bytes_string(triage->info.version));
	json_object_set_new(line, "main_module", json_bytes_string(triage->info.main_module));
	json_object_set_new(line, "main_version", json_bytes_string(triage->info.main_version));
	json_object_set_new(line, "database_time", json_string(vulndb_modified(db)));
	json_object_set_new(line, "functions_read", json_boolean(!*triage->why));
	if (*triage->why)
		json_object_set_new(line, "reason", json_bytes_string(triage->why));
	json_object_set_new(line, "symbols_assumed", json_boolean(triage->is_assumed));
	for (unsigned i = 0; i < N_TRIAGE_LEVELS; i++)
		json_object_set_new(counts, triage_level_name(i),
				    json_integer((json_int_t)triage->n[i]));
	json_object_set_new(line, "counts", counts);
	for (size_t i = 0; i < triage->n_vulns; i++)
		json_array_append_new(vulns, vuln_json(&triage->vulns[i]));
	json_object_set_new(line, "vulnerabilities", vulns);
	report_print(line);
}

/* "net/http: Client.Do, Client.Get (9 more)" in @ret. */
static void describe(const struct triage_vuln *vuln, char *ret, size_t size)
{
	size_t used = 0;
	ret[0] = 0;
	for (size_t i = 0; i < vuln->n_packages && used < size; i++) {
		const struct triage_package *package = &vuln->packages[i];
		if (vuln->level == TRIAGE_SYMBOL && !package->is_whole && !package->n_symbols)
			continue;
		used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? "; " : "",
					 ESCAPED(package->path));
		for (size_t k = 0; k < package->n_symbols && k < 2 && used < size; k++)
			used += (size_t)snprintf(ret + used, size - used, "%s%s", k ? ", " : ": ",
						 ESCAPED(package->symbols[k]));
		if (package->n_symbols > 2 && used < size)
			used += (size_t)snprintf(ret + used, size - used, " (%zu more)",
						 package->n_symbols - 2);
	}
}

static void print_text(const struct check_options *options, const struct vulndb *db,
		       const char *path, const struct triage *triage)
{
	report_text(
		"%s: %s: known vulnerabilities: %zu in modules, %zu in packages, %zu in functions"
		" (database of %.10s)\n",
		ESCAPED(path), ESCAPED(triage->info.version), triage->n[TRIAGE_MODULE],
		triage->n[TRIAGE_PACKAGE], triage->n[TRIAGE_SYMBOL], vulndb_modified(db));
	if (*triage->why)
		report_text("  its functions were not read in full: %s%s\n", triage->why,
			    triage->is_assumed ? "; all known symbols are taken to be there" : "");
	for (size_t i = 0; i < triage->n_vulns; i++) {
		const struct triage_vuln *vuln = &triage->vulns[i];
		if (vuln->level != TRIAGE_SYMBOL && !options->common.verbose)
			continue;
		char names[512], module[256];
		describe(vuln, names, sizeof(names));
		snprintf(module, sizeof(module), "%s@%s", ESCAPED(vuln->module->real_path),
			 ESCAPED(vuln->module->real_version));
		report_text("  %-13s %-8s %-40s %s%-12s %s\n", ESCAPED(vuln->entry->id),
			    triage_level_name(vuln->level), module, vuln->fixed ? "-> " : "no fix",
			    vuln->fixed ? ESCAPED(vuln->fixed) : "", names);
	}
}

void triage_print(const struct triage_context *context, const char *path,
		  const struct build_id *build_id, const struct triage *triage)
{
	if (context->options->common.json)
		print_json(context->db, path, build_id, triage);
	else if (!context->options->common.quiet)
		print_text(context->options, context->db, path, triage);
}
