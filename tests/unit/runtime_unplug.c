// SPDX-License-Identifier: MIT
/* The device goes away under a session: everything ends with -ENODEV, nothing hangs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "runtime_device.h"

#define JOBS 16

/* The driver's folder in sysfs, and the device's name in it. */
struct binding {
	char driver[PATH_MAX];
	char device[64];
};

static bool find_binding(const struct npu_device *device, struct binding *binding)
{
	struct npu_device_info info;
	char link[PATH_MAX], target[PATH_MAX];
	const char *node;

	npu_device_info(device, &info);
	node = strrchr(info.path, '/') + 1;
	snprintf(link, sizeof(link), "/sys/class/%s/%s/device",
		 strstr(info.path, "accel") ? "accel" : "drm", node);
	if (!realpath(link, target))
		return false;
	snprintf(binding->device, sizeof(binding->device), "%.63s", basename(target));
	strncat(link, "/driver", sizeof(link) - strlen(link) - 1);
	return realpath(link, binding->driver);
}

static bool write_binding(const struct binding *binding, const char *file)
{
	char path[PATH_MAX + 16];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", binding->driver, file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	ok = write(fd, binding->device, strlen(binding->device)) > 0;
	close(fd);
	return ok;
}

static void expect_gone(struct npu_session *session, struct npu_request *request)
{
	struct npu_error err = { 0 };
	int ret = npu_infer(request, &err);

	assert_int_equal(ret, -ENODEV);
	assert_non_null(strstr(err.message, "removed"));
	ret = npu_submit(session, &request, 1, &err);
	if (!ret) {
		assert_int_equal(npu_reap(session, &request, 1, 10000, &err), 1);
		ret = npu_request_result(request);
	}
	assert_int_equal(ret, -ENODEV);
}

static void test_unplug_in_flight(void **state)
{
	struct npu_request *requests[JOBS], *done[JOBS];
	struct binding binding;
	struct test_setup setup;
	struct pollfd event;
	struct npu_error err;
	int jobs, n = 0;

	(void)state;
	if (!test_on_driver())
		skip_because("nothing to unplug in process; vm/runtime_unplug runs it");
	jobs = test_long_jobs(JOBS);
	test_open(&setup, jobs, 0, TEST_LONG);
	if (!find_binding(setup.device, &binding)) {
		test_close(&setup);
		skip_because("the device cannot be unbound by this user");
	}
	for (int i = 0; i < jobs; i++)
		requests[i] = npu_session_request(setup.session, i);
	event = (struct pollfd){ .fd = npu_session_eventfd(setup.session), .events = POLLIN };
	assert_int_equal(npu_submit(setup.session, requests, jobs, &err), 0);
	assert_int_equal(npu_reap(setup.session, done, jobs, 10, &err), 0);
	assert_true(write_binding(&binding, "unbind"));
	assert_int_equal(poll(&event, 1, 10000), 1);
	while (n < jobs) {
		int got = npu_reap(setup.session, done, jobs, 10000, &err);

		assert_true(got > 0);
		for (int i = 0; i < got; i++)
			assert_int_equal(npu_request_result(done[i]), -ENODEV);
		n += got;
	}
	expect_gone(setup.session, requests[0]);
	assert_int_equal(npu_cancel(requests[0]), -ENOENT);
	/* The memory stays, for as long as the session does. */
	test_fill(&setup, requests[0], 3);
	test_close(&setup);

	/* It comes back, and so can we. */
	assert_true(write_binding(&binding, "bind"));
	test_open(&setup, 1, 0, 0);
	requests[0] = npu_session_request(setup.session, 0);
	test_fill(&setup, requests[0], 1);
	assert_int_equal(npu_infer(requests[0], &err), 0);
	test_expect(&setup, npu_request_output(requests[0], 0), 1);
	test_close(&setup);
}

/* Closed without reaping, and requests in the application's ring. */
static void test_unplug_and_close(void **state)
{
	struct npu_request *request;
	struct binding binding;
	struct test_setup setup;
	struct io_uring ring;
	struct npu_error err;
	unsigned int jobs;
	bool in_ring;

	(void)state;
	if (!test_on_driver())
		skip_because("nothing to unplug in process; vm/runtime_unplug runs it");
	jobs = test_long_jobs(JOBS);
	test_open(&setup, jobs, 0, TEST_LONG);
	if (!find_binding(setup.device, &binding)) {
		test_close(&setup);
		skip_because("the device cannot be unbound by this user");
	}
	in_ring = !io_uring_queue_init(JOBS, &ring, 0);
	for (unsigned int i = 0; i < jobs; i++) {
		request = npu_session_request(setup.session, i);
		if (in_ring && i % 2)
			assert_non_null(npu_prep_infer(&ring, request, i));
		else
			assert_int_equal(npu_submit(setup.session, &request, 1, &err), 0);
	}
	if (in_ring)
		io_uring_submit(&ring);
	usleep(10000);
	assert_true(write_binding(&binding, "unbind"));
	for (unsigned int i = 0; in_ring && i < jobs / 2; i++) {
		struct __kernel_timespec limit = { .tv_sec = 10 };
		struct io_uring_cqe *cqe;

		assert_int_equal(io_uring_wait_cqe_timeout(&ring, &cqe, &limit), 0);
		request = npu_session_request(setup.session, cqe->user_data);
		assert_int_equal(npu_infer_result(request, cqe), -ENODEV);
		io_uring_cqe_seen(&ring, cqe);
	}
	test_close(&setup);
	if (in_ring)
		io_uring_queue_exit(&ring);
	assert_true(write_binding(&binding, "bind"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unplug_in_flight),
		cmocka_unit_test(test_unplug_and_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
