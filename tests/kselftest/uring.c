// SPDX-License-Identifier: GPL-2.0-only
/* The io_uring commands. */
#define _GNU_SOURCE
#include <liburing.h>

#include "npu_test.h"
#include "kselftest_harness.h"

#define NOTHING 0ull

static void prep(struct io_uring_sqe *sqe, int fd, uint32_t op, const void *payload,
		 uint64_t user_data)
{
	*sqe = (struct io_uring_sqe){ 0 };
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = op;
	memcpy(sqe->cmd, payload, 16);
	sqe->user_data = user_data;
}

static int prep_job(struct io_uring *ring, const struct bench *b, uint32_t index, uint32_t cookie,
		    uint64_t user_data)
{
	struct drm_npu_job job = bench_job(b, index, cookie);

	prep(io_uring_get_sqe(ring), b->fd, NPU_URING_CMD_SUBMIT, &job, user_data);
	return 0;
}

/* The result of the completion with @user_data, taking others on the way. */
static int result_of(struct io_uring *ring, uint64_t user_data)
{
	struct __kernel_timespec timeout = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	int res, ret;

	for (;;) {
		ret = io_uring_wait_cqe_timeout(ring, &cqe, &timeout);
		if (ret)
			return -9999;
		res = cqe->res;
		ret = cqe->user_data == user_data;
		io_uring_cqe_seen(ring, cqe);
		if (ret)
			return res;
	}
}

FIXTURE(uring)
{
	struct bench b;
	struct io_uring ring;
};

FIXTURE_SETUP(uring)
{
	ASSERT_EQ(0, bench_double(&self->b, 100, 64, 0));
	ASSERT_EQ(0, io_uring_queue_init(128, &self->ring, 0));
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->ring);
	bench_free(&self->b);
}

TEST_F(uring, in_flight_64_beside_file_and_timer)
{
	struct __kernel_timespec ts = { .tv_nsec = 1000000 };
	char text[64] = "";
	int file = open("/proc/version", O_RDONLY);
	struct io_uring_cqe *cqe;
	int i, jobs = 0, others = 0;

	for (i = 0; i < 64; i++) {
		self->b.memory[self->b.in_offset + i * 128] = i;
		prep_job(&self->ring, &self->b, i, i, 1000 + i);
	}
	io_uring_prep_read(io_uring_get_sqe(&self->ring), file, text, 10, 0);
	io_uring_prep_timeout(io_uring_get_sqe(&self->ring), &ts, 0, 0);
	ASSERT_EQ(66, io_uring_submit(&self->ring));
	for (i = 0; i < 66; i++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&self->ring, &cqe));
		if (cqe->user_data >= 1000) {
			EXPECT_EQ(0, cqe->res);
			jobs++;
		} else {
			EXPECT_TRUE(cqe->res == 10 || cqe->res == -ETIME);
			others++;
		}
		io_uring_cqe_seen(&self->ring, cqe);
	}
	EXPECT_EQ(64, jobs);
	EXPECT_EQ(2, others);
	EXPECT_EQ(0, memcmp(text, "Linux vers", 10));
	for (i = 0; i < 64; i++)
		EXPECT_EQ(2 * i, self->b.memory[i * 128]);
	close(file);
}

TEST_F(uring, linked_chain)
{
	char in[] = "/tmp/npu-in.XXXXXX", out[] = "/tmp/npu-out.XXXXXX";
	int8_t data[100], back[100];
	int fd_in = mkstemp(in), fd_out = mkstemp(out), i;
	struct drm_npu_job job = bench_job(&self->b, 0, 0);
	struct io_uring_sqe *sqe;

	unlink(in);
	unlink(out);
	for (i = 0; i < 100; i++)
		data[i] = i - 60;
	ASSERT_EQ(100, write(fd_in, data, 100));
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, fd_in, self->b.memory + self->b.in_offset, 100, 0);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&self->ring);
	prep(sqe, self->b.fd, NPU_URING_CMD_SUBMIT, &job, 1);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_write(sqe, fd_out, self->b.memory, 100, 0);
	sqe->user_data = 2;
	ASSERT_EQ(3, io_uring_submit(&self->ring));
	EXPECT_EQ(100, result_of(&self->ring, 2));
	ASSERT_EQ(100, pread(fd_out, back, 100, 0));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(data[i] < -64 ? -128 : 2 * data[i], back[i]);

	/* a failed job breaks it */
	job.index = 64;
	sqe = io_uring_get_sqe(&self->ring);
	prep(sqe, self->b.fd, NPU_URING_CMD_SUBMIT, &job, 3);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_write(sqe, fd_out, self->b.memory, 100, 0);
	sqe->user_data = 4;
	ASSERT_EQ(2, io_uring_submit(&self->ring));
	EXPECT_EQ(-EINVAL, result_of(&self->ring, 3));
	EXPECT_EQ(-ECANCELED, result_of(&self->ring, 4));
	close(fd_in);
	close(fd_out);
}

