/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/go_build.h"
#include "check/judges.h"
#include "elf/go_version.h"

/* The build information of a Go program; NULL, with a finding, of anything else. */
static const struct go_info *read_go(struct subject *s, struct finding *ret)
{
	struct error err = ERROR_NONE;
	const struct go_info *go = subject_go(s, &err);
	if (!go && !subject_is_go(s))
		finding_set(ret, VERDICT_NOT_APPLICABLE, "not a Go program");
	else if (!go)
		finding_set(ret, VERDICT_NOT_APPLICABLE, "cannot be told: %s", err.message);
	return go;
}

/* The same, with build settings. */
static const struct go_info *read_settings(struct subject *s, struct finding *ret)
{
	const struct go_info *go = read_go(s, ret);
	if (go && !go_has_settings(go)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "no build settings are recorded (%s)",
			    ESCAPED(go->version));
		return NULL;
	}
	return go;
}

void judge_trimpath(struct subject *s, struct finding *ret)
{
	const struct go_info *go = read_settings(s, ret);
	if (!go)
		return;
	if (go_setting_is(go, "-trimpath", "true")) {
		finding_set(ret, VERDICT_GOOD, "-trimpath");
		return;
	}
	finding_set(ret, VERDICT_ADVICE,
		    "built without -trimpath: it differs with the folder it was built in");
	finding_advise(ret, "go build -trimpath");
}

/* ---- version ---- */

/* Variables that -X set, as the recorded flags have them: where no symbols tell. */
static void read_flag_stamps(const char *flags, struct word_list *ret, bool *ret_version)
{
	static const char between[] = " \t\n'\"=";
	for (const char *at = flags; (at = strstr(at, "-X"));) {
		at += 2;
		at += strspn(at, between);
		char word[256];
		size_t size = strcspn(at, " \t\n'\"");
		if (!memchr(at, '=', size) || size >= sizeof(word))
			continue;
		memcpy(word, at, size);
		word[size] = 0;
		word_list_add(ret, word);
		size_t name = strcspn(word, "=");
		bool has_value = word[name + 1];
		word[name] = 0;
		*ret_version |= has_value && symbol_is_version_name(word);
	}
}

struct stamp {
	struct word_list set; /* by -X */
	bool set_version;
	char revision[80], time[40];
	bool modified;
	const char *version; /* of the main module; NULL: none, or "(devel)" */
};

static void read_stamp(struct subject *s, const struct go_info *go, struct stamp *ret)
{
	const struct symbol_facts *symbols = subject_symbols(s);
	*ret = (struct stamp){ .set = symbols->stamps, .set_version = symbols->stamps_version };
	char flags[2048];
	if (!ret->set.n_words && go_setting(go, "-ldflags", flags, sizeof(flags)))
		read_flag_stamps(flags, &ret->set, &ret->set_version);
	go_setting(go, "vcs.revision", ret->revision, sizeof(ret->revision));
	go_setting(go, "vcs.time", ret->time, sizeof(ret->time));
	bool has_version = go->main_version[0] && strcmp(go->main_version, "(devel)") != 0;
	ret->version = has_version ? go->main_version : NULL;
	ret->modified = go_setting_is(go, "vcs.modified", "true") ||
			(has_version && strstr(go->main_version, "+dirty"));
}

static void advise_version(const struct go_info *go, const struct stamp *stamp, struct finding *ret)
{
	if (stamp->modified)
		finding_advise(ret, "build from a clean checkout of a tag");
	else if (go_minor(go->version) >= 24 && stamp->revision[0])
		finding_advise(
			ret,
			"tag the commit: Go 1.24 and newer take the version from it; or go build -ldflags='-X main.Version=1.2.3'");
	else if (stamp->revision[0] || go_is_before(go->version, 18)) /* -buildvcs is of Go 1.18 */
		finding_advise(ret, "go build -ldflags='-X main.Version=1.2.3'");
	else
		finding_advise(
			ret,
			"build the package, not files of it, in its repository, with -buildvcs=true; or go build -ldflags='-X main.Version=1.2.3'");
}

void judge_version(struct subject *s, struct finding *ret)
{
	const struct go_info *go = read_go(s, ret);
	if (!go)
		return;
	struct stamp stamp;
	read_stamp(s, go, &stamp);
	bool pseudo = stamp.version && go_version_is_pseudo(stamp.version);
	enum verdict verdict = VERDICT_BAD;
	if (stamp.modified)
		verdict = VERDICT_BAD;
	else if (stamp.set_version || (stamp.version && !pseudo))
		verdict = VERDICT_GOOD;
	else if (pseudo || stamp.revision[0] || stamp.set.n_words)
		verdict = VERDICT_ADVICE;
	bool has_set = stamp.set.n_words;
	finding_set(ret, verdict, "%s%s%s%s%s%s%s%s",
		    stamp.version ? ESCAPED(stamp.version) : "no module version",
		    stamp.revision[0] ? ", revision " : "", ESCAPED(stamp.revision),
		    stamp.time[0] ? " of " : "", ESCAPED(stamp.time),
		    stamp.modified ? ", from a modified tree" : "", has_set ? ", -X " : "",
		    has_set ? word_list_text(&stamp.set) : "");
	if (verdict >= VERDICT_ADVICE)
		advise_version(go, &stamp, ret);
}

/* ---- libc's resolver ---- */

static bool has_tag(const char *tags, const char *tag)
{
	size_t size = strlen(tag);
	for (const char *at = tags; *at;) {
		size_t length = strcspn(at, ", ");
		if (length == size && !strncmp(at, tag, size))
			return true;
		at += length;
		at += strspn(at, ", ");
	}
	return false;
}

