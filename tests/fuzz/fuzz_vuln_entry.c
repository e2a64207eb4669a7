/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/vuln_entry.h"
#include "tests/fuzz/fuzz.h"

/* The input is the text of an entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vuln_entry *entry;
	struct error err = ERROR_NONE;
	if (vuln_entry_parse((const char *)data, size, 1000000000, &entry, &err) < 0) {
		FUZZ_CHECK(err.message[0]);
		return 0;
	}
	FUZZ_CHECK(*entry->id);
	for (size_t i = 0; i < entry->n_affected; i++) {
		const struct vuln_affected *affected = &entry->affected[i];
		FUZZ_CHECK(affected->module);
		FUZZ_CHECK(!vuln_affects(affected, ""));
		if (vuln_affects(affected, "v1.2.3"))
			for (size_t k = 0; k < affected->n_packages; k++)
				(void)vuln_package_fits(&affected->packages[k], "linux", "amd64");
	}
	vuln_entry_free(entry);
	return 0;
}

void fuzz_seeds(fuzz_add add)
{
	static const char *const seeds[] = {
		"{\"id\":\"GO-1\",\"aliases\":[\"CVE-1\"],\"withdrawn\":\"2001-01-01T00:00:00Z\"}",
		"{\"id\":\"GO-1\",\"affected\":[{\"package\":{\"name\":\"m\"},\"ranges\":[{\"type\":"
		"\"SEMVER\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"1.2.0\"},{\"introduced\":"
		"\"1.2.3-rc.1\"},{\"fixed\":\"1.3.0\"}]}],\"ecosystem_specific\":{\"imports\":[{\"path\":"
		"\"m/p\",\"goos\":[\"linux\"],\"goarch\":[\"amd64\"],\"symbols\":[\"T.F\",\"g\"]}]}}]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		add((const uint8_t *)seeds[i], strlen(seeds[i]));
}
