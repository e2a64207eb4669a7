/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/crew.h"
#include "split/options.h"
#include "split/strip_options.h"

static const struct option_usage usage = {
	.program = "dbgsplit",
	.arguments = "[OPTION]... FILE|DIR...",
	.about =
		"Take the debug information out of binaries, and keep it in a store or in files, by build ID.",
	.page = "dbgsplit(1)",
};

/* libtool asks strip -V for these two words before it uses it. */
static const struct option_usage usage_as_strip = {
	.program = "dbgsplit",
	.stands_for = "GNU strip",
	.arguments = "[OPTION]... FILE...",
	.about =
		"Take the debug information out of files, and keep it in a store or in files, by build ID.",
	.page = "dbgsplit(1)",
};

static const struct option_usage *usage_of(const struct split_options *options)
{
	return options->as_strip ? &usage_as_strip : &usage;
}

void split_options_free(struct split_options *options)
{
	option_values_free(&options->source_roots);
	option_values_free(&options->source_maps);
	option_values_free(&options->removed);
	origin_free(&options->origin);
	words_free(&options->words);
	*options = (struct split_options){ 0 };
}

/* The words of $DBGVAULT_SPLIT_FLAGS go before those of the command line. */
static int join_arguments(struct split_options *options, int argc, char **argv)
{
	struct error err = ERROR_NONE;
	const char *flags = getenv("DBGVAULT_SPLIT_FLAGS");
	int r = words_add(&options->words, argc > 0 ? argv[0] : usage.program, &err);
	if (r == 0 && flags)
		r = words_add_text(&options->words, flags, &err);
	for (int i = 1; r == 0 && i < argc; i++)
		r = words_add_argument(&options->words, argv[i], &err);
	if (r == 0 && options->words.n > INT_MAX)
		r = error_set(&err, -E2BIG, "too many arguments");
	if (r == 0)
		return STATUS_GO_ON;
	log_error("%s", err.message);
	return STATUS_TROUBLE;
}

/* "yes" or "no", "auto" or "no": anything else is an error. */
static int read_choice(const char *option, const char *text, const char *on, bool *ret_off)
{
	if (!text || !strcmp(text, on))
		return STATUS_GO_ON;
	if (strcmp(text, "no") != 0)
		return options_wrong(&usage, "--%s=%s: expected %s or no", option, text, on);
	*ret_off = true;
	return STATUS_GO_ON;
}

static int read_build_id(const char *text, enum build_id_mode *ret)
{
	if (!text || !strcmp(text, "add"))
		*ret = BUILD_ID_ADD;
	else if (!strcmp(text, "mend"))
		*ret = BUILD_ID_MEND;
	else if (!strcmp(text, "keep"))
		*ret = BUILD_ID_KEEP;
	else
		return options_wrong(&usage, "--build-id=%s: expected add, mend or keep", text);
	return STATUS_GO_ON;
}

static char *copy_text(const char *option, const char *variable)
{
	const char *text = option ? option : getenv(variable);
	return text && *text ? strdup(text) : NULL;
}

static int read_origin(struct split_options *options, const struct origin *given,
		       const struct option_values *tags)
{
	struct origin *origin = &options->origin;
	origin->package = copy_text(given->package, "DBGVAULT_PACKAGE");
	origin->version = copy_text(given->version, "DBGVAULT_PKG_VERSION");
	origin->distro = copy_text(given->distro, "DBGVAULT_DISTRO");
	origin->purl = copy_text(given->purl, "DBGVAULT_PURL");
	origin->name_space = copy_text(given->name_space, "DBGVAULT_NAMESPACE");
	origin->path = given->path ? strdup(given->path) : NULL;
	origin->tags = calloc(tags->n + 1, sizeof(*origin->tags));
	if (!origin->tags)
		return -ENOMEM;
	for (size_t i = 0; i < tags->n; i++) {
		origin->tags[i] = strdup(tags->values[i]);
		if (!origin->tags[i])
			return -ENOMEM;
		origin->n_tags++;
	}
	return 0;
}

/* Texts of options that become something else. */
struct texts {
	const char *sources, *executable, *build_id, *debug_names, *dwp, *jobs, *level, *min_free;
	const char *package, *version, *distro, *purl, *name_space, *path;
	struct option_values tags;
	struct strip_options strip;
};

