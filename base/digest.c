/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

/* The EVP_MD_CTX itself, under a name of ours. */
struct digester {
	EVP_MD_CTX *context;
};

int digester_new(struct digester **ret, struct error *err)
{
	struct digester *d = calloc(1, sizeof(*d));
	if (!d)
		return error_no_memory(err);
	d->context = EVP_MD_CTX_new();
	if (!d->context || !EVP_DigestInit_ex(d->context, EVP_sha256(), NULL)) {
		digester_free(d);
		return error_set(err, -ENOMEM, "libcrypto gives no SHA-256");
	}
	*ret = d;
	return 0;
}

void digester_free(struct digester *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->context);
	free(d);
}

/* Once begun, libcrypto's SHA-256 has no way to fail: a false here is a bug. */
void digester_add(struct digester *d, const void *bytes, size_t size)
{
	int done = EVP_DigestUpdate(d->context, bytes, size);
	assert(done);
	(void)done;
}

struct digest digester_finish(struct digester *d)
{
	struct digest ret = { 0 };
	int done = EVP_DigestFinal_ex(d->context, ret.bytes, NULL);
	assert(done);
	(void)done;
	return ret;
}

struct digest digest_of(const void *bytes, size_t size)
{
	struct digest ret = { 0 };
	/* It allocates; and a digest of zeros in its place would be worse than an end. */
	if (!EVP_Digest(bytes, size, ret.bytes, NULL, EVP_sha256(), NULL))
		abort();
	return ret;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return !memcmp(a->bytes, b->bytes, DIGEST_SIZE);
}

bool digest_is_zero(const struct digest *d)
{
	static const struct digest zero;
	return digest_equal(d, &zero);
}

const char *digest_hex(const struct digest *d, char ret[static DIGEST_HEX_SIZE])
{
	hex_encode(d->bytes, DIGEST_SIZE, ret);
	return ret;
}

int digest_parse(const char *hex, size_t size, struct digest *ret, struct error *err)
{
	struct digest digest;
	if (size != 2 * (size_t)DIGEST_SIZE || !hex_decode(hex, size, digest.bytes))
		return error_set(err, -EBADMSG, "not a SHA-256 digest of 64 hex digits");
	*ret = digest;
	return 0;
}

void hex_encode(const uint8_t *bytes, size_t size, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * size] = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *hex, size_t size, uint8_t *ret)
{
	if (size % 2)
		return false;
	for (size_t i = 0; i < size; i += 2) {
		int high = hex_value(hex[i]), low = hex_value(hex[i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}
