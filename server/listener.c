/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "server/listener.h"
#include "server/peer.h"

#define BACKLOG 4096
#define N_FREE_PORT_TRIES 16

/* Does this machine lack the address's family, or the address? */
static bool is_missing(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL || r == -EPROTONOSUPPORT;
}

static void set_port(struct sockaddr_storage *to, uint16_t port)
{
	if (to->ss_family == AF_INET)
		((struct sockaddr_in *)to)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)to)->sin6_port = htons(port);
}

static uint16_t port_of(const struct sockaddr_storage *at)
{
	return ntohs(at->ss_family == AF_INET ? ((const struct sockaddr_in *)at)->sin_port
					      : ((const struct sockaddr_in6 *)at)->sin6_port);
}

static bool is_wildcard(const struct sockaddr_storage *at)
{
	return at->ss_family == AF_INET
		       ? ((const struct sockaddr_in *)at)->sin_addr.s_addr == htonl(INADDR_ANY)
		       : IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)at)->sin6_addr);
}

/* Can others reach this machine by it, as far as can be told? */
static bool is_for_others(const struct ifaddrs *own, int family)
{
	if (!own->ifa_addr || own->ifa_addr->sa_family != family || !(own->ifa_flags & IFF_UP) ||
	    (own->ifa_flags & IFF_LOOPBACK))
		return false;
	return family == AF_INET ||
	       !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)own->ifa_addr)->sin6_addr);
}

/* An address that clients can be told where all are listened on: nobody connects to 0.0.0.0. The
 * first that others reach, else loopback. */
static bool find_own(int family, struct address *ret)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) < 0) /* a sandbox may not let us */
		all = NULL;
	bool found = false;
	for (struct ifaddrs *own = all; own && !found; own = own->ifa_next)
		found = is_for_others(own, family) && address_of_socket(own->ifa_addr, ret);
	if (all)
		freeifaddrs(all);
	const char *loopback = family == AF_INET ? "127.0.0.1" : "::1";
	return found || address_parse(loopback, strlen(loopback), ret);
}

/* As clients say it. */
static uint16_t make_url(const struct sockaddr_storage *at, char ret[static LISTENER_URL_SIZE])
{
	struct address address;
	char text[ADDRESS_TEXT_SIZE];
	uint16_t port = port_of(at);

	if (!is_wildcard(at) || !find_own(at->ss_family, &address))
		address_of_socket((const struct sockaddr *)at, &address);
	snprintf(ret, LISTENER_URL_SIZE,
		 address_is_v4(&address) ? "http://%s:%u" : "http://[%s]:%u",
		 address_text(&address, text), port);
	return port;
}

static int open_one(const struct sockaddr_storage *at, socklen_t at_size, uint16_t port,
		    struct listener *ret, uint16_t *ret_port, struct error *err)
{
	static const int one = 1;
	struct sockaddr_storage to = *at;
	struct address address;
	char text[ADDRESS_TEXT_SIZE];

	address_of_socket((const struct sockaddr *)at, &address);
	address_text(&address, text);

	scoped(fd_close) int fd =
		socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(err, -errno, "%s: making a socket", text);
	if (at->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	/* A server that is started again must not wait for the last one's connections to be
	 * forgotten. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

	set_port(&to, port);
	if (bind(fd, (struct sockaddr *)&to, at_size) < 0)
		return error_errno(err, -errno, "%s port %u", text, port);
	if (listen(fd, BACKLOG) < 0)
		return error_errno(err, -errno, "%s port %u: listening", text, port);

	socklen_t size = sizeof(to);
	if (getsockname(fd, (struct sockaddr *)&to, &size) < 0)
		return error_errno(err, -errno, "%s: asking for the port", text);
	*ret_port = make_url(&to, ret->url);
	ret->fd = fd_take(&fd);
	return 0;
}

static int resolve(const char *address, struct sockaddr_storage *ret, socklen_t *ret_size,
		   struct error *err)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;

	int code = getaddrinfo(address, NULL, &hints, &found);
	if (code)
		return error_set(err, -EINVAL, "--listen=%s: %s", ESCAPED(address),
				 gai_strerror(code));
	if (found->ai_family != AF_INET && found->ai_family != AF_INET6) {
		freeaddrinfo(found);
		return error_set(err, -EINVAL, "--listen=%s: not an IP address", ESCAPED(address));
	}
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	*ret_size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static const char *const loopbacks[] = { "127.0.0.1", "::1" };

static int open_all(const char *const *addresses, size_t n, bool may_miss, uint16_t port,
		    struct listeners *ret, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		struct sockaddr_storage at = { 0 };
		socklen_t at_size;
		r = resolve(addresses[i], &at, &at_size, err);
		if (r < 0)
			break;
		/* The first socket's port is everyone's. */
		r = open_one(&at, at_size, ret->n ? ret->port : port, &ret->all[ret->n], &ret->port,
			     err);
		if (may_miss && is_missing(r)) {
			ret->missing = addresses[i];
			r = ret->n || i + 1 < n ? 0 : r;
			continue;
		}
		if (r < 0)
			break;
		ret->n++;
	}
	return r;
}

/* What a service manager listens on for us. */
static int adopt_one(int fd, struct listener *ret, struct error *err)
{
	struct sockaddr_storage at = { 0 };
	socklen_t size = sizeof(at);
	int kind = 0, listening = 0;
	socklen_t int_size = sizeof(int);

	if (getsockname(fd, (struct sockaddr *)&at, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &int_size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_size) < 0)
		return error_errno(err, -errno, "socket %d of the service manager", fd);
	if ((at.ss_family != AF_INET && at.ss_family != AF_INET6) || kind != SOCK_STREAM ||
	    !listening)
		return error_set(err, -EINVAL,
				 "socket %d of the service manager: not one that listens on TCP",
				 fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return error_errno(err, -errno, "socket %d of the service manager", fd);
	ret->fd = fd;
	make_url(&at, ret->url);
	return 0;
}

int listeners_adopt(int first_fd, size_t n, struct listeners *ret, struct error *err)
{
	int r;

	struct listeners l = { .all = calloc(n, sizeof(*l.all)) };
	if (!l.all)
		return error_no_memory(err);
	for (; l.n < n; l.n++) {
		r = adopt_one(first_fd + (int)l.n, &l.all[l.n], err);
		if (r < 0) {
			listeners_close(&l);
			return r;
		}
	}
	*ret = l;
	return 0;
}

int listeners_open(const char *const *addresses, size_t n_addresses, uint16_t port,
		   struct listeners *ret, struct error *err)
{
	int r;
	bool may_miss = !n_addresses;

	if (!n_addresses) {
		addresses = loopbacks;
		n_addresses = ARRAY_SIZE(loopbacks);
	}

	struct listeners l = { .all = calloc(n_addresses, sizeof(*l.all)) };
	if (!l.all)
		return error_no_memory(err);

	for (int tries = 0;; tries++) {
		r = open_all(addresses, n_addresses, may_miss, port, &l, err);
		if (r == 0)
			break;
		for (size_t i = 0; i < l.n; i++)
			close(l.all[i].fd);
		/* Free for the first address, but not for the next: another free one may be. */
		bool again = r == -EADDRINUSE && !port && l.n && tries < N_FREE_PORT_TRIES;
		l.n = 0;
		if (!again) {
			free(l.all);
			return r;
		}
	}
	*ret = l;
	return 0;
}

void listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->all[i].fd);
	free(l->all);
	*l = (struct listeners){ 0 };
}
