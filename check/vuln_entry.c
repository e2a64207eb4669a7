/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "check/vuln_entry.h"
#include "elf/go_version.h"

/* ---- reading ---- */

static int wrong(const char *key, const char *expected, struct error *err)
{
	return error_set(err, -EBADMSG, "%s: expected %s", key, expected);
}

/* An absent text is @fallback. */
static int take_text(const json_t *object, const char *key, const char *fallback, const char **ret,
		     struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (value && !json_is_null(value) && !json_is_string(value))
		return wrong(key, "a string", err);
	*ret = json_is_string(value) ? json_string_value(value) : fallback;
	return 0;
}

/* An absent array is an empty one. Its room is for @item_size bytes each, zeroed. */
static int take_array(const json_t *object, const char *key, size_t item_size, const json_t **ret,
		      void **ret_items, size_t *ret_n, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (value && !json_is_null(value) && !json_is_array(value))
		return wrong(key, "an array", err);
	size_t n = json_is_array(value) ? json_array_size(value) : 0;
	void *items = n ? calloc(n, item_size) : NULL;
	if (n && !items)
		return error_no_memory(err);
	*ret = value;
	*ret_items = items;
	*ret_n = n;
	return 0;
}

static int take_texts(const json_t *object, const char *key, struct vuln_texts *ret,
		      struct error *err)
{
	const json_t *array;
	int r = take_array(object, key, sizeof(*ret->items), &array, (void **)&ret->items, &ret->n,
			   err);
	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		ret->items[i] = json_string_value(json_array_get(array, i));
		if (!ret->items[i])
			r = wrong(key, "strings", err);
	}
	return r;
}

/* The order of events is that of their versions, and the beginning of time comes first. */
static bool event_is_before(const struct vuln_event *a, const struct vuln_event *b)
{
	const char *versions[2];
	const struct vuln_event *events[2] = { a, b };
	for (size_t i = 0; i < 2; i++) {
		versions[i] = events[i]->introduced ? events[i]->introduced : "";
		if (!strcmp(versions[i], "0"))
			return i == 0;
		if (events[i]->fixed)
			versions[i] = events[i]->fixed;
	}
	return go_version_bare_compare(versions[0], versions[1]) < 0;
}

static void sort_events(struct vuln_range *range)
{
	for (size_t i = 1; i < range->n_events; i++) {
		struct vuln_event event = range->events[i];
		size_t k = i;
		for (; k && event_is_before(&event, &range->events[k - 1]); k--)
			range->events[k] = range->events[k - 1];
		range->events[k] = event;
	}
}

#define EVENTS_LIMIT \
	10000 /* of a range; they are sorted the slow way, which keeps equal ones in order */

static int read_range(const json_t *object, struct vuln_range *ret, struct error *err)
{
	const char *type;
	const json_t *events;
	int r = take_text(object, "type", "", &type, err);
	if (r < 0)
		return r;
	ret->is_semver = !strcmp(type, "SEMVER");
	r = take_array(object, "events", sizeof(*ret->events), &events, (void **)&ret->events,
		       &ret->n_events, err);
	if (r == 0 && ret->n_events > EVENTS_LIMIT)
		r = wrong("events", "10000 at most", err);
	for (size_t i = 0; r == 0 && i < ret->n_events; i++) {
		const json_t *event = json_array_get(events, i);
		r = take_text(event, "introduced", NULL, &ret->events[i].introduced, err);
		if (r == 0)
			r = take_text(event, "fixed", NULL, &ret->events[i].fixed, err);
	}
	if (r == 0)
		sort_events(ret);
	return r;
}

static int read_package(const json_t *object, struct vuln_package *ret, struct error *err)
{
	int r = take_text(object, "path", "", &ret->path, err);
	if (r == 0)
		r = take_texts(object, "symbols", &ret->symbols, err);
	if (r == 0)
		r = take_texts(object, "goos", &ret->systems, err);
	if (r == 0)
		r = take_texts(object, "goarch", &ret->machines, err);
	return r;
}

