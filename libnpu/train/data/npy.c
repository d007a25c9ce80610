// SPDX-License-Identifier: MIT
/*
 * NumPy's .npy: "\x93NUMPY", a version, the length of a header, the header, which is a Python
 * dictionary { 'descr': '<f4', 'fortran_order': False, 'shape': (60, 4), }, then the values.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "dataset.h"
#include "file.h"
#include "npy.h"

#define MAGIC "\x93NUMPY"
/* A header for 4 dimensions has some 100 bytes; more than this is no array of numbers. */
#define MAX_HEADER 4096

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n')
		p++;
	return p;
}

/* What follows 'key': in the dictionary, or NULL. */
static const char *find_value(const char *header, const char *key)
{
	const char *p = strstr(header, key);

	if (!p || p == header || (p[-1] != '\'' && p[-1] != '"') || p[strlen(key)] != p[-1])
		return NULL;
	p = skip_space(p + strlen(key) + 1);
	return *p == ':' ? skip_space(p + 1) : NULL;
}

static int parse_type(struct npu_npy_header *header, const char *text, const char *path,
		      struct npu_error *err)
{
	const char *p = text && (*text == '\'' || *text == '"') ? text + 1 : NULL;

	if (!p || strlen(p) < 4 || p[3] != *text)
		return npu_error_set(err, -EINVAL,
				     "%s: elements that are not plain numbers; save one array with "
				     ".astype('float32')",
				     path);
	header->type = (struct npu_values_type){ p[1], p[2] - '0', false };
	/* A byte has no order; of the others only the little-endian one can be read. */
	if ((*p == '<' || *p == '=' || p[2] == '1') && isalpha((unsigned char)p[1]) &&
	    strstr("f4 f8 i1 u1 i2 u2 i4 i8", (char[]){ p[1], p[2], '\0' }))
		return 0;
	return npu_error_set(err, -EINVAL,
			     "%s: element type '%.3s' cannot be read; save with .astype('<f4') (f4 "
			     "f8 i1 u1 i2 u2 i4 i8, little endian, can)",
			     path, p);
}

static int parse_shape(struct npu_npy_header *header, const char *p, const char *path,
		       struct npu_error *err)
{
	bool bad = !p || *p != '(';

	header->rank = 0;
	header->count = 1;
	p = bad ? "" : skip_space(p + 1);
	while (!bad && *p != ')') {
		uint64_t n = 0;

		bad = !isdigit((unsigned char)*p);
		for (; isdigit((unsigned char)*p); p++)
			bad |= __builtin_mul_overflow(n, (uint64_t)10, &n) ||
			       __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n);
		if (!bad && header->rank == NPU_NPY_MAX_RANK)
			return npu_error_set(
				err, -EINVAL,
				"%s: more than %d dimensions; reshape to (samples, features)", path,
				NPU_NPY_MAX_RANK);
		bad |= __builtin_mul_overflow(header->count, n, &header->count);
		if (bad)
			break;
		header->shape[header->rank++] = n;
		p = skip_space(p);
		bad = *p != ',' && *p != ')';
		if (*p == ',')
			p = skip_space(p + 1);
	}
	if (bad || *p != ')')
		return npu_error_set(err, -EINVAL,
				     "%s: its header has no valid shape; the file is damaged: save "
				     "it again with numpy.save()",
				     path);
	if (!header->rank || !header->count)
		return npu_error_set(err, -EINVAL, "%s: holds no samples", path);
	return 0;
}

static int parse_header(struct npu_npy_header *header, const char *text, const char *path,
			struct npu_error *err)
{
	const char *order = find_value(text, "fortran_order");
	int ret = parse_type(header, find_value(text, "descr"), path, err);

	if (!ret)
		ret = parse_shape(header, find_value(text, "shape"), path, err);
	if (ret)
		return ret;
	if (!order || (strncmp(order, "False", 5) && strncmp(order, "True", 4)))
		return npu_error_set(err, -EINVAL,
				     "%s: its header does not say the order; the file is damaged: "
				     "save it again with numpy.save()",
				     path);
	if (*order == 'T' && header->rank > 1)
		return npu_error_set(err, -EINVAL,
				     "%s: in Fortran order; save with numpy.ascontiguousarray(x)",
				     path);
	return 0;
}

int npu_npy_read_header(struct npu_source *source, struct npu_npy_header *header,
			struct npu_error *err)
{
	char text[MAX_HEADER + 1];
	uint8_t start[8], length[4] = { 0 };
	size_t bytes;
	int ret = npu_source_read(source, start, sizeof(start), "its header", err);

