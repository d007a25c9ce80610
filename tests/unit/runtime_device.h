/* SPDX-License-Identifier: MIT */
/*
 * The device that the runtime tests run on: embedded, or the driver when NPU_TEST_BACKEND is
 * "driver" (by io_uring) or "driver-ioctl".
 */
#ifndef RUNTIME_DEVICE_H
#define RUNTIME_DEVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "npu.h"
#include "npu_image.h"

/* The runner lists what was skipped with the line before it. */
#define skip_because(reason)                     \
	do {                                     \
		print_message("# " reason "\n"); \
		skip();                          \
	} while (0)

static inline bool test_on_driver(void)
{
	const char *backend = getenv("NPU_TEST_BACKEND");

	return backend && !strncmp(backend, "driver", 6);
}

static inline struct npu_device *test_device(const struct npu_allocator *allocator)
{
	const char *backend = getenv("NPU_TEST_BACKEND");
	struct npu_device_options options = {
		.backend = test_on_driver() ? NPU_BACKEND_DRIVER : NPU_BACKEND_EMBEDDED,
		.no_uring = backend && !strcmp(backend, "driver-ioctl"),
		.allocator = allocator,
	};
	struct npu_error err;
	struct npu_device *device = NULL;

	if (npu_device_open(&device, &options, &err))
		fail_msg("%s", err.message);
	return device;
}

/*
 * How many long jobs may be in flight: @most, or 1 on a driver without io_uring, whose jobs publish
 * fences and so can't be queued for many seconds.
 */
static inline unsigned int test_long_jobs(unsigned int most)
{
	struct npu_device *device = test_device(NULL);
	struct npu_device_info info;

	npu_device_info(device, &info);
	npu_device_close(device);
	return info.backend == NPU_BACKEND_DRIVER && !info.uring ? 1 : most;
}

/* A session, and all that it stands on. */
struct test_setup {
	struct npu_mlp mlp;
	struct npu_image image;
	struct npu_device *device;
	struct npu_program *program;
	struct npu_session *session;
};

/* Small jobs, or with @repeat long ones, of which nobody waits for the end. */
static inline void test_open(struct test_setup *setup, unsigned int requests, unsigned int threads,
			     unsigned int repeat)
{
	static const unsigned int small[] = { 100, 40, 10 }, large[] = { 512, 512, 10 };
	struct npu_session_options options = { .requests = requests, .threads = threads };
	struct npu_error err;

	npu_mlp_init(&setup->mlp, 2, repeat ? large : small, repeat ? repeat : 1);
	setup->image = npu_mlp_image(&setup->mlp, 0);
	setup->device = test_device(NULL);
	if (npu_program_load_memory(&setup->program, setup->image.data, setup->image.bytes, &err))
		fail_msg("%s", err.message);
	if (npu_session_open(&setup->session, setup->device, setup->program, &options, &err))
		fail_msg("%s", err.message);
}

static inline void test_close(struct test_setup *setup)
{
	npu_session_close(setup->session);
	npu_program_free(setup->program);
	npu_device_close(setup->device);
	free(setup->image.data);
	npu_mlp_free(&setup->mlp);
}

/* Layer 0 this often takes 0.1 s and more everywhere. */
#define TEST_LONG 30000

static inline void test_fill(const struct test_setup *setup, struct npu_request *request,
			     unsigned int seed)
{
	npu_mlp_random_input(&setup->mlp, seed, npu_request_input(request, 0));
}

static inline void test_expect(const struct test_setup *setup, const int8_t *output,
			       unsigned int seed)
{
	int8_t input[512], expected[64];

	npu_mlp_random_input(&setup->mlp, seed, input);
	npu_mlp_reference(&setup->mlp, input, expected);
	assert_memory_equal(output, expected, setup->mlp.width[setup->mlp.layers]);
}

#endif
