// SPDX-License-Identifier: MIT
/*
 * The networks of the benchmarks as programs: compiled on the host, run wherever a device is.
 *
 *	networks make FOLDER	compile each to FOLDER/NAME.npu; its outputs for some inputs, by the
 *				scalar definition, to FOLDER/NAME.out
 *	networks check FOLDER	run them on the device, by io_uring and by ioctl, and in process in
 *				every variant: the same outputs to the bit (TAP)
 *	networks time FOLDER BACKEND [NAME]
 *				NAME and the least time of one inference in its thread, in us, a line
 *				each; BACKEND is driver or embedded
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/bench.h"
#include "npu.h"
#include "npu_train.h"

#define CALIBRATION 16
#define SAMPLES 8  /* inputs that are compared */
#define BATCH 16   /* inferences that follow one another without the application between them */
#define BATCHES 40 /* the fastest inference of all counts */

/**
 * struct network - one of them
 * @name: of its files
 * @dim: of its input
 * @build: adds its layers
 */
struct network {
	const char *name;
	uint32_t dim[3];
	int (*build)(struct npu_model *model, struct npu_error *err);
};

static const struct network networks[] = {
	{ "mlp", { 1, 1, 784 }, bench_mlp },
	{ "cnn", { 28, 28, 1 }, bench_cnn },
	{ "lstm", { 1, 50, 16 }, bench_lstm },
	{ "resnet8", { 32, 32, 3 }, bench_resnet8 },
	{ "mobilenet", { 96, 96, 3 }, bench_mobilenet },
};

#define NETWORKS (sizeof(networks) / sizeof(networks[0]))

/**
 * struct runner - a program on a device
 */
struct runner {
	struct npu_device *device;
	struct npu_program *program;
	struct npu_session *session;
	struct npu_request *request;
	size_t out_bytes;
};

static void path_of(char *path, size_t size, const char *folder, const char *name,
		    const char *suffix)
{
	snprintf(path, size, "%s/%s%s", folder, name, suffix);
}

static void runner_close(struct runner *runner)
{
	npu_session_close(runner->session);
	npu_device_close(runner->device);
	npu_program_free(runner->program);
}

static int runner_open(struct runner *runner, const char *folder, const char *name,
		       const struct npu_device_options *options, unsigned int requests,
		       struct npu_error *err)
{
	const struct npu_session_options session = { .requests = requests, .threads = 0 };
	char path[512];
	int ret;

	memset(runner, 0, sizeof(*runner));
	path_of(path, sizeof(path), folder, name, ".npu");
	ret = npu_program_load(&runner->program, path, err);
	if (!ret)
		ret = npu_device_open(&runner->device, options, err);
	if (!ret)
		ret = npu_session_open(&runner->session, runner->device, runner->program, &session,
				       err);
	if (ret) {
		runner_close(runner);
		return ret;
	}
	runner->request = npu_session_request(runner->session, 0);
	runner->out_bytes = npu_program_output(runner->program, 0)->bytes;
	return 0;
}

/* Bytes of input @i: any value of int8 is one. */
static void fill(struct runner *runner, unsigned int i)
{
	uint8_t *in = npu_request_input(runner->request, 0);
	size_t bytes = npu_program_input(runner->program, 0)->bytes, k;
	uint32_t x = i * 2654435761u + 12345;

	for (k = 0; k < bytes; k++) {
		x = x * 1664525 + 1013904223;
		in[k] = x >> 24;
	}
}

/* All outputs, one behind the other, in memory of the caller's; NULL with a sentence. */
static uint8_t *outputs_of(struct runner *runner, struct npu_error *err)
{
	uint8_t *all = malloc(SAMPLES * runner->out_bytes);
	unsigned int i;

	for (i = 0; all && i < SAMPLES; i++) {
		fill(runner, i);
		if (npu_infer(runner->request, err)) {
			free(all);
			return NULL;
		}
		memcpy(all + i * runner->out_bytes, npu_request_output(runner->request, 0),
		       runner->out_bytes);
	}
	return all;
}

/* -------------------------------------------------------------------- make */

static int compile(const struct network *network, const char *path, struct npu_error *err)
{
	struct npu_model *model;
	float *samples;
	int ret = npu_model_create(&model, network->dim, 1, err);

	if (ret < 0)
		return ret;
	samples = bench_floats(CALIBRATION * npu_model_features(model));
	ret = network->build(model, err);
	if (ret >= 0)
		ret = npu_model_compile_file(model, samples, CALIBRATION, NULL, path, err);
	free(samples);
	npu_model_free(model);
	return ret;
}

static int make(const struct network *network, const char *folder, struct npu_error *err)
{
	const struct npu_device_options scalar = { .backend = NPU_BACKEND_EMBEDDED,
						   .variant = "scalar" };
	struct runner runner;
	char path[512];
	uint8_t *out;
	FILE *file;
	int ret;

	path_of(path, sizeof(path), folder, network->name, ".npu");
	ret = compile(network, path, err);
	if (ret < 0)
		return ret;
	ret = runner_open(&runner, folder, network->name, &scalar, 1, err);
	if (ret)
		return ret;
	out = outputs_of(&runner, err);
	path_of(path, sizeof(path), folder, network->name, ".out");
	file = fopen(path, "wb");
	ret = -EIO;
	if (out && file && fwrite(out, runner.out_bytes, SAMPLES, file) == SAMPLES)
		ret = 0;
	if (file && fclose(file))
		ret = -EIO;
	free(out);
	runner_close(&runner);
	return ret;
}

