/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/watch.h"

/* The clock is the test's own; the bytes are real ones, on a connection to itself. */

static const struct watch_limits limits = { .idle_ms = 30000,
					    .header_ms = 10000,
					    .bytes_per_s = 1000 };

struct connection {
	int client, server;
	struct watch watch;
	struct watched watched;
};

static void connection_open(struct connection *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	c->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(c->client, (struct sockaddr *)&at, size), 0);
	c->server = accept(listener, NULL, NULL);
	assert_true(c->server >= 0);
	close(listener);
	watch_open(&c->watch);
	watch_begin(&c->watch, &c->watched, c->server);
}

static void connection_close(struct connection *c)
{
	watch_end(&c->watch, &c->watched);
	watch_close(&c->watch);
	close(c->client);
	close(c->server);
}

/* From one end to the other, and wait until it was taken. */
static void move(int from, int to, size_t size)
{
	char bytes[1000] = { 0 };
	for (size_t n; size; size -= n) {
		n = size < sizeof(bytes) ? size : sizeof(bytes);
		assert_int_equal(send(from, bytes, n, MSG_NOSIGNAL), n);
		assert_int_equal(recv(to, bytes, n, MSG_WAITALL), n);
	}
}

static unsigned slow_headers(struct connection *c, uint64_t now)
{
	return watch_look(&c->watch, &limits, now).n_slow_headers;
}

static unsigned slow_readers(struct connection *c, uint64_t now)
{
	return watch_look(&c->watch, &limits, now).n_slow_readers;
}

static void a_header_that_drips_is_ended(void **state)
{
	(void)state;
	struct connection c;
	char byte;

	connection_open(&c);
	assert_int_equal(slow_headers(&c, 1000), 0);
	assert_int_equal(slow_headers(&c, 30999), 0); /* idle, but not for long */
	move(c.client, c.server, 1);
	assert_int_equal(slow_headers(&c, 31500), 0); /* the first byte is seen */
	for (int i = 1; i < 10; i++) {
		move(c.client, c.server, 1);
		assert_int_equal(slow_headers(&c, 31500 + i * 1000), 0);
	}
	assert_null(atomic_load(&c.watched.why));
	assert_int_equal(slow_headers(&c, 41500), 1);
	assert_string_equal(atomic_load(&c.watched.why), "its header did not come in time");
	assert_int_equal(recv(c.client, &byte, 1, 0), 0); /* closed */
	assert_int_equal(slow_headers(&c, 99000), 0); /* once */
	connection_close(&c);
}

static void who_is_idle_is_ended(void **state)
{
	(void)state;
	struct connection c;

	connection_open(&c);
	move(c.client, c.server, 40);
	watch_set_phase(&c.watched, WATCH_ANSWER);
	watch_set_phase(&c.watched, WATCH_HEADER);
	for (uint64_t now = 1000; now < 31000; now += 1000)
		assert_int_equal(watch_look(&c.watch, &limits, now).n_idle, 0);
	assert_int_equal(watch_look(&c.watch, &limits, 31000).n_idle, 1);
	connection_close(&c);
}

static void the_next_header_has_its_own_time(void **state)
{
	(void)state;
	struct connection c;

	connection_open(&c);
	uint64_t now = 1000;
	for (int i = 0; i < 5; i++) {
		move(c.client, c.server, 40);
		assert_int_equal(slow_headers(&c, now += 1000), 0);
		watch_set_phase(&c.watched, WATCH_ANSWER);
		assert_int_equal(slow_headers(&c, now += 1000), 0);
		watch_set_phase(&c.watched, WATCH_HEADER);
		assert_int_equal(slow_headers(&c, now += 9000), 0);
		assert_int_equal(slow_headers(&c, now += 9000), 0); /* no byte of it yet */
	}
	move(c.client, c.server, 1);
	assert_int_equal(slow_headers(&c, now += 1000), 0);
	assert_int_equal(slow_headers(&c, now += 10000), 1);
	connection_close(&c);
}

static void who_takes_too_little_is_ended(void **state)
{
	(void)state;
	static const struct {
		size_t taken;
		unsigned n;
	} cases[] = { { 0, 1 }, { 29000, 1 }, { 31000, 0 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct connection c;
		print_message("%zu bytes in 30 s\n", cases[i].taken);
		connection_open(&c);
		watch_set_phase(&c.watched, WATCH_ANSWER);
		assert_int_equal(slow_readers(&c, 1000), 0);
		move(c.server, c.client, cases[i].taken);
		assert_int_equal(slow_readers(&c, 30999), 0);
		assert_int_equal(slow_readers(&c, 31000), cases[i].n);
		connection_close(&c);
	}
}

static void who_waits_for_us_is_not_ended(void **state)
{
	(void)state;
	struct connection c;

	connection_open(&c);
	watch_set_phase(&c.watched, WATCH_NOTHING);
	assert_int_equal(slow_readers(&c, 1000), 0);
	assert_int_equal(slow_readers(&c, 100000), 0);
	watch_set_phase(&c.watched, WATCH_ANSWER); /* and again, between two looks */
	watch_set_phase(&c.watched, WATCH_NOTHING);
	watch_set_phase(&c.watched, WATCH_ANSWER);
	assert_int_equal(slow_readers(&c, 101000), 0);
	watch_set_phase(&c.watched, WATCH_NOTHING);
	watch_set_phase(&c.watched, WATCH_ANSWER);
	assert_int_equal(slow_readers(&c, 131000), 0);
	assert_int_equal(slow_readers(&c, 161000), 1);
	connection_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_that_drips_is_ended),
		cmocka_unit_test(who_is_idle_is_ended),
		cmocka_unit_test(the_next_header_has_its_own_time),
		cmocka_unit_test(who_takes_too_little_is_ended),
		cmocka_unit_test(who_waits_for_us_is_not_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
