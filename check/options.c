/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crew.h"
#include "base/json.h"
#include "check/options.h"
#include "check/rules.h"

static const struct option_usage usage = {
	.program = "dbgcheck",
	.arguments = "[OPTION]... FILE|DIR...",
	.about = "Judge release binaries by what is in the file, or, with --vulndb, tell which known\n"
		 "vulnerabilities they have. Nothing is run.",
	.page = "dbgcheck(1)",
};

void check_options_free(struct check_options *options)
{
	free(options->wanted);
	free(options->go_releases);
	*options = (struct check_options){ 0 };
}

struct texts {
	const char *fail_on, *jobs, *vex_version, *vex_time;
	struct option_values only, ignored, go_releases;
};

static int read_vex(struct vex_options *vex, const struct texts *texts)
{
	vex->version = 1;
	if (texts->vex_version) {
		unsigned long long value;
		if (!option_number(texts->vex_version, 1, UINT32_MAX, &value))
			return options_wrong(&usage, "--vex-version=%s: expected a number from 1",
					     texts->vex_version);
		vex->version = (uint32_t)value;
	}
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	unsigned long long seconds;
	vex->time = epoch && option_number(epoch, 0, INT64_MAX, &seconds) ? (int64_t)seconds
									   : time(NULL);
	if (texts->vex_time && time_parse(texts->vex_time, &vex->time, NULL) < 0)
		return options_wrong(&usage, "--vex-time=%s: expected YYYY-MM-DDThh:mm:ssZ",
				     texts->vex_time);
	return STATUS_GO_ON;
}

/* Those named by --rule, else all; less those named by --ignore. */
static int choose_rules(struct check_options *options, const struct option_values *only,
			const struct option_values *ignored)
{
	options->wanted = calloc(n_rules + 1, sizeof(*options->wanted));
	if (!options->wanted) {
		log_error("out of memory");
		return STATUS_TROUBLE;
	}
	for (size_t i = 0; i < n_rules; i++)
		options->wanted[i] = only->n == 0;
	for (size_t i = 0; i < only->n + ignored->n; i++) {
		bool add = i < only->n;
		const char *name = add ? only->values[i] : ignored->values[i - only->n];
		const struct rule *rule = rule_find(name);
		if (!rule)
			return options_wrong(&usage,
					     "--%s=%s: no such rule; dbgcheck(1) lists them",
					     add ? "rule" : "ignore", name);
		options->wanted[rule - rules] = add;
	}
	return STATUS_GO_ON;
}

static void free_texts(struct texts *texts)
{
	option_values_free(&texts->only);
	option_values_free(&texts->ignored);
	option_values_free(&texts->go_releases);
}

static int read_go_releases(struct check_options *options, const struct option_values *texts)
{
	options->go_releases = calloc(texts->n + 1, sizeof(*options->go_releases));
	if (!options->go_releases) {
		log_error("out of memory");
		return STATUS_TROUBLE;
	}
	for (size_t i = 0; i < texts->n; i++) {
		if (!go_release_parse(texts->values[i], &options->go_releases[i]))
			return options_wrong(
				&usage,
				"--go-release=%s: expected a release of Go, as 1.26.3 or 1.26",
				texts->values[i]);
		options->n_go_releases++;
	}
	return STATUS_GO_ON;
}

static int read_texts(struct check_options *options, const struct texts *texts)
{
	options->jobs = crew_cores();
	if (texts->jobs) {
		unsigned long long value;
		if (!option_number(texts->jobs, 1, 1024, &value))
			return options_wrong(&usage, "--jobs=%s: expected 1 to 1024", texts->jobs);
		options->jobs = (unsigned)value;
	}
	if (texts->fail_on) {
		options->fails = true;
		options->fail_on = !strcmp(texts->fail_on, "bad") ? VERDICT_BAD : VERDICT_ADVICE;
		if (strcmp(texts->fail_on, verdict_name(options->fail_on)) != 0)
			return options_wrong(&usage, "--fail-on=%s: expected bad or advice",
					     texts->fail_on);
	}
	int status = read_go_releases(options, &texts->go_releases);
	return status == STATUS_GO_ON ? choose_rules(options, &texts->only, &texts->ignored)
				      : status;
}

int check_options_read(struct check_options *options, int argc, char **argv)
{
	int status;

	*options = (struct check_options){ 0 };
	scoped(free_texts) struct texts texts = { 0 };
	const struct option_entry entries[] = {
		{ "rule", 0, "RULE", "judge by this rule alone; may be repeated",
		  .list = &texts.only },
		{ "ignore", 0, "RULE", "leave this rule out; may be repeated",
		  .list = &texts.ignored },
		{ "fail-on", 0, "bad|advice", "exit with status 3 where a rule says so, or worse",
		  .text = &texts.fail_on },
		{ "sarif", 0, NULL, "print a SARIF document, for pages of code scanning",
		  .flag = &options->sarif },
		{ "vulndb", 0, "DIR|ZIP",
		  "triage known vulnerabilities by this Go vulnerability database",
		  .text = &options->vulndb },
		{ "vex", 0, NULL, "with --vulndb: print an OpenVEX document",
		  .flag = &options->vex.wanted },
		{ "vex-product", 0, "PURL", "what the document is about (told from the file)",
		  .text = &options->vex.product },
		{ "vex-author", 0, "NAME", "who says so", .text = &options->vex.author },
		{ "vex-version", 0, "N", "the document's version (1)", .text = &texts.vex_version },
		{ "vex-time", 0, "TIME", "its time ($SOURCE_DATE_EPOCH, or now)",
		  .text = &texts.vex_time },
		{ "store", 0, "DIR", "where debug information may be kept (else $DBGVAULT_STORE)",
		  .text = &options->store },
		{ "go-release", 0, "VERSION",
		  "the newest release of Go, and of the one before; may be repeated",
		  .list = &texts.go_releases },
		{ "jobs", 'j', "N", "files at once (as many as there are cores)",
		  .text = &texts.jobs },
		{ 0 },
	};
	int first;
	status = options_parse(&usage, entries, &options->common, argc, argv, &first);
	if (status != STATUS_GO_ON)
		return status;
	options->inputs = (const char *const *)argv + first;
	options->n_inputs = (size_t)(argc - first);
	status = read_texts(options, &texts);
	if (status == STATUS_GO_ON)
		status = read_vex(&options->vex, &texts);
	if (status == STATUS_GO_ON && options->vex.wanted && !options->vulndb)
		status = options_wrong(&usage, "--vex needs --vulndb");
	if (status == STATUS_GO_ON && options->sarif && (options->vulndb || options->common.json))
		status = options_wrong(&usage, "--sarif goes with neither --json nor --vulndb");
	if (status == STATUS_GO_ON && options->n_inputs == 0 && !options->vulndb)
		status = options_wrong(&usage, "no FILE or DIR");
	return status;
}
