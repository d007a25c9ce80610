// SPDX-License-Identifier: MIT
/* One sample, from f32 to f32, in process. */
#include <stdlib.h>

#include "bench.h"
#include "npu_train.h"

#define CALIBRATION 64
#define MOST_OUTPUTS 10

/**
 * struct network - what is measured
 * @dim: of its input
 * @build: adds its layers
 */
struct network {
	uint32_t dim[3];
	int (*build)(struct npu_model *model, struct npu_error *err);
};

static const struct network mlp = { { 1, 1, 784 }, bench_mlp };
static const struct network cnn = { { 28, 28, 1 }, bench_cnn };
static const struct network resnet8 = { { 32, 32, 3 }, bench_resnet8 };
static const struct network lstm = { { 1, 50, 16 }, bench_lstm };
static const struct network mobilenet = { { 96, 96, 3 }, bench_mobilenet };

/**
 * struct way - a network as a program
 * @variant: of the kernels; NULL for the fastest
 */
struct way {
	const struct network *network;
	const char *variant;
};

/**
 * struct inference - a network and what runs it
 * @samples: [CALIBRATION][features]; the first is the input
 * @err: of the first call that failed
 */
struct inference {
	struct npu_model *model;
	float *samples;
	float output[MOST_OUTPUTS];
	struct npu_error err;
	void *image;
	struct npu_device *device;
	struct npu_program *program;
	struct npu_session *session;
};

static int make_model(struct inference *inference, const struct network *network)
{
	int ret = npu_model_create(&inference->model, network->dim, 1, &inference->err);

	if (ret < 0)
		return ret;
	inference->samples = bench_floats(CALIBRATION * npu_model_features(inference->model));
	return network->build(inference->model, &inference->err);
}

static int compile_and_open(struct inference *inference, const char *variant, unsigned int threads)
{
	const struct npu_device_options options = {
		.backend = NPU_BACKEND_EMBEDDED,
		.variant = variant,
	};
	/* one thread is the caller's */
	const struct npu_session_options session = { .threads = threads > 1 ? threads : 0 };
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
				       &session, err);
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

/* Microseconds of @run; @way: NULL for the model itself. */
static double measure(struct bench *bench, const struct network *network, const struct way *way,
		      void (*run)(void *))
{
	struct inference inference = { 0 };
	double seconds = -1;
	int ret = make_model(&inference, network);

	if (ret >= 0 && way)
		ret = compile_and_open(&inference, way->variant, bench->threads);
	if (ret >= 0)
		seconds = bench_time(bench, BENCH_WALL, run, &inference);
	if (inference.err.code)
		seconds = bench_fail(bench, inference.err.message);
	release(&inference);
	return seconds < 0 ? seconds : seconds * 1e6;
}

static double f32(struct bench *bench)
{
	return measure(bench, bench->subject, NULL, infer_f32);
}

static double int8(struct bench *bench)
{
	const struct way *way = bench->subject;

	return measure(bench, way->network, way, infer_int8);
}

/* Not every peer counts the conversions in W5; ONNX Runtime does. */
#define INT8(name, workload, threads)                                                 \
	{                                                                             \
		"infer/" #name "-int8", "us", workload, "ONNXRuntime", threads, int8, \
			&(const struct way)                                           \
		{                                                                     \
			&name, NULL                                                   \
		}                                                                     \
	}
/* What the peer takes on a CPU that has no more is not in its results: no reference. */
#define INT8_AVX2(name)                                                                         \
	{                                                                                       \
		"infer/" #name "-int8-avx2", "us", NULL, NULL, false, int8, &(const struct way) \
		{                                                                               \
			&name, "avx2"                                                           \
		}                                                                               \
	}

const struct bench_row bench_infer_rows[] = {
	{ "infer/mlp-f32", "us", "W4 mlp f32", NULL, false, f32, &mlp },
	{ "infer/cnn-f32", "us", "W4 cnn f32", NULL, false, f32, &cnn },
	{ "infer/lstm-f32", "us", "W4 lstm f32", NULL, false, f32, &lstm },
	{ "infer/resnet8-f32", "us", "W4 resnet8 f32", NULL, false, f32, &resnet8 },
	{ "infer/mobilenet-f32", "us", "W4 mbv1 f32", NULL, false, f32, &mobilenet },
	INT8(mlp, "W5 mlp int8", false),
	INT8(cnn, "W5 cnn int8", false),
	INT8(lstm, "W5 lstm int8", false),
	INT8(resnet8, "W5 resnet8 int8", true),
	INT8(mobilenet, "W5 mbv1 int8", true),
#if defined(__x86_64__)
	INT8_AVX2(mlp),
	INT8_AVX2(cnn),
	INT8_AVX2(lstm),
	INT8_AVX2(resnet8),
	INT8_AVX2(mobilenet),
#endif
	{ 0 },
};
