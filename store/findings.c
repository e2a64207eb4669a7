/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/json.h"
#include "base/progress.h"
#include "store/command.h"
#include "store/findings.h"

void findings_print(const char *verdict, const char *what, const char *why, void *context)
{
	const struct command *c = context;
	if (c->common.json) {
		command_json(c, json_pack("{s:s, s:o, s:o}", "status", verdict, "path",
					  json_bytes_string(what), "why", json_bytes_string(why)));
		return;
	}
	progress_hide_shown();
	printf("%-8s %s: %s\n", verdict, ESCAPED(what), why);
	fflush(stdout);
	progress_show_again();
}
