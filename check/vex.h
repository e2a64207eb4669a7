/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * OpenVEX 0.2.0: which of the known vulnerabilities of its modules a product is affected by. A
 * wrong not_affected is the worst that can be published: it is said only where the function table
 * and the inline trees were read in full, and nothing else leaves a doubt; else the status is
 * under_investigation, with the reason.
 */

struct triage;

struct vex_options {
	bool wanted;
	const char *product; /* a purl or another IRI; NULL: told from each file */
	const char *author; /* NULL: not known */
	uint32_t version;
	int64_t time;
};

struct vex;

must_check int vex_new(const struct vex_options *options, struct vex **ret, struct error *err);
void vex_free(struct vex *vex);
define_scoped(struct vex *, vex_free)

	/**
	 * Add what was found in a file.
	 *
	 * @purl  of the file, where it is known and the options name no product; NULL: that of its
	 *main module
	 */
	must_check int vex_add(struct vex *vex, const struct triage *triage, const char *purl,
			       struct error *err);

/** The document, in order of IDs and products, whatever the order of files. @ret freed by the
 * caller. */
must_check int vex_format(const struct vex *vex, char **ret, struct error *err);
