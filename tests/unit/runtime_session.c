// SPDX-License-Identifier: MIT
/* Sessions: results, many in flight, timeouts, the eventfd, cancelling, closing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "npu_engine.h"
#include "runtime_device.h"

#define MANY 64

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void infer_many(unsigned int requests, unsigned int threads)
{
	struct test_setup setup;
	struct npu_error err;

	test_open(&setup, requests, threads, 0);
	for (unsigned int i = 0; i < requests; i++) {
		struct npu_request *request = npu_session_request(setup.session, i);

		assert_int_equal((uintptr_t)npu_request_input(request, 0) % 64, 0);
		assert_int_equal((uintptr_t)npu_request_output(request, 0) % 64, 0);
		test_fill(&setup, request, i);
		if (npu_infer(request, &err))
			fail_msg("%s", err.message);
		test_expect(&setup, npu_request_output(request, 0), i);
		assert_int_equal(npu_request_result(request), 0);
	}
	assert_null(npu_session_request(setup.session, requests));
	test_close(&setup);
}

static void test_infer(void **state)
{
	(void)state;
	infer_many(1, 0);
	infer_many(3, 0);
	infer_many(3, 1);
	infer_many(5, 3);
}

static void submit_many(unsigned int threads, unsigned int rounds)
{
	struct npu_request *requests[MANY], *done[MANY];
	struct test_setup setup;
	struct npu_error err;

	test_open(&setup, MANY, threads, 0);
	for (unsigned int round = 0; round < rounds; round++) {
		unsigned int reaped = 0;

		for (unsigned int i = 0; i < MANY; i++) {
			requests[i] = npu_session_request(setup.session, i);
			npu_request_set_user(requests[i], (void *)(uintptr_t)(i + 1));
			test_fill(&setup, requests[i], i + round);
		}
		if (npu_submit(setup.session, requests, MANY, &err))
			fail_msg("%s", err.message);
		while (reaped < MANY) {
			int n = npu_reap(setup.session, done, 7, -1, &err);

			assert_in_range(n, 1, 7);
			for (int k = 0; k < n; k++) {
				unsigned int i = (uintptr_t)npu_request_user(done[k]) - 1;

				assert_ptr_equal(done[k], requests[i]);
				assert_int_equal(npu_request_result(done[k]), 0);
				test_expect(&setup, npu_request_output(done[k], 0), i + round);
			}
			reaped += n;
		}
		assert_int_equal(npu_reap(setup.session, done, MANY, -1, &err), 0);
	}
	test_close(&setup);
}

static void test_many_in_flight(void **state)
{
	(void)state;
	submit_many(0, 2);
	submit_many(1, 20);
	submit_many(4, 20);
}

/* One worker takes jobs in the order in which they were submitted. */
static void test_order(void **state)
{
	struct npu_request *requests[MANY], *done[MANY];
	struct test_setup setup;
	struct npu_error err;

	(void)state;
	if (test_on_driver())
		skip_because("of the embedded backend: the order of one worker");
	test_open(&setup, MANY, 1, 0);
	for (unsigned int i = 0; i < MANY; i++)
		requests[i] = npu_session_request(setup.session, (i * 37) % MANY);
	assert_int_equal(npu_submit(setup.session, requests, MANY, &err), 0);
	for (unsigned int i = 0; i < MANY; i++) {
		assert_int_equal(npu_reap(setup.session, done, 1, -1, &err), 1);
		assert_ptr_equal(done[0], requests[i]);
	}
	test_close(&setup);
}