/* ------------------------------------------------------------------- check */

static bool same(const struct runner *runner, const uint8_t *out, const char *folder,
		 const char *name)
{
	size_t bytes = SAMPLES * runner->out_bytes;
	uint8_t *expected = malloc(bytes);
	char path[512];
	bool good = false;
	FILE *file;

	path_of(path, sizeof(path), folder, name, ".out");
	file = fopen(path, "rb");
	if (file && expected && fread(expected, 1, bytes, file) == bytes)
		good = !memcmp(out, expected, bytes);
	if (file)
		fclose(file);
	free(expected);
	return good;
}

static bool check(const char *folder, const char *name, const struct npu_device_options *options,
		  const char *how)
{
	static int test;
	struct npu_error err = { 0 };
	struct npu_device_info info;
	struct runner runner;
	uint8_t *out;
	bool good = false;

	if (runner_open(&runner, folder, name, options, 1, &err)) {
		printf("# %s\nnot ok %d - %s %s\n", err.message, ++test, name, how);
		return false;
	}
	npu_device_info(runner.device, &info);
	out = outputs_of(&runner, &err);
	if (!out)
		printf("# %s\n", err.message);
	else
		good = same(&runner, out, folder, name);
	printf("%sok %d - %s %s, %s: the outputs of the scalar definition\n", good ? "" : "not ",
	       ++test, name, how, info.variant);
	free(out);
	runner_close(&runner);
	return good;
}

static int check_all(const char *folder)
{
	const struct npu_device_options ways[] = {
		{ .backend = NPU_BACKEND_DRIVER },
		{ .backend = NPU_BACKEND_DRIVER, .no_uring = true },
		{ .backend = NPU_BACKEND_EMBEDDED },
	};
	static const char *const how[] = { "by io_uring", "by ioctl", "in process" };
	bool good = true;
	size_t i, way;

	printf("1..%zu\n", NETWORKS * 3);
	for (i = 0; i < NETWORKS; i++)
		for (way = 0; way < 3; way++)
			good &= check(folder, networks[i].name, &ways[way], how[way]);
	return !good;
}

/* -------------------------------------------------------------------- time */

/* Run all requests of a session; *best becomes the time of the fastest if that is less. */
static int time_batch(struct runner *runner, uint64_t *best, struct npu_error *err)
{
	struct npu_request *requests[BATCH];
	int i, done = 0, ret;

	for (i = 0; i < BATCH; i++)
		requests[i] = npu_session_request(runner->session, i);
	ret = npu_submit(runner->session, requests, BATCH, err);
	while (!ret && done < BATCH) {
		ret = npu_reap(runner->session, requests, BATCH, -1, err);
		if (ret < 0)
			return ret;
		for (i = 0; i < ret; i++) {
			uint64_t ns = npu_request_device_ns(requests[i]);

			if (npu_request_result(requests[i]))
				return npu_request_result(requests[i]);
			if (ns && ns < *best)
				*best = ns;
		}
		done += ret;
		ret = 0;
	}
	return ret;
}

static int time_one(const char *folder, const char *name, enum npu_backend backend,
		    struct npu_error *err)
{
	const struct npu_device_options options = { .backend = backend };
	struct runner runner;
	uint64_t best = UINT64_MAX;
	int i, ret = runner_open(&runner, folder, name, &options, BATCH, err);

	if (ret)
		return ret;
	for (i = 0; i < BATCHES && !ret; i++)
		ret = time_batch(&runner, &best, err);
	if (!ret)
		printf("%s %.2f\n", name, best / 1e3);
	runner_close(&runner);
	return ret;
}

static int each(const char *verb, const char *folder, enum npu_backend backend, const char *only)
{
	size_t i;

	for (i = 0; i < NETWORKS; i++) {
		struct npu_error err = { 0 };
		int ret;

		if (only && strcmp(only, networks[i].name))
			continue;
		if (!strcmp(verb, "make"))
			ret = make(&networks[i], folder, &err);
		else
			ret = time_one(folder, networks[i].name, backend, &err);
		if (ret < 0) {
			fprintf(stderr, "networks: %s: %s\n", networks[i].name,
				err.message[0] ? err.message : strerror(-ret));
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "make"))
		return each("make", argv[2], NPU_BACKEND_EMBEDDED, NULL);
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check_all(argv[2]);
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "time"))
		return each("time", argv[2],
			    strcmp(argv[3], "driver") ? NPU_BACKEND_EMBEDDED : NPU_BACKEND_DRIVER,
			    argv[4]);
	fprintf(stderr, "usage: networks make|check FOLDER, time FOLDER driver|embedded [NAME]\n");
	return 2;
}
