/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "server/control.h"
#include "server/transfer.h"

#define CONNECT_MS 5000L
#define LOW_SPEED_BYTES 1000L /* a second, */
#define LOW_SPEED_S 15L /* for so long */
#define WHOLE_S 1800L
#define REDIRECTS_MAX 3
#define REFUSAL_BYTES_MAX (64u << 10) /* of the text that comes with a 404 and the like */
#define PATH_MAX_SIZE 4096
#define SELF_MS 2000L

static const char agent[] = "dbgserve/" DBGVAULT_VERSION;

/* ---- URLs ---- */

static bool is_http(CURLU *url)
{
	char *scheme = NULL;
	bool ok = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (!strcasecmp(scheme, "http") || !strcasecmp(scheme, "https"));
	curl_free(scheme);
	return ok;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
	curl_free(text);
	return has;
}

int upstream_url_parse(const char *text, char **ret, struct error *err)
{
	CURLU *url = curl_url();
	if (!url)
		return error_no_memory(err);
	bool ok = strlen(text) < 2000 && !has_control(text, strlen(text), false) &&
		  curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && is_http(url) &&
		  has_part(url, CURLUPART_HOST) && !has_part(url, CURLUPART_QUERY) &&
		  !has_part(url, CURLUPART_FRAGMENT);
	curl_url_cleanup(url);
	if (!ok)
		return error_set(err, -EINVAL,
				 "\"%s\": expected a URL as http://host or https://host/path",
				 ESCAPED(text));

	size_t size = strlen(text);
	while (size && text[size - 1] == '/')
		size--;
	*ret = strndup(text, size);
	return *ret ? 0 : error_no_memory(err);
}

