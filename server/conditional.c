/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/conditional.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool text_is(const char *at, size_t size, const char *text)
{
	return strlen(text) == size && !memcmp(at, text, size);
}

bool etag_list_has(const char *value, size_t size, const char *etag)
{
	const char *end = value + size;

	for (const char *at = value; at < end;) {
		if (is_blank(*at) || *at == ',') {
			at++;
			continue;
		}
		if (*at == '*')
			return true;
		if (end - at > 2 && at[0] == 'W' && at[1] == '/')
			at += 2;
		if (*at != '"')
			return false; /* not a tag: what follows cannot be told apart */
		const char *closing = memchr(at + 1, '"', (size_t)(end - at - 1));
		if (!closing)
			return false;
		if (text_is(at, (size_t)(closing + 1 - at), etag))
			return true;
		at = closing + 1;
	}
	return false;
}

bool etag_is(const char *value, size_t size, const char *etag)
{
	while (size && is_blank(*value))
		value++, size--;
	while (size && is_blank(value[size - 1]))
		size--;
	return text_is(value, size, etag);
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

/* Days since 1970-01-01 in the Gregorian calendar, by counting in eras of 400 years from March on.
 */
static int64_t days_since_1970(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static bool make_time(int year, const char month_name[static 3], int day, int hour, int minute,
		      int second, int64_t *ret)
{
	static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int month = 0;

	while (month < 12 && memcmp(months + 3 * month, month_name, 3) != 0)
		month++;
	if (month == 12 || year < 1970 || day < 1 || day > month_days[month] || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	*ret = days_since_1970(year, month + 1, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

bool http_date_parse(const char *value, size_t size, int64_t *ret_seconds)
{
	char text[48];
	char month[4];
	int day, year, hour, minute, second, end = 0;

	while (size && is_blank(*value))
		value++, size--;
	while (size && is_blank(value[size - 1]))
		size--;
	if (size >= sizeof(text) || memchr(value, 0, size))
		return false;
	memcpy(text, value, size);
	text[size] = 0;

	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year,
		   &hour, &minute, &second, &end) == 6 &&
	    end == (int)size)
		return make_time(year, month, day, hour, minute, second, ret_seconds);

	/* "Sunday, 06-Nov-94 08:49:37 GMT": RFC 850; two digits of a year not over 50 years ahead
	 */
	end = 0;
	if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &day, month, &year,
		   &hour, &minute, &second, &end) == 6 &&
	    end == (int)size)
		return make_time(year + (year < 70 ? 2000 : 1900), month, day, hour, minute, second,
				 ret_seconds);

	/* "Sun Nov  6 08:49:37 1994": asctime(3) */
	end = 0;
	if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &day, &hour,
		   &minute, &second, &year, &end) == 6 &&
	    end == (int)size)
		return make_time(year, month, day, hour, minute, second, ret_seconds);
	return false;
}

bool http_date_format(int64_t seconds, char ret[static HTTP_DATE_SIZE])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (seconds < 0 || !gmtime_r(&when, &tm) || tm.tm_year > 8099)
		return false;
	char text[96]; /* as the compiler sees it, any int may stand in each place */
	snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		 days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
		 tm.tm_hour, tm.tm_min, tm.tm_sec);
	memcpy(ret, text, HTTP_DATE_SIZE);
	return true;
}
