/* SPDX-License-Identifier: MIT */
/* Chapter 7: compiling. To a .npu program. */
#ifndef NPU_TRAIN_COMPILE_H
#define NPU_TRAIN_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train/model.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum npu_precision {
	NPU_PRECISION_INT8 = 0,		/* int8 activations and weights */
	NPU_PRECISION_INT16 = 1,	/* int16 activations, int8 weights */
};

/**
 * enum npu_calibration - how the range of each int8 value between layers follows from the samples
 * @NPU_CALIBRATE_PERCENTILE: all but the outermost, see percentile; the default
 * @NPU_CALIBRATE_MIN_MAX: all that was seen
 * @NPU_CALIBRATE_ENTROPY: the one whose quantisation diverges least from what was seen
 *	(Kullback-Leibler; Migacz 2017, "8-bit inference with TensorRT")
 * @NPU_CALIBRATE_MSE: the one of the least squared error
 *
 * What lies outside saturates. Inputs and outputs of the model, and int16, keep all that was seen.
 */
enum npu_calibration {
	NPU_CALIBRATE_PERCENTILE = 0,
	NPU_CALIBRATE_MIN_MAX,
	NPU_CALIBRATE_ENTROPY,
	NPU_CALIBRATE_MSE,
};

/**
 * struct npu_compile_options - all zero is the default
 * @precision: of activations
 * @calibration: enum npu_calibration
 * @percentile: of the numbers that NPU_CALIBRATE_PERCENTILE keeps; 0 for 99.99
 * @bias_correction: give back to biases what the rounding of weights takes from the mean of each
 *	output channel over the samples (Nagel et al. 2019); dense layers and convolutions
 * @equalise: first scale the channels between two layers so that all are of one size (cross-layer
 *	equalisation; Nagel et al. 2019); where relu, leaky relu or nothing is between them, and not
 *	after quantisation-aware training
 * @wide: [1 + layers]: of NPU_PRECISION_INT8, values that are int16 all the same: the input, then
 *	what each layer makes; NULL for none. See npu_model_choose_wide()
 * @lengths: [count], steps of each calibration sample where the model reads sequences whose lengths
 *	differ; NULL where all are whole
 * @length_input: requests bring the lengths of their sequences: a second input, "lengths", of
 *	int32 [batch]. Otherwise all are whole
 * @batch: samples of one request; 0 for 1
 * @max_bytes: refuse a program that needs more memory (weights, constants, instructions, inputs,
 *	outputs and intermediate results of one request); 0 for no limit
 */
struct npu_compile_options {
	enum npu_precision precision;
	enum npu_calibration calibration;
	double percentile;
	bool bias_correction;
	bool equalise;
	const bool *wide;
	const uint32_t *lengths;
	bool length_input;
	uint32_t batch;
	size_t max_bytes;
};

/**
 * struct npu_compile_quote - memory that a compiled program takes, exact
 * @weight_bytes: the weights slot
 * @const_bytes: the constant section
 * @insn_bytes: the instructions
 * @io_bytes: inputs and outputs of one request
 * @scratch_bytes: intermediate results of a queue
 * @state_bytes: what stateful layers remember of a session
 * @file_bytes: the .npu file
 */
struct npu_compile_quote {
	size_t weight_bytes, const_bytes, insn_bytes, io_bytes, scratch_bytes, state_bytes;
	size_t file_bytes;
};

/*
 * What npu_model_compile() will make, before anything of it is allocated. -E2BIG: it is beyond
 * max_bytes or a limit of the NPU, -EOPNOTSUPP: there is no instruction for it; the sentence names
 * the layer and the remedy. npu_model_lowered() says how far the NPU goes.
 */
int npu_model_compile_quote(const struct npu_model *model,
			    const struct npu_compile_options *options,
			    struct npu_compile_quote *quote, struct npu_error *err);

/**
 * npu_model_compile - quantise and lower to a .npu program
 * @samples: inputs to calibrate on, raw, [count][features]; a few hundred are plenty
 * @image: out: the bytes of a .npu file, 64-byte aligned, for npu_program_load_memory(); free
 *	with npu_image_free()
 *
 * Ranges of values follow from @samples as @options say; what lies outside saturates. Where
 * quantisation-aware training has tracked a value its range is taken. The model's scaler becomes
 * part of the program, so that raw data goes in. The same model and samples give the same bytes on
 * every CPU.
 *
 * Stateful recurrent layers make a program whose sessions remember (npu_session_reset_state()), and
 * @samples are then one stream, each going on from the one before.
 *
 * Errors as for the quote, and -EINVAL: no samples, or a sample, weight or intermediate result
 * that is not finite. -ERANGE: numbers that the NPU's integers can't hold.
 */
