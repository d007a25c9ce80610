// SPDX-License-Identifier: MIT
/* Hot swap: each request ends with the program that was in use when it was submitted. */
#include <errno.h>

#include "npu_counter.h"
#include "npu_stack.h"
#include "runtime_device.h"

#define MANY 64
#define ROWS 4
#define WIDTH 48
#define BYTES (ROWS * WIDTH)

/* A program, and what it computes of the input with seed i. */
struct version {
	struct npu_image image;
	struct npu_program *program;
	int8_t want[MANY][BYTES];
};

static void fill(int8_t *input, unsigned int seed)
{
	uint64_t state = seed + 1;

	for (size_t i = 0; i < BYTES; i++)
		input[i] = (int8_t)npu_mlp_random(&state);
}

static void make_version(struct version *version, const struct npu_stack *stack)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED,
						    .variant = "scalar" };
	struct npu_device *device;
	struct npu_session *session;
	struct npu_error err;

	version->image = npu_stack_image(stack);
	if (npu_program_load_memory(&version->program, version->image.data, version->image.bytes,
				    &err) ||
	    npu_device_open(&device, &options, &err) ||
	    npu_session_open(&session, device, version->program, NULL, &err))
		fail_msg("%s", err.message);
	for (unsigned int i = 0; i < MANY; i++) {
		struct npu_request *request = npu_session_request(session, 0);

		fill(npu_request_input(request, 0), i);
		assert_int_equal(npu_infer(request, &err), 0);
		memcpy(version->want[i], npu_request_output(request, 0), BYTES);
	}
	npu_session_close(session);
	npu_device_close(device);
}

static void free_version(struct version *version)
{
	npu_program_free(version->program);
	free(version->image.data);
}

/**
 * struct load - a session under load
 * @with: the version that each request was submitted under
 * @current: the one in use
 */
struct load {
	struct npu_device *device;
	struct npu_session *session;
	struct npu_request *requests[MANY];
	const struct version *with[MANY];
	const struct version *current;
};

static void open_load(struct load *load, const struct version *version, unsigned int threads)
{
	struct npu_session_options options = { .requests = MANY, .threads = threads };
	struct npu_error err;

	load->device = test_device(NULL);
	load->current = version;
	if (npu_session_open(&load->session, load->device, version->program, &options, &err))
		fail_msg("%s", err.message);
	for (unsigned int i = 0; i < MANY; i++) {
		load->requests[i] = npu_session_request(load->session, i);
		npu_request_set_user(load->requests[i], (void *)(uintptr_t)i);
	}
}

static void submit(struct load *load, unsigned int first, unsigned int count)
{
	struct npu_error err;

	for (unsigned int i = first; i < first + count; i++) {
		fill(npu_request_input(load->requests[i], 0), i);
		load->with[i] = load->current;
	}
	if (npu_submit(load->session, load->requests + first, count, &err))
		fail_msg("%s", err.message);
	for (unsigned int i = first; i < first + count; i++)
		assert_ptr_equal(npu_request_program(load->requests[i]), load->current->program);
}

static void swap(struct load *load, const struct version *version)
{
	struct npu_error err;

	if (npu_session_swap(load->session, version->program, &err))
		fail_msg("%s", err.message);
	load->current = version;
	assert_ptr_equal(npu_session_program(load->session), version->program);
}

static void check(const struct load *load, struct npu_request *request)
{
	unsigned int i = (uintptr_t)npu_request_user(request);

	assert_int_equal(npu_request_result(request), 0);
	assert_ptr_equal(npu_request_program(request), load->with[i]->program);
	assert_memory_equal(npu_request_output(request, 0), load->with[i]->want[i], BYTES);
	memset((void *)(uintptr_t)npu_request_output(request, 0), 0x55, BYTES);
}

/* Reap @count, and check each. */
static void reap(const struct load *load, unsigned int count)
{
	struct npu_request *done[MANY];
	struct npu_error err;

	while (count) {
		int n = npu_reap(load->session, done, count, 10000, &err);

		assert_true(n > 0);
		for (int i = 0; i < n; i++)
			check(load, done[i]);
		count -= n;
	}
}

static void close_load(struct load *load)
{
	npu_session_close(load->session);
	npu_device_close(load->device);
}

