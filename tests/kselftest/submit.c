// SPDX-License-Identifier: GPL-2.0-only
/* Queues and SUBMIT: order, syncobjs, cancel, priorities, refused fields. */
#define _GNU_SOURCE
#include <linux/sync_file.h>
#include <sys/wait.h>

#include "npu_test.h"
#include "kselftest_harness.h"

/*
 * Long enough to be caught running anywhere, short enough for three of them to stay within the
 * backlog that a queue with fences may have.
 */
#define SLOW_ROWS 6000u

FIXTURE(submit)
{
	struct bench b;
};

FIXTURE_SETUP(submit)
{
	ASSERT_EQ(0, bench_double(&self->b, 100, 64, 0));
}

FIXTURE_TEARDOWN(submit)
{
	bench_free(&self->b);
}

TEST_F(submit, out_syncobj)
{
	uint32_t done = syncobj_create(self->b.fd);
	int i;

	for (i = 0; i < 100; i++)
		self->b.memory[self->b.in_offset + 3 * 128 + i] = i - 50;
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 3, 0), 0, done));
	ASSERT_EQ(0, syncobj_wait(self->b.fd, done, 0, 10000));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(2 * (i - 50), (int8_t)self->b.memory[3 * 128 + i]);
}

TEST_F(submit, batch_with_timeline)
{
	uint32_t timeline = syncobj_create(self->b.fd);
	struct drm_npu_sync out[64];
	struct drm_npu_submit_job jobs[64] = { 0 };
	struct drm_npu_submit args = { .jobs = (uintptr_t)jobs, .job_count = 64 };
	int i;

	for (i = 0; i < 64; i++) {
		self->b.memory[self->b.in_offset + i * 128] = i;
		out[i] = (struct drm_npu_sync){ .handle = timeline, .point = i + 1 };
		jobs[i].job = bench_job(&self->b, i, i);
		jobs[i].out_syncs = (uintptr_t)&out[i];
		jobs[i].out_count = 1;
	}
	ASSERT_EQ(0, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	ASSERT_EQ(0, syncobj_wait(self->b.fd, timeline, 64, 10000));
	for (i = 0; i < 64; i++)
		EXPECT_EQ(i > 63 ? 127 : 2 * i, self->b.memory[i * 128]);
}

/* The second job of another queue waits for the first. */
TEST_F(submit, in_syncobj)
{
	uint32_t first = syncobj_create(self->b.fd), second = syncobj_create(self->b.fd);
	struct drm_npu_job job = bench_job(&self->b, 0, 0);
	struct bench slow;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, 200));
	job.queue = queue_create(self->b.fd, DRM_NPU_PRIORITY_NORMAL);
	self->b.memory[self->b.in_offset] = 9;
	ASSERT_EQ(0, submit(slow.fd, bench_job(&slow, 0, 0), 0, first));
	ASSERT_EQ(0, submit(self->b.fd, job, first, second));
	ASSERT_EQ(0, syncobj_wait(self->b.fd, second, 0, 30000));
	EXPECT_EQ(0, syncobj_wait(self->b.fd, first, 0, 0));
	EXPECT_EQ(18, self->b.memory[0]);
}

TEST_F(submit, in_syncobj_without_fence)
{
	EXPECT_EQ(-EINVAL,
		  submit(self->b.fd, bench_job(&self->b, 0, 0), syncobj_create(self->b.fd), 0));
	EXPECT_EQ(-ENOENT, submit(self->b.fd, bench_job(&self->b, 0, 0), 999, 0));
	EXPECT_EQ(-ENOENT, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, 999));
}

#define JOB_REFUSED(name, field, value, error)                                            \
	TEST_F(submit, name)                                                              \
	{                                                                                 \
		struct drm_npu_submit_job job = { .job = bench_job(&self->b, 0, 0) };     \
		struct drm_npu_submit args = { .jobs = (uintptr_t)&job, .job_count = 1 }; \
                                                                                          \
		field = (value);                                                          \
		EXPECT_EQ(error, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));     \
	}

