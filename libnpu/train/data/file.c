// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"
#include "file.h"

/* A first guess for what has no size: a pipe. */
#define FIRST_CAPACITY 65536

static int set_errno(struct npu_error *err, const char *path, const char *what)
{
	int code = -errno;

	return npu_error_set(err, code, "%s: cannot %s: %s", path, what, strerror(-code));
}

static int too_large(struct npu_error *err, const char *path, size_t limit)
{
	return npu_error_set(err, -EFBIG,
			     "%s: larger than the %zu bytes that can be read; split it", path,
			     limit);
}

/* Read to the end of @fd into *@bytes, which has room for *@capacity and grows. */
static int read_all(int fd, const char *path, size_t limit, char **bytes, size_t *capacity,
		    size_t *size, struct npu_error *err)
{
	*size = 0;
	for (;;) {
		ssize_t got;

		if (*size + 1 >= *capacity) {
			size_t larger = *capacity * 2;
			char *grown = realloc(*bytes, larger);

			if (!grown)
				return npu_error_set(err, -ENOMEM, "%s: no memory for %zu bytes",
						     path, larger);
			*bytes = grown;
			*capacity = larger;
		}
		got = read(fd, *bytes + *size, *capacity - *size - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return set_errno(err, path, "read it");
		if (got == 0)
			return 0;
		*size += got;
		if (*size > limit)
			return too_large(err, path, limit);
	}
}

int npu_file_read(const char *path, size_t limit, char **bytes, size_t *size, struct npu_error *err)
{
	size_t capacity = FIRST_CAPACITY;
	struct stat st;
	int fd, ret;

	*bytes = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return set_errno(err, path, "open it");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if ((uintmax_t)st.st_size > limit) {
			close(fd);
			return too_large(err, path, limit);
		}
		/* One for the NUL and one to see the end without growing. */
		capacity = (size_t)st.st_size + 2;
	}
	*bytes = malloc(capacity);
	if (*bytes)
		ret = read_all(fd, path, limit, bytes, &capacity, size, err);
	else
		ret = npu_error_set(err, -ENOMEM, "%s: no memory for %zu bytes", path, capacity);
	close(fd);
	if (ret) {
		free(*bytes);
		*bytes = NULL;
		return ret;
	}
	(*bytes)[*size] = '\0';
	return 0;
}

static int write_parts(int fd, const struct npu_file_part *part, size_t parts)
{
	for (size_t i = 0; i < parts; i++) {
		const char *from = part[i].bytes;
		size_t left = part[i].size;

		while (left) {
			ssize_t put = write(fd, from, left);

			if (put < 0 && errno == EINTR)
				continue;
			if (put < 0)
				return -1;
			from += put;
			left -= put;
		}
	}
	return 0;
}

static int write_directly(const char *path, const struct npu_file_part *part, size_t parts,
			  struct npu_error *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return set_errno(err, path, "open it");
	if (write_parts(fd, part, parts))
		ret = set_errno(err, path, "write to it");
	close(fd);
	return ret;
}

/* A new file beside @path; its name, which the caller frees, in *@temporary. */
static int open_temporary(const char *path, char **temporary)
{
	for (unsigned int attempt = 0; attempt < 100; attempt++) {
		int fd;

		if (asprintf(temporary, "%s.%ld-%u.tmp", path, (long)getpid(), attempt) < 0) {
			*temporary = NULL;
			errno = ENOMEM;
			return -1;
		}
		/* Not mkstemp(): the file shall have the mode that the user's umask gives. */
		fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0)
			return fd;
		free(*temporary);
		*temporary = NULL;
		if (errno != EEXIST)
			break;
	}
	return -1;
}

static int write_and_rename(const char *path, const struct npu_file_part *part, size_t parts,
			    struct npu_error *err)
{
	char *temporary;
	int fd = open_temporary(path, &temporary);
	int ret = 0;

	if (fd < 0)
		return set_errno(err, path, "create it");
	/* Boards lose power: the content reaches the disk before the name does. */
	if (write_parts(fd, part, parts) || fsync(fd))
		ret = set_errno(err, path, "write it");
	if (close(fd) && !ret)
		ret = set_errno(err, path, "write it");
	if (!ret && rename(temporary, path))
		ret = set_errno(err, path, "give the file its name");
	if (ret)
		unlink(temporary);
	free(temporary);
	return ret;
}

int npu_file_write(const char *path, const struct npu_file_part *part, size_t parts,
		   struct npu_error *err)
{
	char target[PATH_MAX];
	struct stat st;

	if (stat(path, &st))
		return write_and_rename(path, part, parts, err);
	if (S_ISDIR(st.st_mode))
		return npu_error_set(err, -EISDIR, "%s: is a directory; add the name of a file",
				     path);
	if (!S_ISREG(st.st_mode))
		return write_directly(path, part, parts, err);
	/* Replace what a symbolic link points at, not the link. */
	if (!realpath(path, target))
		return set_errno(err, path, "resolve it");
	return write_and_rename(target, part, parts, err);
}
