/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapping.h"

/*
 * The SIGBUS handler may run in any thread at any time and can take no lock. So live mappings stand
 * in a table of fixed places, each claimed and given back by one atomic word.
 */
#define N_PLACES 4096

struct place {
	_Atomic(uintptr_t) start; /* 0: free; 1: being filled or given back */
	_Atomic(uintptr_t) end;
	atomic_bool failed; /* a page could not be read */
};

static struct place places[N_PLACES];
static pthread_mutex_t take_lock = PTHREAD_MUTEX_INITIALIZER;
static bool has_previous; /* under the lock */
static struct sigaction previous; /* set once, before there is anything for the handler to find */

struct mapping {
	int fd;
	struct stat st;
	const uint8_t *bytes;
	uint64_t size;
	struct place *place; /* NULL for an empty file */
	char what[];
};

/*
 * The place of a live mapping that covers @address. Places come and go meanwhile, but whole: start
 * is read before and after end, and a place is given back before its addresses are.
 */
static struct place *place_find(uintptr_t address)
{
	for (size_t i = 0; i < N_PLACES; i++) {
		struct place *place = &places[i];
		uintptr_t start = place->start;
		uintptr_t end = place->end;
		if (start > 1 && address >= start && address < end && place->start == start)
			return place;
	}
	return NULL;
}

/* Zeros take the place of the page that cannot be read; mapping_check() tells. */
static bool put_zeros(uintptr_t address)
{
	uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *page = (void *)(address & ~(page_size - 1));
	return mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	       MAP_FAILED;
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	bool sent = info->si_code <= 0; /* by kill(2) and the like, which give no address */
	struct place *place = sent ? NULL : place_find((uintptr_t)info->si_addr);
	if (place) {
		place->failed = true; /* before anyone can read the zeros */
		if (put_zeros((uintptr_t)info->si_addr)) {
			errno = saved_errno;
			return;
		}
	}
	/* Not ours: what was there before decides, and by default that ends the process. */
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(number, info, context);
	} else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
		previous.sa_handler(number);
	} else {
		signal(number, SIG_DFL);
		if (sent)
			raise(number); /* nothing else brings it again */
	}
	errno = saved_errno;
}

/*
 * Taken anew where someone else has taken the action meanwhile. What stood there at first stays the
 * one that is handed what is not ours: a later one may hand on to us in its turn, without end.
 */
static void take_sigbus(void)
{
	struct sigaction now, action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
	};
	sigemptyset(&action.sa_mask);
	pthread_mutex_lock(&take_lock);
	sigaction(SIGBUS, NULL, &now);
	if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_sigbus) {
		if (!has_previous)
			previous = now;
		has_previous = true;
		sigaction(SIGBUS, &action, NULL);
	}
	pthread_mutex_unlock(&take_lock);
}

static struct place *place_claim(uintptr_t start, uint64_t size)
{
	for (size_t i = 0; i < N_PLACES; i++) {
		uintptr_t unclaimed = 0;
		if (!atomic_compare_exchange_strong(&places[i].start, &unclaimed, 1))
			continue;
		places[i].failed = false;
		places[i].end = start + size;
		places[i].start = start;
		return &places[i];
	}
	return NULL;
}

int mapping_open(int fd, const char *what, struct mapping **ret, struct error *err)
{
	take_sigbus();

	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(what));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s: not a regular file", ESCAPED(what));
	if ((uint64_t)st.st_size > SIZE_MAX / 2)
		return error_set(err, -EFBIG, "%s: larger than the address space", ESCAPED(what));

	size_t what_size = strlen(what) + 1;
	scoped(mapping_closep) struct mapping *m = calloc(1, sizeof(*m) + what_size);
	if (!m)
		return error_no_memory(err);
	memcpy(m->what, what, what_size);
	m->fd = fd;
	m->st = st;
	m->bytes = (const uint8_t *)"";
	m->size = (uint64_t)st.st_size;
	if (m->size == 0) {
		*ret = take(m);
		return 0;
	}

	void *bytes = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return error_errno(err, -errno, "mapping %s", ESCAPED(what));
	m->bytes = bytes;
	m->place =
		place_claim((uintptr_t)bytes, align_up(m->size, (uint64_t)sysconf(_SC_PAGESIZE)));
	if (!m->place) {
		munmap(bytes, m->size);
		return error_set(err, -EMFILE, "%s: more than %d files mapped at once",
				 ESCAPED(what), N_PLACES);
	}
	*ret = take(m);
	return 0;
}

void mapping_close(struct mapping *m)
{
	if (!m)
		return;
	if (m->place) {
		m->place->start = 1;
		m->place->end = 0;
		munmap((void *)m->bytes, m->size);
		m->place->start = 0;
	}
	free(m);
}

const uint8_t *mapping_bytes(const struct mapping *m)
{
	return m->bytes;
}

uint64_t mapping_size(const struct mapping *m)
{
	return m->size;
}

const struct stat *mapping_stat(const struct mapping *m)
{
	return &m->st;
}

/* A page of our own takes the file's place. The old one is read first, where a failure is caught. */
static int patch_page(uint8_t *page, size_t page_size, size_t from, const uint8_t *bytes,
		      size_t size, struct error *err)
{
	uint8_t *copy = malloc(page_size);
	if (!copy)
		return error_no_memory(err);
	memcpy(copy, page, page_size);
	memcpy(copy + from, bytes, size);
	void *own = mmap(page, page_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	int r = own == MAP_FAILED ? error_errno(err, -errno, "a page of memory") : 0;
	if (r == 0) {
		memcpy(page, copy, page_size);
		mprotect(page, page_size, PROT_READ);
	}
	free(copy);
	return r;
}

int mapping_patch(struct mapping *m, uint64_t offset, const uint8_t *bytes, size_t size,
		  struct error *err)
{
	if (!range_fits(offset, size, m->size))
		return error_set(err, -EINVAL, "%s: a patch behind its end", ESCAPED(m->what));
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	while (size) {
		size_t from = (size_t)(offset % page_size);
		size_t n = size < page_size - from ? size : page_size - from;
		int r = patch_page((uint8_t *)m->bytes + (offset - from), page_size, from, bytes, n,
				   err);
		if (r < 0)
			return r;
		offset += n;
		bytes += n;
		size -= n;
	}
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int mapping_check(const struct mapping *m, struct error *err)
{
	struct stat now;
	if (fstat(m->fd, &now) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(m->what));
	if (m->st.st_dev != now.st_dev || m->st.st_ino != now.st_ino)
		return error_set(err, -EBUSY, "%s: another file than the one that was opened",
				 ESCAPED(m->what));
	if (m->st.st_size != now.st_size)
		return error_set(
			err, -EBUSY, "%s: changed while it was read: %lld bytes, then %lld",
			ESCAPED(m->what), (long long)m->st.st_size, (long long)now.st_size);
	if (!same_time(&m->st.st_mtim, &now.st_mtim) || !same_time(&m->st.st_ctim, &now.st_ctim))
		return error_set(err, -EBUSY, "%s: changed while it was read", ESCAPED(m->what));
	if (m->place && m->place->failed)
		return error_set(err, -EIO, "%s: part of it could not be read", ESCAPED(m->what));
	return 0;
}
