// SPDX-License-Identifier: MIT
/* Real numbers to integers and back: against the definition, and every variant the same. */
#include <errno.h>
#include <math.h>

#include "runtime/convert.h"
#include "runtime/device.h"
#include "runtime_device.h"

/* The definition, value by value, by the mathematical library. */
static int32_t expected(const struct npu_quantisation *how, float value, size_t i)
{
	int32_t low = how->element == NPU_INT8 ? -128 : -32768;
	int32_t high = how->element == NPU_INT8 ? 127 : 32767;
	float x = value;
	double q;

	if (how->mean) {
		size_t k = how->per_element ? i : 0;

		x = (x - how->mean[k]) * how->factor[k];
	}
	x = x * (1 / how->scale);
	if (isnan(x))
		return how->zero_point;
	q = round((double)x) + how->zero_point;
	return q < low ? low : q > high ? high : (int32_t)q;
}

#define COUNT 203 /* whole blocks and a rest */

static void compare(const struct npu_quantisation *how, const float *values)
{
	uint8_t plain[2 * COUNT];

	npu_quantise_plain(how, values, COUNT, plain);
	for (size_t i = 0; i < COUNT; i++) {
		int32_t got = how->element == NPU_INT8 ? ((int8_t *)plain)[i]
						       : ((int16_t *)plain)[i];

		if (got != expected(how, values[i], i))
			fail_msg("value %zu, %a: %d, not %d", i, (double)values[i], got,
				 expected(how, values[i], i));
	}
#if defined(__x86_64__)
	size_t bytes = how->element == NPU_INT8 ? COUNT : 2 * COUNT;
	uint8_t fast[2 * COUNT];

	if (npu_cpu_features() & DRM_NPU_ISA_AVX2) {
		npu_quantise_avx2(how, values, COUNT, fast);
		assert_memory_equal(fast, plain, bytes);
	}
	if (npu_cpu_features() & DRM_NPU_ISA_AVX512_VNNI) {
		npu_quantise_avx512(how, values, COUNT, fast);
		assert_memory_equal(fast, plain, bytes);
	}
#endif
}

static void each_kind(const float *values)
{
	float mean[COUNT], factor[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		mean[i] = (float)i / 7 - 10;
		factor[i] = 1 / (1.0f + (float)i);
	}
	for (int element = NPU_INT8; element <= NPU_INT16; element++) {
		for (int pre = 0; pre < 3; pre++) {
			struct npu_quantisation how = {
				.scale = pre ? 0.0123f : 1.0f,
				.zero_point = element == NPU_INT8 ? -17 : 0,
				.element = element,
				.per_element = pre == 2,
				.mean = pre ? mean : NULL,
				.factor = pre ? factor : NULL,
			};

			compare(&how, values);
		}
	}
}

static void test_special_values(void **state)
{
	static const float special[] = {
		0.0f,	     -0.0f,	   0.5f,	-0.5f,	1.5f,	 -1.5f,	     2.5f,
		0.49999997f, -0.49999997f, 0.50000006f, 126.5f, 127.49f, -127.5f,    -128.5f,
		32766.5f,    32767.5f,	   -32768.5f,	1e9f,	-1e9f,	 1e38f,	     -1e38f,
		INFINITY,    -INFINITY,	   NAN,		-NAN,	1e-45f,	 8388607.5f,
	};
	float values[COUNT];

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		values[i] = special[i % (sizeof(special) / sizeof(special[0]))];
	each_kind(values);
}

/* Any bit pattern is a value. */
static void test_random_values(void **state)
{
	uint64_t seed = 7;
	float values[COUNT];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			uint32_t bits = npu_mlp_random(&seed) << 1 ^ npu_mlp_random(&seed);

			if (round % 2)
				values[i] = (float)((int32_t)bits >> 12) / 32;
			else
				memcpy(&values[i], &bits, sizeof(bits));
		}
		each_kind(values);
	}
}