static void free_texts(struct texts *texts)
{
	option_values_free(&texts->tags);
	strip_options_free(&texts->strip);
}

static int read_numbers(struct split_options *options, const struct texts *texts)
{
	unsigned long long value;
	options->jobs = options->cores = crew_cores();
	options->min_free = MIN_FREE_DEFAULT;
	if (texts->jobs) {
		if (!option_number(texts->jobs, 1, 1024, &value))
			return options_wrong(&usage, "--jobs=%s: expected 1 to 1024", texts->jobs);
		options->jobs = (unsigned)value;
	}
	if (texts->level) {
		if (!option_number(texts->level, 1, 22, &value))
			return options_wrong(&usage, "--level=%s: expected 1 to 22", texts->level);
		options->level = (int)value;
	}
	if (texts->min_free && !option_bytes(texts->min_free, &options->min_free))
		return options_wrong(&usage, "--min-free=%s: expected bytes, as 500M or 2G",
				     texts->min_free);
	return STATUS_GO_ON;
}

static int check(struct split_options *options, const struct texts *texts)
{
	int status;

	status = read_choice("sources", texts->sources, "auto", &options->no_sources);
	if (status == STATUS_GO_ON)
		status = read_choice("executable", texts->executable, "yes",
				     &options->no_executable);
	if (status == STATUS_GO_ON)
		status = read_numbers(options, texts);
	if (status != STATUS_GO_ON)
		return status;
	status = read_build_id(texts->build_id, &options->build_id);
	if (status != STATUS_GO_ON)
		return status;
	options->package_all = texts->dwp && !strcmp(texts->dwp, "yes");
	options->no_package = texts->dwp && !strcmp(texts->dwp, "no");
	if (texts->dwp && !options->package_all && !options->no_package &&
	    strcmp(texts->dwp, "auto") != 0)
		return options_wrong(&usage, "--dwp=%s: expected auto, yes or no", texts->dwp);
	options->keep_names = texts->debug_names && !strcmp(texts->debug_names, "keep");
	if (texts->debug_names && !options->keep_names &&
	    strcmp(texts->debug_names, "absolute") != 0)
		return options_wrong(&usage, "--debug-names=%s: expected absolute or keep",
				     texts->debug_names);
	if (options->store && strstr(options->store, "://"))
		return options_wrong(
			&usage,
			"--store=%s: a store is a folder yet; split into one and carry it there with dbgstore merge",
			options->store);
	if (options->n_inputs == 0)
		return options_wrong(&usage, "no FILE or DIR");
	if (options->join)
		return options->n_inputs <= 2 && options->output && !options->debug_file &&
				       !options->debug_dir && !options->dry_run
			       ? STATUS_GO_ON
			       : options_wrong(&usage,
					       "expected --join STRIPPED [DEBUG] -o OUT");
	if ((options->output || options->debug_file) && options->n_inputs > 1)
		return options_wrong(&usage, "-o and --debug-file take one input, not %zu",
				     options->n_inputs);
	if (options->debug_file && options->debug_dir)
		return options_wrong(&usage, "--debug-file and --debug-dir: one of them");
	options->keep_archive_fields = texts->strip.keep_archive_fields;
	return strip_options_check(&texts->strip, usage_of(options), options->as_strip);
}

