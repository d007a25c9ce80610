// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue gets the cores: what is less urgent is slower, but never stands still, because
 * fences must signal in bounded time.
 */
#include "npu_test.h"
#include "kselftest_harness.h"

#define LOADS 4 /* queues that keep every core busy */
#define LOAD_ROWS 20000u
#define SHORT_ROWS 60u /* more steps than a second has turns for those that starve */

FIXTURE(sched)
{
	struct bench load[LOADS], b;
	int fd;
};

FIXTURE_SETUP(sched)
{
	int i;

	self->fd = npu_open();
	ASSERT_GE(self->fd, 0);
	for (i = 0; i < LOADS; i++)
		ASSERT_EQ(0, bench_long_on(&self->load[i], self->fd, LOAD_ROWS));
	ASSERT_EQ(0, bench_long(&self->b, SHORT_ROWS));
}

FIXTURE_TEARDOWN(sched)
{
	bench_free(&self->b);
	close(self->fd);
}

/* Jobs of @priority on every core; they last longer than any test here. */
static int saturate(struct bench *load, int fd, uint32_t priority)
{
	int i, ret = 0;

	for (i = 0; i < LOADS && !ret; i++) {
		load[i].queue = queue_create(fd, priority);
		ret = submit(fd, bench_job(&load[i], 0, 1), 0, 0);
	}
	usleep(20000);
	return ret;
}

/* The jobs of saturate() that are still there. */
static uint32_t relax(struct bench *load, int fd)
{
	uint32_t count, sum = 0;
	int i;

	for (i = 0; i < LOADS; i++)
		if (!cancel(fd, load[i].queue, 1, &count))
			sum += count;
	return sum;
}

static void finishes_beside(struct __test_metadata *_metadata, struct bench *load, int fd,
			    struct bench *b, uint32_t mine, uint32_t others)
{
	struct drm_npu_job job = bench_job(b, 0, 0);
	uint32_t done = syncobj_create(b->fd);

	job.queue = queue_create(b->fd, mine);
	ASSERT_EQ(0, saturate(load, fd, others));
	ASSERT_EQ(0, submit(b->fd, job, 0, done));
	EXPECT_EQ(0, syncobj_wait(b->fd, done, 0, 15000));
	EXPECT_EQ(LOADS, relax(load, fd));
}

TEST_F(sched, equals_share)
{
	finishes_beside(_metadata, self->load, self->fd, &self->b, DRM_NPU_PRIORITY_NORMAL,
			DRM_NPU_PRIORITY_NORMAL);
}

TEST_F(sched, low_has_a_minimum)
{
	finishes_beside(_metadata, self->load, self->fd, &self->b, DRM_NPU_PRIORITY_LOW,
			DRM_NPU_PRIORITY_REALTIME);
}

TEST_F(sched, normal_is_raised)
{
	finishes_beside(_metadata, self->load, self->fd, &self->b, DRM_NPU_PRIORITY_NORMAL,
			DRM_NPU_PRIORITY_HIGH);
}

/* To be told that one was cancelled takes no turn. */
TEST_F(sched, cancelled_jobs_do_not_wait)
{
	uint32_t queue = queue_create(self->b.fd, DRM_NPU_PRIORITY_LOW), done = 0;
	struct drm_npu_job job = bench_job(&self->b, 0, 0);
	int i;

	ASSERT_EQ(0, saturate(self->load, self->fd, DRM_NPU_PRIORITY_HIGH));
	job.queue = queue;
	for (i = 0; i < 100; i++) {
		done = syncobj_create(self->b.fd);
		ASSERT_EQ(0, submit(self->b.fd, job, 0, done));
	}
	ASSERT_EQ(0, destroy(self->b.fd, DRM_IOCTL_NPU_QUEUE_DESTROY, queue));
	EXPECT_EQ(0, syncobj_wait(self->b.fd, done, 0, 500));
	EXPECT_EQ(LOADS, relax(self->load, self->fd));
}

TEST_HARNESS_MAIN
