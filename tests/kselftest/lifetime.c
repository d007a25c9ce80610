// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to die with long jobs in flight: every command completes, every fence signals, all counters
 * come back, the module unloads.
 */
#define _GNU_SOURCE
#include <liburing.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "npu_test.h"
#include "kselftest_harness.h"

#define JOBS 8
#define ROWS 200000u

static int ring_with_jobs(struct io_uring *ring, struct bench *b)
{
	int i, ret;

	ret = bench_long(b, ROWS);
	if (!ret)
		ret = io_uring_queue_init(JOBS * 2, ring, 0);
	if (ret)
		return ret;
	for (i = 0; i < JOBS; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
		struct drm_npu_job job = bench_job(b, 0, i);

		*sqe = (struct io_uring_sqe){ 0 };
		sqe->opcode = IORING_OP_URING_CMD;
		sqe->fd = b->fd;
		sqe->cmd_op = NPU_URING_CMD_SUBMIT;
		memcpy(sqe->cmd, &job, sizeof(job));
		sqe->user_data = i;
	}
	return io_uring_submit(ring) == JOBS ? 0 : -EIO;
}

/* A child with jobs in flight does @what; the parent sees it end soon. */
static bool child_dies(void (*what)(struct io_uring *ring, struct bench *b), bool kill_it)
{
	int ready[2], status, i;
	pid_t pid;
	char byte;

	if (pipe(ready))
		return false;
	pid = fork();
	if (!pid) {
		struct io_uring ring;
		struct bench b;

		if (ring_with_jobs(&ring, &b))
			_exit(1);
		usleep(30000);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		if (kill_it)
			pause();
		what(&ring, &b);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return false;
	close(ready[0]);
	if (kill_it)
		kill(pid, SIGKILL);
	for (i = 0; i < 500; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return kill_it ? WIFSIGNALED(status) : status == 0;
		usleep(10000);
	}
	return false;
}

static void do_nothing(struct io_uring *ring, struct bench *b)
{
}

static void do_exec(struct io_uring *ring, struct bench *b)
{
	execl("/bin/true", "true", NULL);
	_exit(1);
}

static void do_close_ring(struct io_uring *ring, struct bench *b)
{
	io_uring_queue_exit(ring);
	usleep(100000);
}

static void do_close_file(struct io_uring *ring, struct bench *b)
{
	close(b->fd);
}

FIXTURE(lifetime)
{
	int before;
};

FIXTURE_SETUP(lifetime)
{
	self->before = objects_alive();
	ASSERT_EQ(0, self->before);
}

FIXTURE_TEARDOWN(lifetime)
{
	EXPECT_TRUE(all_gone(self->before));
}

TEST_F(lifetime, kill)
{
	EXPECT_TRUE(child_dies(do_nothing, true));
}

TEST_F(lifetime, exit)
{
	EXPECT_TRUE(child_dies(do_nothing, false));
}

TEST_F(lifetime, exec)
{
	EXPECT_TRUE(child_dies(do_exec, false));
}

TEST_F(lifetime, close_ring)
{
	EXPECT_TRUE(child_dies(do_close_ring, false));
}

TEST_F(lifetime, close_file)
{
	EXPECT_TRUE(child_dies(do_close_file, false));
}

TEST_F(lifetime, close_file_with_fences)
{
	struct bench b;
	int i;

	ASSERT_EQ(0, bench_long(&b, ROWS));
	for (i = 0; i < 4; i++)
		submit(b.fd, bench_job(&b, 0, i), 0, syncobj_create(b.fd));
	usleep(20000);
	bench_free(&b);
}

/* Destroying the queue completes the commands, with an error. */
TEST_F(lifetime, destroy_queue)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct bench b;
	int i;

	ASSERT_EQ(0, ring_with_jobs(&ring, &b));
	usleep(20000);
	ASSERT_EQ(0, destroy(b.fd, DRM_IOCTL_NPU_QUEUE_DESTROY, b.queue));
	for (i = 0; i < JOBS; i++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
		EXPECT_EQ(-ECANCELED, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
	bench_free(&b);
}

static int modules(const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "%s >/dev/null 2>&1", what);
	return system(command);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

#define DRIVER "/sys/bus/platform/drivers/npu/"

TEST_F(lifetime, unbind)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct drm_npu_query query = { 0 };
	struct bench b;
	uint32_t done;
	int i;

	ASSERT_EQ(0, ring_with_jobs(&ring, &b));
	done = syncobj_create(b.fd);
	ASSERT_EQ(-EBUSY, submit(b.fd, bench_job(&b, 0, 0), 0, done));
	usleep(20000);
	ASSERT_EQ(0, write_file(DRIVER "unbind", "npu"));
	for (i = 0; i < JOBS; i++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
		EXPECT_EQ(-ENODEV, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	EXPECT_EQ(-ENODEV, npu_ioctl(b.fd, DRM_IOCTL_NPU_QUERY, &query));
	EXPECT_GT(0, npu_open());
	/* old mappings keep working */
	b.memory[0] = 1;
	io_uring_queue_exit(&ring);
	bench_free(&b);
	ASSERT_EQ(0, write_file(DRIVER "bind", "npu"));
	ASSERT_EQ(0, bench_nop(&b));
	bench_free(&b);
}

/* Whoever waits for a fence of a device that goes away learns of it. */
TEST_F(lifetime, unbind_signals_fences)
{
	struct sync_file_info info = { .num_fences = 1 };
	struct sync_fence_info fence = { 0 };
	struct pollfd waiting[2] = { { .events = POLLIN }, { .events = POLLIN } };
	struct bench b;
	uint32_t done;
	int i;

	ASSERT_EQ(0, bench_long(&b, ROWS));
	for (i = 0; i < 2; i++) {
		done = syncobj_create(b.fd);
		ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, i), 0, done));
		waiting[i].fd = syncobj_export(b.fd, done);
		ASSERT_GE(waiting[i].fd, 0);
		if (!i)
			b.queue = queue_create(b.fd, DRM_NPU_PRIORITY_NORMAL);
	}
	EXPECT_EQ(0, poll(waiting, 2, 20));
	ASSERT_EQ(0, write_file(DRIVER "unbind", "npu"));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(1, poll(&waiting[i], 1, 5000));
		info.sync_fence_info = (uintptr_t)&fence;
		EXPECT_EQ(0, npu_ioctl(waiting[i].fd, SYNC_IOC_FILE_INFO, &info));
		EXPECT_EQ(-ENODEV, fence.status);
		close(waiting[i].fd);
	}
	bench_free(&b);
	ASSERT_EQ(0, write_file(DRIVER "bind", "npu"));
}

