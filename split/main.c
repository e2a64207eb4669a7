/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/log.h"
#include "split/jobs.h"
#include "split/destination.h"
#include "split/join.h"

static void find_skipped(const struct split_options *options, struct store *st,
			 struct stat ret[static 2], struct inputs_options *ret_options)
{
	size_t n = 0;
	if (st && fstat(store_fd(st), &ret[n]) == 0)
		n++;
	if (options->debug_dir && stat(options->debug_dir, &ret[n]) == 0)
		n++;
	*ret_options = (struct inputs_options){
		.skipped = ret, .n_skipped = n, .no_folders = options->as_strip,
		.packed_modules = options->recompress
	};
}

static int split_all(const struct split_options *options, struct job_context *context)
{
	struct error err = ERROR_NONE;
	struct stat skipped[2];
	struct inputs_options inputs_options;
	find_skipped(options, context->store, skipped, &inputs_options);

	scoped(inputs_free) struct inputs inputs = { 0 };
	if (inputs_find(options->inputs, options->n_inputs, &inputs_options, &inputs, &err) < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	if ((options->output || options->debug_file) && inputs.n > 1) {
		log_error("-o and --debug-file take one file, not a folder of %zu", inputs.n);
		return STATUS_USAGE;
	}
	scoped(claims_freep) struct claims *claims = NULL;
	scoped(finished_freep) struct finished *finished = NULL;
	int r = claims_new(&claims, &err);
	/* Who calls strip has no checksums yet. */
	if (r == 0 && !options->output && !options->as_strip)
		r = finished_find(&inputs, &finished, &err);
	if (r < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	context->claims = claims;
	context->finished = finished;
	scoped(totals_free) struct totals totals = { 0 };
	bool trouble;
	jobs_run(context, &inputs, &totals, &trouble);
	if (totals.n_stay)
		log_warning("debug information stays in the file%s: %s", totals.n_stay > 1 ? "s" : "",
			    context->refusal);
	report_totals(options, context->store, &totals);
	return trouble ? STATUS_TROUBLE : STATUS_DONE;
}

static int join(const struct split_options *options)
{
	int r = 0;

	struct error err = ERROR_NONE;
	struct join_result result = { 0 };
	scoped(store_closep) struct store *st = NULL;
	const char *debug = options->n_inputs > 1 ? options->inputs[1] : NULL;
	if (!debug)
		r = destination_open_reading(options, &st, &err);
	if (r == 0)
		r = join_files(options->inputs[0], debug, st, options->output, &result, &err);
	report_join(options, r == 0 ? &result : NULL, &err);
	return r == 0 ? STATUS_DONE : STATUS_TROUBLE;
}

static int find_roots(const struct split_options *options, struct source_roots **ret,
		      struct error *err)
{
	int r;

	scoped(source_roots_freep) struct source_roots *roots = NULL;
	r = source_roots_new(options->source_roots.values, options->source_roots.n, &roots, err);
	for (size_t i = 0; r == 0 && i < options->source_maps.n; i++)
		r = source_roots_map(roots, options->source_maps.values[i], err);
	if (r == 0)
		*ret = take(roots);
	return r;
}

static int run(const struct split_options *options)
{
	struct error err = ERROR_NONE;
	if (options->join)
		return join(options);
	struct job_context context = { .options = options, .umask = umask(0) };
	umask(context.umask);

	enum destination destination;
	scoped(store_closep) struct store *st = NULL;
	if (destination_open(options, &destination, &st, &err) < 0) {
		log_error("%s", err.message);
		return STATUS_TROUBLE;
	}
	if (destination == DESTINATION_REFUSED && !options->as_strip && !options->discard_debug) {
		const char *nobody = destination_nobody();
		log_error("%s%s%s", nobody ? nobody : "", nobody ? ": " : "",
			  destination_choices());
		return STATUS_USAGE;
	}
	if (destination == DESTINATION_REFUSED)
		context.refusal = destination_choices();
	context.store = st;

	scoped(source_roots_freep) struct source_roots *roots = NULL;
	if (st && !options->no_sources && !options->dry_run) {
		if (find_roots(options, &roots, &err) < 0) {
			log_error("%s", err.message);
			return STATUS_TROUBLE;
		}
		context.roots = roots;
	}
	return split_all(options, &context);
}

int main(int argc, char **argv)
{
	log_open("dbgsplit", LOG_NOTES);
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error like any other */

	struct split_options options;
	int status = split_options_read(&options, argc, argv);
	if (status == STATUS_GO_ON) {
		log_open("dbgsplit", options_log_level(&options.common));
		status = run(&options);
	}
	if (status == STATUS_USAGE && options.as_strip)
		status = STATUS_TROUBLE; /* which builds know of strip */
	split_options_free(&options);
	return options_finish(status);
}