static void test_busy(void **state)
{
	struct npu_request *requests[3], *done[3];
	struct test_setup setup, other;
	struct npu_error err;

	(void)state;
	test_open(&setup, 2, 1, 0);
	test_open(&other, 1, 1, 0);
	requests[0] = npu_session_request(setup.session, 0);
	requests[1] = npu_session_request(setup.session, 1);
	requests[2] = requests[0];
	assert_int_equal(npu_submit(setup.session, requests, 3, &err), -EBUSY);
	assert_non_null(strstr(err.message, "requests[2]"));
	requests[2] = npu_session_request(other.session, 0);
	assert_int_equal(npu_submit(setup.session, requests, 3, &err), -EINVAL);
	assert_non_null(strstr(err.message, "another session"));
	/* Nothing was started. */
	assert_int_equal(npu_reap(setup.session, done, 3, -1, &err), 0);
	assert_int_equal(npu_submit(setup.session, requests, 2, &err), 0);
	/* In flight until it is reaped, finished or not. */
	assert_int_equal(npu_infer(requests[0], &err), -EBUSY);
	assert_int_equal(npu_submit(setup.session, requests, 1, &err), -EBUSY);
	for (int n = 0; n < 2;)
		n += npu_reap(setup.session, done, 3, -1, &err);
	assert_int_equal(npu_infer(requests[0], &err), 0);
	assert_int_equal(npu_submit(setup.session, requests, 0, &err), 0);
	test_close(&setup);
	test_close(&other);
}

/* npu_infer() waits for its own request and leaves the others to be reaped. */
static void test_infer_among_others(void **state)
{
	struct npu_request *requests[4], *done[4];
	struct test_setup setup;
	struct npu_error err;
	int n = 0;

	(void)state;
	test_open(&setup, 4, 2, 0);
	for (unsigned int i = 0; i < 4; i++) {
		requests[i] = npu_session_request(setup.session, i);
		test_fill(&setup, requests[i], i);
	}
	assert_int_equal(npu_submit(setup.session, requests, 3, &err), 0);
	assert_int_equal(npu_infer(requests[3], &err), 0);
	test_expect(&setup, npu_request_output(requests[3], 0), 3);
	while (n < 3) {
		int got = npu_reap(setup.session, done + n, 4 - n, -1, &err);

		assert_true(got > 0);
		n += got;
	}
	for (int i = 0; i < 3; i++)
		assert_ptr_not_equal(done[i], requests[3]);
	test_close(&setup);
}

static void test_timeout(void **state)
{
	struct npu_request *request, *done[1];
	struct test_setup setup;
	struct npu_error err;
	double start;

	(void)state;
	test_open(&setup, 1, 1, TEST_LONG);
	request = npu_session_request(setup.session, 0);
	start = seconds();
	assert_int_equal(npu_reap(setup.session, done, 1, -1, &err), 0);
	assert_int_equal(npu_submit(setup.session, &request, 1, &err), 0);
	assert_int_equal(npu_reap(setup.session, done, 1, 0, &err), 0);
	assert_int_equal(npu_reap(setup.session, done, 1, 20, &err), 0);
	assert_true(seconds() - start >= 0.019);
	assert_int_equal(npu_cancel(request), 0);
	assert_int_equal(npu_reap(setup.session, done, 1, -1, &err), 1);
	assert_int_equal(npu_request_result(request), -ECANCELED);
	test_close(&setup);
}

static void test_eventfd(void **state)
{
	struct npu_request *requests[4], *done[4];
	struct test_setup setup;
	struct npu_error err;
	int fd;

	(void)state;
	test_open(&setup, 4, 2, 0);
	for (unsigned int i = 0; i < 4; i++)
		requests[i] = npu_session_request(setup.session, i);
	fd = npu_session_eventfd(setup.session);
	assert_true(fd >= 0);
	assert_false(readable(fd, 0));
	for (int round = 0; round < 10; round++) {
		assert_int_equal(npu_submit(setup.session, requests, 4, &err), 0);
		for (int n = 0; n < 4; n++) {
			assert_true(readable(fd, 10000));
			assert_int_equal(npu_reap(setup.session, done, 1, 0, &err), 1);
		}
		assert_false(readable(fd, 0));
	}
	/* Others that finish while npu_infer() waits are announced too. */
	assert_int_equal(npu_submit(setup.session, requests, 3, &err), 0);
	assert_int_equal(npu_infer(requests[3], &err), 0);
	for (int n = 0; n < 3; n++) {
		assert_true(readable(fd, 10000));
		assert_int_equal(npu_reap(setup.session, done, 1, 0, &err), 1);
	}
	assert_false(readable(fd, 0));
	/* One that npu_infer() took is not. */
	assert_int_equal(npu_infer(requests[0], &err), 0);
	assert_false(readable(fd, 0));
	test_close(&setup);
}

