/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/internal.h"

/** Callbacks of the daemons. */
void *request_begin(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *server, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **request);
void request_end(void *server, struct MHD_Connection *connection, void **request,
		 enum MHD_RequestTerminationCode how);
