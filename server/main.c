/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/log.h"
#include "server/server.h"
#include "server/settings.h"
#include "store/store.h"

static int serve(const struct settings *settings, struct error *err)
{
	int r;
	scoped(string_free) char *path = NULL;
	scoped(store_closep) struct store *st = NULL;

	r = store_choose_path(settings->store, &path, err);
	if (r == 0)
		r = store_open(path, STORE_READ, &st, err);
	if (r == 0)
		r = server_run(st, settings, err);
	return r;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct error err = ERROR_NONE;

	log_open("dbgserve", LOG_NOTES);
	int status = settings_parse(argc, argv, &settings);
	if (status == STATUS_GO_ON) {
		log_open("dbgserve", options_log_level(&settings.common));
		status = STATUS_DONE;
		if (serve(&settings, &err) < 0) {
			log_error("%s", err.message);
			status = STATUS_TROUBLE;
		}
	}
	settings_free(&settings);
	return options_finish(status);
}
