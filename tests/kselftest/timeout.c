// SPDX-License-Identifier: GPL-2.0-only
/* A job past its time limit ends with ETIMEDOUT, and hurts no other. */
#define _GNU_SOURCE
#include <liburing.h>

#include "npu_test.h"
#include "kselftest_harness.h"

static int run_by_ring(const struct bench *b)
{
	struct drm_npu_job job = bench_job(b, 0, 0);
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int res;

	if (io_uring_queue_init(4, &ring, 0))
		return -EIO;
	sqe = io_uring_get_sqe(&ring);
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_URING_CMD,
				      .fd = b->fd,
				      .cmd_op = NPU_URING_CMD_SUBMIT };
	memcpy(sqe->cmd, &job, sizeof(job));
	io_uring_submit_and_wait(&ring, 1);
	res = io_uring_peek_cqe(&ring, &cqe) ? -EIO : cqe->res;
	io_uring_queue_exit(&ring);
	return res;
}

FIXTURE(timeout)
{
	int unused;
};

FIXTURE_SETUP(timeout)
{
	ASSERT_EQ(0, system("rmmod npu && insmod $NPU_MODULE timeout_ms=50"));
}

FIXTURE_TEARDOWN(timeout)
{
	ASSERT_EQ(0, system("rmmod npu && insmod $NPU_MODULE"));
}

TEST_F(timeout, only_the_guilty_job)
{
	struct bench slow, quick;

	ASSERT_EQ(0, bench_long(&slow, 100000));
	ASSERT_EQ(0, bench_double(&quick, 100, 1, 0));
	quick.memory[quick.in_offset] = 4;
	EXPECT_EQ(-ETIMEDOUT, run_by_ring(&slow));
	EXPECT_EQ(0, run_by_ring(&quick));
	EXPECT_EQ(8, quick.memory[0]);
	/* its queue goes on, too */
	EXPECT_EQ(-ETIMEDOUT, run_by_ring(&slow));
	bench_free(&slow);
	bench_free(&quick);
}

TEST_HARNESS_MAIN