static int read_affected(const json_t *object, struct vuln_affected *ret, struct error *err)
{
	const json_t *ranges, *packages;
	int r = take_text(json_object_get(object, "package"), "name", "", &ret->module, err);
	if (r < 0)
		return r;
	r = take_array(object, "ranges", sizeof(*ret->ranges), &ranges, (void **)&ret->ranges,
		       &ret->n_ranges, err);
	for (size_t i = 0; r == 0 && i < ret->n_ranges; i++)
		r = read_range(json_array_get(ranges, i), &ret->ranges[i], err);
	if (r < 0)
		return r;
	r = take_array(json_object_get(object, "ecosystem_specific"), "imports",
		       sizeof(*ret->packages), &packages, (void **)&ret->packages, &ret->n_packages,
		       err);
	for (size_t i = 0; r == 0 && i < ret->n_packages; i++)
		r = read_package(json_array_get(packages, i), &ret->packages[i], err);
	return r;
}

/* "2023-04-12T00:00:00Z", with a fraction or another zone, too: to the day, that is near enough. */
static int read_withdrawn(const json_t *object, int64_t now, bool *ret, struct error *err)
{
	const char *text;
	int r = take_text(object, "withdrawn", NULL, &text, err);
	if (r < 0 || !text)
		return r;
	char seconds[32] = { 0 };
	if (strlen(text) >= 19)
		memcpy(seconds, text, 19);
	seconds[19] = 'Z';
	int64_t time;
	r = time_parse(seconds, &time, err);
	if (r < 0)
		return error_prefix(err, r, "withdrawn");
	*ret = time < now;
	return 0;
}

int vuln_entry_parse(const char *text, size_t size, int64_t now, struct vuln_entry **ret,
		     struct error *err)
{
	int r;

	scoped(vuln_entry_freep) struct vuln_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return error_no_memory(err);
	r = json_parse(text, size, &entry->json, err);
	if (r < 0)
		return r;
	r = take_text(entry->json, "id", "", &entry->id, err);
	if (r == 0 && !*entry->id)
		r = wrong("id", "a name", err);
	if (r == 0)
		r = take_text(entry->json, "summary", "", &entry->summary, err);
	if (r == 0)
		r = take_texts(entry->json, "aliases", &entry->aliases, err);
	if (r == 0)
		r = read_withdrawn(entry->json, now, &entry->withdrawn, err);
	if (r < 0)
		return r;
	const json_t *affected;
	r = take_array(entry->json, "affected", sizeof(*entry->affected), &affected,
		       (void **)&entry->affected, &entry->n_affected, err);
	for (size_t i = 0; r == 0 && i < entry->n_affected; i++)
		r = read_affected(json_array_get(affected, i), &entry->affected[i], err);
	if (r == 0)
		*ret = take(entry);
	return r;
}

void vuln_entry_free(struct vuln_entry *entry)
{
	if (!entry)
		return;
	for (size_t i = 0; i < entry->n_affected; i++) {
		struct vuln_affected *affected = &entry->affected[i];
		for (size_t k = 0; k < affected->n_ranges; k++)
			free(affected->ranges[k].events);
		for (size_t k = 0; k < affected->n_packages; k++) {
			free(affected->packages[k].symbols.items);
			free(affected->packages[k].systems.items);
			free(affected->packages[k].machines.items);
		}
		free(affected->ranges);
		free(affected->packages);
	}
	free(entry->affected);
	free(entry->aliases.items);
	json_decref(entry->json);
	free(entry);
}

/* ---- deciding ---- */

bool vuln_range_holds(const struct vuln_range *range, const char *version)
{
	if (!range->is_semver)
		return false;
	bool holds = range->n_events == 0;
	for (size_t i = 0; i < range->n_events; i++) {
		const struct vuln_event *event = &range->events[i];
		if (!holds && event->introduced)
			holds = !strcmp(event->introduced, "0") ||
				go_version_bare_compare(version, event->introduced) >= 0;
		else if (holds && event->fixed)
			holds = go_version_bare_compare(version, event->fixed) < 0;
	}
	return holds;
}

bool vuln_affects(const struct vuln_affected *affected, const char *version)
{
	if (!*version || !strcmp(version, "(devel)"))
		return false;
	bool has_semver = false;
	for (size_t i = 0; i < affected->n_ranges; i++) {
		has_semver = has_semver || affected->ranges[i].is_semver;
		if (vuln_range_holds(&affected->ranges[i], version))
			return true;
	}
	return !has_semver;
}

static bool fits(const struct vuln_texts *texts, const char *name)
{
	if (!*name || !texts->n)
		return true;
	for (size_t i = 0; i < texts->n; i++)
		if (!strcmp(texts->items[i], name))
			return true;
	return false;
}

bool vuln_package_fits(const struct vuln_package *package, const char *system, const char *machine)
{
	return fits(&package->systems, system) && fits(&package->machines, machine);
}