TEST_F(uring, big_completion_has_times)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct bench slow;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, 100));
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, IORING_SETUP_CQE32));
	prep_job(&ring, &slow, 0, 0, 1);
	ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
	ASSERT_EQ(0, io_uring_peek_cqe(&ring, &cqe));
	EXPECT_EQ(0, cqe->res);
	EXPECT_GT((uint32_t)cqe->big_cqe[0], 1000);
	EXPECT_EQ(0, cqe->big_cqe[1]);
	io_uring_queue_exit(&ring);
}

static int one(struct io_uring *ring, const struct io_uring_sqe *like)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	*sqe = *like;
	sqe->user_data = 77;
	io_uring_submit(ring);
	return result_of(ring, 77);
}

TEST_F(uring, refused_fields)
{
	struct drm_npu_job job = bench_job(&self->b, 0, 0), bad;
	struct drm_npu_cancel cancel = { .queue = self->b.queue, .cookie = 5 };
	struct io_uring_sqe good, sqe;

	prep(&good, self->b.fd, NPU_URING_CMD_SUBMIT, &job, 0);
	EXPECT_EQ(0, one(&self->ring, &good));
#define BAD(field, value, error)                          \
	do {                                              \
		sqe = good;                               \
		sqe.field = (value);                      \
		EXPECT_EQ(error, one(&self->ring, &sqe)); \
	} while (0)
	BAD(cmd_op, 0, -EOPNOTSUPP);
	BAD(cmd_op, NPU_URING_CMD_CANCEL + 1, -EOPNOTSUPP);
	BAD(__pad1, 1, -EINVAL);
	BAD(addr, 1, -EINVAL);
	BAD(len, 1, -EINVAL);
	BAD(uring_cmd_flags, 2, -EINVAL);
	BAD(splice_fd_in, 1, -EINVAL);
	BAD(buf_index, 1, -EINVAL);
#undef BAD
#define BAD(field, value, error)                                       \
	do {                                                           \
		bad = job;                                             \
		bad.field = (value);                                   \
		prep(&sqe, self->b.fd, NPU_URING_CMD_SUBMIT, &bad, 0); \
		EXPECT_EQ(error, one(&self->ring, &sqe));              \
	} while (0)
	BAD(queue, 99, -ENOENT);
	BAD(launch, 99, -ENOENT);
	BAD(index, 64, -EINVAL);
#undef BAD
	prep(&sqe, self->b.fd, NPU_URING_CMD_CANCEL, &cancel, 0);
	EXPECT_EQ(-ENOENT, one(&self->ring, &sqe));
	cancel.pad = 1;
	prep(&sqe, self->b.fd, NPU_URING_CMD_CANCEL, &cancel, 0);
	EXPECT_EQ(-EINVAL, one(&self->ring, &sqe));
	cancel.pad = 0;
	cancel.count = 1;
	prep(&sqe, self->b.fd, NPU_URING_CMD_CANCEL, &cancel, 0);
	EXPECT_EQ(-EINVAL, one(&self->ring, &sqe));
}

TEST_F(uring, cancel)
{
	struct drm_npu_cancel cancel = { .cookie = 7 };
	struct bench slow;
	int i;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, 20000));
	cancel.queue = slow.queue;
	for (i = 0; i < 8; i++)
		prep_job(&self->ring, &slow, 0, i < 4 ? 7 : 8, 10 + i);
	ASSERT_EQ(8, io_uring_submit(&self->ring));
	usleep(20000);
	prep(io_uring_get_sqe(&self->ring), slow.fd, NPU_URING_CMD_CANCEL, &cancel, 1);
	io_uring_submit(&self->ring);
	EXPECT_EQ(4, result_of(&self->ring, 1));
	/* their completions may have come before that of the command itself */
	cancel.cookie = 8;
	prep(io_uring_get_sqe(&self->ring), slow.fd, NPU_URING_CMD_CANCEL, &cancel, 2);
	io_uring_submit(&self->ring);
	EXPECT_EQ(4, result_of(&self->ring, 2));
}

