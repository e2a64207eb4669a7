/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "split/strip_options.h"

void strip_options_free(struct strip_options *options)
{
	option_values_free(&options->taken_symbols);
	option_values_free(&options->ignored_values);
}

bool strip_is_name(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;
	size_t length = strlen(name);
	return !strcmp(name, "strip") || (length > 6 && !strcmp(name + length - 6, "-strip"));
}

size_t strip_options_entries(struct strip_options *options,
			     struct option_entry ret[static STRIP_OPTIONS_MAX])
{
	const struct option_entry entries[] = {
		{ "strip-debug", 'g', NULL, "what is done anyway; so are -S and -d",
		  .letters = "Sd", .flag = &options->debug },
		{ "strip-all", 's', NULL,
		  "refused: symbols are never taken; called as strip, it is -g",
		  .flag = &options->all },
		{ "strip-unneeded", 0, NULL, "the same", .flag = &options->unneeded },
		{ "discard-all", 'x', NULL, "the same", .flag = &options->discard_all },
		{ "discard-locals", 'X', NULL, "the same", .flag = &options->discard_locals },
		{ "strip-symbol", 'N', "NAME", "the same", .list = &options->taken_symbols },
		{ "keep-symbol", 'K', "NAME", "done anyway, for all symbols",
		  .list = &options->ignored_values },
		{ "keep-file-symbols", 0, NULL, "done anyway", .flag = &options->ignored },
		{ "keep-section-symbols", 0, NULL, "done anyway", .flag = &options->ignored },
		{ "wildcard", 'w', NULL, "in names of symbols, all of which stay",
		  .flag = &options->ignored },
		{ "merge-notes", 'M', NULL, "not done: notes stay as they are",
		  .flag = &options->ignored },
		{ "no-merge-notes", 0, NULL, "done anyway", .flag = &options->ignored },
		{ "input-target", 'I', "FORMAT", "an ELF one: the file itself says which",
		  .text = &options->input_target },
		{ "output-target", 'O', "FORMAT", "an ELF one: that of the input",
		  .text = &options->output_target },
		{ "target", 'F', "FORMAT", "both", .text = &options->target },
		{ "only-keep-debug", 0, NULL, "refused: --debug-file=FILE writes a debug file",
		  .flag = &options->only_keep_debug },
		{ "enable-deterministic-archives", 'D', NULL,
		  "members of archives get no times and owners, which is done anyway",
		  .flag = &options->ignored, .clears = &options->keep_archive_fields },
		{ "disable-deterministic-archives", 'U', NULL, "they keep them",
		  .flag = &options->keep_archive_fields },
	};
	_Static_assert(ARRAY_SIZE(entries) <= STRIP_OPTIONS_MAX, "room for all");
	memcpy(ret, entries, sizeof(entries));
	return ARRAY_SIZE(entries);
}

/* The option that asks for symbols to be taken, or NULL. */
static const char *symbol_option(const struct strip_options *options)
{
	return options->all	       ? "--strip-all" :
	       options->unneeded       ? "--strip-unneeded" :
	       options->discard_all    ? "--discard-all" :
	       options->discard_locals ? "--discard-locals" :
	       options->taken_symbols.n ? "--strip-symbol" :
					  NULL;
}

static bool is_strict(void)
{
	const char *value = getenv("DBGVAULT_STRICT");
	return value && *value && strcmp(value, "0") != 0;
}

static int check_format(const struct option_usage *usage, const char *option, const char *format)
{
	if (!format || !strncmp(format, "elf", 3))
		return STATUS_GO_ON;
	return options_wrong(usage, "--%s=%s: ELF files alone are read and written", option, format);
}

int strip_options_check(const struct strip_options *options, const struct option_usage *usage,
			bool as_strip)
{
	int status = check_format(usage, "input-target", options->input_target);
	if (status == STATUS_GO_ON)
		status = check_format(usage, "output-target", options->output_target);
	if (status == STATUS_GO_ON)
		status = check_format(usage, "target", options->target);
	if (status != STATUS_GO_ON)
		return status;
	if (options->only_keep_debug)
		return options_wrong(
			usage,
			"--only-keep-debug: --debug-file=FILE or --debug-dir=DIR writes the debug file, while the debug information leaves the binary");

	const char *asked = symbol_option(options);
	if (as_strip && !asked && !options->debug)
		asked = "no option"; /* which is --strip-all, to strip */
	if (!asked)
		return STATUS_GO_ON;
	if (!as_strip || is_strict())
		return options_wrong(
			usage,
			"%s: symbols are never taken: tools that look for vulnerable functions, profilers and backtraces need them, and only debug information is large%s",
			asked, as_strip ? " ($DBGVAULT_STRICT is set; -g is what is done)" : "");
	log_note("called as strip: takes debug information alone, as strip -g does; symbols stay");
	return STATUS_GO_ON;
}
