/* SPDX-License-Identifier: MIT */
/*
 * What of a model's accuracy is left in an int8 program, as `npu compile` makes it by default:
 * calibrated on some of the training data, run on all of the test data.
 */
#ifndef ACCURACY_PROGRAM_H
#define ACCURACY_PROGRAM_H

#include "accuracy_case.h"

#define CALIBRATE 300 /* samples */

static inline size_t largest(const float *y, size_t count)
{
	size_t best = 0, k;

	for (k = 1; k < count; k++)
		best = y[k] > y[best] ? k : best;
	return best;
}

/* Samples of @test that the model has right. */
static inline size_t right_by_model(const struct npu_model *model, const struct npu_dataset *test)
{
	size_t outputs = npu_model_outputs(model), i, right = 0;
	float *y = malloc(test->samples * outputs * sizeof(*y));
	struct npu_error err = { 0 };

	check_ok(npu_model_predict_data(model, test, 0, y, &err), &err);
	for (i = 0; i < test->samples; i++)
		right += (int32_t)largest(y + i * outputs, outputs) == test->labels[i];
	free(y);
	return right;
}

/* Likewise by the program in @session. */
static inline size_t right_by_session(struct npu_session *session, size_t outputs,
				      const struct npu_dataset *test)
{
	struct npu_request *request = npu_session_request(session, 0);
	float *y = malloc(outputs * sizeof(*y));
	struct npu_error err = { 0 };
	size_t i, right = 0;

	for (i = 0; i < test->samples; i++) {
		check_ok(npu_request_write_f32(request, 0, test->x + i * test->features), NULL);
		if (test->lengths)
			*(int32_t *)npu_request_input(request, 1) = (int32_t)test->lengths[i];
		check_ok(npu_infer(request, &err), &err);
		check_ok(npu_request_read_f32(request, 0, y), NULL);
		right += (int32_t)largest(y, outputs) == test->labels[i];
	}
	free(y);
	return right;
}

/* Likewise by a program with @options, calibrated on @data. */
static inline size_t right_by_program(const struct npu_model *model, const struct npu_dataset *data,
				      const struct npu_dataset *test,
				      struct npu_compile_options options)
{
	const struct npu_device_options embedded = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_error err = { 0 };
	struct npu_program *program;
	struct npu_session *session;
	struct npu_device *device;
	size_t bytes, right;
	void *image;

	options.lengths = data->lengths;
	options.length_input = data->lengths != NULL;
	check_ok(npu_model_compile(model, data->x, data->samples, &options, &image, &bytes, &err),
		 &err);
	check_ok(npu_program_load_memory(&program, image, bytes, &err), &err);
	check_ok(npu_device_open(&device, &embedded, &err), &err);
	check_ok(npu_session_open(&session, device, program, NULL, &err), &err);
	right = right_by_session(session, npu_model_outputs(model), test);
	npu_session_close(session);
	npu_device_close(device);
	npu_program_free(program);
	npu_image_free(image);
	return right;
}

/*
 * Samples of @test that fewer are right in int8 than in f32. @data: trained on, in any order;
 * calibrates by samples spread over all of it.
 */
static inline double lost_in_program(const struct npu_model *model, const struct npu_dataset *data,
				     const struct npu_dataset *test)
{
	const struct npu_compile_options options = { 0 };
	size_t index[CALIBRATE], by_model, by_program, i;
	struct npu_dataset some;
	struct npu_error err = { 0 };

	for (i = 0; i < CALIBRATE; i++)
		index[i] = i * data->samples / CALIBRATE;
	check_ok(npu_dataset_take(&some, data, index, CALIBRATE, &err), &err);
	by_model = right_by_model(model, test);
	by_program = right_by_program(model, &some, test, options);
	print_message("# of %zu right: f32 %zu, int8 %zu\n", test->samples, by_model, by_program);
	npu_dataset_free(&some);
	return (double)by_model - (double)by_program;
}

#endif
