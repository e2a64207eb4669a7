/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check/go_build.h"
#include "check/judges.h"

static struct leak_count total(const struct leaks *leaks, enum leak_place place)
{
	struct leak_count sum = { 0 };
	for (int kind = 0; kind < N_LEAK_KINDS; kind++) {
		sum.n += leaks->counts[place][kind].n;
		sum.bytes += leaks->counts[place][kind].bytes;
	}
	return sum;
}

/* "25.0 kB in Go's table of functions (Go root 22.1 kB, home 2.9 kB)" */
static void tell_place(const struct leaks *leaks, enum leak_place place, struct word_list *ret)
{
	static const char *const names[] = { "Go's table of functions", "strings",
					     "debug information" };
	char kinds[160] = "";
	size_t used = 0;
	for (int kind = 0; kind < N_LEAK_KINDS; kind++) {
		const struct leak_count *count = &leaks->counts[place][kind];
		if (count->n)
			used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s%s %s",
						 used ? ", " : "", leak_kind_name(kind),
						 HUMAN_BYTES(count->bytes));
	}
	char text[256];
	snprintf(text, sizeof(text), "%s in %s (%s)", HUMAN_BYTES(total(leaks, place).bytes),
		 names[place], kinds);
	word_list_add(ret, text);
}

static void advise(struct subject *s, bool loaded, struct finding *ret)
{
	const struct go_info *go = subject_go(s, NULL);
	if (!loaded) {
		finding_advise(ret, "take debug information out with dbgsplit");
		return;
	}
	switch (subject_language(s)) {
	case LANGUAGE_GO:
		if (go && go_setting_is(go, "-trimpath", "true"))
			finding_advise(
				ret,
				"-trimpath was given: look for what else names it (-X, go:embed, flags of cgo)");
		else
			finding_advise(ret, "go build -trimpath");
		break;
	case LANGUAGE_RUST:
		finding_advise(ret, "rustc --remap-path-prefix=$HOME=/home");
		break;
	default:
		finding_advise(ret, "compile with -ffile-prefix-map=$PWD=.");
	}
}

void judge_paths(struct subject *s, struct finding *ret)
{
	const struct leaks *leaks = &subject_texts(s)->leaks;
	struct word_list places = { 0 };
	bool loaded = false;
	for (int place = 0; place < N_LEAK_PLACES; place++) {
		if (!total(leaks, place).n)
			continue;
		tell_place(leaks, place, &places);
		loaded |= place != LEAK_DEBUG;
	}
	if (!places.n_words) {
		finding_set(ret, VERDICT_GOOD, "no paths of the build machine");
		return;
	}
	finding_set(ret, leaks->home_is_loaded ? VERDICT_BAD : VERDICT_ADVICE, "%s; %s",
		    word_list_text(&places), ESCAPED(leaks->example));
	advise(s, loaded, ret);
}
