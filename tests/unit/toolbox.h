/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Fixtures that other programs make: compilers, strip, go. They work in a folder that is removed
 * when the test program ends. What fails here ends the test program.
 */

/** Is there such a program? */
bool toolbox_has(const char *program);

/** Run a shell command in the folder; its output is shown when it fails. True: exit status 0. */
bool toolbox_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Write a file of text in the folder. */
void toolbox_write(const char *name, const char *text);

/** A file's bytes, with a NUL behind them. @ret is freed by the caller. */
uint8_t *toolbox_read(const char *name, size_t *ret_size);
