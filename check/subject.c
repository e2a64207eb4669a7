/* SPDX-License-Identifier: Apache-2.0 */
#include "check/subject.h"

void subject_open(const char *path, const struct image *image, struct store *st,
		  struct subject *ret)
{
	*ret = (struct subject){ .path = path, .image = image, .store = st };
}

void subject_close(struct subject *s)
{
	go_info_free(&s->go);
	*s = (struct subject){ 0 };
}

bool subject_runs(const struct subject *s)
{
	return !s->image->separate_debug && s->image->n_segments && image_is_loadable(s->image);
}

const struct go_info *subject_go(struct subject *s, struct error *err)
{
	if (!s->has_go) {
		s->has_go = true;
		s->go_result = go_info_read(s->image, &s->go, &s->go_error);
	}
	if (s->go_result == 0)
		return &s->go;
	error_set(err, s->go_result, "%s", s->go_error.message);
	return NULL;
}
