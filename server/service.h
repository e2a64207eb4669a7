/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The service manager that started us, if one did: sd_notify(3) and sd_listen_fds(3), as their
 * manual pages describe them. */

/** "READY=1", "STOPPING=1": tell it, where $NOTIFY_SOCKET is set. */
void service_notify(const char *state);

#define SERVICE_FIRST_FD 3
/** How many sockets it handed over, from SERVICE_FIRST_FD on. The environment then says nothing of
 * them any more, so it is for one call. */
int service_take_sockets(void);