/* The descriptor is asked for when something is there already. */
static void test_late_eventfd(void **state)
{
	struct npu_request *request, *done[1];
	struct test_setup setup;
	struct npu_error err;
	struct timespec pause = { .tv_nsec = 50000000 };

	(void)state;
	test_open(&setup, 1, 1, 0);
	request = npu_session_request(setup.session, 0);
	assert_int_equal(npu_submit(setup.session, &request, 1, &err), 0);
	nanosleep(&pause, NULL);
	assert_true(readable(npu_session_eventfd(setup.session), 10000));
	assert_int_equal(npu_reap(setup.session, done, 1, 0, &err), 1);
	assert_false(readable(npu_session_eventfd(setup.session), 0));
	test_close(&setup);
}

static void reap_cancelled(struct npu_session *session, int count)
{
	struct npu_request *done[MANY];
	struct npu_error err;

	while (count > 0) {
		int got = npu_reap(session, done, count, 10000, &err);

		assert_true(got > 0);
		for (int i = 0; i < got; i++)
			assert_int_equal(npu_request_result(done[i]), -ECANCELED);
		count -= got;
	}
}

static void test_cancel(void **state)
{
	unsigned int many = test_long_jobs(MANY), first = many > 8 ? 8 : many;
	struct npu_request *requests[MANY], *done[1];
	struct test_setup setup;
	struct npu_error err;

	(void)state;
	test_open(&setup, many, 1, TEST_LONG);
	for (unsigned int i = 0; i < many; i++)
		requests[i] = npu_session_request(setup.session, i);
	assert_int_equal(npu_cancel(requests[0]), -ENOENT);
	assert_int_equal(npu_submit(setup.session, requests, many, &err), 0);
	/* Those that have not started end at once, while the first compute. */
	assert_int_equal(npu_reap(setup.session, done, 1, 10, &err), 0);
	for (unsigned int i = many; i-- > first;)
		assert_int_equal(npu_cancel(requests[i]), 0);
	reap_cancelled(setup.session, many - first);
	assert_int_equal(npu_reap(setup.session, done, 1, 0, &err), 0);
	for (unsigned int i = 0; i < first; i++)
		assert_int_equal(npu_cancel(requests[i]), 0);
	reap_cancelled(setup.session, first);
	assert_int_equal(npu_cancel(requests[0]), -ENOENT);
	test_close(&setup);
}

/* Again and again: what a cancelled job leaves behind must not start the next use of it. */
static void test_cancel_race(void **state)
{
	struct npu_request *requests[8], *done[8];
	struct test_setup setup;
	struct npu_error err;

	(void)state;
	test_open(&setup, 8, 2, 0);
	for (unsigned int i = 0; i < 8; i++) {
		requests[i] = npu_session_request(setup.session, i);
		test_fill(&setup, requests[i], i);
		npu_request_set_user(requests[i], (void *)(uintptr_t)i);
	}
	for (int round = 0; round < 300; round++) {
		int n = 0;

		assert_int_equal(npu_submit(setup.session, requests, 8, &err), 0);
		for (unsigned int i = 0; i < 8; i++)
			if ((i + round) % 3 == 0)
				npu_cancel(requests[i]);
		while (n < 8) {
			int got = npu_reap(setup.session, done, 8, 10000, &err);

			assert_true(got > 0);
			for (int i = 0; i < got; i++) {
				int result = npu_request_result(done[i]);

				assert_true(result == 0 || result == -ECANCELED);
				if (!result)
					test_expect(&setup, npu_request_output(done[i], 0),
						    (uintptr_t)npu_request_user(done[i]));
			}
			n += got;
		}
	}
	test_close(&setup);
}

static void test_close_in_flight(void **state)
{
	unsigned int many = test_long_jobs(MANY);
	struct npu_request *requests[MANY];
	struct test_setup setup;
	struct npu_error err;
	double start;

	(void)state;
	test_open(&setup, many, 2, TEST_LONG);
	for (unsigned int i = 0; i < many; i++)
		requests[i] = npu_session_request(setup.session, i);
	assert_int_equal(npu_submit(setup.session, requests, many, &err), 0);
	assert_int_equal(npu_reap(setup.session, requests, 1, 5, &err), 0);
	start = seconds();
	test_close(&setup);
	assert_true(seconds() - start < 5);
	npu_session_close(NULL);
}