int split_options_read(struct split_options *options, int argc, char **argv)
{
	int status;

	*options = (struct split_options){ .as_strip = argc > 0 && strip_is_name(argv[0]) };
	status = join_arguments(options, argc, argv);
	if (status != STATUS_GO_ON)
		return status;

	scoped(free_texts) struct texts texts = { 0 };
	const struct option_entry own[] = {
		{ "store", 0, "DIR", "keep it there (else $DBGVAULT_STORE, else your own store)",
		  .text = &options->store },
		{ "debug-dir", 0, "DIR", "write debug files below DIR, by build ID",
		  .text = &options->debug_dir },
		{ "debug-file", 0, "FILE", "write the debug file to FILE",
		  .text = &options->debug_file },
		{ "output", 'o', "FILE", "write the stripped file there, and leave the input alone",
		  .text = &options->output },
		{ "sources", 0, "auto|no",
		  "keep the sources that the debug information names (auto)",
		  .text = &texts.sources },
		{ "source-root", 0, "DIR", "sources may lie below DIR too",
		  .list = &options->source_roots },
		{ "source-map", 0, "FROM=DIR",
		  "what debug information names below FROM lies below DIR here",
		  .list = &options->source_maps },
		{ "executable", 0, "yes|no", "keep the stripped file in the store too (yes)",
		  .text = &texts.executable },
		{ "debug-names", 0, "absolute|keep",
		  "in the store, make names askable that Go's -trimpath cut (absolute)",
		  .text = &texts.debug_names },
		{ "build-id", 0, "add|mend|keep",
		  "add a missing one and mend a hidden one, mend alone, or neither (add)",
		  .text = &texts.build_id },
		{ "require-debug", 0, NULL, "fail where there is no debug information",
		  .flag = &options->require_debug },
		{ "discard-debug", 0, NULL,
		  "drop it from objects and archives, which have no build ID",
		  .flag = &options->discard_debug },
		{ "allow-id-collision", 0, NULL, "split a file whose build ID another one has",
		  .flag = &options->allow_collision },
		{ "break-hard-links", 0, NULL,
		  "replace a file though other names of it stay as they are",
		  .flag = &options->break_hard_links },
		{ "package", 0, "NAME",
		  "where it comes from (else $DBGVAULT_PACKAGE, else .note.package)",
		  .text = &texts.package },
		{ "pkg-version", 0, "V", "($DBGVAULT_PKG_VERSION)", .text = &texts.version },
		{ "distro", 0, "ID", "($DBGVAULT_DISTRO)", .text = &texts.distro },
		{ "purl", 0, "PURL", "package URL ($DBGVAULT_PURL)", .text = &texts.purl },
		{ "namespace", 0, "NS", "($DBGVAULT_NAMESPACE)", .text = &texts.name_space },
		{ "tag", 0, "TAG", "a word to find it by; may be repeated", .list = &texts.tags },
		{ "origin-path", 0, "PATH", "path to record instead of the input's own",
		  .text = &texts.path },
		{ "jobs", 'j', "N", "files at once (as many as there are cores)",
		  .text = &texts.jobs },
		{ "level", 0, "N", "zstd level of the store, 1 to 22 (3)", .text = &texts.level },
		{ "min-free", 0, "BYTES",
		  "refuse where less would be left on the disk (1G; 0: never)",
		  .text = &texts.min_free },
		{ "preserve-dates", 'p', NULL, "keep the file's times",
		  .flag = &options->keep_times },
		{ "remove-section", 'R', "NAME", "take this section too",
		  .list = &options->removed },
		{ "dry-run", 'n', NULL, "say what would be done, and touch nothing",
		  .flag = &options->dry_run },
		{ "exact", 0, NULL,
		  "keep compressed streams that would not come back the same as they are",
		  .flag = &options->exact },
		{ "dwp", 0, "auto|yes|no",
		  "pack .dwo files beside the debug file; auto: but for DWARF 5 (auto)",
		  .text = &texts.dwp },
		{ "recompress", 0, NULL,
		  "split kernel modules that are compressed, and compress them again",
		  .flag = &options->recompress },
		{ "join", 0, NULL, "make the input again: --join STRIPPED [DEBUG] -o OUT",
		  .flag = &options->join },
	};
	struct option_entry entries[ARRAY_SIZE(own) + STRIP_OPTIONS_MAX + 1] = { 0 };
	memcpy(entries, own, sizeof(own));
	strip_options_entries(&texts.strip, entries + ARRAY_SIZE(own));
	int first;
	status = options_parse(usage_of(options), entries, &options->common,
			       (int)options->words.n, options->words.items, &first);
	if (status != STATUS_GO_ON)
		return status;
	options->inputs = (const char *const *)options->words.items + first;
	options->n_inputs = options->words.n - (size_t)first;

	const struct origin given = {
		.path = (char *)texts.path,
		.package = (char *)texts.package,
		.version = (char *)texts.version,
		.distro = (char *)texts.distro,
		.purl = (char *)texts.purl,
		.name_space = (char *)texts.name_space,
	};
	if (read_origin(options, &given, &texts.tags) < 0) {
		log_error("out of memory");
		return STATUS_TROUBLE;
	}
	return check(options, &texts);
}
