/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "split/job_internal.h"
#include "split/package.h"

static void warn(struct job *job, const char *why)
{
	job->outcome->split_units = job->split_units.n_units;
	outcome_warn(
		job->outcome,
		"split DWARF: debug information of %" PRIu64 " of %" PRIu64
		" units stays in files of their own, the first %s: %s",
		job->split_units.n_units, job->split_units.n_all,
		ESCAPED(job->split_units.first_path), why);
}

/* What gdb looks for beside a debug file is named after the program. */
static int package_path(const struct job *job, char **ret, struct error *err)
{
	const char *path = job->debug_file.path;
	int length = (int)(strlen(path) - strlen(job->debug_file.name));
	return string_format(ret, err, "%.*s%s.dwp", length, path, job->output.name);
}

/* Below --debug-dir, programs of one name may share a folder: no other's package is overwritten. */
static int check_place(const struct job *job, struct error *err)
{
	int r;

	scoped(fd_close) int fd = -1;
	scoped(mapping_closep) struct mapping *old = NULL, *new = NULL;
	r = file_open_at(AT_FDCWD, job->outcome->package_file, O_RDONLY | O_NONBLOCK, 0, &fd, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = mapping_open(fd, job->outcome->package_file, &old, err);
	if (r == 0)
		r = mapping_open(job->package.fd, "the package", &new, err);
	if (r < 0)
		return r;
	if (mapping_size(old) == mapping_size(new) &&
	    !memcmp(mapping_bytes(old), mapping_bytes(new), mapping_size(new)))
		return 0;
	return error_set(err, -EEXIST,
			 "%s: there, of another program or build: it is not overwritten",
			 ESCAPED(job->outcome->package_file));
}

int job_pack_units(struct job *job, struct error *err)
{
	int r;

	struct split_units *units = &job->split_units;
	r = job->discards ? 0 : split_units_find(&job->image, units, NULL);
	if (r == -ENOMEM)
		return error_no_memory(err);
	if (r < 0 || !units->n_units)
		return 0; /* DWARF that cannot be read is kept as it is */
	if (!job->wants_debug_file || job->options->no_package) {
		warn(job,
		     "nothing keeps those; --debug-file and --debug-dir pack them beside the debug file, or compile without -gsplit-dwarf");
		return 0;
	}
	if (job->options->dry_run)
		return 0;
	struct error trouble = ERROR_NONE;
	struct package_result result;
	r = tmpfile_create(job->debug_file.dir_fd, &job->package, err);
	if (r < 0)
		return r;
	r = package_path(job, &job->outcome->package_file, err);
	if (r < 0)
		return r;
	r = package_write(&job->image, units, job->options->package_all, job->package.fd, &result,
			  &trouble);
	if (r == 0 && job->options->debug_dir)
		r = check_place(job, &trouble);
	if (r == 0)
		return 0;
	free(job->outcome->package_file);
	job->outcome->package_file = NULL;
	tmpfile_discard(&job->package);
	job->package = TMPFILE_NONE;
	if (r == -ENOSPC || r == -ENOMEM || r == -EIO)
		return error_set(err, r, "%s", trouble.message);
	warn(job, trouble.message);
	return 0;
}

int job_publish_package(struct job *job, struct error *err)
{
	if (job->package.fd < 0)
		return 0;
	const char *slash = strrchr(job->outcome->package_file, '/');
	if (fchmod(job->package.fd, 0666 & ~job->context->umask) < 0)
		return error_errno(err, -errno, "%s", ESCAPED(job->outcome->package_file));
	return tmpfile_replace(&job->package, job->debug_file.dir_fd,
			       slash ? slash + 1 : job->outcome->package_file, err);
}
