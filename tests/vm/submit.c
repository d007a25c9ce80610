// SPDX-License-Identifier: MIT
/*
 * In the guest: guest instructions a no-op job, from submission to completion seen by the
 * submitter. Under -icount shift=1 every instruction takes 2 ns of guest time.
 *
 * Prints "name value" lines: submit/ioctl (one SUBMIT, one SYNCOBJ_WAIT), submit/uring-1 and
 * submit/uring-32 (so many jobs a system call; DEFER_TASKRUN, fixed file).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "npu_accel.h"

#define JOBS 3200
#define NS_PER_INSTRUCTION 2

static int device;
static struct drm_npu_job job;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static int setup(void)
{
	struct npu_insn nop = { .opcode = NPU_OP_NOP };
	struct drm_npu_program_create program = {
		.insns = (uintptr_t)&nop,
		.insn_count = 1,
		.isa_version = NPU_ISA_VERSION,
	};
	struct drm_npu_launch_create launch = { .count = 1 };
	struct drm_npu_queue_create queue = { .priority = DRM_NPU_PRIORITY_NORMAL };

	device = open("/dev/accel/accel0", O_RDWR);
	if (device < 0 || ioctl(device, DRM_IOCTL_NPU_PROGRAM_CREATE, &program))
		return -1;
	launch.program = program.handle;
	if (ioctl(device, DRM_IOCTL_NPU_LAUNCH_CREATE, &launch) ||
	    ioctl(device, DRM_IOCTL_NPU_QUEUE_CREATE, &queue))
		return -1;
	job.launch = launch.handle;
	job.queue = queue.handle;
	return 0;
}

static int by_ioctl(int jobs)
{
	struct drm_syncobj_create syncobj = { 0 };
	struct drm_npu_sync out = { 0 };
	struct drm_npu_submit_job desc = { .job = job,
					   .out_syncs = (uintptr_t)&out,
					   .out_count = 1 };
	struct drm_npu_submit submit = { .jobs = (uintptr_t)&desc, .job_count = 1 };
	struct drm_syncobj_wait wait = { .count_handles = 1, .timeout_nsec = INT64_MAX };

	if (ioctl(device, DRM_IOCTL_SYNCOBJ_CREATE, &syncobj))
		return -1;
	out.handle = syncobj.handle;
	wait.handles = (uintptr_t)&syncobj.handle;
	while (jobs--) {
		if (ioctl(device, DRM_IOCTL_NPU_SUBMIT, &submit) ||
		    ioctl(device, DRM_IOCTL_SYNCOBJ_WAIT, &wait))
			return -1;
	}
	return 0;
}

static int by_ring(struct io_uring *ring, int jobs, int depth)
{
	struct io_uring_cqe *cqe;
	unsigned int head, count;
	int i;

	for (; jobs > 0; jobs -= depth) {
		for (i = 0; i < depth; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

			io_uring_prep_rw(IORING_OP_URING_CMD, sqe, 0, NULL, 0, 0);
			sqe->flags = IOSQE_FIXED_FILE;
			sqe->cmd_op = NPU_URING_CMD_SUBMIT;
			memcpy(sqe->cmd, &job, sizeof(job));
		}
		if (io_uring_submit_and_wait(ring, depth) != depth)
			return -1;
		count = 0;
		io_uring_for_each_cqe (ring, head, cqe) {
			if (cqe->res)
				return -1;
			count++;
		}
		io_uring_cq_advance(ring, count);
	}
	return 0;
}

static int ring_of(struct io_uring *ring)
{
	int ret = io_uring_queue_init(64, ring,
				      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

	return ret ? ret : io_uring_register_files(ring, &device, 1);
}

static void print(const char *name, double ns)
{
	printf("%s %.0f\n", name, ns / JOBS / NS_PER_INSTRUCTION);
}

int main(void)
{
	struct io_uring ring;
	double began;

	if (setup() || ring_of(&ring) || by_ioctl(100) || by_ring(&ring, 320, 32)) {
		perror("submit");
		return 1;
	}
	began = now_ns();
	if (by_ioctl(JOBS))
		return 1;
	print("submit/ioctl", now_ns() - began);
	began = now_ns();
	if (by_ring(&ring, JOBS, 1))
		return 1;
	print("submit/uring-1", now_ns() - began);
	began = now_ns();
	if (by_ring(&ring, JOBS, 32))
		return 1;
	print("submit/uring-32", now_ns() - began);
	return 0;
}
