/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "check/report.h"
#include "check/triage_task.h"

struct result {
	struct triage triage;
	bool is_go;
};

static void drop(void *result)
{
	struct result *of = result;
	triage_free(&of->triage);
	free(of);
}

static int run(struct subject *subject, void *context, void **ret, struct error *err)
{
	const struct triage_context *triage = context;
	struct result *result = calloc(1, sizeof(*result));
	if (!result)
		return error_no_memory(err);
	int r = triage_run(subject->image, triage->db, triage->vex != NULL, &result->triage, err);
	result->is_go = r == 0;
	if (r < 0 && r != -ENOENT) {
		drop(result);
		return r;
	}
	*ret = result;
	return 0;
}

static void tell(const char *path, const void *result, void *context)
{
	struct triage_context *triage = context;
	const struct result *of = result;
	struct error err = ERROR_NONE;
	if (!of->is_go) {
		report_skipped(triage->options, path, "no Go build information");
		return;
	}
	triage->n_files++;
	triage->n_found += of->triage.n[TRIAGE_SYMBOL] != 0;
	if (!triage->vex) {
		triage_print(triage, path, NULL, &of->triage);
	} else if (vex_add(triage->vex, &of->triage, NULL, &err) < 0) {
		report_failed(triage->options, path, &err);
		triage->trouble = true;
	}
}

struct task triage_task(struct triage_context *context)
{
	return (struct task){ .run = run, .tell = tell, .drop = drop, .context = context };
}
