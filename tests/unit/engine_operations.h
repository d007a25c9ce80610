/* SPDX-License-Identifier: MIT */
/*
 * Every instruction, declared once, in all the types that it may have. The table drives what is
 * compared with the scalar kernels (engine_variants.c), cut and uncut; the seeds of the fuzzer of
 * the engine; programs as text (program_text.c); the limits that a validator has to keep; cases
 * with outputs made by others; and, at the size given here, speed (make bench BENCH=insn/).
 */
#ifndef ENGINE_OPERATIONS_H
#define ENGINE_OPERATIONS_H

#include <stdint.h>

#include "npu_accel.h"

/**
 * struct typical - a size at which speed is measured
 * @h, @w, @c: of the output; a product has @w rows of @c channels
 * @depth: K of a product; channels of the input of a convolution, or of a sequence of @w steps
 */
struct typical {
	uint32_t h, w, c, depth;
};

/* Of the middle of a residual network, and of what comes behind it. */
/* clang-format off */
#define ELEMENTS { 16, 16, 32, 0 }
#define PICTURE { 16, 16, 32, 32 }
#define PRODUCT { 1, 32, 128, 256 }
#define ROWS { 1, 32, 128, 0 }
#define STEPS { 1, 50, 128, 16 }
/* clang-format on */

struct operation {
	const char *name;
	uint16_t opcode;
	uint8_t out, in; /* enum npu_type */
	uint8_t bias;	 /* of FULLY_CONNECTED and the convolutions; gamma of LAYER_NORM */
	struct typical typical;
};

