// SPDX-License-Identifier: MIT
/* Threads that share a job: the same bits as one, whoever helps and however many are in flight. */
#include <errno.h>
#include <time.h>

#include "npu_stack.h"
#include "runtime_device.h"

#define MOST 8

/**
 * struct crew_test - a program, and what it computes on one thread
 * @want: the output of input @seed, which is of request @seed % MOST
 */
struct crew_test {
	struct npu_stack stack;
	size_t bytes;
	struct npu_image image;
	struct npu_device *device;
	struct npu_program *program;
	int8_t *want[MOST];
};

static void fill(const struct crew_test *test, struct npu_request *request, unsigned int seed)
{
	int8_t *input = npu_request_input(request, 0);
	uint64_t state = seed + 1;

	for (size_t i = 0; i < test->bytes; i++)
		input[i] = (int8_t)npu_mlp_random(&state);
}

static struct npu_session *open_session(const struct crew_test *test, unsigned int requests,
					unsigned int threads)
{
	struct npu_session_options options = { .requests = requests, .threads = threads };
	struct npu_session *session;
	struct npu_error err;

	if (npu_session_open(&session, test->device, test->program, &options, &err))
		fail_msg("%s", err.message);
	return session;
}

static void setup(struct crew_test *test, uint32_t rows, uint32_t width, uint32_t layers)
{
	struct npu_session *session;
	struct npu_error err;

	test->stack = (struct npu_stack){ rows, width, layers, 7, 0, 0 };
	test->bytes = (size_t)rows * width;
	test->image = npu_stack_image(&test->stack);
	test->device = test_device(NULL);
	if (npu_program_load_memory(&test->program, test->image.data, test->image.bytes, &err))
		fail_msg("%s", err.message);
	session = open_session(test, 1, 0);
	for (unsigned int seed = 0; seed < MOST; seed++) {
		struct npu_request *request = npu_session_request(session, 0);

		fill(test, request, seed);
		assert_int_equal(npu_infer(request, &err), 0);
		test->want[seed] = malloc(test->bytes);
		memcpy(test->want[seed], npu_request_output(request, 0), test->bytes);
	}
	npu_session_close(session);
}

static void teardown(struct crew_test *test)
{
	for (unsigned int seed = 0; seed < MOST; seed++)
		free(test->want[seed]);
	npu_program_free(test->program);
	npu_device_close(test->device);
	free(test->image.data);
}

static void expect(const struct crew_test *test, const struct npu_request *request,
		   unsigned int seed)
{
	assert_int_equal(npu_request_result(request), 0);
	assert_memory_equal(npu_request_output(request, 0), test->want[seed], test->bytes);
	/* What the next run does not write must not look right. */
	memset((void *)(uintptr_t)npu_request_output(request, 0), 0x55, test->bytes);
}

/* One at a time: the calling thread leads, or a worker. */
static void one_at_a_time(const struct crew_test *test, unsigned int threads, unsigned int rounds)
{
	struct npu_session *session = open_session(test, 1, threads);
	struct npu_request *request = npu_session_request(session, 0), *done;
	struct npu_error err;

	for (unsigned int i = 0; i < rounds; i++) {
		fill(test, request, i % MOST);
		if (i / 8 % 2) {
			assert_int_equal(npu_submit(session, &request, 1, &err), 0);
			assert_int_equal(npu_reap(session, &done, 1, -1, &err), 1);
		} else {
			assert_int_equal(npu_infer(request, &err), 0);
		}
		expect(test, request, i % MOST);
	}
	npu_session_close(session);
}

/* Between one and all of them in flight: helpers come and go. */
static void some_in_flight(const struct crew_test *test, unsigned int threads, unsigned int rounds)
{
	struct npu_session *session = open_session(test, MOST, threads);
	struct npu_request *requests[MOST], *done[MOST];
	struct npu_error err;

	for (unsigned int i = 0; i < MOST; i++) {
		requests[i] = npu_session_request(session, i);
		npu_request_set_user(requests[i], (void *)(uintptr_t)i);
	}
	for (unsigned int round = 0; round < rounds; round++) {
		unsigned int count = round % MOST + 1, reaped = 0;

		for (unsigned int i = 0; i < count; i++)
			fill(test, requests[i], i);
		assert_int_equal(npu_submit(session, requests, count, &err), 0);
		if (count < MOST) {
			fill(test, requests[count], count);
			assert_int_equal(npu_infer(requests[count], &err), 0);
			expect(test, requests[count], count);
		}
		while (reaped < count) {
			int n = npu_reap(session, done, MOST, -1, &err);

			assert_true(n > 0);
			for (int i = 0; i < n; i++)
				expect(test, done[i], (uintptr_t)npu_request_user(done[i]));
			reaped += n;
		}
	}
	npu_session_close(session);
}

static void every_way(uint32_t rows, uint32_t width, uint32_t layers, unsigned int rounds)
{
	struct crew_test test;

	setup(&test, rows, width, layers);
	for (unsigned int threads = 2; threads <= 4; threads++) {
		one_at_a_time(&test, threads, rounds);
		some_in_flight(&test, threads, rounds);
	}
	teardown(&test);
}

/* Whole strips, parts of them, one row of many blocks, units that are not worth sharing. */
static void test_same_bits(void **state)
{
	(void)state;
	every_way(256, 64, 6, 60);
	every_way(77, 100, 5, 60);
	every_way(1, 700, 4, 60);
	every_way(3, 17, 9, 60);
}

/* Of a shared job, too, little is done after it is cancelled. */
static void test_cancel(void **state)
{
	struct npu_request *request, *done;
	struct npu_session *session;
	struct crew_test test;
	struct npu_error err;

	(void)state;
	setup(&test, 512, 128, 120);
	session = open_session(&test, 1, 2);
	request = npu_session_request(session, 0);
	for (unsigned int i = 0; i < 20; i++) {
		struct timespec pause = { .tv_nsec = 300000 };
		int ret;

		fill(&test, request, i % MOST);
		assert_int_equal(npu_submit(session, &request, 1, &err), 0);
		nanosleep(&pause, NULL);
		ret = npu_cancel(request);
		assert_true(ret == 0 || ret == -ENOENT);
		assert_int_equal(npu_reap(session, &done, 1, -1, &err), 1);
		ret = npu_request_result(request);
		assert_true(ret == 0 || ret == -ECANCELED);
		if (!ret)
			expect(&test, request, i % MOST);
		fill(&test, request, i % MOST);
		assert_int_equal(npu_infer(request, &err), 0);
		expect(&test, request, i % MOST);
	}
	npu_session_close(session);
	teardown(&test);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bits),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
