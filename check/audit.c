/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "check/audit.h"
#include "check/rules.h"
#include "check/sarif.h"
#include "elf/notes.h"

int audit_run(struct subject *subject, const bool *wanted, struct audit *ret, struct error *err)
{
	struct audit audit = { .findings = calloc(n_rules + 1, sizeof(*audit.findings)),
			       .judged = calloc(n_rules + 1, sizeof(*audit.judged)) };
	if (!audit.findings || !audit.judged) {
		audit_free(&audit);
		return error_no_memory(err);
	}
	if (image_build_id(subject->image, &audit.build_id, NULL, NULL) < 0)
		audit.build_id.size = 0;
	audit.language = subject_language(subject);
	for (size_t i = 0; i < n_rules; i++) {
		audit.judged[i] = wanted[i];
		if (!wanted[i])
			continue;
		rules[i].judge(subject, &audit.findings[i]);
		if (!audit.findings[i].seen) {
			audit_free(&audit);
			return error_no_memory(err);
		}
	}
	*ret = audit;
	return 0;
}

void audit_free(struct audit *audit)
{
	for (size_t i = 0; audit->findings && i < n_rules; i++)
		finding_free(&audit->findings[i]);
	free(audit->findings);
	free(audit->judged);
	*audit = (struct audit){ 0 };
}

static int run(struct subject *subject, void *context, void **ret, struct error *err)
{
	const struct audit_context *c = context;
	struct audit *audit = calloc(1, sizeof(*audit));
	if (!audit)
		return error_no_memory(err);
	int r = audit_run(subject, c->options->wanted, audit, err);
	if (r < 0) {
		free(audit);
		return r;
	}
	*ret = audit;
	return 0;
}

static void tell(const char *path, const void *result, void *context)
{
	struct audit_context *c = context;
	const struct audit *audit = result;
	c->totals.n_files++;
	for (size_t i = 0; i < n_rules; i++)
		c->totals.n[audit->findings[i].verdict] += audit->judged[i];
	if (c->sarif)
		sarif_add(c->sarif, path, audit);
	else
		audit_print(c->options, path, audit);
}

static void drop(void *result)
{
	audit_free(result);
	free(result);
}

static void failed(const char *path, const struct error *failure, void *context)
{
	struct audit_context *c = context;
	if (c->sarif)
		sarif_add_failure(c->sarif, path, failure);
}

struct task audit_task(struct audit_context *context)
{
	return (struct task){
		.run = run, .tell = tell, .drop = drop, .failed = failed, .context = context
	};
}
