/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the uAPI tests share: the device, the objects, and three programs: one that does nothing,
 * one that doubles bytes, one that takes long.
 */
#ifndef NPU_TEST_H
#define NPU_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "npu_accel.h"

/* 0 or -errno, as the kernel means it. */
static inline int npu_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

static inline bool is_npu(int fd)
{
	char name[8] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !npu_ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "npu");
}

/*
 * The device's node; its number changes when it is bound again while an old file is open. A kernel
 * without the accel subsystem has a render node, perhaps beside those of other drivers.
 */
static inline int npu_open(void)
{
	glob_t found;
	size_t i;
	int fd = -1;

	glob("/dev/accel/accel*", 0, NULL, &found);
	glob("/dev/dri/renderD*", GLOB_APPEND, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++) {
		fd = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);
		if (fd >= 0 && is_npu(fd))
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	globfree(&found);
	if (fd < 0)
		errno = ENOENT;
	return fd;
}

/* ---------------------------------------------------------------- objects */

static inline uint32_t bo_create(int fd, uint64_t size, uint32_t flags)
{
	struct drm_npu_bo_create args = { .size = size, .flags = flags };

	return npu_ioctl(fd, DRM_IOCTL_NPU_BO_CREATE, &args) ? 0 : args.handle;
}

static inline void *bo_map(int fd, uint32_t handle, uint64_t size)
{
	struct drm_npu_bo_mmap_offset args = { .handle = handle };
	void *p;

	if (npu_ioctl(fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args))
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args.offset);
	return p == MAP_FAILED ? NULL : p;
}

static inline int program_create(int fd, const struct npu_insn *insns, uint32_t count,
				 const void *consts, uint32_t const_size, uint32_t slots,
				 uint32_t *handle)
{
	struct drm_npu_program_create args = {
		.insns = (uintptr_t)insns,
		.consts = (uintptr_t)consts,
		.insn_count = count,
		.const_size = const_size,
		.slot_count = slots,
		.isa_version = NPU_ISA_VERSION,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_PROGRAM_CREATE, &args);

	*handle = args.handle;
	return ret;
}

static inline int launch_create(int fd, uint32_t program, const struct drm_npu_slot *slots,
				uint32_t slot_count, uint32_t count, uint32_t *handle)
{
	struct drm_npu_launch_create args = {
		.slots = (uintptr_t)slots,
		.slot_count = slot_count,
		.program = program,
		.count = count,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_LAUNCH_CREATE, &args);

	*handle = args.handle;
	return ret;
}

static inline uint32_t queue_create(int fd, uint32_t priority)
{
	struct drm_npu_queue_create args = { .priority = priority };

	return npu_ioctl(fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args) ? 0 : args.handle;
}

static inline int destroy(int fd, unsigned long request, uint32_t handle)
{
	struct drm_npu_destroy args = { .handle = handle };

	return npu_ioctl(fd, request, &args);
}

static inline int cancel(int fd, uint32_t queue, uint32_t cookie, uint32_t *count)
{
	struct drm_npu_cancel args = { .queue = queue, .cookie = cookie };
	int ret = npu_ioctl(fd, DRM_IOCTL_NPU_CANCEL, &args);

	if (count)
		*count = args.count;
	return ret;
}

/* ---------------------------------------------------------------- dma-bufs */

static inline int prime_export(int fd, uint32_t handle)
{
	struct drm_prime_handle args = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };
	int ret = npu_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

static inline int prime_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int ret = npu_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = args.handle;
	return ret;
}

/* --------------------------------------------------------------- syncobjs */

static inline uint32_t syncobj_create(int fd)
{
	struct drm_syncobj_create args = { 0 };

	return npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &args) ? 0 : args.handle;
}

/* Wait up to @ms for a point (0: binary). */
static inline int syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t ms)
{
	struct timespec now;
	struct drm_syncobj_timeline_wait args = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};

	clock_gettime(CLOCK_MONOTONIC, &now);
	args.timeout_nsec = now.tv_sec * 1000000000ll + now.tv_nsec + ms * 1000000;
	return npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