static void flavour(struct __test_metadata *_metadata, struct bench *b, unsigned int flags,
		    bool fixed)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int i;

	ASSERT_EQ(0, io_uring_queue_init(64, &ring, flags));
	if (fixed)
		ASSERT_EQ(0, io_uring_register_files(&ring, &b->fd, 1));
	for (i = 0; i < 64; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct drm_npu_job job = bench_job(b, i, i);

		prep(sqe, fixed ? 0 : b->fd, NPU_URING_CMD_SUBMIT, &job, i);
		sqe->flags = fixed ? IOSQE_FIXED_FILE : 0;
	}
	ASSERT_EQ(64, io_uring_submit_and_wait(&ring, 64));
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
		EXPECT_EQ(0, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
}

TEST_F(uring, fixed_file)
{
	flavour(_metadata, &self->b, 0, true);
}

TEST_F(uring, defer_taskrun)
{
	flavour(_metadata, &self->b, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, true);
}

TEST_F(uring, sqpoll)
{
	flavour(_metadata, &self->b, IORING_SETUP_SQPOLL, false);
}

TEST_F(uring, wide_entries)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct drm_npu_job job = bench_job(&self->b, 0, 0);

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, IORING_SETUP_SQE128));
	sqe = io_uring_get_sqe(&ring);
	memset(sqe, 0, 128);
	prep(sqe, self->b.fd, NPU_URING_CMD_SUBMIT, &job, 1);
	ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
	ASSERT_EQ(0, io_uring_peek_cqe(&ring, &cqe));
	EXPECT_EQ(0, cqe->res);
	io_uring_cqe_seen(&ring, cqe);
	for (size_t at = 64; at < 128; at += 63) {
		sqe = io_uring_get_sqe(&ring);
		memset(sqe, 0, 128);
		prep(sqe, self->b.fd, NPU_URING_CMD_SUBMIT, &job, 1);
		((char *)sqe)[at] = 1;
		ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
		ASSERT_EQ(0, io_uring_peek_cqe(&ring, &cqe));
		EXPECT_EQ(-EINVAL, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
}

TEST_F(uring, io_wq)
{
	struct drm_npu_job job = bench_job(&self->b, 0, 0);
	struct io_uring_sqe sqe;

	prep(&sqe, self->b.fd, NPU_URING_CMD_SUBMIT, &job, 0);
	sqe.flags = IOSQE_ASYNC;
	EXPECT_EQ(0, one(&self->ring, &sqe));
}

/* A shareable buffer takes the slow path, which a non-blocking issue may not. */
TEST_F(uring, shareable_buffer)
{
	struct bench b;
	struct drm_npu_job job;
	struct io_uring_sqe sqe;

	ASSERT_EQ(0, bench_double(&b, 100, 4, DRM_NPU_BO_SHAREABLE));
	job = bench_job(&b, 0, 0);
	b.memory[b.in_offset] = 3;
	prep(&sqe, b.fd, NPU_URING_CMD_SUBMIT, &job, 0);
	EXPECT_EQ(0, one(&self->ring, &sqe));
	EXPECT_EQ(6, b.memory[0]);
	bench_free(&b);
}

/* Its SQE may be used again as soon as submission returns, before the slow path reads it anew. */
TEST_F(uring, shareable_buffer_and_reused_entry)
{
	struct bench b;
	struct drm_npu_job job;
	struct io_uring_sqe *sqe;
	int i;

	ASSERT_EQ(0, bench_double(&b, 100, 4, DRM_NPU_BO_SHAREABLE));
	for (i = 0; i < 200; i++) {
		job = bench_job(&b, 0, 0);
		sqe = io_uring_get_sqe(&self->ring);
		prep(sqe, b.fd, NPU_URING_CMD_SUBMIT, &job, 5);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
		memset(sqe, 0xff, sizeof(*sqe));
		ASSERT_EQ(0, result_of(&self->ring, 5));
	}
	bench_free(&b);
}

TEST_HARNESS_MAIN
