// SPDX-License-Identifier: GPL-2.0-only
/* Buffers of others and buffers for others: dma-bufs in and out, and the fences in them. */
#define _GNU_SOURCE
#include <liburing.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <poll.h>

#include "npu_test.h"
#include "kselftest_harness.h"

/* A dma-buf of @bytes that is none of ours, mapped at @memory; or -1. */
static int foreign_buffer(size_t bytes, uint8_t **memory)
{
	struct udmabuf_create args = { .size = bytes, .flags = UDMABUF_FLAGS_CLOEXEC };
	int device = open("/dev/udmabuf", O_RDWR), fd;

	if (device < 0)
		return -1;
	args.memfd = memfd_create("npu-prime", MFD_ALLOW_SEALING);
	if (ftruncate(args.memfd, bytes) || fcntl(args.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -1;
	*memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, args.memfd, 0);
	fd = ioctl(device, UDMABUF_CREATE, &args);
	close(args.memfd);
	close(device);
	return fd;
}

/* bench_double() of @count bytes once, in slots of @bo: input at 0, output at 2048. */
static int bind_to(struct bench *b, uint32_t bo, uint32_t count)
{
	struct drm_npu_slot slots[2] = {
		{ .kind = DRM_NPU_SLOT_FIXED, .bo = bo, .offset = 2048 },
		{ .kind = DRM_NPU_SLOT_FIXED, .bo = bo },
	};
	struct npu_insn insn = insn_table(count);
	int8_t table[256];
	int ret;

	table_of_doubles(table);
	ret = program_create(b->fd, &insn, 1, table, sizeof(table), 2, &b->program);
	return ret ? ret : launch_create(b->fd, b->program, slots, 2, 1, &b->launch);
}

FIXTURE(import)
{
	struct bench b;
	uint8_t *memory;
	uint32_t bo;
	int dmabuf;
};

FIXTURE_SETUP(import)
{
	ASSERT_EQ(0, bench_nop(&self->b));
	self->dmabuf = foreign_buffer(4096, &self->memory);
	if (self->dmabuf < 0)
		SKIP(return, "no udmabuf in this kernel");
	ASSERT_EQ(0, prime_import(self->b.fd, self->dmabuf, &self->bo));
	ASSERT_EQ(0, bind_to(&self->b, self->bo, 100));
	memset(self->memory, 21, 100);
}

FIXTURE_TEARDOWN(import)
{
	if (self->dmabuf >= 0) {
		munmap(self->memory, 4096);
		close(self->dmabuf);
	}
	bench_free(&self->b);
}

/* It completes, by io_uring, after the exporter has its memory back. */
TEST_F(import, written_by_a_command)
{
	struct drm_npu_job job = bench_job(&self->b, 0, 0);
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, self->b.fd, NULL, 0, 0);
	sqe->cmd_op = NPU_URING_CMD_SUBMIT;
	memcpy(sqe->cmd, &job, sizeof(job));
	ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
	ASSERT_EQ(0, io_uring_peek_cqe(&ring, &cqe));
	EXPECT_EQ(0, cqe->res);
	EXPECT_EQ(42, self->memory[2048]);
	EXPECT_EQ(42, self->memory[2048 + 99]);
	io_uring_queue_exit(&ring);
}

/* Nobody may wait for a job whose end depends on another driver. */
TEST_F(import, written_without_a_fence)
{
	int i;

	EXPECT_EQ(-EINVAL,
		  submit(self->b.fd, bench_job(&self->b, 0, 0), 0, syncobj_create(self->b.fd)));
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, 0));
	for (i = 0; i < 500 && self->memory[2048 + 99] != 42; i++)
		usleep(10000);
	EXPECT_EQ(42, self->memory[2048 + 99]);
}

TEST_F(import, mapped_by_its_exporter_only)
{
	struct drm_npu_bo_mmap_offset args = { .handle = self->bo };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
}

/* The launch keeps the memory, whatever handles are closed. */
TEST_F(import, outlives_its_handles)
{
	struct drm_gem_close args = { .handle = self->bo };
	int i;

	EXPECT_EQ(0, npu_ioctl(self->b.fd, DRM_IOCTL_GEM_CLOSE, &args));
	close(self->dmabuf);
	self->dmabuf = dup(0);
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, 0));
	for (i = 0; i < 500 && self->memory[2048] != 42; i++)
		usleep(10000);
	EXPECT_EQ(42, self->memory[2048]);
}

