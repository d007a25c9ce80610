// SPDX-License-Identifier: MIT
/*
 * The end of the way that begins in tests/unit/mnist.c: the program that was trained and compiled
 * there, with its inputs and the outputs of the scalar definition, from the folder NPU_EXPORT.
 * All images run on the device, by io_uring and by ioctl, and in process: the same to the bit.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <setjmp.h>

#include <cmocka.h>

#include "npu.h"

#define IN_FLIGHT 64

static struct {
	char program[512];
	uint8_t *input, *output;
	size_t input_bytes, output_bytes;
} way;

static uint8_t *read_whole(const char *folder, const char *name, size_t *bytes)
{
	char path[512];
	struct stat st;
	uint8_t *data;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &st))
		return NULL;
	*bytes = st.st_size;
	data = malloc(*bytes);
	if (data && fread(data, 1, *bytes, file) != *bytes) {
		free(data);
		data = NULL;
	}
	fclose(file);
	return data;
}

static int setup(void **state)
{
	const char *folder = getenv("NPU_EXPORT");

	(void)state;
	if (!folder)
		return 0;
	snprintf(way.program, sizeof(way.program), "%s/mnist.npu", folder);
	way.input = read_whole(folder, "mnist-input.bin", &way.input_bytes);
	way.output = read_whole(folder, "mnist-output.bin", &way.output_bytes);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(way.input);
	free(way.output);
	return 0;
}

/* What request @r, which ran image @image, gave. */
static void compare(struct npu_request *r, size_t image, size_t bytes)
{
	assert_int_equal(npu_request_result(r), 0);
	if (memcmp(npu_request_output(r, 0), way.output + image * bytes, bytes))
		fail_msg("image %zu differs", image);
}

/* Keep IN_FLIGHT requests busy until all @images are through. Returns how many were compared. */
static size_t stream(struct npu_session *session, size_t images, size_t in, size_t out)
{
	struct npu_request *request[IN_FLIGHT];
	size_t next = 0, done = 0, image;
	struct npu_error err = { 0 };
	int i, count;

	for (i = 0; i < IN_FLIGHT; i++)
		request[i] = npu_session_request(session, i);
	count = IN_FLIGHT;
	while (done < images) {
		for (i = 0; i < count && next < images; i++, next++) {
			memcpy(npu_request_input(request[i], 0), way.input + next * in, in);
			npu_request_set_user(request[i], (void *)(uintptr_t)next);
		}
		if (i && npu_submit(session, request, i, &err))
			fail_msg("%s", err.message);
		count = npu_reap(session, request, IN_FLIGHT, 60000, &err);
		if (count <= 0)
			fail_msg("%s", count ? err.message : "nothing came back for a minute");
		for (i = 0; i < count; i++, done++) {
			image = (uintptr_t)npu_request_user(request[i]);
			compare(request[i], image, out);
		}
	}
	return done;
}

static void all_images(const struct npu_device_options *options, bool uring)
{
	struct npu_session_options session_options = { .requests = IN_FLIGHT };
	struct npu_error err = { 0 };
	struct npu_device_info info;
	struct npu_session *session;
	struct npu_program *program;
	struct npu_device *device;
	size_t in, out, images;

	if (!way.input || !way.output) {
		print_message("# unit/mnist left nothing in NPU_EXPORT: it needs NPU_DATA\n");
		skip();
	}
	if (npu_device_open(&device, options, &err) ||
	    npu_program_load(&program, way.program, &err) ||
	    npu_session_open(&session, device, program, &session_options, &err))
		fail_msg("%s", err.message);
	npu_device_info(device, &info);
	assert_int_equal(info.backend, options->backend);
	assert_int_equal(info.uring, uring);
	in = npu_program_input(program, 0)->bytes;
	out = npu_program_output(program, 0)->bytes;
	images = way.input_bytes / in;
	assert_true(images >= 5000);
	assert_int_equal(images * out, way.output_bytes);
	assert_int_equal(stream(session, images, in, out), images);
	print_message("# %s, %s, %s: %zu outputs identical\n",
		      info.path[0] ? info.path : "in process", info.variant,
		      info.uring ? "io_uring" : "no io_uring", images);
	npu_session_close(session);
	npu_program_free(program);
	npu_device_close(device);
}

static void by_uring(void **state)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_DRIVER };

	(void)state;
	all_images(&options, true);
}

static void by_ioctl(void **state)
{
	const struct npu_device_options options = {
		.backend = NPU_BACKEND_DRIVER,
		.no_uring = true,
	};

	(void)state;
	all_images(&options, false);
}

static void in_process(void **state)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };

	(void)state;
	all_images(&options, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_uring),
		cmocka_unit_test(by_ioctl),
		cmocka_unit_test(in_process),
	};

	return cmocka_run_group_tests_name("digits", tests, setup, teardown);
}
