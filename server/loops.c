/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/handler.h"
#include "server/loops.h"

#define THREAD_STACK (1u << 20)

static void end_connection(struct loop *loop, struct MHD_Connection *connection, struct client *c)
{
	struct server *s = loop->server;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct address address;

	if (info && info->client_addr && address_of_socket(info->client_addr, &address) &&
	    !settings_trust(s->settings, &address))
		shares_give_back(s->connection_shares, &address);
	if (c)
		watch_end(&loop->watch, &c->watched);
	free(c);
	atomic_fetch_sub(&loop->n_connections, 1);
}

static struct client *begin_connection(struct loop *loop, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;

	struct client *c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	memset(&c->address, 0, sizeof(c->address));
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (!info || !info->client_addr || !address_of_socket(info->client_addr, &c->address))
		strcpy(c->text, "?");
	else
		address_text(&c->address, c->text);
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	watch_begin(&loop->watch, &c->watched, info ? info->connect_fd : -1);
	return c;
}

static void count_connection(void *context, struct MHD_Connection *connection, void **client,
			     enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		end_connection(loop, connection, *client);
		*client = NULL;
	} else {
		*client = begin_connection(loop, connection);
	}
}

static void log_daemon(void *context, const char *format, va_list arguments) printf_like(2, 0);
static void log_daemon(void *context, const char *format, va_list arguments)
{
	(void)context;
	char text[512], escaped[1024];

	if (!log_wants(LOG_DEBUG))
		return;
	int n = vsnprintf(text, sizeof(text), format, arguments);
	size_t size = n < 0 ? 0 : min_u64((uint64_t)n, sizeof(text) - 1);
	while (size && text[size - 1] == '\n')
		size--;
	log_debug("libmicrohttpd: %s", escape_bytes(text, size, escaped, sizeof(escaped)));
}

static int start_loop(struct loop *loop, unsigned n_connections_max)
{
	struct server *s = loop->server;
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_daemon,
		  s }, /* first: the others may log */
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_begin, s },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_end, s },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)count_connection, loop },
		{ MHD_OPTION_CONNECTION_LIMIT, n_connections_max, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	/* No timeout: watch.h. Connections come from our own accept(2): it spreads them evenly and
	 * knows the limit of all. */
	loop->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
			MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, request_handle, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	return loop->daemon ? 0 : -errno;
}

int loops_start(struct server *s, unsigned n_connections_max, struct error *err)
{
	for (unsigned i = 0; i < s->n_loops; i++) {
		s->loops[i].server = s;
		watch_open(&s->loops[i].watch);
		int r = start_loop(&s->loops[i], n_connections_max);
		if (r < 0)
			return error_errno(err, r, "starting an event loop");
	}
	return 0;
}

void loops_stop(struct server *s)
{
	for (unsigned i = 0; s->loops && i < s->n_loops; i++) {
		if (s->loops[i].daemon)
			MHD_stop_daemon(s->loops[i].daemon);
		if (s->loops[i].server)
			watch_close(&s->loops[i].watch);
	}
}
