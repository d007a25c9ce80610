// SPDX-License-Identifier: MIT
/* A program as a file that appears whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "npu_train.h"
#include "runtime/error.h"

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t done = write(fd, data, bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		bytes -= (size_t)done;
	}
	return 0;
}

/* Create a file that is not there yet, named after @path, with the mode that open() gives. */
static int create_beside(const char *path, char *name, size_t length)
{
	unsigned int attempt;
	int fd;

	for (attempt = 0; attempt < 100; attempt++) {
		snprintf(name, length, "%s.tmp%u", path, attempt);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

/* A temporary file beside @path is filled, then renamed over it. */
static int replace_file(const char *path, const void *data, size_t bytes, struct npu_error *err)
{
	size_t length = strlen(path) + sizeof(".tmp99");
	char *temporary = malloc(length);
	int fd, ret;

	if (!temporary)
		return npu_error_set(err, -ENOMEM, "%s: no memory for its name", path);
	fd = create_beside(path, temporary, length);
	if (fd < 0) {
		ret = fd;
		goto out;
	}
	ret = write_all(fd, data, bytes);
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(temporary, path))
		ret = -errno;
	if (ret)
		unlink(temporary);
out:
	free(temporary);
	if (ret)
		return npu_error_set(err, ret,
				     "%s: cannot be written: %s; choose a folder that "
				     "exists, is writable and has %zu bytes free",
				     path, strerror(-ret), bytes);
	return 0;
}

int npu_model_compile_file(const struct npu_model *model, const float *samples, size_t count,
			   const struct npu_compile_options *options, const char *path,
			   struct npu_error *err)
{
	void *image;
	size_t bytes;
	int ret = npu_model_compile(model, samples, count, options, &image, &bytes, err);

	if (ret)
		return ret;
	ret = replace_file(path, image, bytes, err);
	npu_image_free(image);
	return ret;
}
