/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

#define LONG_FIRST 256 /* value of the first entry for getopt_long(3): above all letters */
#define N_COMMON 5

void option_values_free(struct option_values *values)
{
	free(values->values);
	*values = (struct option_values){ 0 };
}

enum log_level options_log_level(const struct common_options *common)
{
	return common->verbose ? LOG_DEBUG : common->quiet ? LOG_ERRORS : LOG_NOTES;
}

static size_t count(const struct option_entry *entries)
{
	size_t n = 0;
	while (entries && entries[n].name)
		n++;
	return n;
}

static void print_entry(const struct option_entry *entry)
{
	char left[64];
	snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", entry->letter ? '-' : ' ',
		 entry->letter ? entry->letter : ' ', entry->letter ? "," : " ", entry->name,
		 entry->value ? "=" : "", entry->value ? entry->value : "");
	if (strlen(left) > 28)
		printf("%s\n%-29s%s\n", left, "", entry->help);
	else
		printf("%-28s %s\n", left, entry->help);
}

static void print_help(const struct option_usage *usage, const struct option_entry *entries,
		       const struct option_entry *common)
{
	printf("Usage: %s %s\n\n%s\n\nOptions:\n", usage->program, usage->arguments, usage->about);
	for (size_t i = 0; i < count(entries); i++)
		print_entry(&entries[i]);
	for (size_t i = 0; i < count(common); i++)
		print_entry(&common[i]);
	printf("\nMore: man %.*s\n", (int)strcspn(usage->page, "("), usage->page);
}

int options_wrong(const struct option_usage *usage, const char *format, ...)
{
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	/* Arguments are quoted in it: nothing of them may act on the terminal or begin a line. */
	for (char *at = message; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	log_error("%s; see %s --help", message, usage->program);
	return STATUS_USAGE;
}

static bool add_value(struct option_values *list, const char *value)
{
	const char **grown = reallocarray(list->values, list->n + 1, sizeof(*grown));
	if (!grown)
		return false;
	grown[list->n++] = value;
	list->values = grown;
	return true;
}

static bool take_value(const struct option_entry *entry, const char *value)
{
	if (entry->list)
		return add_value(entry->list, value);
	if (entry->text)
		*entry->text = value;
	else if (entry->flag)
		*entry->flag = true;
	if (entry->clears)
		*entry->clears = false;
	return true;
}

static const struct option_entry *find(const struct option_entry *entries, int option)
{
	for (size_t i = 0; i < count(entries); i++)
		if ((entries[i].letter && entries[i].letter == option) ||
		    (entries[i].letters && strchr(entries[i].letters, option)))
			return &entries[i];
	return NULL;
}

/* For getopt(3): the letter, and whether it takes a value. */
static char *put_letter(char *at, const struct option_entry *entry, char letter)
{
	if (!letter)
		return at;
	*at++ = letter;
	if (entry->value)
		*at++ = ':';
	return at;
}

int options_parse(const struct option_usage *usage, const struct option_entry *entries,
		  struct common_options *common, int argc, char **argv, int *ret_first)
{
	bool help = false, version = false;
	const struct option_entry shared[N_COMMON + 1] = {
		{ "json", 0, NULL, "say it in JSON, one object a line", .flag = &common->json },
		{ "quiet", 'q', NULL, "errors only", .flag = &common->quiet },
		{ "verbose", 'v', NULL, "more than usual", .flag = &common->verbose },
		{ "help", 'h', NULL, "print this", .flag = &help },
		{ "version", 'V', NULL, "print the version", .flag = &version },
	};

	size_t n = count(entries);
	struct option *longs = calloc(n + N_COMMON + 1, sizeof(*longs));
	size_t n_letters = 0;
	for (size_t i = 0; i < n; i++)
		n_letters += entries[i].letters ? strlen(entries[i].letters) : 0;
	char *shorts = calloc(2 * (n + n_letters + N_COMMON) + 2, 1);
	if (!longs || !shorts) {
		free(longs);
		free(shorts);
		log_error("out of memory");
		return STATUS_TROUBLE;
	}
	char *at = shorts;
	*at++ = ':'; /* a missing value is ':', and messages are ours */
	for (size_t i = 0; i < n + N_COMMON; i++) {
		const struct option_entry *entry = i < n ? &entries[i] : &shared[i - n];
		longs[i] = (struct option){ entry->name,
					    entry->value ? required_argument : no_argument, NULL,
					    LONG_FIRST + (int)i };
		at = put_letter(at, entry, entry->letter);
		for (const char *more = entry->letters; more && *more; more++)
			at = put_letter(at, entry, *more);
	}

	int status = STATUS_GO_ON;
	optind = 0; /* begins anew, in glibc and musl */
	opterr = 0;
	int option;
	while (status == STATUS_GO_ON &&
	       (option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_entry *entry = NULL;
		if (option >= LONG_FIRST) {
			size_t i = (size_t)(option - LONG_FIRST);
			entry = i < n ? &entries[i] : &shared[i - n];
		} else if (option != '?' && option != ':') {
			entry = find(entries, option);
			if (!entry)
				entry = find(shared, option);
		}
		if (!entry) {
			const char *word = argv[optind > 0 ? optind - 1 : 0];
			status = options_wrong(usage,
					       option == ':'
						       ? "%s: needs a value"
						       : "%s: no such option, or not with a value",
					       word);
		} else if (!take_value(entry, optarg)) {
			log_error("out of memory");
			status = STATUS_TROUBLE;
		}
	}
	free(longs);
	free(shorts);
	if (status != STATUS_GO_ON)
		return status;
	if (help) {
		print_help(usage, entries, shared);
		return options_finish(STATUS_DONE);
	}
	if (version) {
		printf("%.*s %s", (int)strcspn(usage->program, " "), usage->program,
		       DBGVAULT_VERSION);
		if (usage->stands_for)
			printf(" (in place of %s)", usage->stands_for);
		puts("");
		return options_finish(STATUS_DONE);
	}
	*ret_first = optind;
	return STATUS_GO_ON;
}

bool option_number(const char *text, unsigned long long low, unsigned long long high,
		   unsigned long long *ret)
{
	if (*text < '0' || *text > '9')
		return false; /* strtoull takes blanks and signs */
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || value < low || value > high)
		return false;
	*ret = value;
	return true;
}

bool option_duration(const char *text, int64_t *ret_seconds)
{
	static const struct {
		char letter;
		unsigned seconds;
	} units[] = { { 0, 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 60 * 60 }, { 'd', 24 * 60 * 60 } };
	const unsigned long long limit = 100ull * 366 * 24 * 60 * 60;
	char digits[24];
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n >= sizeof(digits) || (text[n] && text[n + 1]))
		return false;
	memcpy(digits, text, n);
	digits[n] = 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		unsigned long long number;
		if (text[n] != units[i].letter)
			continue;
		if (!option_number(digits, 0, limit / units[i].seconds, &number))
			return false;
		*ret_seconds = (int64_t)(number * units[i].seconds);
		return true;
	}
	return false;
}

bool option_bytes(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	size_t length = strlen(text);
	const char *unit = length > 1 ? strchr(units, text[length - 1]) : NULL;
	char digits[24];
	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length + 1);
	unsigned shift = 0;
	if (unit) {
		digits[length - 1] = 0;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	unsigned long long value;
	if (!option_number(digits, 0, UINT64_MAX >> 1 >> shift, &value))
		return false;
	*ret = value << shift;
	return true;
}

int options_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_error("writing to standard output: %s", strerror(errno));
	return STATUS_TROUBLE;
}
