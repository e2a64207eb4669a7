/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/** Print one finding of a check: a line "VERDICT PATH: WHY", or an object. @context: struct command. A
 * verify_report. */
void findings_print(const char *verdict, const char *what, const char *why, void *context);