/* sync_file of a binary syncobj's fence, or a negative number. */
static inline int syncobj_export(int fd, uint32_t handle)
{
	struct drm_syncobj_handle args = {
		.handle = handle,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

/* ----------------------------------------------------------------- submit */

/* One job; @in and @out are binary syncobjs or 0. */
static inline int submit(int fd, struct drm_npu_job job, uint32_t in, uint32_t out)
{
	struct drm_npu_sync in_sync = { .handle = in }, out_sync = { .handle = out };
	struct drm_npu_submit_job desc = {
		.job = job,
		.in_syncs = in ? (uintptr_t)&in_sync : 0,
		.in_count = in ? 1 : 0,
		.out_syncs = out ? (uintptr_t)&out_sync : 0,
		.out_count = out ? 1 : 0,
	};
	struct drm_npu_submit args = { .jobs = (uintptr_t)&desc, .job_count = 1 };

	return npu_ioctl(fd, DRM_IOCTL_NPU_SUBMIT, &args);
}

/* --------------------------------------------------------------- programs */

static inline struct npu_insn insn_nop(void)
{
	return (struct npu_insn){ .opcode = NPU_OP_NOP };
}

static inline struct npu_tensor vector_of(uint8_t slot, uint8_t type, uint32_t count)
{
	return (struct npu_tensor){ .slot = slot, .type = type, .dim = { 1, 1, 1, count } };
}

/* TABLE over @count bytes of slot 1 into slot 0; the table is the whole constant section. */
static inline struct npu_insn insn_table(uint32_t count)
{
	return (struct npu_insn){
		.opcode = NPU_OP_TABLE,
		.t = { vector_of(0, NPU_TYPE_INT8, count), vector_of(1, NPU_TYPE_INT8, count) },
	};
}

static inline void table_of_doubles(int8_t table[256])
{
	int x;

	for (x = -128; x < 128; x++)
		table[x + 128] = x > 63 ? 127 : x < -64 ? -128 : 2 * x;
}

/*
 * A matrix product of @rows rows that all are the same one: input rows have stride 0, so little
 * memory makes much work. Slots: 0 output, 1 input, 2 weights.
 */
#define LONG_DEPTH 4096u
#define LONG_CHANNELS 64u

static inline struct npu_insn insn_long(uint32_t rows)
{
	struct npu_insn insn = { .opcode = NPU_OP_FULLY_CONNECTED };

	insn.t[0] = vector_of(0, NPU_TYPE_INT8, LONG_CHANNELS);
	insn.t[0].dim[2] = rows;
	insn.t[0].stride[2] = LONG_CHANNELS;
	insn.t[1] = vector_of(1, NPU_TYPE_INT8, LONG_DEPTH);
	insn.t[1].dim[2] = rows;
	insn.t[2] = (struct npu_tensor){
		.slot = 2,
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.dim = { LONG_CHANNELS, 1, 1, LONG_DEPTH },
	};
	insn.fc.scale_count = 1;
	insn.fc.act_min = -128;
	insn.fc.act_max = 127;
	return insn;
}

/**
 * struct bench - a client with one program, launch and queue
 * @memory: the mapped buffer: output at 0, then input, then weights
 */
struct bench {
	int fd;
	uint32_t bo, program, launch, queue;
	uint8_t *memory;
	uint64_t bytes;
	uint64_t in_offset;
};

/* 0, or the negative errno of what failed. */
static inline int bench_nop(struct bench *b)
{
	struct npu_insn insn = insn_nop();
	int ret;

	memset(b, 0, sizeof(*b));
	b->fd = npu_open();
	if (b->fd < 0)
		return -errno;
	ret = program_create(b->fd, &insn, 1, NULL, 0, 0, &b->program);
	if (!ret)
		ret = launch_create(b->fd, b->program, NULL, 0, 1, &b->launch);
	b->queue = queue_create(b->fd, DRM_NPU_PRIORITY_NORMAL);
	return ret;
}

/* @count indices of @bytes bytes each, doubled from input to output. */
static inline int bench_double(struct bench *b, uint32_t bytes, uint32_t count, uint32_t flags)
{
	struct npu_insn insn = insn_table(bytes);
	uint64_t stride = (bytes + NPU_SLOT_ALIGN - 1) / NPU_SLOT_ALIGN * NPU_SLOT_ALIGN;
	struct drm_npu_slot slots[2] = {
		{ .kind = DRM_NPU_SLOT_INDEXED, .stride = stride },
		{ .kind = DRM_NPU_SLOT_INDEXED, .stride = stride, .offset = stride * count },
	};
	int8_t table[256];
	int ret;

	memset(b, 0, sizeof(*b));
	table_of_doubles(table);
	b->fd = npu_open();
	if (b->fd < 0)
		return -errno;
	b->bytes = 2 * stride * count;
	b->in_offset = stride * count;
	b->bo = bo_create(b->fd, b->bytes, flags);
	b->memory = bo_map(b->fd, b->bo, b->bytes);
	if (!b->memory)
		return -ENOMEM;
	slots[0].bo = b->bo;
	slots[1].bo = b->bo;
	ret = program_create(b->fd, &insn, 1, table, sizeof(table), 2, &b->program);
	if (!ret)
		ret = launch_create(b->fd, b->program, slots, 2, count, &b->launch);
	b->queue = queue_create(b->fd, DRM_NPU_PRIORITY_NORMAL);
	return ret;
}

static inline int bench_long_with(struct bench *b, int fd, uint32_t rows, uint32_t flags)
{
	struct npu_insn insn = insn_long(rows);
	struct npu_scale scale = { 1 << 30, -8 };
	uint64_t out = (uint64_t)rows * LONG_CHANNELS;
	struct drm_npu_slot slots[3] = {
		{ .kind = DRM_NPU_SLOT_FIXED },
		{ .kind = DRM_NPU_SLOT_FIXED, .offset = out },
		{ .kind = DRM_NPU_SLOT_FIXED, .offset = out + LONG_DEPTH },
	};
	int i, ret;

	memset(b, 0, sizeof(*b));
	b->fd = fd;
	if (b->fd < 0)
		return -errno;
	b->bytes = out + LONG_DEPTH + LONG_CHANNELS * LONG_DEPTH;
	b->in_offset = out;
	b->bo = bo_create(b->fd, b->bytes, flags);
	b->memory = bo_map(b->fd, b->bo, b->bytes);
	if (!b->memory)
		return -ENOMEM;
	for (i = 0; i < 3; i++)
		slots[i].bo = b->bo;
	ret = program_create(b->fd, &insn, 1, &scale, sizeof(scale), 3, &b->program);
	if (!ret)
		ret = launch_create(b->fd, b->program, slots, 3, 1, &b->launch);
	b->queue = queue_create(b->fd, DRM_NPU_PRIORITY_NORMAL);
	return ret;
}

static inline int bench_long_on(struct bench *b, int fd, uint32_t rows)
{
	return bench_long_with(b, fd, rows, 0);
}

static inline int bench_long_flags(struct bench *b, uint32_t rows, uint32_t flags)
{
	return bench_long_with(b, npu_open(), rows, flags);
}

/* A job of rows * 262,144 multiply-accumulates. */
static inline int bench_long(struct bench *b, uint32_t rows)
{
	return bench_long_on(b, npu_open(), rows);
}

static inline void bench_free(struct bench *b)
{
	if (b->memory)
		munmap(b->memory, b->bytes);
	if (b->fd >= 0)
		close(b->fd);
}

static inline struct drm_npu_job bench_job(const struct bench *b, uint32_t index, uint32_t cookie)
{
	return (struct drm_npu_job){ b->queue, b->launch, index, cookie };
}

/* --------------------------------------------------------------- counters */

/* Objects alive in the driver, summed over the kinds, or -1 without debugfs. */
static inline int objects_alive(void)
{
	char name[32];
	int value, sum = 0;
	glob_t found;
	FILE *file;

	if (glob("/sys/kernel/debug/accel/*/counts", 0, NULL, &found) &&
	    glob("/sys/kernel/debug/dri/*/counts", 0, NULL, &found))
		return -1;
	file = fopen(found.gl_pathv[0], "r");
	globfree(&found);
	if (!file)
		return -1;
	while (fscanf(file, "%31s %d", name, &value) == 2)
		sum += value;
	fclose(file);
	return sum;
}

/* Wait up to two seconds for that: releasing is left to workers and RCU. */
static inline bool all_gone(int before)
{
	int i;

	for (i = 0; i < 200; i++) {
		if (objects_alive() <= before)
			return true;
		usleep(10000);
	}
	return false;
}

#endif /* NPU_TEST_H */
