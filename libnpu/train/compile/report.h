/* SPDX-License-Identifier: MIT */
/* How close a program is to the network that it was made from, and how fast. */
#ifndef NPU_COMPILE_REPORT_H
#define NPU_COMPILE_REPORT_H

#include "npu_engine.h"
#include "runtime/program.h"
#include "train/compile/graph.h"

/**
 * struct npu_trial - a program in memory of its own, instruction by instruction
 * @graph: that it was made from
 * @program: loaded from the image
 * @device: where requests convert their inputs
 * @session: with one request
 * @variant: of the kernels
 * @exec: [slots] are owned, but for the weights
 * @slot_bytes: [slots]
 */
struct npu_trial {
	const struct npu_graph *graph;
	struct npu_program *program;
	struct npu_device *device;
	struct npu_session *session;
	const struct npu_variant *variant;
	char variant_name[32];
	struct npu_exec exec;
	uint64_t slot_bytes[NPU_MAX_SLOTS];
};

/**
 * struct npu_closeness - sums over all numbers of a value
 * @signal: squares of f32
 * @noise: squares of the differences
 * @product: f32 times what the program makes
 * @made: squares of that
 * @count: numbers; 0: it could not be compared
 */
struct npu_closeness {
	double signal, noise, product, made;
	uint64_t count;
};

/* @image must outlive @trial; close it also after a failure. */
int npu_trial_open(struct npu_trial *trial, const struct npu_graph *graph, const void *image,
		   size_t bytes, struct npu_error *err);
void npu_trial_close(struct npu_trial *trial);

/*
 * Take @samples [count][features] through the program and through the f32 reference. @closeness:
 * [nodes], of what each node makes, zeroed before.
 */
int npu_trial_compare(struct npu_trial *trial, const float *samples, size_t count,
		      const uint32_t *lengths, struct npu_closeness *closeness,
		      struct npu_error *err);

/* Least microseconds of each instruction. @us: [insn_count]. */
void npu_trial_measure(struct npu_trial *trial, double *us);

/* A report on the program @image that @graph became. Arguments as of npu_model_compile_report(). */
int npu_graph_report(const struct npu_graph *graph, const void *image, size_t bytes,
		     const float *samples, size_t count, const struct npu_compile_options *options,
		     struct npu_compile_report *report, struct npu_error *err);

#endif
