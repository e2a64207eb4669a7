/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "check/triage.h"
#include "check/vex.h"

/* In order of weight: where files of one product differ, the heaviest is said. */
enum status { NOT_AFFECTED, UNDER_INVESTIGATION, AFFECTED };

struct statement {
	const struct vuln_entry *entry; /* the database's, which outlives the document */
	char *product;
	enum status status;
	char *notes; /* NULL: none */
	json_t *parts; /* purl of each module -> the first version without it, or null */
};

struct vex {
	const struct vex_options *options;
	struct statement *statements;
	size_t n;
};

int vex_new(const struct vex_options *options, struct vex **ret, struct error *err)
{
	struct vex *vex = calloc(1, sizeof(*vex));
	if (!vex)
		return error_no_memory(err);
	vex->options = options;
	*ret = vex;
	return 0;
}

void vex_free(struct vex *vex)
{
	if (!vex)
		return;
	for (size_t i = 0; i < vex->n; i++) {
		free(vex->statements[i].product);
		free(vex->statements[i].notes);
		json_decref(vex->statements[i].parts);
	}
	free(vex->statements);
	free(vex);
}

/* purl-spec, "golang": each part of the path by itself, with what is not unreserved as %XX. */
static int format_purl(const char *module, const char *version, char **ret, struct error *err)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:";
	char *escaped[2] = { 0 };
	const char *texts[2] = { module, version };
	int r = 0;
	for (size_t i = 0; i < 2 && r == 0; i++) {
		escaped[i] = malloc(strlen(texts[i]) * 3 + 1);
		if (!escaped[i]) {
			r = error_no_memory(err);
			break;
		}
		char *to = escaped[i];
		for (const char *from = texts[i]; *from; from++) {
			static const char digits[] = "0123456789ABCDEF";
			if (strchr(plain, *from)) {
				*to++ = *from;
				continue;
			}
			*to++ = '%';
			*to++ = digits[(uint8_t)*from >> 4];
			*to++ = digits[(uint8_t)*from & 15];
		}
		*to = 0;
	}
	if (r == 0)
		r = string_format(ret, err, "pkg:golang/%s%s%s", escaped[0], *version ? "@" : "",
				  escaped[1]);
	free(escaped[0]);
	free(escaped[1]);
	return r;
}

static int module_purl(const struct go_module *module, char **ret, struct error *err)
{
	return format_purl(module->real_path, module->real_version, ret, err);
}

static int find_product(const struct vex *vex, const struct triage *triage, const char *purl,
			char **ret, struct error *err)
{
	if (vex->options->product || purl)
		return string_format(ret, err, "%s",
				     vex->options->product ? vex->options->product : purl);
	const struct go_info *info = &triage->info;
	bool devel = !strcmp(info->main_version, "(devel)");
	const char *path = *info->main_module ? info->main_module : info->main_path;
	if (!*path)
		return error_set(err, -EINVAL,
				 "what it is cannot be told from the file: --vex-product");
	return format_purl(path, devel ? "" : info->main_version, ret, err);
}

/* ---- statements ---- */

static enum status status_of(const struct triage *triage, const struct triage_vuln *vuln,
			     const char **ret_notes)
{
	*ret_notes = NULL;
	if (triage->is_assumed || *triage->why)
		*ret_notes = triage->why;
	if (!triage->is_assumed && vuln->level == TRIAGE_SYMBOL) {
		*ret_notes = NULL;
		return AFFECTED;
	}
	if (!*ret_notes)
		*ret_notes = vuln->doubt;
	return *ret_notes ? UNDER_INVESTIGATION : NOT_AFFECTED;
}

static int find_statement(struct vex *vex, const struct vuln_entry *entry, const char *product,
			  struct statement **ret, struct error *err)
{
	for (size_t i = 0; i < vex->n; i++) {
		if (strcmp(vex->statements[i].entry->id, entry->id) == 0 &&
		    strcmp(vex->statements[i].product, product) == 0) {
			*ret = &vex->statements[i];
			return 0;
		}
	}
	struct statement *statements =
		reallocarray(vex->statements, vex->n + 1, sizeof(*statements));
	if (!statements)
		return error_no_memory(err);
	vex->statements = statements;
	struct statement statement = {
		.entry = entry,
		.product = strdup(product),
		.parts = json_object(),
	};
	if (!statement.product || !statement.parts) {
		free(statement.product);
		json_decref(statement.parts);
		return error_no_memory(err);
	}
	statements[vex->n] = statement;
	*ret = &statements[vex->n++];
	return 0;
}

static int add_vuln(struct vex *vex, const struct triage *triage, const struct triage_vuln *vuln,
		    const char *product, struct error *err)
{
	const char *notes;
	enum status status = status_of(triage, vuln, &notes);
	struct statement *statement = NULL;
	int r = find_statement(vex, vuln->entry, product, &statement, err);
	if (r < 0)
		return r;
	if (status < statement->status)
		return 0;
	if (status > statement->status) {
		free(statement->notes);
		statement->notes = NULL;
		json_object_clear(statement->parts);
	}
	statement->status = status;
	if (notes && !statement->notes) {
		statement->notes = strdup(notes);
		if (!statement->notes)
			return error_no_memory(err);
	}
	scoped(string_free) char *purl = NULL;
	r = module_purl(vuln->module, &purl, err);
	if (r < 0)
		return r;
	json_t *fixed = vuln->fixed ? json_bytes_string(vuln->fixed) : json_null();
	return json_object_set_new(statement->parts, purl, fixed) < 0 ? error_no_memory(err) : 0;
}

