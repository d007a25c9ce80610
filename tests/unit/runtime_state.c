// SPDX-License-Identifier: MIT
/* Programs that keep a state: order, resetting, saving and restoring. */
#include <errno.h>

#include "npu_counter.h"
#include "runtime_device.h"

#define LENGTH 100
#define STEPS 32

/**
 * struct stream - a session, and the state that it should have
 */
struct stream {
	struct npu_image image;
	struct npu_device *device;
	struct npu_program *program;
	struct npu_session *session;
	int8_t state[LENGTH];
	unsigned int steps;
};

static void open_stream(struct stream *stream, unsigned int requests, unsigned int threads)
{
	struct npu_session_options options = { .requests = requests, .threads = threads };
	struct npu_error err;

	memset(stream, 0, sizeof(*stream));
	stream->image = npu_counter_image(LENGTH);
	stream->device = test_device(NULL);
	if (npu_program_load_memory(&stream->program, stream->image.data, stream->image.bytes,
				    &err) ||
	    npu_session_open(&stream->session, stream->device, stream->program, &options, &err))
		fail_msg("%s", err.message);
}

static void close_stream(struct stream *stream)
{
	npu_session_close(stream->session);
	npu_program_free(stream->program);
	npu_device_close(stream->device);
	free(stream->image.data);
}

/* The input of the next step goes to @request, its output to @want. */
static void next_step(struct stream *stream, struct npu_request *request, int8_t *want)
{
	int8_t *input = npu_request_input(request, 0);
	uint64_t seed = ++stream->steps;

	for (unsigned int i = 0; i < LENGTH; i++)
		input[i] = (int8_t)npu_mlp_random(&seed);
	npu_counter_step(stream->state, input, LENGTH);
	memcpy(want, stream->state, LENGTH);
}

static void step(struct stream *stream)
{
	struct npu_request *request = npu_session_request(stream->session, 0);
	int8_t want[LENGTH];
	struct npu_error err;

	next_step(stream, request, want);
	if (npu_infer(request, &err))
		fail_msg("%s", err.message);
	assert_memory_equal(npu_request_output(request, 0), want, LENGTH);
}

/* All in flight at once, by npu_submit() and, the last of them, by npu_infer(). */
static void many_steps(struct stream *stream)
{
	struct npu_request *requests[STEPS], *done[STEPS];
	int8_t want[STEPS][LENGTH];
	struct npu_error err;
	int n = 0;

	for (unsigned int i = 0; i < STEPS; i++) {
		requests[i] = npu_session_request(stream->session, i);
		next_step(stream, requests[i], want[i]);
	}
	/* In two batches, of which the second starts behind the first. */
	assert_int_equal(npu_submit(stream->session, requests, 5, &err), 0);
	assert_int_equal(npu_submit(stream->session, requests + 5, STEPS - 6, &err), 0);
	if (npu_infer(requests[STEPS - 1], &err))
		fail_msg("%s", err.message);
	while (n < STEPS - 1) {
		int got = npu_reap(stream->session, done + n, STEPS, 10000, &err);

		assert_true(got > 0);
		n += got;
	}
	for (int i = 0; i < STEPS - 1; i++)
		assert_ptr_equal(done[i], requests[i]);
	for (unsigned int i = 0; i < STEPS; i++) {
		assert_int_equal(npu_request_result(requests[i]), 0);
		assert_memory_equal(npu_request_output(requests[i], 0), want[i], LENGTH);
	}
}

static void test_order(void **state)
{
	(void)state;
	for (unsigned int threads = 0; threads <= 4; threads++) {
		struct stream stream;

		open_stream(&stream, STEPS, threads);
		for (int round = 0; round < 20; round++) {
			step(&stream);
			many_steps(&stream);
		}
		close_stream(&stream);
	}
}

static void test_save_and_restore(void **state)
{
	struct stream stream, other;
	int8_t saved[128], expected[LENGTH];
	struct npu_error err;
	size_t bytes;

	(void)state;
	open_stream(&stream, 2, 1);
	open_stream(&other, 1, 0);
	bytes = npu_session_state_bytes(stream.session);
	assert_in_range(bytes, LENGTH, sizeof(saved));
	step(&stream);
	step(&stream);
	assert_int_equal(npu_session_save_state(stream.session, saved, bytes, &err), 0);
	assert_memory_equal(saved, stream.state, LENGTH);
	memcpy(expected, stream.state, LENGTH);
	step(&stream);

	/* Here, and in a session that has seen none of it. */
	assert_int_equal(npu_session_restore_state(stream.session, saved, bytes, &err), 0);
	memcpy(stream.state, expected, LENGTH);
	step(&stream);
	assert_int_equal(npu_session_restore_state(other.session, saved, bytes, &err), 0);
	memcpy(other.state, expected, LENGTH);
	step(&other);

	assert_int_equal(npu_session_reset_state(stream.session, &err), 0);
	memset(stream.state, 0, LENGTH);
	step(&stream);
	close_stream(&stream);
	close_stream(&other);
}

static void test_errors(void **state)
{
	struct npu_request *request, *done;
	struct test_setup setup;
	struct stream stream;
	struct npu_error err;
	uint8_t saved[128];
	size_t bytes;

	(void)state;
	open_stream(&stream, 2, 1);
	bytes = npu_session_state_bytes(stream.session);
	assert_int_equal(npu_session_save_state(stream.session, saved, bytes - 1, &err), -EINVAL);
	assert_non_null(strstr(err.message, "npu_session_state_bytes"));
	assert_int_equal(npu_session_restore_state(stream.session, saved, bytes + 1, &err),
			 -EINVAL);
	request = npu_session_request(stream.session, 1);
	assert_int_equal(npu_submit(stream.session, &request, 1, &err), 0);
	/* In flight until it is reaped. */
	assert_int_equal(npu_session_reset_state(stream.session, &err), -EBUSY);
	assert_non_null(strstr(err.message, "reap"));
	assert_int_equal(npu_session_save_state(stream.session, saved, bytes, NULL), -EBUSY);
	assert_int_equal(npu_reap(stream.session, &done, 1, -1, &err), 1);
	assert_int_equal(npu_session_reset_state(stream.session, &err), 0);
	close_stream(&stream);

	test_open(&setup, 1, 0, 0);
	assert_int_equal(npu_session_state_bytes(setup.session), 0);
	assert_int_equal(npu_session_reset_state(setup.session, &err), -EINVAL);
	assert_non_null(strstr(err.message, "keeps nothing"));
	test_close(&setup);
}

/* The state before a job that is lost must be known. */
static void test_failover(void **state)
{
	struct npu_session_options options = { .requests = 2, .failover = true };
	struct npu_session *session;
	struct stream stream;
	struct npu_error err;

	(void)state;
	if (!test_on_driver())
		skip_because("of the driver: nothing to fail over from in process");
	open_stream(&stream, 1, 0);
	assert_int_equal(npu_session_open(&session, stream.device, stream.program, &options, &err),
			 -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "options.requests"));
	options.requests = 1;
	assert_int_equal(npu_session_open(&session, stream.device, stream.program, &options, &err),
			 0);
	npu_session_close(session);
	close_stream(&stream);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_save_and_restore),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_failover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
