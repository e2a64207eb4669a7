/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/peer.h"

static struct address address(const char *text)
{
	struct address a;
	assert_true(address_parse(text, strlen(text), &a));
	return a;
}

static void addresses_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *address; /* NULL: none */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ " 192.0.2.1\t", "192.0.2.1" },
		{ "192.0.2.1:8080", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "[2001:db8::1]:443", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "", NULL },
		{ "unknown", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.1:", NULL },
		{ "192.0.2.1:x", NULL },
		{ "192.0.2.1:123456", NULL },
		{ "[::1", NULL },
		{ "[::1]x", NULL },
		{ "::1::", NULL },
		{ "\"192.0.2.1\"", NULL },
		{ "1111111111111111111111111111111111111111111111111111111111111111111111111",
		  NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a;
		char text[ADDRESS_TEXT_SIZE];
		print_message("%s\n", cases[i].text);
		assert_int_equal(address_parse(cases[i].text, strlen(cases[i].text), &a),
				 cases[i].address != NULL);
		if (cases[i].address)
			assert_string_equal(address_text(&a, text), cases[i].address);
	}
}

static void networks_are_matched(void **state)
{
	(void)state;
	static const struct {
		const char *network;
		const char *address;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.0.0.0/8", "11.1.2.3", false },
		{ "10.0.0.0/9", "10.128.0.1", false },
		{ "10.0.0.0/9", "10.127.0.1", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::1", "::1", true },
		{ "::1/128", "::2", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network network;
		struct address a = address(cases[i].address);
		print_message("%s %s\n", cases[i].network, cases[i].address);
		assert_int_equal(network_parse(cases[i].network, &network, NULL), 0);
		assert_int_equal(network_has(&network, 1, &a), cases[i].has);
	}

	static const char *const wrong[] = {
		"",       "x",     "10.0.0.0/",   "10.0.0.0/33", "10.0.0.0/-1",
		"::/129", "::1/x", "10.0.0.0/8 ", "/8"
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct network network;
		struct error err = ERROR_NONE;
		print_message("%s\n", wrong[i]);
		assert_true(network_parse(wrong[i], &network, &err) < 0);
		assert_true(err.message[0]);
	}
}

static void only_trusted_proxies_are_believed(void **state)
{
	(void)state;
	struct network trusted[2];
	assert_int_equal(network_parse("10.0.0.0/8", &trusted[0], NULL), 0);
	assert_int_equal(network_parse("::1", &trusted[1], NULL), 0);

	static const struct {
		const char *peer;
		const char *forwarded;
		const char *client;
	} cases[] = {
		{ "192.0.2.1", NULL, "192.0.2.1" },
		{ "192.0.2.1", "203.0.113.9", "192.0.2.1" }, /* not trusted: not believed */
		{ "10.0.0.1", NULL, "10.0.0.1" },
		{ "10.0.0.1", "203.0.113.9", "203.0.113.9" },
		{ "::1", "203.0.113.9", "203.0.113.9" },
		{ "10.0.0.1", "1.2.3.4, 203.0.113.9",
		  "203.0.113.9" }, /* what the client claimed stays out */
		{ "10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.7", "203.0.113.9" },
		{ "10.0.0.1", "10.0.0.9,10.0.0.7", "10.0.0.9" },
		{ "10.0.0.1", "", "10.0.0.1" },
		{ "10.0.0.1", "unknown", "10.0.0.1" },
		{ "10.0.0.1", "203.0.113.9, evil\n", "10.0.0.1" },
		{ "10.0.0.1", "[2001:db8::7]:999", "2001:db8::7" },
		{ "10.0.0.1", ",", "10.0.0.1" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address peer = address(cases[i].peer);
		char text[ADDRESS_TEXT_SIZE];
		print_message("%s < %s\n", cases[i].peer,
			      cases[i].forwarded ? cases[i].forwarded : "-");
		struct address client = forwarded_client(
			&peer, cases[i].forwarded,
			cases[i].forwarded ? strlen(cases[i].forwarded) : 0, trusted, 2);
		assert_string_equal(address_text(&client, text), cases[i].client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(networks_are_matched),
		cmocka_unit_test(only_trusted_proxies_are_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
