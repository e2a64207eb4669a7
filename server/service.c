/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "server/service.h"

#define N_SOCKETS_MAX 64

void service_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t size = path ? strlen(path) : 0;

	if (!size || (*path != '/' && *path != '@') || size >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, size);
	if (*path == '@')
		to.sun_path[0] = 0; /* Linux's abstract names */
	scoped(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		log_warning("telling the service manager: %s", strerror(errno));
}

int service_take_sockets(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	unsigned long long own, number = 0;

	bool ours = pid && n && option_number(pid, 1, INT32_MAX, &own) &&
		    own == (unsigned long long)getpid() &&
		    option_number(n, 1, N_SOCKETS_MAX, &number);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return ours ? (int)number : 0;
}
