// SPDX-License-Identifier: MIT
/*
 * DOC: arrays larger than memory
 *
 * A .npy file of '<f4' has the values as a dataset has them, so that x can be the file itself,
 * mapped. The kernel then reads what training touches and drops it when memory gets short.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"
#include "dataset.h"
#include "npy.h"
#include "shared.h"

struct mapping {
	struct npu_shared shared;
	void *address;
	size_t size;
};

static void destroy_mapping(struct npu_shared *shared)
{
	struct mapping *mapping = (struct mapping *)shared;

	munmap(mapping->address, mapping->size);
	free(mapping);
}

/* The header, and in *@offset where the values begin. */
static int read_header(const char *path, struct npu_npy_header *header, size_t *offset,
		       struct npu_error *err)
{
	struct npu_source source;
	bool plain;
	int ret = npu_source_open(&source, path, err);

	if (ret)
		return ret;
	ret = npu_npy_read_header(&source, header, err);
	plain = gzdirect(source.file);
	*offset = gztell(source.file);
	npu_source_close(&source);
	if (ret)
		return ret;
	if (!plain)
		return npu_error_set(err, -EINVAL,
				     "%s: compressed, so that it cannot be used in place; unpack "
				     "it with gunzip",
				     path);
	if (header->type.kind != 'f' || header->type.size != 4 ||
	    __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return npu_error_set(err, -EINVAL,
				     "%s: its elements cannot be used in place as f32; save with "
				     ".astype('<f4')",
				     path);
	if (*offset % sizeof(float))
		return npu_error_set(err, -EINVAL,
				     "%s: its values begin at byte %zu, not at a multiple of 4; "
				     "save it again with numpy.save()",
				     path, *offset);
	return 0;
}

static int map_file(struct mapping *mapping, int fd, const char *path, size_t size,
		    struct npu_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return npu_error_set(err, -errno, "%s: cannot read it: %s", path, strerror(errno));
	if ((uintmax_t)st.st_size != size)
		return npu_error_set(err, -EINVAL,
				     "%s: has %lld bytes where its header says %zu; it is "
				     "truncated or damaged: fetch it again",
				     path, (long long)st.st_size, size);
	mapping->size = size;
	mapping->address = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapping->address == MAP_FAILED)
		return npu_error_set(err, -errno, "%s: cannot map its %zu bytes: %s", path, size,
				     strerror(errno));
	return 0;
}

static int open_x(struct npu_dataset *data, const char *path, struct npu_error *err)
{
	struct npu_npy_header header;
	struct mapping *mapping;
	size_t offset, size;
	int ret = read_header(path, &header, &offset, err);
	int fd;

	if (!ret)
		ret = npu_dataset_set_shape(data, path, header.shape, header.rank, err);
	if (ret)
		return ret;
	if (__builtin_mul_overflow(header.count, sizeof(float), &size) ||
	    __builtin_add_overflow(size, offset, &size))
		return npu_error_set(err, -EOVERFLOW, "%s: larger than an address space", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return npu_error_set(err, -errno, "%s: cannot open it: %s", path, strerror(errno));
	mapping = calloc(1, sizeof(*mapping));
	if (mapping)
		ret = map_file(mapping, fd, path, size, err);
	else
		ret = npu_error_set(err, -ENOMEM, "%s: no memory to map it", path);
	close(fd);
	if (ret) {
		free(mapping);
		return ret;
	}
	data->samples = header.shape[0];
	data->x = (float *)((char *)mapping->address + offset);
	npu_shared_attach(data, &mapping->shared, destroy_mapping);
	return 0;
}

int npu_dataset_open_npy(struct npu_dataset *data, const char *x_path, const char *y_path,
			 struct npu_error *err)
{
	int ret;

	memset(data, 0, sizeof(*data));
	ret = open_x(data, x_path, err);
	if (!ret && y_path)
		ret = npu_npy_read_y(data, x_path, y_path, err);
	if (ret)
		npu_dataset_free(data);
	return ret;
}
