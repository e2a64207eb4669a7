/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libdeflate.h>
#include <openssl/evp.h>
#include <zstd.h>

#include "elf/content.h"

/*
 * usage: floor OUT FILE…
 *
 * The least that keeping debug information apart costs: each file is read, its debug sections are
 * inflated, their SHA-256 and CRC-32 taken, zstd (level 3, frames of 4 MiB) run on all cores, and
 * the frames and the rest of the file written once and synced, to OUT and OUT.rest. Nothing is
 * checked, planned, renumbered, recorded or recovered. tests/bench/run compares dbgsplit with it.
 */

#define FRAME (4u << 20)
#define LEVEL 3

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- jobs, done by all cores ---- */

struct job {
	void (*run)(struct job *job);
	const uint8_t *in;
	size_t in_size;
	uint8_t *out;
	size_t out_size;
	const struct content *content;
};

static struct job *jobs;
static size_t n_jobs, n_taken;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *context)
{
	for (;;) {
		pthread_mutex_lock(&mutex);
		struct job *job = n_taken < n_jobs ? &jobs[n_taken++] : NULL;
		pthread_mutex_unlock(&mutex);
		if (!job)
			return context;
		job->run(job);
	}
}

static struct job *add_job(void (*run)(struct job *job))
{
	if (n_jobs % 64 == 0)
		jobs = realloc(jobs, (n_jobs + 64) * sizeof(*jobs));
	if (!jobs)
		die("jobs");
	jobs[n_jobs] = (struct job){ .run = run };
	return &jobs[n_jobs++];
}

static long n_threads; /* for the jobs of one file */

static void run_jobs(void)
{
	pthread_t threads[64];
	n_taken = 0;
	for (long i = 1; i < n_threads && (size_t)i < n_jobs; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			die("pthread_create");
	work(NULL);
	for (long i = 1; i < n_threads && (size_t)i < n_jobs; i++)
		pthread_join(threads[i], NULL);
}

static void inflate_section(struct job *job)
{
	struct error err;
	if (content_decode_into(job->content, job->out, job->out_size, &err) < 0) {
		fprintf(stderr, "floor: %s\n", err.message);
		exit(1);
	}
}

static uint8_t sha256[EVP_MAX_MD_SIZE];
static void take_sha256(struct job *job)
{
	if (!EVP_Digest(job->in, job->in_size, sha256, NULL, EVP_sha256(), NULL))
		die("SHA-256");
}

static uint32_t checksum;
static void take_crc32(struct job *job)
{
	checksum = libdeflate_crc32(0, job->in, job->in_size);
}

static void compress_frame(struct job *job)
{
	static _Thread_local ZSTD_CCtx *zstd;
	if (!zstd)
		zstd = ZSTD_createCCtx();
	job->out = malloc(ZSTD_compressBound(job->in_size));
	job->out_size = ZSTD_compressCCtx(zstd, job->out, ZSTD_compressBound(job->in_size), job->in,
					  job->in_size, LEVEL);
	if (ZSTD_isError(job->out_size))
		die("zstd");
}

static void write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0)
			die("write");
		bytes += n;
		size -= (size_t)n;
	}
}

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		die(path);
	return fd;
}

/* ---- a file ---- */

static void keep(const char *path, int out, int rest)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	uint8_t *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	struct image image;
	struct error err;
	if (bytes == MAP_FAILED || image_open(bytes, (uint64_t)st.st_size, &image, &err) < 0)
		die(path);

	struct content *contents = calloc(image.n_sections + 1, sizeof(*contents));
	size_t raw_size = 0;
	for (uint64_t i = 0; contents && i < image.n_sections; i++)
		if (image_section_is_debug(&image, &image.sections[i]) &&
		    content_open(&image, &image.sections[i], &contents[i], &err) == 0)
			raw_size += contents[i].size_bytes;
	uint8_t *raw = malloc(raw_size + 1);
	if (!contents || !raw)
		die("malloc");
	n_jobs = 0;
	uint8_t *at = raw;
	for (uint64_t i = 0; i < image.n_sections; i++) {
		if (!contents[i].size_bytes)
			continue;
		struct job *job = add_job(inflate_section);
		job->content = &contents[i];
		job->out = at;
		job->out_size = contents[i].size_bytes;
		at += job->out_size;
	}
	run_jobs();

	n_jobs = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct job *job = add_job(i ? take_crc32 : take_sha256);
		job->in = raw;
		job->in_size = raw_size;
	}
	for (size_t done = 0; done < raw_size; done += FRAME) {
		struct job *job = add_job(compress_frame);
		job->in = raw + done;
		job->in_size = raw_size - done < FRAME ? raw_size - done : FRAME;
	}
	run_jobs();

	for (size_t i = 2; i < n_jobs; i++) {
		write_all(out, jobs[i].out, jobs[i].out_size);
		free(jobs[i].out);
	}
	write_all(rest, bytes, image.loadable_end);
	free(raw);
	free(contents);
	image_close(&image);
	munmap(bytes, (size_t)st.st_size);
	close(fd);
}

int main(int argc, char **argv)
{
	char name[4096];
	if (argc < 3)
		return 2;
	snprintf(name, sizeof(name), "%s.rest", argv[1]);
	int out = create(argv[1]), rest = create(name);
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	long n_cores = n < 1 ? 1 : n > 64 ? 64 : n;
	n_threads = argc == 3 ? n_cores : 1;
	if (argc == 3)
		keep(argv[2], out, rest);
	for (long k = 0; argc > 3 && k < n_cores; k++) {
		pid_t pid = fork(); /* many files: each core has its share */
		if (pid < 0)
			die("fork");
		for (int i = 2; pid == 0 && i < argc; i++)
			if (i % n_cores == k)
				keep(argv[i], out, rest);
		if (pid == 0)
			_exit(0);
	}
	int status, failed = 0;
	while (wait(&status) > 0)
		failed |= status;
	if (failed)
		return 1;
	if (fsync(out) < 0 || fsync(rest) < 0)
		die("fsync");
	return 0;
}