/* -------------------------------------------------------- buffers for others */

TEST(own_buffer_comes_back_as_itself)
{
	uint32_t bo, again;
	struct bench b;
	int dmabuf;

	ASSERT_EQ(0, bench_nop(&b));
	bo = bo_create(b.fd, 4096, DRM_NPU_BO_SHAREABLE);
	dmabuf = prime_export(b.fd, bo);
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, prime_import(b.fd, dmabuf, &again));
	EXPECT_EQ(bo, again);
	close(dmabuf);
	bench_free(&b);
}

/* An exported buffer says by itself when the job that writes it has ended. */
TEST(implicit_fence)
{
	struct pollfd busy;
	struct bench b;

	ASSERT_EQ(0, bench_long_flags(&b, 4000, DRM_NPU_BO_SHAREABLE));
	busy = (struct pollfd){ .fd = prime_export(b.fd, b.bo), .events = POLLIN };
	ASSERT_GE(busy.fd, 0);
	EXPECT_EQ(1, poll(&busy, 1, 0));
	ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, 7), 0, 0));
	EXPECT_EQ(0, poll(&busy, 1, 0));
	cancel(b.fd, b.queue, 7, NULL);
	EXPECT_EQ(1, poll(&busy, 1, 10000));
	close(busy.fd);
	bench_free(&b);
}

/* A command that waits for the fences in a buffer keeps nobody else from using the buffer. */
TEST(waiting_holds_no_lock)
{
	struct drm_npu_job job;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	uint32_t launch;
	struct bench b;
	int dmabuf;

	ASSERT_EQ(0, bench_long_flags(&b, 4000, DRM_NPU_BO_SHAREABLE));
	dmabuf = prime_export(b.fd, b.bo);
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, 7), 0, 0));
	launch = b.launch;
	ASSERT_EQ(0, bind_to(&b, b.bo, 100));
	job = bench_job(&b, 0, 8);
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, b.fd, NULL, 0, 0);
	sqe->cmd_op = NPU_URING_CMD_SUBMIT;
	memcpy(sqe->cmd, &job, sizeof(job));
	ASSERT_EQ(1, io_uring_submit(&ring));
	usleep(20000);
	EXPECT_EQ(-EAGAIN, io_uring_peek_cqe(&ring, &cqe));
	/* binding it anew takes its lock, and the first job is still at it */
	EXPECT_EQ(0, bind_to(&b, b.bo, 100));
	EXPECT_EQ(0, cancel(b.fd, b.queue, 7, NULL));
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	EXPECT_EQ(0, cqe->res);
	EXPECT_NE(launch, b.launch);
	io_uring_queue_exit(&ring);
	close(dmabuf);
	bench_free(&b);
}

TEST(cpu_access_waits_for_the_job)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
	struct bench b;
	int dmabuf, i;

	ASSERT_EQ(0, bench_long_flags(&b, 400, DRM_NPU_BO_SHAREABLE));
	dmabuf = prime_export(b.fd, b.bo);
	ASSERT_GE(dmabuf, 0);
	memset(b.memory + b.in_offset, 127, b.bytes - b.in_offset);
	ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, 0), 0, 0));
	ASSERT_EQ(0, npu_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	for (i = 0; i < 400 * (int)LONG_CHANNELS; i++)
		ASSERT_EQ(127, b.memory[i]);
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
	EXPECT_EQ(0, npu_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	close(dmabuf);
	bench_free(&b);
}

/* One buffer in a written and in a read slot, by jobs of several queues: each adds its fences. */
TEST(many_fences_in_one_buffer)
{
	struct drm_npu_submit_job jobs[8] = { 0 };
	struct drm_npu_submit args = { .jobs = (uintptr_t)jobs, .job_count = 8 };
	struct bench b;
	int i;

	ASSERT_EQ(0, bench_nop(&b));
	ASSERT_EQ(0, bind_to(&b, bo_create(b.fd, 4096, DRM_NPU_BO_SHAREABLE), 100));
	for (i = 0; i < 8; i++) {
		jobs[i].job = bench_job(&b, 0, 0);
		jobs[i].job.queue = queue_create(b.fd, DRM_NPU_PRIORITY_NORMAL);
	}
	EXPECT_EQ(0, npu_ioctl(b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	bench_free(&b);
}

TEST_HARNESS_MAIN