JOB_REFUSED(no_queue, job.job.queue, 999, -ENOENT)
JOB_REFUSED(no_launch, job.job.launch, 999, -ENOENT)
JOB_REFUSED(index_beyond, job.job.index, 64, -EINVAL)
JOB_REFUSED(index_far, job.job.index, 0xffffffff, -EINVAL)
JOB_REFUSED(job_flags, job.flags, 1, -EINVAL)
JOB_REFUSED(job_pad, job.pad, 1, -EINVAL)
JOB_REFUSED(in_syncs_without_count, job.in_syncs, 8, -EINVAL)
JOB_REFUSED(out_syncs_without_count, job.out_syncs, 8, -EINVAL)
JOB_REFUSED(in_count_large, job.in_count, 65, -EINVAL)
JOB_REFUSED(out_count_large, job.out_count, 65, -EINVAL)
JOB_REFUSED(in_syncs_unreadable, job.in_count, 1, -EFAULT)
JOB_REFUSED(out_syncs_unreadable, job.out_count, 1, -EFAULT)
JOB_REFUSED(flags, args.flags, 1, -EINVAL)
JOB_REFUSED(no_jobs, args.job_count, 0, -EINVAL)
JOB_REFUSED(too_many_jobs, args.job_count, 257, -EINVAL)
JOB_REFUSED(jobs_unreadable, args.jobs, 8, -EFAULT)

TEST_F(submit, sync_pad)
{
	struct drm_npu_sync out = { .handle = syncobj_create(self->b.fd), .pad = 1 };
	struct drm_npu_submit_job job = { .job = bench_job(&self->b, 0, 0),
					  .out_syncs = (uintptr_t)&out,
					  .out_count = 1 };
	struct drm_npu_submit args = { .jobs = (uintptr_t)&job, .job_count = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
}

/* All or nothing: one bad job in a batch, and none runs. */
TEST_F(submit, batch_is_atomic)
{
	struct drm_npu_submit_job jobs[3] = { { .job = bench_job(&self->b, 0, 0) },
					      { .job = bench_job(&self->b, 1, 0) },
					      { .job = bench_job(&self->b, 64, 0) } };
	struct drm_npu_submit args = { .jobs = (uintptr_t)jobs, .job_count = 3 };

	self->b.memory[self->b.in_offset] = 5;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	usleep(100000);
	EXPECT_EQ(0, self->b.memory[0]);
}

TEST_F(submit, queue_refused_fields)
{
	struct drm_npu_queue_create args = { .priority = 4 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args));
	args = (struct drm_npu_queue_create){ .flags = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args));
	args = (struct drm_npu_queue_create){ .handle = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args));
	args = (struct drm_npu_queue_create){ .pad = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args));
}

/* High priorities need CAP_SYS_NICE. */
TEST_F(submit, priorities)
{
	pid_t pid;
	int status;

	EXPECT_NE(0, queue_create(self->b.fd, DRM_NPU_PRIORITY_LOW));
	EXPECT_NE(0, queue_create(self->b.fd, DRM_NPU_PRIORITY_REALTIME));
	pid = fork();
	if (!pid) {
		struct drm_npu_queue_create args = { .priority = DRM_NPU_PRIORITY_HIGH };

		if (setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args) != -EACCES);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

/* A running job, one waiting behind it, and one of another cookie. */
TEST_F(submit, cancel)
{
	uint32_t done[3], count = 0;
	struct bench slow;
	int i;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, SLOW_ROWS));
	for (i = 0; i < 3; i++) {
		done[i] = syncobj_create(slow.fd);
		ASSERT_EQ(0, submit(slow.fd, bench_job(&slow, 0, i < 2 ? 7 : 8), 0, done[i]));
	}
	usleep(50000);
	EXPECT_EQ(-ENOENT, cancel(slow.fd, slow.queue, 9, NULL));
	ASSERT_EQ(0, cancel(slow.fd, slow.queue, 7, &count));
	EXPECT_EQ(2, count);
	/* both signal soon, in order; the third begins and is cancelled, too */
	EXPECT_EQ(0, syncobj_wait(slow.fd, done[1], 0, 5000));
	EXPECT_EQ(0, syncobj_wait(slow.fd, done[0], 0, 0));
	EXPECT_NE(0, syncobj_wait(slow.fd, done[2], 0, 50));
	EXPECT_EQ(0, cancel(slow.fd, slow.queue, 8, &count));
	EXPECT_EQ(0, syncobj_wait(slow.fd, done[2], 0, 5000));
}

TEST_F(submit, cancel_refused_fields)
{
	struct drm_npu_cancel args = { .queue = self->b.queue, .pad = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_CANCEL, &args));
	args = (struct drm_npu_cancel){ .queue = self->b.queue, .count = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_CANCEL, &args));
	EXPECT_EQ(-ENOENT, cancel(self->b.fd, 999, 0, NULL));
}

