/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_FILE_H
#define NPU_DATA_FILE_H

#include <stddef.h>

#include "npu.h"

/*
 * The whole of a file, or of what a pipe gives, of at most @limit bytes. A NUL follows the last
 * byte. Release *@bytes with free().
 */
int npu_file_read(const char *path, size_t limit, char **bytes, size_t *size,
		  struct npu_error *err);

/**
 * struct npu_file_part - bytes to write
 * @bytes: where they are
 * @size: how many
 */
struct npu_file_part {
	const void *bytes;
	size_t size;
};

/*
 * Write the parts, one after another, to a file of that name, which appears whole or not at all:
 * they go to a temporary file beside it, which then takes its name. A path that is no regular
 * file (/dev/stdout, a pipe) is written directly.
 */
int npu_file_write(const char *path, const struct npu_file_part *part, size_t parts,
		   struct npu_error *err);

#endif /* NPU_DATA_FILE_H */
