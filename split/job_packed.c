/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "split/job_internal.h"

static int temporary_file(int *ret_folder, struct tmpfile *ret, struct error *err)
{
	const char *folder = getenv("TMPDIR");
	int r = file_open_at(AT_FDCWD, folder && *folder ? folder : "/tmp",
			     O_RDONLY | O_DIRECTORY, 0, ret_folder, err);
	return r == 0 ? tmpfile_create(*ret_folder, ret, err) : r;
}

int job_unpack(struct job *job, struct error *err)
{
	int r;

	scoped(fd_close) int folder = -1;
	scoped(tmpfile_discard) struct tmpfile file = TMPFILE_NONE;
	r = temporary_file(&folder, &file, err);
	if (r < 0)
		return r;
	struct file_sink content = { .fd = file.fd, .what = "a temporary file" };
	const struct sink sink = file_sink(&content);
	r = packing_unpack(job->packing, job->fd, &sink, err);
	if (r < 0)
		return r;
	job->unpacked_fd = fcntl(file.fd, F_DUPFD_CLOEXEC, 0);
	if (job->unpacked_fd < 0)
		return error_errno(err, -errno, "a temporary file");
	return mapping_open(job->unpacked_fd, job->outcome->path, &job->mapping, err);
}

/* The stripped module, checked, in a file that is compressed then. */
struct packed {
	const struct job *job;
	int fd;
	const uint8_t *bytes;
	uint64_t size_bytes;
	uint64_t at; /* up to where the other way round gives the same */
};

static int pack(const struct sink *sink, void *context, struct error *err)
{
	const struct packed *packed = context;
	return packing_pack(packed->job->packing, packed->fd, sink, err);
}

static int compare(const uint8_t *bytes, size_t size, bool lent, void *context, struct error *err)
{
	(void)lent;
	struct packed *packed = context;
	if (size > packed->size_bytes - packed->at ||
	    memcmp(packed->bytes + packed->at, bytes, size) != 0)
		return error_set(err, -EIO, "what was compressed does not come back the same");
	packed->at += size;
	return 0;
}

static int judge(const uint8_t *bytes, uint64_t size, void *context, struct error *err)
{
	struct packed *packed = context;
	const struct sink sink = { .put = compare, .context = packed };
	packed->at = 0;
	if (packing_of(bytes, size) != packed->job->packing)
		return error_set(err, -EIO, "what was written is not compressed");
	int r = packing_unpack(packed->job->packing, packed->job->output.file.fd, &sink, err);
	return r == 0 && packed->at != packed->size_bytes
		       ? error_set(err, -EIO, "what was compressed comes back shorter")
		       : r;
}

int job_write_packed(struct job *job, const struct judge_options *options, struct error *err)
{
	int r;

	scoped(fd_close) int folder = -1;
	scoped(tmpfile_discard) struct tmpfile file = TMPFILE_NONE;
	scoped(mapping_closep) struct mapping *mapping = NULL;
	r = temporary_file(&folder, &file, err);
	if (r < 0)
		return r;
	struct file_sink content = { .fd = file.fd, .what = "a temporary file" };
	const struct sink sink = file_sink(&content);
	r = stripped_write(job->result, &sink, err);
	if (r == 0)
		r = mapping_open(file.fd, "the stripped module", &mapping, err);
	if (r < 0)
		return r;
	struct packed packed = { .job = job,
				 .fd = file.fd,
				 .bytes = mapping_bytes(mapping),
				 .size_bytes = mapping_size(mapping) };
	r = judge_stripped(&job->image, packed.bytes, packed.size_bytes, options, err);
	if (r < 0)
		return r;
	const struct output_content output = { pack, judge, &packed };
	r = output_write_content(&job->output, &output, job->fd, mapping_stat(job->file),
				 job->options->keep_times, job_warn, job, err);
	struct stat st;
	if (r == 0 && fstat(job->output.file.fd, &st) == 0)
		job->outcome->output_bytes = (uint64_t)st.st_size;
	return r == 0 ? mapping_check(mapping, err) : r;
}
