/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_VALUES_H
#define NPU_DATA_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "npu.h"

/**
 * struct npu_values_type - how numbers lie in a file
 * @kind: 'i' signed, 'u' unsigned, 'f' floating point
 * @size: bytes: 1, 2, 4, 8
 * @big_endian: the most significant byte first
 */
struct npu_values_type {
	char kind;
	uint8_t size;
	bool big_endian;
};

/* A file, plain or gzip. */
struct npu_source {
	gzFile file;
	const char *path;
};

int npu_source_open(struct npu_source *source, const char *path, struct npu_error *err);
void npu_source_close(struct npu_source *source);

/* Exactly @size bytes; @what the file should hold there is for the error. */
int npu_source_read(struct npu_source *source, void *bytes, size_t size, const char *what,
		    struct npu_error *err);

/* -EINVAL if there is more. */
int npu_source_expect_end(struct npu_source *source, struct npu_error *err);

/*
 * Read @count numbers as f32 or double, whatever their type. Memory grows with what the file
 * really holds, not with what its header promises. Release with free().
 */
int npu_source_read_floats(struct npu_source *source, struct npu_values_type type, uint64_t count,
			   float **values, struct npu_error *err);
int npu_source_read_doubles(struct npu_source *source, struct npu_values_type type, uint64_t count,
			    double **values, struct npu_error *err);

#endif /* NPU_DATA_VALUES_H */