int npu_model_compile(const struct npu_model *model, const float *samples, size_t count,
		      const struct npu_compile_options *options, void **image, size_t *bytes,
		      struct npu_error *err);
void npu_image_free(void *image);

/* As above, to a file, which appears whole or not at all. */
int npu_model_compile_file(const struct npu_model *model, const float *samples, size_t count,
			   const struct npu_compile_options *options, const char *path,
			   struct npu_error *err);

/**
 * struct npu_wide_report - what npu_model_choose_wide() has measured
 * @model_accuracy: percent of the samples that the model has right in f32; NAN without labels
 * @int8_accuracy: that a program of int8 has right
 * @accuracy: that the program of the choice has right
 * @int8_sqnr_db: power of f32 outputs over that of the error, in dB, of a program of int8
 * @sqnr_db: likewise, of the choice
 * @raised: values that are int16
 */
struct npu_wide_report {
	double model_accuracy, int8_accuracy, accuracy;
	double int8_sqnr_db, sqnr_db;
	size_t raised;
};

/**
 * npu_model_choose_wide - mixed precision: which values have to be int16
 * @samples: to calibrate on, [count][features], as npu_model_compile() will
 * @data: samples to measure on, raw, with their labels if there are classes
 * @options: of the program; precision is int8, wide is not read
 * @limit: with labels: points, percent of the samples, that the program may have fewer right than
 *	the model; without: decibels that the signal-to-noise ratio of the outputs must reach
 * @wide: [1 + layers], out: for npu_compile_options
 * @report: out
 *
 * Where a program of int8 is good enough nothing is raised. Else programs in which one value alone
 * is int16 show what each costs, by the ratio of the outputs; then the costliest are raised, one
 * more at a time, until the program is good enough. The same on every CPU.
 *
 * -ERANGE: not even with all values int16; the report has the figures. Other errors as for
 * compiling.
 */
int npu_model_choose_wide(const struct npu_model *model, const float *samples, size_t count,
			  const struct npu_dataset *data,
			  const struct npu_compile_options *options, double limit, bool *wide,
			  struct npu_wide_report *report, struct npu_error *err);

/**
 * struct npu_layer_report - what became of a layer
 * @name: of the layer; what was fused into it has no row
 * @instructions: mnemonics of its instructions, as `npu dump` has them: "conv_2d"
 * @precision: of its input and output: "int8", "int16", "int8 to int16"
 * @sqnr_db: power of its f32 output over that of the error, in dB; NAN where f32 has no such value
 * @cosine: of the angle between its f32 output and what the program makes; NAN likewise
 * @macs: multiplications with addition
 * @weight_bytes: packed weights, biases, scales and tables that it reads
 * @activation_bytes: that it reads and writes
 * @predicted_us: by the model of the CPU in struct npu_compile_report
 * @measured_us: least of many runs on this CPU, one thread, nothing else in the cache
 * @share: of the time of all layers, 0 to 1
 * @roofline: time that its multiplications or bytes need at least, whichever is more, over
 *	@measured_us: 1 is the limit of the CPU
 */
struct npu_layer_report {
	char name[64];
	char instructions[64];
	char precision[24];
	double sqnr_db, cosine;
	uint64_t macs, weight_bytes, activation_bytes;
	double predicted_us, measured_us, share, roofline;
};

/**
 * struct npu_compile_report - what became of a network
 * @layer: [layers], in the order in which they run
 * @samples: that errors are over: the first ones of those that calibrate, at most 200
 * @variant: of the kernels that were measured, "avx512vnni"
 * @macs_per_us: that they do in a matrix product of 64 x 512 x 128
 * @outputs_per_us: that they requantise, in one of 64 x 4 x 128
 * @bytes_per_us: that they read or write, in a copy of 64 KiB
 * @macs: of all layers
 * @predicted_us: of all layers. One is predicted to take the greater of what its multiplications
 *	and its bytes need, and then what its outputs need
 * @measured_us: likewise
 * @peak_bytes: memory of one request on one queue: all that the quote has but the file
 */
struct npu_compile_report {
	struct npu_layer_report *layer;
	size_t layers;
	size_t samples;
	char variant[32];
	double macs_per_us, outputs_per_us, bytes_per_us;
	uint64_t macs;
	double predicted_us, measured_us;
	size_t peak_bytes;
};

/**
 * npu_model_compile_report - npu_model_compile(), and what became of each layer
 * @report: out; free with npu_compile_report_free()
 *
 * The program runs in process, with the kernels that the environment variable NPU_VARIANT names or
 * else the fastest, for about a tenth of a second.
 */
int npu_model_compile_report(const struct npu_model *model, const float *samples, size_t count,
			     const struct npu_compile_options *options, void **image, size_t *bytes,
			     struct npu_compile_report *report, struct npu_error *err);
void npu_compile_report_free(struct npu_compile_report *report);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_COMPILE_H */