/* The tags that were given, and the two that keep libc out. */
static void advise_tags(const char *tags, struct finding *ret)
{
	finding_advise(ret, "go build -tags=%s%s%s%s%s", ESCAPED(tags), *tags ? "," : "",
		       has_tag(tags, "netgo") ? "" : "netgo",
		       has_tag(tags, "netgo") || has_tag(tags, "osusergo") ? "" : ",",
		       has_tag(tags, "osusergo") ? "" : "osusergo");
}

void judge_resolver(struct subject *s, struct finding *ret)
{
	const struct go_info *go = read_go(s, ret);
	if (!go)
		return;
	struct symbol_facts facts = *subject_symbols(s);
	char tags[512];
	go_setting(go, "-tags", tags, sizeof(tags));
	bool tagged = has_tag(tags, "netgo") && has_tag(tags, "osusergo");
	const char *names = word_list_text(&facts.resolver);
	if (facts.defines_resolver && !subject_dynamic(s)) {
		finding_set(
			ret, VERDICT_BAD,
			"static, with libc's resolver: it loads NSS libraries, which must be of the very same libc");
		if (tagged)
			finding_advise(ret, "find the C code that asks it: the tags are set");
		else
			advise_tags(tags, ret);
	} else if (facts.resolver.n_words && tagged && strstr(go->version, "boringcrypto")) {
		/* Its BIO sockets import it; Go's crypto calls none of them. */
		finding_set(ret, VERDICT_GOOD,
			    "Go's own resolver (netgo,osusergo); BoringCrypto imports %s too",
			    names);
	} else if (facts.resolver.n_words && tagged) {
		finding_set(ret, VERDICT_ADVICE,
			    "C code asks libc's resolver (%s), though netgo and osusergo are set",
			    names);
		finding_advise(ret, "find the C library that asks it");
	} else if (facts.resolver.n_words) {
		finding_set(ret, VERDICT_ADVICE, "asks libc and its NSS libraries: %s", names);
		advise_tags(tags, ret);
	} else {
		finding_set(ret, VERDICT_GOOD, "Go's own resolver%s, which asks no NSS libraries",
			    tagged                                  ? " (netgo,osusergo)"
			    : go_setting_is(go, "CGO_ENABLED", "0") ? " (CGO_ENABLED=0)"
								    : "");
	}
}

/* ---- flags of the linker ---- */

void judge_strip_flags(struct subject *s, struct finding *ret)
{
	const struct go_info *go = read_settings(s, ret);
	if (!go)
		return;
	char flags[2048];
	bool recorded = go_setting(go, "-ldflags", flags, sizeof(flags));
	bool no_symbols = go_flags_have(flags, "-s"), no_dwarf = go_flags_have(flags, "-w");
	if (no_symbols || no_dwarf) {
		finding_set(ret, no_symbols ? VERDICT_BAD : VERDICT_ADVICE, "-ldflags='%s'",
			    ESCAPED(flags));
		finding_advise(
			ret,
			"leave %s%s%s out, and strip with dbgsplit, which keeps what these throw away",
			no_symbols ? "-s" : "", no_symbols && no_dwarf ? " and " : "",
			no_dwarf ? "-w" : "");
	} else if (image_has_dwarf(s->image)) {
		finding_set(ret, VERDICT_GOOD, "neither -s nor -w: debug information is there");
	} else if (!recorded && go_setting_is(go, "-trimpath", "true")) {
		/* golang/go issue 52372: flags hold paths, so -trimpath leaves them out. */
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "cannot be told: -ldflags are not recorded with -trimpath");
	} else {
		finding_set(ret, VERDICT_GOOD, "neither -s nor -w");
	}
}

/* ---- releases of Go ---- */

/* @text, "1.26.3", of the same minor release as a program's. */
static const struct go_release *release_of(const struct subject *s, unsigned minor)
{
	for (size_t i = 0; i < s->context->n_go_releases; i++)
		if (s->context->go_releases[i].minor == minor)
			return &s->context->go_releases[i];
	return NULL;
}

void judge_go_release(struct subject *s, struct finding *ret)
{
	const struct go_info *go = read_go(s, ret);
	if (!go)
		return;
	struct go_release built;
	unsigned newest = 0;
	for (size_t i = 0; i < s->context->n_go_releases; i++)
		if (s->context->go_releases[i].minor > newest)
			newest = s->context->go_releases[i].minor;
	if (!go_release_parse(go->version, &built)) {
		finding_set(ret, VERDICT_NOT_APPLICABLE, "%s, which is no release",
			    ESCAPED(go->version));
	} else if (!newest) {
		finding_set(ret, VERDICT_NOT_APPLICABLE,
			    "%s; --go-release=VERSION tells whether it is supported",
			    ESCAPED(go->version));
	} else if (built.minor + 1 < newest) {
		finding_set(ret, VERDICT_BAD, "%s, out of support since Go 1.%u",
			    ESCAPED(go->version), built.minor + 2);
		finding_advise(ret, "build with Go 1.%u", newest);
	} else {
		const struct go_release *known = release_of(s, built.minor);
		bool behind = known && built.patch < known->patch;
		finding_set(ret, behind ? VERDICT_ADVICE : VERDICT_GOOD, "%s",
			    ESCAPED(go->version));
		if (behind)
			finding_advise(ret, "build again with Go 1.%u.%u", known->minor,
				       known->patch);
	}
}
