/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

#define LISTENER_URL_SIZE 64 /* "http://[2001:db8:…]:65535" */

/** A listening socket. */
struct listener {
	int fd;
	/* As a client says it: "http://127.0.0.1:8002"; where all addresses are listened on, with
	 * one that others reach. */
	char url[LISTENER_URL_SIZE];
};

struct listeners {
	struct listener *all;
	size_t n;
	uint16_t port;
	const char *missing; /* of the default addresses, one that this machine does not have; or
				NULL */
};

/**
 * Listen on each address, all at the same port.
 *
 * @addresses  IP addresses or names; none: 127.0.0.1 and ::1, of which one may be missing on the
 * machine
 * @port       0: one that is free for all of them
 * Errors: -EADDRINUSE and what else bind(2) gives, with the address in the message; -EINVAL no such
 * address
 */
must_check int listeners_open(const char *const *addresses, size_t n_addresses, uint16_t port,
			      struct listeners *ret, struct error *err);
/** Sockets that listen already, from @first_fd on. Errors: -EINVAL one is none */
must_check int listeners_adopt(int first_fd, size_t n, struct listeners *ret, struct error *err);
void listeners_close(struct listeners *l);