static const struct operation operations[] = {
	{ "copy_s8", NPU_OP_COPY, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "copy_s16", NPU_OP_COPY, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "copy_s32", NPU_OP_COPY, NPU_TYPE_INT32, NPU_TYPE_INT32, 0, ELEMENTS },
	{ "copy_s64", NPU_OP_COPY, NPU_TYPE_INT64, NPU_TYPE_INT64, 0, ELEMENTS },
	{ "fc_s8_s8", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32,
	  PRODUCT },
	{ "fc_s8_s16", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT16, NPU_TYPE_INT8, NPU_TYPE_INT32,
	  PRODUCT },
	{ "fc_s8_nobias", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, PRODUCT },
	{ "fc_s8_s32", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT32, NPU_TYPE_INT8, NPU_TYPE_INT32,
	  PRODUCT },
	{ "fc_s16_s16", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT64,
	  PRODUCT },
	{ "fc_s16_s8", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT8, NPU_TYPE_INT16, NPU_TYPE_INT32,
	  PRODUCT },
	{ "fc_s16_nobias", NPU_OP_FULLY_CONNECTED, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, PRODUCT },
	{ "conv_s8_s8", NPU_OP_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32, PICTURE },
	{ "conv_s8_s16", NPU_OP_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT8, NPU_TYPE_INT32, PICTURE },
	{ "conv_s8_nobias", NPU_OP_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, PICTURE },
	{ "conv_s16_s16", NPU_OP_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT64, PICTURE },
	{ "conv_s16_s8", NPU_OP_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT16, NPU_TYPE_INT32, PICTURE },
	{ "conv_s16_nobias", NPU_OP_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, PICTURE },
	{ "depthwise_s8", NPU_OP_DEPTHWISE_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32,
	  PICTURE },
	{ "depthwise_s8_nobias", NPU_OP_DEPTHWISE_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, 0,
	  PICTURE },
	{ "depthwise_s16", NPU_OP_DEPTHWISE_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT64,
	  PICTURE },
	{ "transpose_conv_s8", NPU_OP_TRANSPOSE_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT8,
	  NPU_TYPE_INT32, PICTURE },
	{ "transpose_conv_s8_nobias", NPU_OP_TRANSPOSE_CONV_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, 0,
	  PICTURE },
	{ "transpose_conv_s16", NPU_OP_TRANSPOSE_CONV_2D, NPU_TYPE_INT16, NPU_TYPE_INT16,
	  NPU_TYPE_INT64, PICTURE },
	{ "max_pool_s8", NPU_OP_MAX_POOL_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, PICTURE },
	{ "max_pool_s16", NPU_OP_MAX_POOL_2D, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, PICTURE },
	{ "average_pool_s8", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, PICTURE },
	{ "average_pool_s16", NPU_OP_AVERAGE_POOL_2D, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, PICTURE },
	{ "add_s8", NPU_OP_ADD, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "add_s16", NPU_OP_ADD, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "mul_s8", NPU_OP_MUL, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "mul_s16", NPU_OP_MUL, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "sub_s8", NPU_OP_SUB, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "sub_s16", NPU_OP_SUB, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "min_s8", NPU_OP_MIN, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "min_s16", NPU_OP_MIN, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "max_s8", NPU_OP_MAX, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "max_s16", NPU_OP_MAX, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "matmul_s8_s8", NPU_OP_BATCH_MATMUL, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, PRODUCT },
	{ "matmul_s8_s16", NPU_OP_BATCH_MATMUL, NPU_TYPE_INT16, NPU_TYPE_INT8, 0, PRODUCT },
	{ "matmul_s16_s16", NPU_OP_BATCH_MATMUL, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, PRODUCT },
	{ "matmul_s16_s8", NPU_OP_BATCH_MATMUL, NPU_TYPE_INT8, NPU_TYPE_INT16, 0, PRODUCT },
	{ "reduce_mean_s8", NPU_OP_REDUCE_MEAN, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "reduce_mean_s16", NPU_OP_REDUCE_MEAN, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "reduce_sum_s8", NPU_OP_REDUCE_SUM, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "reduce_sum_s16", NPU_OP_REDUCE_SUM, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "reduce_max_s8", NPU_OP_REDUCE_MAX, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "reduce_max_s16", NPU_OP_REDUCE_MAX, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "clamp_s8", NPU_OP_CLAMP, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "clamp_s16", NPU_OP_CLAMP, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "requantise_s8_s8", NPU_OP_REQUANTISE, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "requantise_s8_s16", NPU_OP_REQUANTISE, NPU_TYPE_INT16, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "requantise_s16_s8", NPU_OP_REQUANTISE, NPU_TYPE_INT8, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "requantise_s16_s16", NPU_OP_REQUANTISE, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "requantise_s32_s8", NPU_OP_REQUANTISE, NPU_TYPE_INT8, NPU_TYPE_INT32, 0, ELEMENTS },
	{ "requantise_s32_s16", NPU_OP_REQUANTISE, NPU_TYPE_INT16, NPU_TYPE_INT32, 0, ELEMENTS },
	{ "table_s8", NPU_OP_TABLE, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "table_s16", NPU_OP_TABLE, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "sigmoid_s8", NPU_OP_SIGMOID, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "sigmoid_s16", NPU_OP_SIGMOID, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "tanh_s8", NPU_OP_TANH, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "tanh_s16", NPU_OP_TANH, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "softmax_s8_s8", NPU_OP_SOFTMAX, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ROWS },
	{ "softmax_s8_s16", NPU_OP_SOFTMAX, NPU_TYPE_INT16, NPU_TYPE_INT8, 0, ROWS },
	{ "softmax_s16_s16", NPU_OP_SOFTMAX, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ROWS },
	{ "pad_s8", NPU_OP_PAD, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "pad_s16", NPU_OP_PAD, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "slice_s8", NPU_OP_SLICE, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "slice_s16", NPU_OP_SLICE, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "slice_s32", NPU_OP_SLICE, NPU_TYPE_INT32, NPU_TYPE_INT32, 0, ELEMENTS },
	{ "slice_s64", NPU_OP_SLICE, NPU_TYPE_INT64, NPU_TYPE_INT64, 0, ELEMENTS },
	{ "transpose_s8", NPU_OP_TRANSPOSE, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "transpose_s16", NPU_OP_TRANSPOSE, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "transpose_s32", NPU_OP_TRANSPOSE, NPU_TYPE_INT32, NPU_TYPE_INT32, 0, ELEMENTS },
	{ "transpose_s64", NPU_OP_TRANSPOSE, NPU_TYPE_INT64, NPU_TYPE_INT64, 0, ELEMENTS },
	{ "nearest_s8", NPU_OP_RESIZE_NEAREST, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "nearest_s32", NPU_OP_RESIZE_NEAREST, NPU_TYPE_INT32, NPU_TYPE_INT32, 0, ELEMENTS },
	{ "bilinear_s8", NPU_OP_RESIZE_BILINEAR, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ELEMENTS },
	{ "bilinear_s16", NPU_OP_RESIZE_BILINEAR, NPU_TYPE_INT16, NPU_TYPE_INT16, 0, ELEMENTS },
	{ "embedding_s16_s8", NPU_OP_EMBEDDING, NPU_TYPE_INT8, NPU_TYPE_INT16, 0, ROWS },
	{ "embedding_s32_s16", NPU_OP_EMBEDDING, NPU_TYPE_INT16, NPU_TYPE_INT32, 0, ROWS },
	{ "layer_norm_s8_s8", NPU_OP_LAYER_NORM, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32,
	  ROWS },
	{ "layer_norm_s8_s16", NPU_OP_LAYER_NORM, NPU_TYPE_INT16, NPU_TYPE_INT8, NPU_TYPE_INT32,
	  ROWS },
	{ "layer_norm_s16_s8", NPU_OP_LAYER_NORM, NPU_TYPE_INT8, NPU_TYPE_INT16, NPU_TYPE_INT32,
	  ROWS },
	{ "layer_norm_s16_s16", NPU_OP_LAYER_NORM, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT32,
	  ROWS },
	{ "layer_norm_s8_plain", NPU_OP_LAYER_NORM, NPU_TYPE_INT8, NPU_TYPE_INT8, 0, ROWS },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* Those with states, of which recurrent_reference.h makes instances. */
static const struct operation recurrent_operations[] = {
	{ "rnn_s8", NPU_OP_RNN, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32, STEPS },
	{ "rnn_s16", NPU_OP_RNN, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT32, STEPS },
	{ "lstm_s8", NPU_OP_LSTM, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32, STEPS },
	{ "lstm_s16", NPU_OP_LSTM, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT32, STEPS },
	{ "gru_s8", NPU_OP_GRU, NPU_TYPE_INT8, NPU_TYPE_INT8, NPU_TYPE_INT32, STEPS },
	{ "gru_s16", NPU_OP_GRU, NPU_TYPE_INT16, NPU_TYPE_INT16, NPU_TYPE_INT32, STEPS },
};

#define RECURRENT_OPERATIONS (sizeof(recurrent_operations) / sizeof(recurrent_operations[0]))

static inline uint32_t type_bytes(uint32_t type)
{
	static const uint8_t bytes[] = { 0, 1, 2, 4, 8 };

	return bytes[type];
}

#endif /* ENGINE_OPERATIONS_H */