/* Through a session: preprocessing from the file, scale 1/16. */
static void test_request(void **state)
{
	static const unsigned int width[] = { 100, 10 };
	struct npu_mlp mlp;
	struct npu_image image;
	struct npu_device *device = test_device(NULL);
	struct npu_program *program;
	struct npu_session *session;
	struct npu_request *request;
	struct npu_error err;
	float values[100], scores[10];
	int8_t want[10];

	(void)state;
	npu_mlp_init(&mlp, 1, width, 1);
	image = npu_mlp_image(&mlp, 1);
	assert_int_equal(npu_program_load_memory(&program, image.data, image.bytes, &err), 0);
	assert_int_equal(npu_session_open(&session, device, program, NULL, &err), 0);
	request = npu_session_request(session, 0);
	for (int i = 0; i < 100; i++)
		values[i] = (float)i / 32;
	assert_int_equal(npu_request_write_f32(request, 0, values), 0);
	assert_int_equal(npu_request_write_f32(request, 1, values), -EINVAL);
	for (int i = 0; i < 100; i++)
		assert_int_equal(((int8_t *)npu_request_input(request, 0))[i],
				 i - 32 > 127 ? 127 : i - 32);
	assert_int_equal(npu_infer_f32(session, values, scores, &err), 0);
	npu_mlp_reference(&mlp, npu_request_input(request, 0), want);
	assert_memory_equal(npu_request_output(request, 0), want, 10);
	for (int i = 0; i < 10; i++)
		assert_true(scores[i] == (float)want[i] / 16);
	assert_int_equal(npu_request_read_f32(request, 1, scores), -EINVAL);
	npu_session_close(session);
	npu_program_free(program);
	npu_device_close(device);
	free(image.data);
	npu_mlp_free(&mlp);
}

#define WHOLE 13

/* A program that copies whole numbers. */
static struct npu_image whole_image(void)
{
	static const char strings[] = "\0in\0out";
	const struct npu_insn insn = {
		.opcode = NPU_OP_COPY,
		.t = { npu_mlp_vector(0, NPU_TYPE_INT32, 64, WHOLE),
		       npu_mlp_vector(0, NPU_TYPE_INT32, 0, WHOLE) },
	};
	const struct npu_file_slot slot = { NPU_FILE_SLOT_IO, 0, 64 + WHOLE * 4 };
	const struct npu_file_tensor tensors[] = {
		{ .name = 1, .type = NPU_TYPE_INT32, .dim = { 1, 1, 1, WHOLE }, .scale = 1 },
		{ .name = 4,
		  .offset = 64,
		  .type = NPU_TYPE_INT32,
		  .dim = { 1, 1, 1, WHOLE },
		  .scale = 1 },
	};
	struct npu_image_parts parts = {
		.inputs = 1,
		.outputs = 1,
		.section = {
			[NPU_SECTION_INSNS] = { &insn, sizeof(insn) },
			[NPU_SECTION_SLOTS] = { &slot, sizeof(slot) },
			[NPU_SECTION_TENSORS] = { tensors, sizeof(tensors) },
			[NPU_SECTION_STRINGS] = { strings, sizeof(strings) },
		},
	};

	return npu_image_make(&parts);
}

/* Lengths of sequences are rounded, halves away from zero, and clamped to 32 bits. */
static void test_whole_numbers(void **state)
{
	static const float reals[WHOLE] = { 0,	       1,	   2.4f,  2.5f,	  -2.5f,
					    -2.6f,     49.9f,	   1e20f, -1e20f, INFINITY,
					    -INFINITY, 8388609.0f, NAN };
	static const int32_t want[WHOLE] = { 0,		1,	 2,	    3,	       -3,
					     -3,	50,	 INT32_MAX, INT32_MIN, INT32_MAX,
					     INT32_MIN, 8388609, 0 };
	struct npu_image image = whole_image();
	struct npu_file_header *header = (void *)image.data;
	struct npu_device *device = test_device(NULL);
	struct npu_session *session;
	struct npu_request *request;
	struct npu_program *program;
	struct npu_error err;
	float out[WHOLE];

	(void)state;
	if (npu_program_load_memory(&program, image.data, image.bytes, &err))
		fail_msg("%s", err.message);
	assert_int_equal(npu_program_input(program, 0)->element, NPU_INT32);
	assert_int_equal(npu_program_input(program, 0)->bytes, WHOLE * 4);
	if (npu_session_open(&session, device, program, NULL, &err))
		fail_msg("%s", err.message);
	request = npu_session_request(session, 0);
	assert_int_equal(npu_request_write_f32(request, 0, reals), 0);
	assert_memory_equal(npu_request_input(request, 0), want, sizeof(want));
	assert_int_equal(npu_infer(request, &err), 0);
	assert_int_equal(npu_request_read_f32(request, 0, out), 0);
	for (unsigned int i = 0; i < WHOLE; i++)
		assert_true(out[i] == (float)want[i]);
	npu_session_close(session);
	npu_program_free(program);

	/* Version 1 had no such tensors. */
	header->version = 1;
	assert_int_equal(npu_program_load_memory(&program, image.data, image.bytes, &err), -EINVAL);
	assert_non_null(strstr(err.message, "input 0: type"));
	npu_device_close(device);
	free(image.data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_special_values),
		cmocka_unit_test(test_random_values),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_whole_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
