/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/merge.h"

/* What a name in a store that is merged stands for. */

/* The last @n components of @path, each a string of @ret; false where there are fewer, or one is too long. */
#define COMPONENT_SIZE 160
static bool last_components(const char *path, size_t n, char ret[][COMPONENT_SIZE])
{
	const char *end = path + strlen(path);
	while (n-- > 0) {
		const char *start = end;
		while (start > path && start[-1] != '/')
			start--;
		size_t size = (size_t)(end - start);
		if (!size || size >= COMPONENT_SIZE)
			return false;
		memcpy(ret[n], start, size);
		ret[n][size] = 0;
		if (n > 0 && start == path)
			return false;
		end = start > path ? start - 1 : start;
	}
	return true;
}

static bool parse_id(const char *hex, struct build_id *ret)
{
	return build_id_parse(hex, strlen(hex), ret, NULL) == 0 && !strcmp(hex, BUILD_ID_HEX(ret));
}

struct merge_name merge_name_parse(const char *path)
{
	struct merge_name name = { MERGE_NOTHING };
	char parts[4][COMPONENT_SIZE];
	if (last_components(path, 1, parts) && !strcmp(parts[0], "FORMAT"))
		name.kind = MERGE_FORMAT;
	if (last_components(path, 3, parts)) {
		if (!strcmp(parts[0], "objects") && object_name_parse(parts[1], parts[2], &name.digest))
			name.kind = MERGE_OBJECT;
		if (!strcmp(parts[0], "removed") && !strcmp(parts[1], "builds") &&
		    parse_id(parts[2], &name.id))
			name.kind = MERGE_REMOVED_BUILD;
		if (!strcmp(parts[0], "removed") && !strcmp(parts[1], "sources") &&
		    digest_parse(parts[2], strlen(parts[2]), &name.digest, NULL) == 0)
			name.kind = MERGE_REMOVED_SOURCE;
	}
	if (last_components(path, 4, parts) && !strcmp(parts[0], "builds") && parse_id(parts[2], &name.id) &&
	    strlen(parts[1]) == 2 && !strncmp(parts[1], parts[2], 2) &&
	    contribution_name_parse(parts[3], &name.digest))
		name.kind = MERGE_CONTRIBUTION;
	return name;
}
