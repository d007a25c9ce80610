// SPDX-License-Identifier: MIT
/*
 * The device goes away under a session: everything ends with -ENODEV, nothing hangs; or, with
 * failover, everything is finished in process, and nothing is lost or wrong.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "npu_counter.h"
#include "runtime_device.h"

#define JOBS 16
#define MANY 64

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

/**
 * struct loss - a session with failover, of which the device is about to go
 */
struct loss {
	struct test_setup setup;
	struct binding binding;
	struct npu_request *requests[MANY];
	unsigned int count;
};

/* Jobs of about a millisecond, so that many are in flight, and one is halfway, at the loss. */
static void open_loss(struct loss *loss, unsigned int count)
{
	static const unsigned int width[] = { 512, 512, 10 };
	struct npu_session_options options = { .requests = count, .failover = true };
	struct test_setup *setup = &loss->setup;
	struct npu_error err;

	if (!test_on_driver())
		skip_because("nothing to unplug in process; vm/runtime_unplug runs it");
	loss->count = count;
	npu_mlp_init(&setup->mlp, 2, width, 100);
	setup->image = npu_mlp_image(&setup->mlp, 0);
	setup->device = test_device(NULL);
	if (npu_program_load_memory(&setup->program, setup->image.data, setup->image.bytes, &err) ||
	    npu_session_open(&setup->session, setup->device, setup->program, &options, &err))
		fail_msg("%s", err.message);
	if (!find_binding(setup->device, &loss->binding)) {
		test_close(setup);
		skip_because("the device cannot be unbound by this user");
	}
	for (unsigned int i = 0; i < count; i++) {
		loss->requests[i] = npu_session_request(setup->session, i);
		npu_request_set_user(loss->requests[i], (void *)(uintptr_t)i);
		test_fill(setup, loss->requests[i], i);
	}
}

static void close_loss(struct loss *loss)
{
	test_close(&loss->setup);
	assert_true(write_binding(&loss->binding, "bind"));
}

/* Right, and honest about where it ran; returns whether that was in process. */
static bool check_request(const struct loss *loss, struct npu_request *request)
{
	bool in_process = npu_request_backend(request) == NPU_BACKEND_EMBEDDED;

	assert_int_equal(npu_request_result(request), 0);
	test_expect(&loss->setup, npu_request_output(request, 0),
		    (uintptr_t)npu_request_user(request));
	assert_int_equal(!strstr(npu_request_reason(request), "removed"), !in_process);
	assert_int_equal(!npu_request_reason(request)[0], !in_process);
	memset((void *)(uintptr_t)npu_request_output(request, 0), 0x55, 10);
	return in_process;
}

static unsigned int reap_loss(const struct loss *loss, unsigned int count)
{
	struct npu_request *done[MANY];
	unsigned int in_process = 0;
	struct npu_error err;

	while (count) {
		int n = npu_reap(loss->setup.session, done, count, 20000, &err);

		assert_true(n > 0);
		for (int i = 0; i < n; i++)
			in_process += check_request(loss, done[i]);
		count -= n;
	}
	return in_process;
}

static void test_failover(void **state)
{
	struct npu_session *session;
	unsigned int in_process;
	struct npu_error err;
	struct loss loss;

	(void)state;
	open_loss(&loss, MANY);
	session = loss.setup.session;
	assert_int_equal(npu_infer(loss.requests[0], &err), 0);
	assert_false(check_request(&loss, loss.requests[0]));

	assert_int_equal(npu_submit(session, loss.requests, MANY, &err), 0);
	in_process = reap_loss(&loss, 4);
	assert_true(write_binding(&loss.binding, "unbind"));
	in_process += reap_loss(&loss, MANY - 4);
	print_message("# %u of %d jobs were finished in process\n", in_process, MANY);
	assert_true(in_process > 0);

	/* It goes on: blocking, many, and with an event. */
	assert_int_equal(npu_infer(loss.requests[5], &err), 0);
	assert_true(check_request(&loss, loss.requests[5]));
	assert_int_equal(npu_submit(session, loss.requests, MANY, &err), 0);
	assert_int_equal(reap_loss(&loss, MANY), MANY);
	close_loss(&loss);
}

/* Again and again, at other moments: while jobs are submitted, run, and are reaped. */
static void test_failover_moments(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 12; round++) {
		struct npu_error err;
		struct loss loss;
		pid_t child;

		open_loss(&loss, MANY);
		child = fork();
		if (!child) {
			usleep(round * 1500);
			_exit(!write_binding(&loss.binding, "unbind"));
		}
		for (unsigned int i = 0; i < 8; i++)
			assert_int_equal(
				npu_submit(loss.setup.session, loss.requests + i * 8, 8, &err), 0);
		reap_loss(&loss, MANY);
		for (unsigned int i = 0; i < 8; i++) {
			assert_int_equal(npu_infer(loss.requests[i], &err), 0);
			check_request(&loss, loss.requests[i]);
		}
		assert_int_equal(waitpid(child, NULL, 0), child);
		close_loss(&loss);
	}
}