/* Has the second the same scheme, host and port as the first? */
static bool is_same_server(const char *a, const char *b)
{
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	CURLU *first = curl_url(), *second = curl_url();

	bool same = first && second && curl_url_set(first, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(second, CURLUPART_URL, b, 0) == CURLUE_OK;
	for (size_t i = 0; same && i < ARRAY_SIZE(parts); i++) {
		char *x = NULL, *y = NULL;
		same = curl_url_get(first, parts[i], &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       curl_url_get(second, parts[i], &y, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       !strcasecmp(x, y);
		curl_free(x);
		curl_free(y);
	}
	curl_url_cleanup(first);
	curl_url_cleanup(second);
	return same;
}

/* A path, but for slashes and what needs none, escaped. @ret has room for three times its size. */
static void escape_path(const char *path, char *ret)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	for (; *path; path++) {
		if (strchr(plain, *path))
			*ret++ = *path;
		else
			ret += sprintf(ret, "%%%02X", (unsigned char)*path);
	}
	*ret = 0;
}

static int make_url(const char *base, const struct upstream_wish *wish, char **ret,
		    struct error *err)
{
	const char *name = wish->kind == KIND_SOURCE ? wish->name : "";
	scoped(string_free) char *escaped = malloc(3 * strlen(name) + 1);
	if (!escaped)
		return error_no_memory(err);
	escape_path(name, escaped);
	return string_format(ret, err, "%s/buildid/%s/%s%s", base, BUILD_ID_HEX(wish->id),
			     kind_name(wish->kind), escaped);
}

/* ---- what comes ---- */

unsigned transfer_status(const struct transfer *t)
{
	long status = 0;
	if (t->easy)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return (unsigned)status;
}

static int keep_in_memory(struct transfer *t, const char *bytes, size_t size)
{
	if (t->n_bytes + size > t->memory_room) {
		size_t room = 2 * (size_t)(t->n_bytes + size);
		uint8_t *grown = realloc(t->memory, room);
		if (!grown)
			return -ENOMEM;
		t->memory = grown;
		t->memory_room = room;
	}
	memcpy(t->memory + t->n_bytes, bytes, size);
	return 0;
}

static int keep_in_file(struct transfer *t, const char *bytes, size_t size)
{
	if (t->file.fd < 0) {
		int r = tmpfile_create(t->dir_fd, &t->file, NULL);
		if (r < 0)
			return r;
	}
	return file_write(t->file.fd, bytes, size, "an upstream's answer", NULL);
}

static size_t take_body(char *bytes, size_t one, size_t n, void *context)
{
	struct transfer *t = context;
	size_t size = one * n;

	if (transfer_status(t) != 200) {
		t->n_bytes += size;
		return t->n_bytes > REFUSAL_BYTES_MAX ? 0 : size;
	}
	if (!t->may_take(t)) {
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (size > t->bytes_max - t->n_bytes) {
		t->r = -EFBIG;
		return 0;
	}
	t->r = t->dir_fd < 0 ? keep_in_memory(t, bytes, size) : keep_in_file(t, bytes, size);
	if (t->r < 0)
		return 0;
	t->n_bytes += size;
	return size;
}

/* A header line's value, where it has that name: within @line, without space around. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *ret_size)
{
	size_t name_size = strlen(name);
	if (size <= name_size || strncasecmp(line, name, name_size) != 0 || line[name_size] != ':')
		return NULL;
	const char *value = line + name_size + 1, *end = line + size;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value &&
	       (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\n' || end[-1] == '\t'))
		end--;
	*ret_size = (size_t)(end - value);
	return value;
}

static size_t take_header(char *line, size_t one, size_t n, void *context)
{
	struct transfer *t = context;
	size_t size;

	const char *value = header_value(line, one * n, "X-DEBUGINFOD-FILE", &size);
	if (value && size && size < PATH_MAX_SIZE && !has_control(value, size, false)) {
		free(t->path);
		t->path = strndup(value, size);
	}
	return one * n;
}

/* ---- asking ---- */

static bool set_common(CURL *easy)
{
	bool ok = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_USERAGENT, agent) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
		  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
	return ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
	return ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
				      (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) == CURLE_OK;
#endif
}

static int start(struct transfer *t, CURLM *multi)
{
	CURL *easy = t->easy = curl_easy_init();
	if (!easy || !set_common(easy) || curl_easy_setopt(easy, CURLOPT_URL, t->url) != CURLE_OK)
		return -ENOMEM;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->header);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING,
			 ""); /* whatever it decodes: the size is limited decoded */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_S);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, WHOLE_S);
	return curl_multi_add_handle(multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

int transfer_begin(struct transfer *t, CURLM *multi, const char *base,
		   const struct upstream_wish *wish, struct error *err)
{
	int r;
	scoped(string_free) char *forwarded = NULL, *via = NULL;

	t->file = TMPFILE_NONE;
	r = make_url(base, wish, &t->url, err);
	if (r == 0)
		r = string_format(&forwarded, err, "X-Forwarded-For: %s", wish->forwarded);
	if (r == 0)
		r = string_format(&via, err, "X-Dbgserve-Via: %s", wish->via);
	if (r < 0)
		return r;
	t->header = curl_slist_append(NULL, forwarded);
	if (!t->header || !curl_slist_append(t->header, via) || start(t, multi) < 0)
		return error_no_memory(err);
	return 0;
}

bool transfer_follow(struct transfer *t, CURLM *multi)
{
	char *to = NULL;

	if (t->n_redirects++ >= REDIRECTS_MAX ||
	    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to ||
	    !is_same_server(t->url, to))
		return false;
	char *url = strdup(to); /* theirs goes with the handle */
	if (!url)
		return false;
	transfer_end(t, multi);
	free(t->url);
	t->url = url;
	t->n_bytes = 0;
	return start(t, multi) == 0;
}

void transfer_resume(struct transfer *t)
{
	t->paused = false;
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

void transfer_end(struct transfer *t, CURLM *multi)
{
	if (!t->easy)
		return;
	curl_multi_remove_handle(multi, t->easy);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
	t->paused = false;
}

void transfer_free(struct transfer *t, CURLM *multi)
{
	if (!t->url)
		return; /* never begun */
	transfer_end(t, multi);
	curl_slist_free_all(t->header);
	tmpfile_discard(&t->file);
	free(t->memory);
	free(t->path);
	free(t->url);
}

/* ---- ourselves ---- */

struct self_check {
	const char *instance;
	bool same;
};

static size_t look_for_instance(char *line, size_t one, size_t n, void *context)
{
	struct self_check *check = context;
	size_t size;

	const char *value = header_value(line, one * n, "X-Dbgserve-Instance", &size);
	if (value && size == strlen(check->instance) && !memcmp(value, check->instance, size))
		check->same = true;
	return one * n;
}

static size_t pass_over(char *bytes, size_t one, size_t n, void *context)
{
	(void)bytes;
	(void)context;
	return one * n;
}

bool upstream_is_self(const char *base, const char *instance)
{
	struct self_check check = { .instance = instance };
	scoped(string_free) char *url = NULL;

	if (string_format(&url, NULL, "%s/healthz", base) < 0)
		return false;
	CURL *easy = curl_easy_init();
	if (easy && set_common(easy) && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK) {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, SELF_MS);
		curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, look_for_instance);
		curl_easy_setopt(easy, CURLOPT_HEADERDATA, &check);
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pass_over);
		(void)curl_easy_perform(easy);
	}
	curl_easy_cleanup(easy);
	return check.same;
}