int vex_add(struct vex *vex, const struct triage *triage, const char *purl, struct error *err)
{
	scoped(string_free) char *product = NULL;
	int r = find_product(vex, triage, purl, &product, err);
	for (size_t i = 0; i < triage->n_vulns && r == 0; i++)
		r = add_vuln(vex, triage, &triage->vulns[i], product, err);
	return r;
}

/* ---- the document ---- */

/* "Update golang.org/x/net to v0.33.0 or later.", for each module. */
static int format_action(const struct statement *statement, char **ret, struct error *err)
{
	const char *purl;
	json_t *fixed;
	scoped(string_free) char *text = strdup("");
	if (!text)
		return error_no_memory(err);
	json_object_foreach(statement->parts, purl, fixed)
	{
		char *longer = NULL;
		const char *version = json_string_value(fixed);
		int r = version ? string_format(&longer, err, "%s%sUpdate %s to %s or later.", text,
						*text ? " " : "", purl, version)
				: string_format(&longer, err,
						"%s%sNo version of %s without it is known.", text,
						*text ? " " : "", purl);
		if (r < 0)
			return r;
		free(text);
		text = longer;
	}
	*ret = take(text);
	return 0;
}

static json_t *vulnerability_json(const struct vuln_entry *entry)
{
	json_t *vulnerability = json_object();
	json_object_set_new(vulnerability, "@id",
			    json_sprintf("https://pkg.go.dev/vuln/%s", entry->id));
	json_object_set_new(vulnerability, "name", json_string(entry->id));
	if (*entry->summary)
		json_object_set_new(vulnerability, "description", json_string(entry->summary));
	json_t *aliases = json_array();
	for (size_t i = 0; i < entry->aliases.n; i++)
		json_array_append_new(aliases, json_string(entry->aliases.items[i]));
	if (json_array_size(aliases))
		json_object_set(vulnerability, "aliases", aliases);
	json_decref(aliases);
	return vulnerability;
}

static json_t *product_json(const struct statement *statement)
{
	json_t *product = json_object(), *parts = json_array(), *products = json_array();
	const char *purl;
	json_t *fixed;
	json_object_foreach(statement->parts, purl, fixed)
		json_array_append_new(parts, json_pack("{s:s}", "@id", purl));
	json_object_set_new(product, "@id", json_bytes_string(statement->product));
	json_object_set_new(product, "subcomponents", parts);
	json_array_append_new(products, product);
	return products;
}

static int statement_json(const struct statement *statement, json_t **ret, struct error *err)
{
	static const char *const statuses[] = { "not_affected", "under_investigation", "affected" };
	json_t *json = json_object();
	json_object_set_new(json, "vulnerability", vulnerability_json(statement->entry));
	json_object_set_new(json, "products", product_json(statement));
	json_object_set_new(json, "status", json_string(statuses[statement->status]));
	if (statement->notes)
		json_object_set_new(json, "status_notes", json_bytes_string(statement->notes));
	if (statement->status == NOT_AFFECTED)
		json_object_set_new(json, "justification",
				    json_string("vulnerable_code_not_present"));
	if (statement->status == AFFECTED) {
		scoped(string_free) char *action = NULL;
		int r = format_action(statement, &action, err);
		if (r < 0) {
			json_decref(json);
			return r;
		}
		json_object_set_new(json, "action_statement", json_bytes_string(action));
	}
	*ret = json;
	return 0;
}

static int compare_statements(const void *a, const void *b)
{
	const struct statement *statements[] = { a, b };
	int order = strcmp(statements[0]->entry->id, statements[1]->entry->id);
	return order ? order : strcmp(statements[0]->product, statements[1]->product);
}

/* What is said names the document: the same said again has the same name. */
static int format_id(const json_t *document, char **ret, struct error *err)
{
	scoped(string_free) char *text = NULL;
	size_t size;
	int r = json_format(document, false, &text, &size, err);
	if (r < 0)
		return r;
	struct digest digest = digest_of(text, size);
	return string_format(ret, err, "https://openvex.dev/docs/public/vex-%s",
			     DIGEST_HEX(&digest));
}

int vex_format(const struct vex *vex, char **ret, struct error *err)
{
	int r = 0;
	const struct vex_options *options = vex->options;
	if (vex->n)
		qsort(vex->statements, vex->n, sizeof(*vex->statements), compare_statements);
	scoped(json_scoped_decref) json_t *said = json_object();
	json_t *statements = json_array();
	for (size_t i = 0; i < vex->n && r == 0; i++) {
		json_t *statement = NULL;
		r = statement_json(&vex->statements[i], &statement, err);
		if (r == 0)
			json_array_append_new(statements, statement);
	}
	json_object_set_new(
		said, "author",
		json_bytes_string(options->author ? options->author : "Unknown Author"));
	json_object_set_new(said, "timestamp", json_string(TIME_TEXT(options->time)));
	json_object_set_new(said, "version", json_integer(options->version));
	json_object_set_new(said, "tooling", json_string("dbgcheck " DBGVAULT_VERSION));
	json_object_set_new(said, "statements", statements);
	if (r < 0)
		return r;
	scoped(string_free) char *id = NULL;
	r = format_id(said, &id, err);
	if (r < 0)
		return r;
	scoped(json_scoped_decref) json_t *document = json_object();
	json_object_set_new(document, "@context", json_string("https://openvex.dev/ns/v0.2.0"));
	json_object_set_new(document, "@id", json_string(id));
	json_object_update(document, said);
	size_t size;
	return json_format(document, true, ret, &size, err);
}
