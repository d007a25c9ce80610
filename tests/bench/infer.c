// SPDX-License-Identifier: MIT
/* One sample, from f32 to f32, in process. */
#include <stdlib.h>

#include "bench.h"
#include "npu_train.h"

#define FEATURES 784
#define OUTPUTS 10
#define CALIBRATION 64

/**
 * struct inference - a network and what runs it
 * @model: 784 - 256 relu - 128 relu - 10
 * @samples: [CALIBRATION][FEATURES]; the first is the input
 * @output: [OUTPUTS]
 * @err: of the first call that failed
 */
struct inference {
	struct npu_model *model;
	float *samples;
	float output[OUTPUTS];
	struct npu_error err;
	void *image;
	struct npu_device *device;
	struct npu_program *program;
	struct npu_session *session;
};

static int make_model(struct inference *inference)
{
	const uint32_t dim[3] = { 1, 1, FEATURES };
	struct npu_error *err = &inference->err;
	int ret = npu_model_create(&inference->model, dim, 1, err);

	if (ret < 0)
		return ret;
	ret = npu_model_add(inference->model, npu_dense(.units = 256, .activation = NPU_RELU), err);
	if (ret >= 0)
		ret = npu_model_add(inference->model,
				    npu_dense(.units = 128, .activation = NPU_RELU), err);
	if (ret >= 0)
		ret = npu_model_add(inference->model, npu_dense(.units = OUTPUTS), err);
	inference->samples = bench_floats(CALIBRATION * FEATURES);
	return ret;
}

static int compile_and_open(struct inference *inference)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_error *err = &inference->err;
	size_t bytes;
	int ret = npu_model_compile(inference->model, inference->samples, CALIBRATION, NULL,
				    &inference->image, &bytes, err);

	if (!ret)
		ret = npu_program_load_memory(&inference->program, inference->image, bytes, err);
	if (!ret)
		ret = npu_device_open(&inference->device, &options, err);
	if (!ret)
		ret = npu_session_open(&inference->session, inference->device, inference->program,
				       NULL, err);
	return ret;
}

static void release(struct inference *inference)
{
	npu_session_close(inference->session);
	npu_device_close(inference->device);
	npu_program_free(inference->program);
	npu_image_free(inference->image);
	npu_model_free(inference->model);
	free(inference->samples);
}

static void infer_f32(void *context)
{
	struct inference *inference = context;

	npu_model_predict(inference->model, inference->samples, 1, 1, inference->output,
			  &inference->err);
}

/* f32 in and out: quantising and dequantising count. */
static void infer_int8(void *context)
{
	struct inference *inference = context;

	npu_infer_f32(inference->session, inference->samples, inference->output, &inference->err);
}

static double measure(struct bench *bench, bool compiled, void (*run)(void *))
{
	struct inference inference = { 0 };
	double seconds = -1;
	int ret = make_model(&inference);

	if (ret >= 0 && compiled)
		ret = compile_and_open(&inference);
	if (ret >= 0)
		seconds = bench_time(bench, BENCH_WALL, run, &inference);
	if (inference.err.code)
		seconds = bench_fail(bench, inference.err.message);
	release(&inference);
	return seconds < 0 ? seconds : seconds * 1e6;
}

static double mlp_f32(struct bench *bench)
{
	return measure(bench, false, infer_f32);
}

static double mlp_int8(struct bench *bench)
{
	return measure(bench, true, infer_int8);
}

/* Not every peer counts the conversions in W5; ONNX Runtime does. */
const struct bench_row bench_infer_rows[] = {
	{ "infer/mlp-f32", "us", "W4 mlp f32", NULL, false, mlp_f32 },
	{ "infer/mlp-int8", "us", "W5 mlp int8", "ONNXRuntime", false, mlp_int8 },
	{ 0 },
};