/* A fence may outlive job, queue, file and device; it never outlives the module. */
TEST_F(lifetime, fence_outlives_everything)
{
	struct sync_file_info info = { 0 };
	struct sync_fence_info fence = { 0 };
	uint32_t done;
	struct bench b;
	int sync_file;

	ASSERT_EQ(0, bench_nop(&b));
	done = syncobj_create(b.fd);
	ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, 0), 0, done));
	ASSERT_EQ(0, syncobj_wait(b.fd, done, 0, 5000));
	sync_file = syncobj_export(b.fd, done);
	ASSERT_GE(sync_file, 0);
	bench_free(&b);
	ASSERT_EQ(0, write_file(DRIVER "unbind", "npu"));

	EXPECT_NE(0, modules("rmmod npu"));
	info.num_fences = 1;
	info.sync_fence_info = (uintptr_t)&fence;
	EXPECT_EQ(0, npu_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info));
	EXPECT_EQ(1, fence.status);
	EXPECT_STREQ("npu", fence.driver_name);
	close(sync_file);
	ASSERT_EQ(0, write_file(DRIVER "bind", "npu"));
}

TEST_F(lifetime, unload)
{
	int i;

	for (i = 0; i < 100 && modules("rmmod npu"); i++)
		usleep(20000);
	EXPECT_LT(i, 100);
	EXPECT_EQ(0, modules("insmod $NPU_MODULE"));
	close(npu_open());
}

/* While a file is open the module stays. */
TEST_F(lifetime, open_file_pins_the_module)
{
	int fd = npu_open();

	ASSERT_GE(fd, 0);
	EXPECT_NE(0, modules("rmmod npu"));
	close(fd);
}

TEST_HARNESS_MAIN
