/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/finding.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[N_VERDICTS] = { "not applicable", "good", "advice", "bad" };
	return names[verdict];
}

static char *__attribute__((format(printf, 1, 0))) format_text(const char *format, va_list args)
{
	static const char cut[] = " [...]";
	char text[FINDING_TEXT_LIMIT];
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n >= (int)sizeof(text))
		memcpy(text + sizeof(text) - sizeof(cut), cut, sizeof(cut));
	return n < 0 ? NULL : strdup(text);
}

void finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	finding_free(finding);
	va_list args;
	va_start(args, format);
	finding->verdict = verdict;
	finding->seen = format_text(format, args);
	va_end(args);
}

void finding_advise(struct finding *finding, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	free(finding->advice);
	finding->advice = format_text(format, args);
	va_end(args);
}

void finding_free(struct finding *finding)
{
	free(finding->seen);
	free(finding->advice);
	*finding = (struct finding){ 0 };
}
