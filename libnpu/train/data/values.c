// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"
#include "values.h"

/* Numbers converted at a time. */
#define BLOCK 4096

int npu_source_open(struct npu_source *source, const char *path, struct npu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return npu_error_set(err, -errno, "%s: cannot open it: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return npu_error_set(err, -EISDIR, "%s: is a directory; name the file in it", path);
	}
	source->path = path;
	source->file = gzdopen(fd, "rb");
	if (!source->file) {
		close(fd);
		return npu_error_set(err, -ENOMEM, "%s: no memory to read it", path);
	}
	gzbuffer(source->file, 1 << 17);
	return 0;
}

void npu_source_close(struct npu_source *source)
{
	gzclose(source->file);
}

/* Why gzread() gave less than was asked for. */
static int explain_short(struct npu_source *source, const char *what, struct npu_error *err)
{
	int code;
	const char *why = gzerror(source->file, &code);

	if (code == Z_ERRNO)
		return npu_error_set(err, -EIO, "%s: cannot read it: %s", source->path,
				     strerror(errno));
	if (code != Z_OK && code != Z_BUF_ERROR)
		return npu_error_set(err, -EINVAL,
				     "%s: damaged gzip data (%s); fetch the file again",
				     source->path, why);
	return npu_error_set(err, -EINVAL,
			     "%s: ends in the middle of %s; the file is truncated: fetch it again",
			     source->path, what);
}

int npu_source_read(struct npu_source *source, void *bytes, size_t size, const char *what,
		    struct npu_error *err)
{
	int got = gzread(source->file, bytes, size);

	if (got < 0 || (size_t)got != size)
		return explain_short(source, what, err);
	return 0;
}

int npu_source_expect_end(struct npu_source *source, struct npu_error *err)
{
	char more;
	int got = gzread(source->file, &more, 1);
	int code = Z_OK;

	if (got == 0)
		gzerror(source->file, &code);
	/* Nothing more, yet an error: the checksum behind the data is cut off. */
	if (got < 0 || code != Z_OK)
		return explain_short(source, "its checksum", err);
	if (got > 0)
		return npu_error_set(err, -EINVAL,
				     "%s: holds more bytes than its header says; it is damaged or "
				     "of another kind",
				     source->path);
	return 0;
}

static double convert(const uint8_t *bytes, struct npu_values_type type)
{
	uint64_t bits = 0;
	float narrow;
	double wide;

	for (unsigned int i = 0; i < type.size; i++)
		bits |= (uint64_t)bytes[type.big_endian ? type.size - 1 - i : i] << 8 * i;
	if (type.kind == 'u')
		return (double)bits;
	if (type.kind == 'i') {
		unsigned int unused = 64 - 8 * type.size;

		return (double)((int64_t)(bits << unused) >> unused);
	}
	if (type.size == 4) {
		uint32_t word = (uint32_t)bits;

		memcpy(&narrow, &word, sizeof(narrow));
		return (double)narrow;
	}
	memcpy(&wide, &bits, sizeof(wide));
	return wide;
}

/* Room for @needed elements, at least doubled, at most @count in all. */
static int grow(struct npu_source *source, void **values, size_t element, uint64_t *capacity,
		uint64_t needed, uint64_t count, struct npu_error *err)
{
	uint64_t larger = *capacity * 2 > needed ? *capacity * 2 : needed;
	size_t bytes;
	void *grown;

	if (larger > count)
		larger = count;
	if (__builtin_mul_overflow(larger, element, &bytes) || !(grown = realloc(*values, bytes)))
		return npu_error_set(err, -ENOMEM, "%s: no memory for %llu values", source->path,
				     (unsigned long long)larger);
	*values = grown;
	*capacity = larger;
	return 0;
}

static int read_values(struct npu_source *source, struct npu_values_type type, uint64_t count,
		       bool wide, void **values, struct npu_error *err)
{
	size_t element = wide ? sizeof(double) : sizeof(float);
	uint8_t bytes[BLOCK * 8];
	uint64_t done = 0, capacity = 0;
	int ret = 0;

	*values = NULL;
	while (done < count) {
		size_t n = count - done < BLOCK ? count - done : BLOCK;

		ret = npu_source_read(source, bytes, n * type.size, "its values", err);
		if (!ret && done + n > capacity)
			ret = grow(source, values, element, &capacity, done + n, count, err);
		if (ret)
			break;
		for (size_t i = 0; i < n; i++) {
			double value = convert(bytes + i * type.size, type);

			if (wide)
				((double *)*values)[done + i] = value;
			else
				((float *)*values)[done + i] = (float)value;
		}
		done += n;
	}
	if (ret) {
		free(*values);
		*values = NULL;
	}
	return ret;
}

int npu_source_read_floats(struct npu_source *source, struct npu_values_type type, uint64_t count,
			   float **values, struct npu_error *err)
{
	void *read;
	int ret = read_values(source, type, count, false, &read, err);

	*values = read;
	return ret;
}

int npu_source_read_doubles(struct npu_source *source, struct npu_values_type type, uint64_t count,
			    double **values, struct npu_error *err)
{
	void *read;
	int ret = read_values(source, type, count, true, &read, err);

	*values = read;
	return ret;
}
