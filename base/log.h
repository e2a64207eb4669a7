/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/attributes.h"

/* Lines on stderr, each written by one write(2), "PROGRAM: …". Only main files and the server log. */

enum log_level { LOG_ERRORS, LOG_WARNINGS, LOG_NOTES, LOG_DEBUG };

/** @program is kept. Default level: LOG_NOTES. Call before threads start. */
void log_open(const char *program, enum log_level level);
bool log_wants(enum log_level level);

void log_line(enum log_level level, const char *format, ...) printf_like(2, 3);
#define log_error(...) log_line(LOG_ERRORS, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNINGS, __VA_ARGS__)
#define log_note(...) log_line(LOG_NOTES, __VA_ARGS__)
#define log_debug(...)                               \
	do {                                         \
		if (log_wants(LOG_DEBUG))            \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

/** "81.9 MB" in a buffer of the expression's scope: decimal units, three figures. */
#define HUMAN_BYTES(n) human_bytes((n), (char[16]){ 0 })
const char *human_bytes(uint64_t bytes, char ret[static 16]);
