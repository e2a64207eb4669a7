/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"
#include "check/finding.h"
#include "check/go_build.h"
#include "check/vex.h"
#include <stdint.h>

/** What the command line of dbgcheck asks for. Texts point into argv or the environment. */
struct check_options {
	struct common_options common;
	const char *store; /* --store, or NULL */
	const char *vulndb; /* --vulndb, or NULL: files are audited */
	struct vex_options vex;
	bool sarif; /* audits are told as SARIF */
	bool *wanted; /* of each rule: is it judged? owned */
	bool fails; /* --fail-on was given: */
	enum verdict fail_on; /* status 3 from this verdict on */
	struct go_release *go_releases; /* owned */
	size_t n_go_releases;
	unsigned jobs; /* at least 1 */
	const char *const *inputs; /* in argv */
	size_t n_inputs;
};

/** @ret STATUS_GO_ON, or the status to exit with: what is wrong, or asked for, has been said */
must_check int check_options_read(struct check_options *options, int argc, char **argv);
/** Also accepts a zeroed struct. A guard. */
void check_options_free(struct check_options *options);