/* A long job ends with the result of a short one, and says how long it took. */
static void test_times(void **state)
{
	struct npu_request *request;
	struct npu_device_info info;
	struct test_setup setup;
	struct npu_error err;
	double start, took;

	(void)state;
	test_open(&setup, 1, 0, 200);
	npu_device_info(setup.device, &info);
	request = npu_session_request(setup.session, 0);
	test_fill(&setup, request, 5);
	start = seconds();
	assert_int_equal(npu_infer(request, &err), 0);
	took = (seconds() - start) * 1e9;
	test_expect(&setup, npu_request_output(request, 0), 5);
	if (!test_on_driver() || info.uring)
		assert_true(npu_request_device_ns(request) > 0);
	/* Of all cores that shared it; in process only the time from start to end. */
	assert_true((double)npu_request_device_ns(request) <=
		    took * (test_on_driver() ? info.cores : 1));
	assert_true((double)npu_request_queued_ns(request) <= took);
	test_close(&setup);
}

static void test_without_threads(void **state)
{
	struct npu_request *requests[3], *done[3];
	struct test_setup setup;
	struct npu_error err;

	(void)state;
	if (test_on_driver())
		skip_because("of the embedded backend: it computes in submit");
	test_open(&setup, 3, 0, 0);
	for (unsigned int i = 0; i < 3; i++) {
		requests[i] = npu_session_request(setup.session, i);
		test_fill(&setup, requests[i], i);
	}
	assert_int_equal(npu_submit(setup.session, requests, 3, &err), 0);
	assert_int_equal(npu_cancel(requests[0]), -ENOENT);
	assert_true(readable(npu_session_eventfd(setup.session), 0));
	assert_int_equal(npu_reap(setup.session, done, 3, 0, &err), 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_ptr_equal(done[i], requests[i]);
		test_expect(&setup, npu_request_output(done[i], 0), i);
	}
	assert_null(npu_prep_infer(NULL, requests[0], 0));
	test_close(&setup);
}

struct scribbler {
	pthread_t thread;
	atomic_bool stop;
	uint8_t *memory;
	size_t bytes;
};

static void *scribble(void *argument)
{
	struct scribbler *scribbler = argument;
	uint64_t seed = 3;

	while (!atomic_load(&scribbler->stop)) {
		uint32_t at = npu_mlp_random(&seed);

		scribbler->memory[at % scribbler->bytes] = (uint8_t)(at >> 20);
	}
	return NULL;
}

static void start_scribbler(struct scribbler *scribbler, void *memory, size_t bytes)
{
	scribbler->memory = memory;
	scribbler->bytes = bytes;
	atomic_init(&scribbler->stop, false);
	assert_int_equal(pthread_create(&scribbler->thread, NULL, scribble, scribbler), 0);
}

static void stop_scribbler(struct scribbler *scribbler)
{
	atomic_store(&scribbler->stop, true);
	pthread_join(scribbler->thread, NULL);
}

/*
 * Inputs, and in process the weights too, change under running jobs. Every value is legal: jobs
 * end, nothing breaks, and when it stops results are right again.
 */
static void test_memory_changes_under_jobs(void **state)
{
	struct scribbler inputs, weights;
	struct npu_request *requests[4], *done[4];
	const struct npu_file_header *header;
	struct test_setup setup;
	struct npu_error err;
	uint8_t *saved;

	(void)state;
#if defined(__SANITIZE_THREAD__)
	skip_because("the race is what is tested");
#endif
	test_open(&setup, 4, 2, 0);
	header = (const void *)setup.image.data;
	saved = malloc(setup.image.bytes);
	memcpy(saved, setup.image.data, setup.image.bytes);
	for (unsigned int i = 0; i < 4; i++)
		requests[i] = npu_session_request(setup.session, i);
	start_scribbler(&inputs, npu_request_input(requests[0], 0), 100);
	start_scribbler(&weights, setup.image.data + header->section[NPU_SECTION_WEIGHTS].offset,
			header->section[NPU_SECTION_WEIGHTS].bytes);
	for (unsigned int round = 0; round < 500; round++) {
		assert_int_equal(npu_submit(setup.session, requests, 4, &err), 0);
		for (int n = 0; n < 4;) {
			int got = npu_reap(setup.session, done, 4, 10000, &err);

			assert_true(got > 0);
			for (int i = 0; i < got; i++)
				assert_int_equal(npu_request_result(done[i]), 0);
			n += got;
		}
	}
	stop_scribbler(&inputs);
	stop_scribbler(&weights);
	memcpy(setup.image.data, saved, setup.image.bytes);
	test_fill(&setup, requests[0], 1);
	assert_int_equal(npu_infer(requests[0], &err), 0);
	test_expect(&setup, npu_request_output(requests[0], 0), 1);
	free(saved);
	test_close(&setup);
}