/* Two halves of the requests in turn, so that 32 to 64 are in flight at each swap. */
static void swap_under_load(struct version *versions, unsigned int count, unsigned int threads)
{
	unsigned int swaps = 0;
	struct load load;

	open_load(&load, &versions[0], threads);
	submit(&load, 0, MANY);
	for (unsigned int round = 1; round < 60; round++) {
		struct npu_request *done[MANY];
		unsigned int left = MANY;
		struct npu_error err;

		/* Unless the slowest is still of a program that has gone since: later, then. */
		if (!npu_session_swap(load.session, versions[round % count].program, &err))
			load.current = &versions[round % count];
		else
			assert_int_equal(err.code, -EBUSY);
		swaps += load.current == &versions[round % count];
		/* Each that ends starts again, with the new one. */
		while (left) {
			int n = npu_reap(load.session, done, left, 10000, &err);

			assert_true(n > 0);
			for (int i = 0; i < n; i++)
				check(&load, done[i]);
			for (int i = 0; i < n; i++)
				submit(&load, (uintptr_t)npu_request_user(done[i]), 1);
			left -= n < (int)left ? n : (int)left;
		}
	}
	reap(&load, MANY);
	assert_true(swaps > 10);
	close_load(&load);
}

static void test_swap_under_load(void **state)
{
	/* The last one has its output elsewhere, and so all in memory of its own. */
	static const struct npu_stack stacks[] = {
		{ ROWS, WIDTH, 3, 1, 0, 0 },
		{ ROWS, WIDTH, 6, 2, 0, 0 },
		{ ROWS, WIDTH, 4, 3, 64, 0 },
	};
	static struct version versions[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		make_version(&versions[i], &stacks[i]);
	for (unsigned int threads = 0; threads < 4; threads++) {
		swap_under_load(versions, 2, threads);
		swap_under_load(versions, 3, threads);
	}
	for (unsigned int i = 0; i < 3; i++)
		free_version(&versions[i]);
}

/* The old program is freed as soon as its requests have been reaped. */
static void test_free_old(void **state)
{
	static struct version version;
	struct load load;

	(void)state;
	make_version(&version, &(struct npu_stack){ ROWS, WIDTH, 2, 1, 0, 0 });
	open_load(&load, &version, 2);
	for (unsigned int round = 0; round < 20; round++) {
		static struct version next;

		submit(&load, 0, MANY);
		make_version(&next, &(struct npu_stack){ ROWS, WIDTH, 2 + round % 3, 2 + round,
							 round % 4 ? 0 : 64, 0 });
		swap(&load, &next);
		reap(&load, MANY);
		free_version(&version);
		version = next;
		load.current = &version;
	}
	close_load(&load);
	free_version(&version);
}

/* Three programs at most may have requests in flight. */
static void test_too_many(void **state)
{
	static struct version versions[5];
	struct load load;
	struct npu_error err;
	int ret = 0;

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		make_version(&versions[i], &(struct npu_stack){ ROWS, WIDTH, 2, i + 1, 0, 0 });
	open_load(&load, &versions[0], 1);
	for (unsigned int i = 0; i < 5 && !ret; i++) {
		if (i) {
			ret = npu_session_swap(load.session, versions[i].program, &err);
			load.current = ret ? load.current : &versions[i];
		}
		if (!ret)
			submit(&load, i * 8, 8);
	}
	assert_int_equal(ret, -EBUSY);
	assert_non_null(strstr(err.message, "reap them"));
	assert_ptr_equal(npu_session_program(load.session), versions[3].program);
	reap(&load, 4 * 8);
	swap(&load, &versions[4]);
	submit(&load, 0, MANY);
	reap(&load, MANY);
	close_load(&load);
	for (unsigned int i = 0; i < 5; i++)
		free_version(&versions[i]);
}

/* Numbers are converted for the program that they are for, and by that which they are of. */
static void test_scales(void **state)
{
	static struct version versions[2];
	struct npu_request *request, *done;
	float values[BYTES], out[BYTES];
	struct load load;
	struct npu_error err;

	(void)state;
	make_version(&versions[0], &(struct npu_stack){ ROWS, WIDTH, 2, 1, 0, 1 });
	make_version(&versions[1], &(struct npu_stack){ ROWS, WIDTH, 2, 2, 0, 0.5f });
	for (unsigned int i = 0; i < BYTES; i++)
		values[i] = (float)(i % 100) - 50;
	open_load(&load, &versions[0], 1);
	request = load.requests[0];
	assert_int_equal(npu_request_write_f32(request, 0, values), 0);
	assert_int_equal(((int8_t *)npu_request_input(request, 0))[1], -49);
	assert_int_equal(npu_submit(load.session, &request, 1, &err), 0);
	/* Idle, and written for the program that goes. */
	assert_int_equal(npu_request_write_f32(load.requests[1], 0, values), 0);
	swap(&load, &versions[1]);
	assert_int_equal(npu_reap(load.session, &done, 1, -1, &err), 1);
	assert_int_equal(npu_request_read_f32(request, 0, out), 0);
	for (unsigned int i = 0; i < BYTES; i++)
		assert_true(out[i] == (float)((const int8_t *)npu_request_output(request, 0))[i]);

	assert_int_equal(npu_infer(load.requests[1], &err), -ESTALE);
	assert_non_null(strstr(err.message, "write them again"));
	assert_int_equal(npu_submit(load.session, &load.requests[1], 1, &err), -ESTALE);
	assert_int_equal(npu_request_write_f32(load.requests[1], 0, values), 0);
	assert_int_equal(((int8_t *)npu_request_input(load.requests[1], 0))[1], -98);
	assert_int_equal(npu_infer(load.requests[1], &err), 0);
	assert_int_equal(npu_request_read_f32(load.requests[1], 0, out), 0);
	for (unsigned int i = 0; i < BYTES; i++)
		assert_true(out[i] == 0.5f * (float)((const int8_t *)npu_request_output(
						     load.requests[1], 0))[i]);
	close_load(&load);
	free_version(&versions[0]);
	free_version(&versions[1]);
}

static void refused(struct npu_session *session, struct npu_image image, const char *why)
{
	struct npu_program *program;
	struct npu_memory_quote quote;
	struct npu_error err;

	if (npu_program_load_memory(&program, image.data, image.bytes, &err))
		fail_msg("%s", err.message);
	assert_int_equal(npu_session_swap(session, program, &err), -EINVAL);
	if (!strstr(err.message, why))
		fail_msg("says \"%s\", not \"%s\"", err.message, why);
	assert_int_equal(npu_session_swap_quote(session, program, &quote, NULL), -EINVAL);
	npu_program_free(program);
	free(image.data);
}

static void test_interface(void **state)
{
	static struct version version;
	struct load load;

	(void)state;
	make_version(&version, &(struct npu_stack){ ROWS, WIDTH, 2, 1, 0, 0 });
	open_load(&load, &version, 1);
	refused(load.session, npu_stack_image(&(struct npu_stack){ ROWS + 1, WIDTH, 2, 1, 0, 0 }),
		"input 0 of the new program is 1x1x5x48, not 1x1x4x48");
	refused(load.session, npu_counter_image(BYTES), "keeps a state");
	submit(&load, 0, MANY);
	reap(&load, MANY);
	close_load(&load);
	free_version(&version);
}

/* A state is of its program: the new one starts at zero. */
static void test_state(void **state)
{
	struct npu_image image = npu_counter_image(8);
	struct npu_program *programs[2];
	struct npu_session *session;
	struct npu_request *request;
	struct npu_device *device;
	struct npu_error err;

	(void)state;
	device = test_device(NULL);
	for (int i = 0; i < 2; i++)
		if (npu_program_load_memory(&programs[i], image.data, image.bytes, &err))
			fail_msg("%s", err.message);
	assert_int_equal(npu_session_open(&session, device, programs[0], NULL, &err), 0);
	request = npu_session_request(session, 0);
	for (int i = 0; i < 3; i++) {
		memset(npu_request_input(request, 0), 10, 8);
		assert_int_equal(npu_infer(request, &err), 0);
		assert_int_equal(*(const int8_t *)npu_request_output(request, 0), i % 2 ? 0 : 10);
	}
	assert_int_equal(npu_session_swap(session, programs[1], &err), 0);
	memset(npu_request_input(request, 0), 7, 8);
	assert_int_equal(npu_infer(request, &err), 0);
	assert_int_equal(*(const int8_t *)npu_request_output(request, 0), 7);
	npu_session_close(session);
	npu_program_free(programs[0]);
	npu_program_free(programs[1]);
	npu_device_close(device);
	free(image.data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap_under_load), cmocka_unit_test(test_free_old),
		cmocka_unit_test(test_too_many),	cmocka_unit_test(test_scales),
		cmocka_unit_test(test_interface),	cmocka_unit_test(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
