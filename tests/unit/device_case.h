/* SPDX-License-Identifier: MIT */
/*
 * An engine case on the device, by the bare uAPI: by ioctl and a syncobj, or by io_uring.
 */
#ifndef DEVICE_CASE_H
#define DEVICE_CASE_H

#include <fcntl.h>
#include <liburing.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine_case.h"

static inline void device_call(int fd, unsigned long request, void *args)
{
	if (ioctl(fd, request, args))
		fail_msg("ioctl 0x%lx failed", request);
}

static inline bool device_is_npu(int fd)
{
	char name[8] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "npu");
}

/* The accel node, or where the kernel has no such nodes the render node that is ours. */
static inline int device_open(void)
{
	int fd = open("/dev/accel/accel0", O_RDWR), i;
	char path[32];

	for (i = 128; fd < 0 && i < 136; i++) {
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR);
		if (fd >= 0 && !device_is_npu(fd)) {
			close(fd);
			fd = -1;
		}
	}
	assert_true(fd >= 0);
	return fd;
}

static inline void device_submit_ioctl(int fd, struct drm_npu_job job)
{
	struct drm_syncobj_create syncobj = { 0 };
	struct drm_npu_sync out = { 0 };
	struct drm_npu_submit_job desc = { .job = job, .out_syncs = (uintptr_t)&out,
					   .out_count = 1 };
	struct drm_npu_submit submit = { .jobs = (uintptr_t)&desc, .job_count = 1 };
	struct drm_syncobj_wait wait = { .count_handles = 1, .timeout_nsec = INT64_MAX };

	device_call(fd, DRM_IOCTL_SYNCOBJ_CREATE, &syncobj);
	out.handle = syncobj.handle;
	wait.handles = (uintptr_t)&syncobj.handle;
	device_call(fd, DRM_IOCTL_NPU_SUBMIT, &submit);
	device_call(fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait);
}

static inline void device_submit_uring(int fd, struct drm_npu_job job)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	assert_int_equal(io_uring_queue_init(2, &ring, 0), 0);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = NPU_URING_CMD_SUBMIT;
	memcpy(sqe->cmd, &job, sizeof(job));
	assert_int_equal(io_uring_submit_and_wait(&ring, 1), 1);
	assert_int_equal(io_uring_peek_cqe(&ring, &cqe), 0);
	assert_int_equal(cqe->res, 0);
	io_uring_queue_exit(&ring);
}

typedef void (*device_submit)(int fd, struct drm_npu_job job);

/**
 * device_run_slots - run an instruction on the device
 * @insn: the instruction
 * @consts: its constants
 * @slots: contents of @count slots; slot 0 is written, and what is in it does not count
 * @needs: bytes of each
 * @submit: the way to submit it
 */
static inline void device_run_slots(const struct npu_insn *insn, const struct guarded *consts,
				    const struct guarded *slots, uint32_t count,
				    const struct npu_slot_need *needs, device_submit submit)
{
	struct drm_npu_slot bound[NPU_INSN_TENSORS] = { 0 };
	uint8_t *memory[NPU_INSN_TENSORS] = { NULL };
	struct drm_npu_program_create program = {
		.insns = (uintptr_t)insn, .insn_count = 1,
		.consts = consts->bytes ? (uintptr_t)guarded_data(consts) : 0,
		.const_size = consts->bytes, .slot_count = count,
		.isa_version = NPU_ISA_VERSION,
	};
	struct drm_npu_launch_create launch = { .slots = (uintptr_t)bound, .slot_count = count,
						.count = 1 };
	struct drm_npu_queue_create queue = { .priority = DRM_NPU_PRIORITY_NORMAL };
	int fd = device_open();
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct drm_npu_bo_create bo = { .size = needs[i].bytes };
		struct drm_npu_bo_mmap_offset map = { 0 };

		device_call(fd, DRM_IOCTL_NPU_BO_CREATE, &bo);
		map.handle = bo.handle;
		device_call(fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &map);
		memory[i] = mmap(NULL, needs[i].bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				 map.offset);
		assert_ptr_not_equal(memory[i], MAP_FAILED);
		memcpy(memory[i], slots[i].page, needs[i].bytes);
		bound[i].bo = bo.handle;
	}
	memset(memory[0], OUT_PATTERN, needs[0].bytes);
	device_call(fd, DRM_IOCTL_NPU_PROGRAM_CREATE, &program);
	launch.program = program.handle;
	device_call(fd, DRM_IOCTL_NPU_LAUNCH_CREATE, &launch);
	device_call(fd, DRM_IOCTL_NPU_QUEUE_CREATE, &queue);
	submit(fd, (struct drm_npu_job){ queue.handle, launch.handle, 0, 0 });
	memcpy(slots[0].page, memory[0], needs[0].bytes);
	for (i = 0; i < count; i++)
		munmap(memory[i], needs[i].bytes);
	close(fd);
}

/* Run @c, whose slots need @needs bytes, and copy slot 0 back into its memory. */
static inline void device_run(struct engine_case *c, const struct npu_slot_need *needs,
			      device_submit submit)
{
	device_run_slots(&c->insn, &c->consts, c->slot, c->slots, needs, submit);
}

#endif /* DEVICE_CASE_H */