static unsigned int open_descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Opening fails halfway for want of descriptors, says so, and gives back what it took. */
static void test_no_descriptors(void **state)
{
	struct npu_session_options options = { .requests = MANY, .threads = 2 };
	struct npu_session *session;
	struct rlimit before, low;
	struct test_setup setup;
	struct npu_error err;
	unsigned int count;

	(void)state;
	if (test_on_driver())
		skip_because("of the embedded backend: it opens descriptors");
	test_open(&setup, 1, 0, 0);
	count = open_descriptors();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned int more = 0; more < 20; more++) {
		low = (struct rlimit){ count + more, before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		assert_int_equal(
			npu_session_open(&session, setup.device, setup.program, &options, &err),
			-EMFILE);
		assert_non_null(strstr(err.message, "ulimit -n"));
		assert_int_equal(open_descriptors(), count);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(npu_session_open(&session, setup.device, setup.program, &options, &err),
			 0);
	npu_session_close(session);
	assert_int_equal(open_descriptors(), count);
	test_close(&setup);
}

/* Every variant that this CPU can run gives the same bits. */
static void test_variants(void **state)
{
	static const unsigned int width[] = { 321, 130, 67, 33 };
	const struct npu_variant *variant;
	struct npu_mlp mlp;
	struct npu_image image;
	unsigned int ran = 0;

	(void)state;
	if (test_on_driver())
		skip_because("of the embedded backend: the driver chooses its variant");
	npu_mlp_init(&mlp, 3, width, 1);
	image = npu_mlp_image(&mlp, 0);
	for (unsigned int v = 0; (variant = npu_variant_at(v)); v++) {
		struct npu_device_options options = {
			.backend = NPU_BACKEND_EMBEDDED,
			.variant = npu_variant_name(variant),
		};
		struct npu_device_info info;
		struct npu_device *device;
		struct npu_program *program;
		struct npu_session *session;
		struct npu_error err;
		int8_t input[321], want[33];

		if (npu_device_open(&device, &options, &err) == -EOPNOTSUPP) {
			print_message("# %s\n", err.message);
			continue;
		}
		npu_device_info(device, &info);
		assert_string_equal(info.variant, options.variant);
		assert_int_equal(npu_program_load_memory(&program, image.data, image.bytes, &err),
				 0);
		assert_int_equal(npu_session_open(&session, device, program, NULL, &err), 0);
		for (unsigned int seed = 0; seed < 20; seed++) {
			struct npu_request *request = npu_session_request(session, 0);

			npu_mlp_random_input(&mlp, seed, input);
			memcpy(npu_request_input(request, 0), input, sizeof(input));
			assert_int_equal(npu_infer(request, &err), 0);
			npu_mlp_reference(&mlp, input, want);
			assert_memory_equal(npu_request_output(request, 0), want, sizeof(want));
		}
		npu_session_close(session);
		npu_program_free(program);
		npu_device_close(device);
		ran++;
	}
	assert_true(ran >= 1);
	free(image.data);
	npu_mlp_free(&mlp);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_infer),
		cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_infer_among_others),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_eventfd),
		cmocka_unit_test(test_late_eventfd),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_race),
		cmocka_unit_test(test_close_in_flight),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_without_threads),
		cmocka_unit_test(test_memory_changes_under_jobs),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_variants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
