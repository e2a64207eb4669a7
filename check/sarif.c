/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "check/rules.h"
#include "check/sarif.h"

#define SCHEMA \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

struct sarif {
	json_t *results, *notifications;
	bool no_memory;
};

int sarif_new(struct sarif **ret, struct error *err)
{
	struct sarif *sarif = calloc(1, sizeof(*sarif));
	if (!sarif)
		return error_no_memory(err);
	sarif->results = json_array();
	sarif->notifications = json_array();
	if (!sarif->results || !sarif->notifications) {
		sarif_free(sarif);
		return error_no_memory(err);
	}
	*ret = sarif;
	return 0;
}

void sarif_free(struct sarif *sarif)
{
	if (!sarif)
		return;
	json_decref(sarif->results);
	json_decref(sarif->notifications);
	free(sarif);
}

/* @advice may be NULL. */
static json_t *message(const char *seen, const char *advice)
{
	char text[2 * FINDING_TEXT_LIMIT + ERROR_MESSAGE_SIZE];
	snprintf(text, sizeof(text), "%s%s%s%s", seen, advice ? ". To do: " : "",
		 advice ? advice : "", advice ? "." : "");
	return json_pack("{s:o}", "text", json_bytes_string(text));
}

/* A path as a URI reference (RFC 3986): relative, or file:. */
static json_t *uri(const char *path)
{
	size_t size = 3 * strlen(path) + sizeof("file://");
	char *text = malloc(size);
	if (!text)
		return NULL;
	char *at = text + sprintf(text, "%s", path[0] == '/' ? "file://" : "");
	while (!strncmp(path, "./", 2))
		path += 2 + strspn(path + 2, "/");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		if (c < 0x80 && (isalnum(c) || strchr("-._~/", c)))
			*at++ = (char)c;
		else
			at += sprintf(at, "%%%02X", c);
	}
	*at = 0;
	json_t *string = json_string(text);
	free(text);
	return string;
}

/* Of rule and file, so that a result is known again in the next run. */
static json_t *fingerprint(const struct rule *rule, const char *path)
{
	char *joined;
	if (asprintf(&joined, "%s %s", rule->name, path) < 0)
		return NULL;
	struct digest digest = digest_of(joined, strlen(joined));
	free(joined);
	return json_string(DIGEST_HEX(&digest));
}

static json_t *locations(const char *path)
{
	/* A binary has no lines, and pages show nothing without one. */
	return json_pack("[{s:{s:{s:o},s:{s:i}}}]", "physicalLocation", "artifactLocation", "uri",
			 uri(path), "region", "startLine", 1);
}

void sarif_add(struct sarif *sarif, const char *path, const struct audit *audit)
{
	for (size_t i = 0; i < n_rules; i++) {
		const struct finding *finding = &audit->findings[i];
		if (!audit->judged[i] || finding->verdict < VERDICT_ADVICE)
			continue;
		json_t *result = json_pack("{s:s,s:I,s:s,s:o,s:o,s:{s:o}}", "ruleId", rules[i].name,
					   "ruleIndex", (json_int_t)i, "level",
					   finding->verdict == VERDICT_BAD ? "error" : "warning",
					   "message", message(finding->seen, finding->advice),
					   "locations", locations(path), "partialFingerprints",
					   "ruleAndPath/v1", fingerprint(&rules[i], path));
		sarif->no_memory |= json_array_append_new(sarif->results, result) < 0;
	}
}

void sarif_add_failure(struct sarif *sarif, const char *path, const struct error *failure)
{
	json_t *notification =
		json_pack("{s:s,s:o,s:o}", "level", "error", "message",
			  message(failure->message, NULL), "locations", locations(path));
	sarif->no_memory |= json_array_append_new(sarif->notifications, notification) < 0;
}

static json_t *rule_array(void)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n_rules; i++)
		json_array_append_new(array, json_pack("{s:s,s:{s:s},s:{s:s}}", "id", rules[i].name,
						       "shortDescription", "text", rules[i].help,
						       "help", "text", rules[i].source));
	return array;
}

int sarif_format(const struct sarif *sarif, char **ret, struct error *err)
{
	if (sarif->no_memory)
		return error_no_memory(err);
	json_t *document = json_pack(
		"{s:s,s:s,s:[{s:{s:{s:s,s:s,s:o}},s:[{s:b,s:O}],s:s,s:O}]}", "$schema", SCHEMA,
		"version", "2.1.0", "runs", "tool", "driver", "name", "dbgcheck", "version",
		DBGVAULT_VERSION, "rules", rule_array(), "invocations", "executionSuccessful",
		json_array_size(sarif->notifications) == 0, "toolExecutionNotifications",
		sarif->notifications, "columnKind", "utf16CodeUnits", "results", sarif->results);
	if (!document)
		return error_no_memory(err);
	size_t size;
	int r = json_format(document, true, ret, &size, err);
	json_decref(document);
	return r;
}
