// SPDX-License-Identifier: MIT
/*
 * IDX, the format of the MNIST files: two zero bytes, a type, the number of dimensions, the
 * dimensions as big-endian 32-bit words, then the values, big-endian.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "dataset.h"
#include "values.h"

#define MAX_RANK 4

struct idx_header {
	uint8_t code;
	struct npu_values_type type;
	size_t rank;
	uint64_t shape[MAX_RANK];
};

static bool find_type(uint8_t code, struct npu_values_type *type)
{
	static const struct {
		uint8_t code;
		struct npu_values_type type;
	} known[] = {
		{ 0x08, { 'u', 1, true } }, { 0x09, { 'i', 1, true } }, { 0x0b, { 'i', 2, true } },
		{ 0x0c, { 'i', 4, true } }, { 0x0d, { 'f', 4, true } }, { 0x0e, { 'f', 8, true } },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code) {
			*type = known[i].type;
			return true;
		}
	return false;
}

static int read_header(struct npu_source *source, struct idx_header *header, struct npu_error *err)
{
	uint8_t magic[4], word[4];
	int ret = npu_source_read(source, magic, sizeof(magic), "its header", err);

	if (ret)
		return ret;
	if (magic[0] || magic[1])
		return npu_error_set(
			err, -EINVAL,
			"%s: not an IDX file: it begins with %02x %02x instead of 00 00",
			source->path, magic[0], magic[1]);
	if (!find_type(magic[2], &header->type))
		return npu_error_set(err, -EINVAL,
				     "%s: type 0x%02x is not one of IDX: 08 (u8), 09 (i8), 0b "
				     "(i16), 0c (i32), 0d (f32), 0e (f64)",
				     source->path, magic[2]);
	header->code = magic[2];
	header->rank = magic[3];
	if (header->rank < 1 || header->rank > MAX_RANK)
		return npu_error_set(err, -EINVAL, "%s: %zu dimensions; 1 to %d can be read",
				     source->path, header->rank, MAX_RANK);
	for (size_t i = 0; i < header->rank; i++) {
		ret = npu_source_read(source, word, sizeof(word), "its dimensions", err);
		if (ret)
			return ret;
		header->shape[i] = (uint64_t)word[0] << 24 | word[1] << 16 | word[2] << 8 | word[3];
	}
	if (!header->shape[0])
		return npu_error_set(err, -EINVAL, "%s: holds no samples", source->path);
	return 0;
}

static int read_samples(struct npu_dataset *data, struct npu_source *source, struct npu_error *err)
{
	struct idx_header header;
	uint64_t count;
	int ret = read_header(source, &header, err);

	if (!ret)
		ret = npu_dataset_set_shape(data, source->path, header.shape, header.rank, err);
	if (ret)
		return ret;
	data->samples = header.shape[0];
	if (__builtin_mul_overflow(header.shape[0], (uint64_t)data->features, &count))
		return npu_error_set(err, -EOVERFLOW,
				     "%s: its dimensions multiply to more than any file holds",
				     source->path);
	ret = npu_source_read_floats(source, header.type, count, &data->x, err);
	if (!ret)
		ret = npu_source_expect_end(source, err);
	if (ret)
		return ret;
	if (header.code == 0x08)
		for (uint64_t i = 0; i < count; i++)
			data->x[i] /= 255;
	return npu_dataset_check_finite(source->path, data->x, data->samples, data->features, err);
}

static int read_labels(struct npu_dataset *data, const char *samples_path,
		       struct npu_source *source, struct npu_error *err)
{
	struct idx_header header;
	double *value;
	int ret = read_header(source, &header, err);

	if (ret)
		return ret;
	if (header.rank != 1 || header.type.kind == 'f')
		return npu_error_set(err, -EINVAL,
				     "%s: labels are whole numbers in one dimension, this file has "
				     "type 0x%02x in %zu; are the two files swapped?",
				     source->path, header.code, header.rank);
	if (header.shape[0] != data->samples)
		return npu_error_set(
			err, -EINVAL,
			"%s: %llu labels for %zu samples in %s; give the two files of one set",
			source->path, (unsigned long long)header.shape[0], data->samples,
			samples_path);
	ret = npu_source_read_doubles(source, header.type, header.shape[0], &value, err);
	if (ret)
		return ret;
	ret = npu_source_expect_end(source, err);
	if (!ret)
		ret = npu_dataset_set_labels(data, source->path, value, err);
	free(value);
	return ret;
}

int npu_dataset_read_idx(struct npu_dataset *data, const char *samples_path,
			 const char *labels_path, struct npu_error *err)
{
	struct npu_source source;
	int ret;

	memset(data, 0, sizeof(*data));
	ret = npu_source_open(&source, samples_path, err);
	if (ret)
		return ret;
	ret = read_samples(data, &source, err);
	npu_source_close(&source);
	if (!ret && labels_path) {
		ret = npu_source_open(&source, labels_path, err);
		if (!ret) {
			ret = read_labels(data, samples_path, &source, err);
			npu_source_close(&source);
		}
	}
	if (ret)
		npu_dataset_free(data);
	return ret;
}
