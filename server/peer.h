/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/attributes.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Addresses: whom a connection comes from, and whose word about others is taken. Pure. */

/** An IPv4 address is held as the IPv6 address that maps it. */
struct address {
	uint8_t bytes[16];
};

#define ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */

bool address_of_socket(const struct sockaddr *from, struct address *ret);
/** "192.0.2.1", "2001:db8::1", also with a port: "192.0.2.1:80", "[2001:db8::1]:80". */
bool address_parse(const char *text, size_t size, struct address *ret);
bool address_is_v4(const struct address *address);
const char *address_text(const struct address *address, char ret[static ADDRESS_TEXT_SIZE]);

struct network {
	struct address address;
	unsigned bits; /* of the mapped form: 96 more for IPv4 */
};

/** "ADDRESS" or "ADDRESS/BITS". Errors: -EINVAL */
must_check int network_parse(const char *text, struct network *ret, struct error *err);
bool network_has(const struct network *networks, size_t n_networks, const struct address *address);

/**
 * Whom a request comes from. A trusted proxy's X-Forwarded-For is read from its end: the first
 * address there that is not a trusted proxy itself is the client's. What cannot be read ends the
 * search.
 *
 * @forwarded  the header's value (several: joined by ","), or NULL
 */
struct address forwarded_client(const struct address *peer, const char *forwarded, size_t size,
				const struct network *trusted, size_t n_trusted);