/* In the application's ring: the CQE says -ENODEV, and npu_infer_result() makes it good. */
static void test_failover_in_ring(void **state)
{
	struct __kernel_timespec limit = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	unsigned int in_process = 0;
	struct io_uring ring;
	struct loss loss;

	(void)state;
	open_loss(&loss, 16);
	if (io_uring_queue_init(16, &ring, 0)) {
		close_loss(&loss);
		skip_because("there is no io_uring");
	}
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 16; i++)
			assert_non_null(npu_prep_infer(&ring, loss.requests[i], i));
		assert_int_equal(io_uring_submit(&ring), 16);
		for (unsigned int i = 0; i < 16; i++) {
			struct npu_request *request;

			if (i == 2 && !round)
				assert_true(write_binding(&loss.binding, "unbind"));
			assert_int_equal(io_uring_wait_cqe_timeout(&ring, &cqe, &limit), 0);
			request = loss.requests[cqe->user_data];
			assert_int_equal(npu_infer_result(request, cqe), 0);
			in_process += check_request(&loss, request);
			io_uring_cqe_seen(&ring, cqe);
		}
	}
	assert_true(in_process >= 16);
	io_uring_queue_exit(&ring);
	close_loss(&loss);
}

/* Hot swap and loss at once: each request still ends with its own program. */
static void test_failover_and_swap(void **state)
{
	struct npu_program *other;
	struct npu_error err;
	struct loss loss;

	(void)state;
	open_loss(&loss, MANY);
	if (npu_program_load_memory(&other, loss.setup.image.data, loss.setup.image.bytes, &err))
		fail_msg("%s", err.message);
	assert_int_equal(npu_submit(loss.setup.session, loss.requests, MANY / 2, &err), 0);
	assert_int_equal(npu_session_swap(loss.setup.session, other, &err), 0);
	assert_int_equal(npu_submit(loss.setup.session, loss.requests + MANY / 2, MANY / 2, &err),
			 0);
	assert_true(write_binding(&loss.binding, "unbind"));
	assert_true(reap_loss(&loss, MANY) > 0);
	assert_ptr_equal(npu_request_program(loss.requests[MANY - 1]), other);
	/* There is nothing to put a program in any more. */
	assert_int_equal(npu_session_swap(loss.setup.session, loss.setup.program, &err), -ENODEV);
	npu_session_close(loss.setup.session);
	loss.setup.session = NULL;
	npu_program_free(other);
	close_loss(&loss);
}

/* A stream goes on where it was. */
static void test_failover_of_state(void **state)
{
	struct npu_session_options options = { .requests = 1, .failover = true };
	struct npu_image image = npu_counter_image(64);
	struct npu_session *session;
	struct npu_request *request;
	struct npu_program *program;
	struct binding binding;
	struct npu_device *device;
	int8_t want[64] = { 0 };
	struct npu_error err;

	(void)state;
	if (!test_on_driver())
		skip_because("nothing to unplug in process; vm/runtime_unplug runs it");
	device = test_device(NULL);
	assert_true(find_binding(device, &binding));
	assert_int_equal(npu_program_load_memory(&program, image.data, image.bytes, &err), 0);
	if (npu_session_open(&session, device, program, &options, &err))
		fail_msg("%s", err.message);
	request = npu_session_request(session, 0);
	for (unsigned int i = 0; i < 2000; i++) {
		int8_t *input = npu_request_input(request, 0);

		memset(input, (int)i * 7, 64);
		npu_counter_step(want, input, 64);
		if (i == 1000 && !fork())
			_exit(!write_binding(&binding, "unbind"));
		assert_int_equal(npu_infer(request, &err), 0);
		assert_memory_equal(npu_request_output(request, 0), want, 64);
	}
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(npu_infer(request, &err), 0);
	assert_int_equal(npu_request_backend(request), NPU_BACKEND_EMBEDDED);
	npu_session_close(session);
	npu_program_free(program);
	npu_device_close(device);
	free(image.data);
	assert_true(write_binding(&binding, "bind"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unplug_in_flight),  cmocka_unit_test(test_unplug_and_close),
		cmocka_unit_test(test_failover),	  cmocka_unit_test(test_failover_moments),
		cmocka_unit_test(test_failover_in_ring),  cmocka_unit_test(test_failover_and_swap),
		cmocka_unit_test(test_failover_of_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
