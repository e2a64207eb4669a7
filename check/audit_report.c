/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/json.h"
#include "check/audit.h"
#include "check/report.h"
#include "check/rules.h"

static json_t *finding_json(const struct rule *rule, const struct finding *finding)
{
	json_t *object = json_object();
	json_object_set_new(object, "rule", json_string(rule->name));
	json_object_set_new(object, "verdict", json_string(verdict_name(finding->verdict)));
	json_object_set_new(object, "seen", json_bytes_string(finding->seen));
	if (finding->advice)
		json_object_set_new(object, "advice", json_bytes_string(finding->advice));
	return object;
}

static void print_json(const char *path, const struct audit *audit)
{
	json_t *line = report_line(path, "audited");
	if (audit->build_id.size)
		json_object_set_new(line, "build_id", json_string(BUILD_ID_HEX(&audit->build_id)));
	json_object_set_new(line, "language", json_string(language_name(audit->language)));
	json_t *findings = json_array();
	for (size_t i = 0; i < n_rules; i++)
		if (audit->judged[i])
			json_array_append_new(findings,
					      finding_json(&rules[i], &audit->findings[i]));
	json_object_set_new(line, "findings", findings);
	report_print(line);
}

static void print_text(const struct check_options *options, const char *path,
		       const struct audit *audit)
{
	report_text("%s\n", ESCAPED(path));
	for (size_t i = 0; i < n_rules; i++) {
		const struct finding *finding = &audit->findings[i];
		if (!audit->judged[i] ||
		    (finding->verdict == VERDICT_NOT_APPLICABLE && !options->common.verbose))
			continue;
		report_text("  %-15s %-7s %s%s%s\n", rules[i].name,
			    finding->verdict == VERDICT_NOT_APPLICABLE
				    ? "-"
				    : verdict_name(finding->verdict),
			    finding->seen, finding->advice ? " -> " : "",
			    finding->advice ? finding->advice : "");
	}
}

void audit_print(const struct check_options *options, const char *path, const struct audit *audit)
{
	if (options->common.json)
		print_json(path, audit);
	else if (!options->common.quiet)
		print_text(options, path, audit);
}

void audit_print_totals(const struct check_options *options, const struct audit_totals *totals)
{
	if (options->common.json || options->common.quiet || options->sarif || totals->n_files == 1)
		return;
	report_text("%" PRIu64 " files: %" PRIu64 " good, %" PRIu64 " advice, %" PRIu64 " bad\n",
		    totals->n_files, totals->n[VERDICT_GOOD], totals->n[VERDICT_ADVICE],
		    totals->n[VERDICT_BAD]);
}