/* A job that waits for a fence which failed fails, too, and still signals. */
TEST_F(submit, destroyed_queue_signals)
{
	uint32_t first, second;
	struct bench slow;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, SLOW_ROWS));
	first = syncobj_create(slow.fd);
	second = syncobj_create(slow.fd);
	ASSERT_EQ(0, submit(slow.fd, bench_job(&slow, 0, 0), 0, first));
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), first, second));
	ASSERT_EQ(0, destroy(slow.fd, DRM_IOCTL_NPU_QUEUE_DESTROY, slow.queue));
	EXPECT_EQ(0, syncobj_wait(slow.fd, first, 0, 5000));
	EXPECT_EQ(0, syncobj_wait(slow.fd, second, 0, 5000));
	EXPECT_EQ(-ENOENT, submit(slow.fd, bench_job(&slow, 0, 0), 0, 0));
}

/* The error of a job goes on to those that waited for it, and out with their fences. */
TEST_F(submit, errors_follow_fences)
{
	struct sync_file_info info = { .num_fences = 1 };
	struct sync_fence_info fence = { 0 };
	uint32_t done[2];
	struct bench slow;
	int i, file;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, SLOW_ROWS));
	done[0] = syncobj_create(slow.fd);
	done[1] = syncobj_create(slow.fd);
	self->b.memory[self->b.in_offset] = 5;
	ASSERT_EQ(0, submit(slow.fd, bench_job(&slow, 0, 7), 0, done[0]));
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), done[0], done[1]));
	ASSERT_EQ(0, cancel(slow.fd, slow.queue, 7, NULL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, syncobj_wait(slow.fd, done[i], 0, 5000));
		file = syncobj_export(slow.fd, done[i]);
		ASSERT_GE(file, 0);
		info.sync_fence_info = (uintptr_t)&fence;
		EXPECT_EQ(0, npu_ioctl(file, SYNC_IOC_FILE_INFO, &info));
		EXPECT_EQ(-ECANCELED, fence.status);
		close(file);
	}
	EXPECT_EQ(0, self->b.memory[0]);
}

/* A point of a timeline is a link of a chain; the error is that of the fence in it. */
TEST_F(submit, errors_follow_timelines)
{
	struct drm_npu_sync in = { .point = 1 }, done = { 0 };
	struct drm_npu_submit_job first = { .out_syncs = (uintptr_t)&in, .out_count = 1 };
	struct drm_npu_submit_job second = { .in_syncs = (uintptr_t)&in, .in_count = 1,
					     .out_syncs = (uintptr_t)&done, .out_count = 1 };
	struct drm_npu_submit args = { .jobs = (uintptr_t)&first, .job_count = 1 };
	struct bench slow;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, SLOW_ROWS));
	in.handle = syncobj_create(slow.fd);
	done.handle = syncobj_create(slow.fd);
	first.job = bench_job(&slow, 0, 7);
	second.job = bench_job(&self->b, 0, 0);
	self->b.memory[self->b.in_offset] = 5;
	ASSERT_EQ(0, npu_ioctl(slow.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	args.jobs = (uintptr_t)&second;
	ASSERT_EQ(0, npu_ioctl(slow.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	ASSERT_EQ(0, cancel(slow.fd, slow.queue, 7, NULL));
	ASSERT_EQ(0, syncobj_wait(slow.fd, done.handle, 0, 5000));
	EXPECT_EQ(0, self->b.memory[0]);
}

/* The backlog of fenced work is bounded. */
TEST_F(submit, backlog)
{
	struct bench slow;
	int i, ret = 0;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, SLOW_ROWS));
	for (i = 0; i < 1000 && !ret; i++)
		ret = submit(slow.fd, bench_job(&slow, 0, 1), 0, syncobj_create(slow.fd));
	EXPECT_EQ(-EBUSY, ret);
	EXPECT_EQ(0, submit(slow.fd, bench_job(&slow, 0, 1), 0, 0));
	EXPECT_EQ(0, cancel(slow.fd, slow.queue, 1, NULL));
}

/* An urgent job does not wait for a long one, on the only core. */
TEST_F(submit, preemption)
{
	uint32_t done = syncobj_create(self->b.fd), late;
	struct drm_npu_job job = bench_job(&self->b, 0, 0);
	struct bench slow[4];
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, bench_long_on(&slow[i], self->b.fd, 4000));
		late = syncobj_create(self->b.fd);
		ASSERT_EQ(0, submit(slow[i].fd, bench_job(&slow[i], 0, 1), 0, late));
	}
	usleep(20000);
	job.queue = queue_create(self->b.fd, DRM_NPU_PRIORITY_REALTIME);
	ASSERT_EQ(0, submit(self->b.fd, job, 0, done));
	EXPECT_EQ(0, syncobj_wait(self->b.fd, done, 0, 2000));
	EXPECT_NE(0, syncobj_wait(self->b.fd, late, 0, 0));
	for (i = 0; i < 4; i++)
		cancel(self->b.fd, slow[i].queue, 1, NULL);
}

TEST_HARNESS_MAIN
