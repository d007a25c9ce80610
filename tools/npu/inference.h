/* SPDX-License-Identifier: MIT */
/* A program on a device, as eval, run and bench use it. */
#ifndef NPU_INFERENCE_H
#define NPU_INFERENCE_H

#include <limits.h>

#include "cli.h"
#include "json_report.h"
#include "npu.h"

#define INFERENCE_THREADS_AUTO UINT_MAX

/**
 * struct inference_options - where and how a program runs
 * @device: index into inference_devices, an enum npu_backend
 * @node: device node, NULL to look for one
 * @variant: embedded: kernel variant, NULL for the fastest
 * @no_uring: use ioctls
 * @threads: embedded: worker threads, 0 to compute in the calling thread, INFERENCE_THREADS_AUTO
 *	for as many as there are CPUs
 * @in_flight: requests at a time
 */
struct inference_options {
	unsigned int device;
	const char *node;
	const char *variant;
	bool no_uring;
	unsigned int threads;
	unsigned int in_flight;
};

extern const char *const inference_devices[];

/* All but @in_flight, whose meaning differs. */
/* clang-format off */
#define INFERENCE_OPTIONS(options)                                                               \
	{ 'd', "device", "WHERE", "auto, driver or embedded (in this process); default auto",    \
	  CLI_CHOICE, &(options)->device, inference_devices, 0, 0 },                             \
	{ 0, "node", "PATH", "the device node; default: found by the driver's name",             \
	  CLI_TEXT, &(options)->node, NULL, 0, 0 },                                              \
	{ 0, "variant", "NAME", "embedded: kernel variant, such as scalar; default the fastest", \
	  CLI_TEXT, &(options)->variant, NULL, 0, 0 },                                           \
	{ 0, "no-uring", NULL, "driver: submit by ioctl even where io_uring is available",       \
	  CLI_FLAG, &(options)->no_uring, NULL, 0, 0 },                                          \
	{ 0, "threads", "N", "embedded: workers; 0: the caller computes; default one a CPU",     \
	  CLI_UINT, &(options)->threads, NULL, 0, NPU_MAX_THREADS }
/* clang-format on */

/**
 * struct inference - an opened device, a loaded program, and sessions of it
 * @info: of the device
 * @input: of the program, its only one but for @lengths
 * @lengths: steps of each sequence; NULL where it does not ask
 * @output: its only one
 * @batch: samples of a request
 * @features: values of a sample
 * @outputs: likewise
 */
struct inference {
	struct npu_device *device;
	struct npu_program *program;
	struct npu_device_info info;
	const struct npu_io *input, *lengths, *output;
	size_t batch, features, outputs;
};

/* Returns an enum cli_exit, the failure already said. */
int inference_open(struct inference *run, const char *path,
		   const struct inference_options *options);
/* The device only, without a program. */
int inference_open_device(struct inference *run, const struct inference_options *options);
void inference_close(struct inference *run);

/* Threads of a session with @in_flight requests. */
unsigned int inference_threads(const struct inference *run,
			       const struct inference_options *options);

/**
 * inference_predict - run samples through the program, many in flight
 * @x: [samples][features]
 * @lengths: [samples], steps of each sequence, for a program that is told; NULL where all are whole
 * @y: out, [samples][outputs]
 * @seconds: out, or NULL: from the first submission to the last completion
 *
 * What is missing of the last batch is filled with zeros.
 */
int inference_predict(struct inference *run, const struct inference_options *options,
		      const float *x, const uint32_t *lengths, size_t samples, float *y,
		      double *seconds, struct npu_error *err);

/* "/dev/accel/accel0 through io_uring (simd, avx2)" or "in this process (avx2)". */
void inference_where(const struct inference *run, char *text, size_t bytes);
struct json_object *inference_json(const struct inference *run);

#endif
