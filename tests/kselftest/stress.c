// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: threads that submit by both ways, cancel, destroy and create what others use,
 * and processes that die in the middle. Nothing is lost, nothing is left.
 */
#define _GNU_SOURCE
#include <liburing.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "npu_test.h"
#include "kselftest_harness.h"

#define THREADS 4
#define RING 32
#define SECONDS 3

/**
 * struct worker - one thread with a ring, on a file that all threads of a process share
 * @fd: the file
 * @launch: a short job and a long one
 * @queue: its own, but anybody may guess the handle
 * @random: state
 * @submitted: commands that the ring took
 * @completed: commands that came back
 */
struct worker {
	pthread_t thread;
	int fd;
	uint32_t launch[2], queue;
	uint64_t random;
	unsigned int submitted, completed;
	const char *failure;
};

static uint32_t pick(struct worker *w, uint32_t below)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (w->random >> 33) % below;
}

static bool reap(struct worker *w, struct io_uring *ring, bool wait)
{
	struct __kernel_timespec timeout = { .tv_sec = wait ? 20 : 0 };
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe_timeout(ring, &cqe, &timeout))
		return false;
	/* 0, or what a cancelled, refused or orphaned job gets; CANCEL: how many */
	if (cqe->res < 0 && cqe->res != -ECANCELED && cqe->res != -ENOENT && cqe->res != -EBUSY)
		w->failure = strerror(-cqe->res);
	io_uring_cqe_seen(ring, cqe);
	w->completed++;
	return true;
}

static void command(struct worker *w, struct io_uring *ring)
{
	struct drm_npu_job job = { w->queue + pick(w, 2), w->launch[pick(w, 8) == 0], 0,
				   pick(w, 4) };
	struct drm_npu_cancel cancel = { .queue = job.queue, .cookie = job.cookie };
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	bool submits = pick(w, 4);

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, w->fd, NULL, 0, 0);
	sqe->cmd_op = submits ? NPU_URING_CMD_SUBMIT : NPU_URING_CMD_CANCEL;
	if (submits)
		memcpy(sqe->cmd, &job, sizeof(job));
	else
		memcpy(sqe->cmd, &cancel, sizeof(cancel));
	if (io_uring_submit(ring) == 1)
		w->submitted++;
}

static void call(struct worker *w)
{
	struct drm_npu_job job = { w->queue, w->launch[0], 0, pick(w, 4) };
	uint32_t done;

	switch (pick(w, 4)) {
	case 0:
		done = syncobj_create(w->fd);
		submit(w->fd, job, 0, done);
		break;
	case 1:
		cancel(w->fd, w->queue, job.cookie, NULL);
		break;
	case 2:
		if (pick(w, 8))
			break;
		destroy(w->fd, DRM_IOCTL_NPU_QUEUE_DESTROY, w->queue);
		w->queue = queue_create(w->fd, pick(w, 4));
		break;
	default:
		submit(w->fd, job, 0, 0);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	time_t end = time(NULL) + SECONDS;
	struct io_uring ring;

	if (io_uring_queue_init(RING, &ring, 0)) {
		w->failure = "no ring";
		return NULL;
	}
	while (time(NULL) < end && !w->failure) {
		if (w->submitted - w->completed < RING)
			command(w, &ring);
		call(w);
		while (w->submitted != w->completed && reap(w, &ring, false))
			;
	}
	destroy(w->fd, DRM_IOCTL_NPU_QUEUE_DESTROY, w->queue);
	while (!w->failure && w->submitted != w->completed)
		if (!reap(w, &ring, true))
			w->failure = "a command was lost";
	io_uring_queue_exit(&ring);
	return NULL;
}

/* All threads on one file; NULL, or what went wrong. */
static const char *run_threads(uint64_t seed)
{
	struct worker workers[THREADS] = { 0 };
	const char *failure = NULL;
	struct bench nop, slow;
	int i;

	if (bench_nop(&nop) || bench_long_on(&slow, nop.fd, 200))
		return "no device";
	for (i = 0; i < THREADS; i++) {
		workers[i].fd = nop.fd;
		workers[i].launch[0] = nop.launch;
		workers[i].launch[1] = slow.launch;
		workers[i].queue = queue_create(nop.fd, DRM_NPU_PRIORITY_NORMAL);
		workers[i].random = seed * THREADS + i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return "no thread";
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		if (!workers[i].submitted)
			failure = "nothing was submitted";
		if (workers[i].failure)
			failure = workers[i].failure;
	}
	bench_free(&nop);
	return failure;
}

TEST(threads)
{
	const char *failure = run_threads(1);

	EXPECT_EQ(NULL, failure)
	{
		TH_LOG("%s", failure);
	}
	EXPECT_TRUE(all_gone(0));
}

/* Ten processes do the same and are killed, each at another moment. */
TEST(processes_killed)
{
	pid_t pid;
	int i;

	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			run_threads(100 + i);
			_exit(0);
		}
		usleep(30000 + 17000 * i);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	EXPECT_TRUE(all_gone(0));
}

TEST_HARNESS_MAIN
