/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/peer.h"

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff }; /* RFC 4291, 2.5.5.2 */

bool address_is_v4(const struct address *address)
{
	return !memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix));
}

static void set_v4(struct address *ret, const struct in_addr *v4)
{
	memcpy(ret->bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(ret->bytes + sizeof(mapped_prefix), v4, 4);
}

bool address_of_socket(const struct sockaddr *from, struct address *ret)
{
	if (from->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, from, sizeof(in));
		set_v4(ret, &in.sin_addr);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, from, sizeof(in6));
		memcpy(ret->bytes, &in6.sin6_addr, sizeof(ret->bytes));
		return true;
	}
	return false;
}

static bool is_port(const char *at, const char *end)
{
	if (at == end)
		return true;
	if (*at++ != ':' || at == end || end - at > 5)
		return false;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at == end;
}

bool address_parse(const char *text, size_t size, struct address *ret)
{
	char copy[64];
	const char *end = text + size;

	while (text < end && (*text == ' ' || *text == '\t'))
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (text == end || (size_t)(end - text) >= sizeof(copy) ||
	    memchr(text, 0, (size_t)(end - text)))
		return false;

	if (*text == '[') {
		const char *closing = memchr(text, ']', (size_t)(end - text));
		if (!closing || !is_port(closing + 1, end))
			return false;
		text++;
		end = closing;
	} else {
		const char *colon = memchr(text, ':', (size_t)(end - text));
		if (colon &&
		    !memchr(colon + 1, ':', (size_t)(end - colon - 1))) { /* IPv4 and a port */
			if (!is_port(colon, end))
				return false;
			end = colon;
		}
	}

	size_t n = (size_t)(end - text);
	memcpy(copy, text, n);
	copy[n] = 0;
	struct in_addr v4;
	if (inet_pton(AF_INET, copy, &v4) == 1) {
		set_v4(ret, &v4);
		return true;
	}
	return inet_pton(AF_INET6, copy, ret->bytes) == 1;
}

const char *address_text(const struct address *address, char ret[static ADDRESS_TEXT_SIZE])
{
	const char *text = address_is_v4(address)
				   ? inet_ntop(AF_INET, address->bytes + 12, ret, ADDRESS_TEXT_SIZE)
				   : inet_ntop(AF_INET6, address->bytes, ret, ADDRESS_TEXT_SIZE);
	return text ? text : "?";
}

int network_parse(const char *text, struct network *ret, struct error *err)
{
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	struct network network = { .bits = 128 };

	if (!address_parse(text, size, &network.address))
		return error_set(err, -EINVAL, "\"%s\" is no IP address, nor one with /BITS",
				 ESCAPED(text));
	if (slash) {
		char *end;
		unsigned long most = address_is_v4(&network.address) ? 32 : 128;
		unsigned long bits = strtoul(slash + 1, &end, 10);
		if (end == slash + 1 || *end || slash[1] == '-' || slash[1] == '+' || bits > most)
			return error_set(err, -EINVAL,
					 "\"%s\": expected 0 to %lu bits behind the slash",
					 ESCAPED(text), most);
		network.bits = (unsigned)(128 - most + bits);
	}
	*ret = network;
	return 0;
}

bool network_has(const struct network *networks, size_t n_networks, const struct address *address)
{
	for (size_t i = 0; i < n_networks; i++) {
		const uint8_t *a = networks[i].address.bytes, *b = address->bytes;
		unsigned whole = networks[i].bits / 8, rest = networks[i].bits % 8;
		if (!memcmp(a, b, whole) && (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0))
			return true;
	}
	return false;
}

struct address forwarded_client(const struct address *peer, const char *forwarded, size_t size,
				const struct network *trusted, size_t n_trusted)
{
	struct address client = *peer;

	while (forwarded && network_has(trusted, n_trusted, &client)) {
		const char *comma = memrchr(forwarded, ',', size);
		const char *at = comma ? comma + 1 : forwarded;
		struct address before;
		if (!address_parse(at, (size_t)(forwarded + size - at), &before))
			break;
		client = before;
		if (!comma)
			break;
		size = (size_t)(comma - forwarded);
	}
	return client;
}
