/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conditional.h"
#include "server/glob.h"
#include "server/negotiate.h"
#include "server/peer.h"
#include "server/query.h"
#include "server/range.h"
#include "server/route.h"
#include "tests/fuzz/fuzz.h"

/* All that the server reads of a request. The bytes lie in memory of their size, for the sanitizer.
 */

static void fuzz_target(const char *target)
{
	size_t size = strlen(target) + 1;
	char *scratch = malloc(size);
	struct route route;

	route_parse(target, size % 2 ? "" : "/buildid", scratch, &route);
	FUZZ_CHECK(route.status == 0 || route.status == 400 || route.status == 404);
	FUZZ_CHECK(strlen(route.name) == route.name_size);
	for (size_t i = 0; i < route.name_size; i++)
		FUZZ_CHECK((unsigned char)route.name[i] >= 0x20 && route.name[i] != 0x7f);
	if (!route.status && route.kind <= KIND_SECTION)
		FUZZ_CHECK(route.id.size > 0);
	if (!route.status && route.kind == KIND_SOURCE)
		FUZZ_CHECK(route.name[0] == '/');
	struct query query;
	const char *why = query_parse(route.query, &query);
	FUZZ_CHECK(why || (query.limit && query.limit <= QUERY_LIMIT_MAX && *query.value));
	if (!why) {
		char suffix[QUERY_VALUE_SIZE];
		glob_suffix(query.value, suffix);
		static const char path[] = "usr/lib/x86_64-linux-gnu/libc.so.6";
		const char *end = path + sizeof(path) - 1;
		if (glob_match(query.value, path))
			FUZZ_CHECK(strlen(suffix) < sizeof(path) &&
				   !strcmp(end - strlen(suffix), suffix));
	}
	free(scratch);
}

static void fuzz_header(const char *value, size_t size)
{
	static const uint64_t totals[] = { 0, 1, 1000, UINT64_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(totals); i++) {
		struct range range = { 0, 0 };
		if (range_parse(value, size, totals[i], &range) == RANGE_GIVEN)
			FUZZ_CHECK(range.size_bytes &&
				   range_fits(range.offset, range.size_bytes, totals[i]));
	}

	struct accept_encoding accept = ACCEPT_ENCODING_NONE;
	accept_encoding_add(&accept, value, size);
	FUZZ_CHECK(accept.zstd <= 1000 && accept.identity <= 1000 && accept.any <= 1000);
	if (accept_encoding_wants_zstd(&accept))
		FUZZ_CHECK(accept.zstd > 0 || accept.any > 0);

	(void)etag_list_has(value, size, "\"abc\"");
	(void)etag_is(value, size, "\"abc\"");
	int64_t time, again;
	char date[HTTP_DATE_SIZE];
	if (http_date_parse(value, size, &time)) {
		FUZZ_CHECK(http_date_format(time, date));
		FUZZ_CHECK(http_date_parse(date, strlen(date), &again) && again == time);
	}

	struct address peer = { { 0 } }, address;
	struct network everyone = { .bits = 0 };
	char text[ADDRESS_TEXT_SIZE];
	address = forwarded_client(&peer, value, size, &everyone, 1);
	address_text(&address, text);
	if (address_parse(value, size, &address)) {
		address_text(&address, text);
		FUZZ_CHECK(address_parse(text, strlen(text), &peer));
		FUZZ_CHECK(!memcmp(&peer, &address, sizeof(peer)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1), *string = malloc(size + 1);
	memcpy(exact, data, size);
	memcpy(string, data, size);
	string[size] = 0;
	fuzz_header(exact, size);
	fuzz_target(string);
	free(exact);
	free(string);
	return 0;
}

void fuzz_seeds(fuzz_add add)
{
	static const char *const seeds[] = {
		"/buildid/000102030405060708090a0b0c0d0e0f10111213/debuginfo",
		"/buildid/ab/source/usr%2Fsrc/../a%2Bb.c?x=%00",
		"http://example.com//buildid/abcd/section/.gdb_index",
		"/metadata?key=glob&value=%2Fusr/**[!a-c]?%5C*.so.6&limit=3&offset=99",
		"bytes=0-99",
		"bytes=-18446744073709551615",
		"gzip, zstd;q=0.5, identity;q=0.1, *;q=0",
		"W/\"abc\", \"abc\", *",
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"1.2.3.4, [2001:db8::1]:443, ::ffff:10.0.0.1",
	};
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