	if (ret)
		return ret;
	if (memcmp(start, MAGIC, 6))
		return npu_error_set(err, -EINVAL,
				     "%s: not a .npy file; save it with numpy.save() (.npz "
				     "archives hold several)",
				     source->path);
	if (start[6] < 1 || start[6] > 3)
		return npu_error_set(err, -EINVAL, "%s: version %d.%d of .npy; 1 to 3 can be read",
				     source->path, start[6], start[7]);
	ret = npu_source_read(source, length, start[6] == 1 ? 2 : 4, "its header", err);
	if (ret)
		return ret;
	bytes = length[0] | length[1] << 8 | length[2] << 16 | (size_t)length[3] << 24;
	if (bytes > MAX_HEADER)
		return npu_error_set(err, -EINVAL,
				     "%s: a header of %zu bytes describes no plain array; save one "
				     "with .astype('float32')",
				     source->path, bytes);
	ret = npu_source_read(source, text, bytes, "its header", err);
	if (ret)
		return ret;
	text[bytes] = '\0';
	return parse_header(header, text, source->path, err);
}

static int read_x(struct npu_dataset *data, struct npu_source *source, struct npu_error *err)
{
	struct npu_npy_header header;
	int ret = npu_npy_read_header(source, &header, err);

	if (!ret)
		ret = npu_dataset_set_shape(data, source->path, header.shape, header.rank, err);
	if (ret)
		return ret;
	data->samples = header.shape[0];
	ret = npu_source_read_floats(source, header.type, header.count, &data->x, err);
	if (!ret)
		ret = npu_source_expect_end(source, err);
	if (ret)
		return ret;
	return npu_dataset_check_finite(source->path, data->x, data->samples, data->features, err);
}

static int read_y(struct npu_dataset *data, const char *x_path, struct npu_source *source,
		  struct npu_error *err)
{
	struct npu_npy_header header;
	double *value = NULL;
	int ret = npu_npy_read_header(source, &header, err);

	if (ret)
		return ret;
	if (header.shape[0] != data->samples)
		return npu_error_set(
			err, -EINVAL,
			"%s: %llu rows for %zu samples in %s; give the two arrays of one set",
			source->path, (unsigned long long)header.shape[0], data->samples, x_path);
	if (header.rank == 1 && header.type.kind != 'f') {
		ret = npu_source_read_doubles(source, header.type, header.count, &value, err);
		if (!ret)
			ret = npu_dataset_set_labels(data, source->path, value, err);
		free(value);
	} else {
		data->targets = header.count / data->samples;
		ret = npu_source_read_floats(source, header.type, header.count, &data->y, err);
		if (!ret)
			ret = npu_dataset_check_finite(source->path, data->y, data->samples,
						       data->targets, err);
	}
	return ret ? ret : npu_source_expect_end(source, err);
}

int npu_npy_read_y(struct npu_dataset *data, const char *x_path, const char *y_path,
		   struct npu_error *err)
{
	struct npu_source source;
	int ret = npu_source_open(&source, y_path, err);

	if (ret)
		return ret;
	ret = read_y(data, x_path, &source, err);
	npu_source_close(&source);
	return ret;
}

int npu_dataset_read_npy(struct npu_dataset *data, const char *x_path, const char *y_path,
			 struct npu_error *err)
{
	struct npu_source source;
	int ret;

	memset(data, 0, sizeof(*data));
	ret = npu_source_open(&source, x_path, err);
	if (ret)
		return ret;
	ret = read_x(data, &source, err);
	npu_source_close(&source);
	if (!ret && y_path)
		ret = npu_npy_read_y(data, x_path, y_path, err);
	if (ret)
		npu_dataset_free(data);
	return ret;
}

int npu_write_npy(const char *path, const float *values, size_t rows, size_t columns,
		  struct npu_error *err)
{
	char header[128];
	struct npu_file_part part[2] = { { header, sizeof(header) } };
	size_t count;
	int length;

	if (__builtin_mul_overflow(rows, columns, &count) || count > SIZE_MAX / sizeof(float))
		return npu_error_set(err, -EOVERFLOW,
				     "%s: %zu rows of %zu values are more than memory holds", path,
				     rows, columns);
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return npu_error_set(err, -EOPNOTSUPP,
				     "%s: .npy is written on little-endian machines only", path);
	/* Version 1, 118 bytes of header, so that the values start at a multiple of 64. */
	memset(header, ' ', sizeof(header));
	memcpy(header, MAGIC "\x01\x00\x76\x00", 10);
	length = snprintf(header + 10, sizeof(header) - 10,
			  "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows,
			  columns);
	header[10 + length] = ' ';
	header[sizeof(header) - 1] = '\n';
	part[1] = (struct npu_file_part){ values, count * sizeof(float) };
	return npu_file_write(path, part, 2, err);
}
