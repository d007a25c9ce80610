/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The kernels that are written over lanes.h and a taps_*.h alone: a variant includes those
 * first, and puts LANES_KERNELS into its table.
 */
#ifndef NPU_LANES_KERNELS_H
#define NPU_LANES_KERNELS_H

#include "depthwise.h"
#include "depthwise_s16.h"
#include "elementwise.h"
#include "pooling.h"
#include "reduce.h"
#include "resize.h"
#include "softmax.h"

/* clang-format off */
#define LANES_KERNELS                                          \
	[NPU_KERNEL_DEPTHWISE_CONV_S8] = depthwise_s8,         \
	[NPU_KERNEL_DEPTHWISE_CONV_S16] = depthwise_s16,       \
	[NPU_KERNEL_MAX_POOL_S8] = pool,                       \
	[NPU_KERNEL_MAX_POOL_S16] = pool,                      \
	[NPU_KERNEL_AVERAGE_POOL_S8] = pool,                   \
	[NPU_KERNEL_AVERAGE_POOL_S16] = pool,                  \
	[NPU_KERNEL_ADD_S8] = elementwise_add_s8,              \
	[NPU_KERNEL_ADD_S16] = elementwise_add_s16,            \
	[NPU_KERNEL_MUL_S8] = elementwise_mul,                 \
	[NPU_KERNEL_MUL_S16] = elementwise_mul,                \
	[NPU_KERNEL_SUB_S8] = elementwise_sub_s8,              \
	[NPU_KERNEL_SUB_S16] = elementwise_sub_s16,            \
	[NPU_KERNEL_EXTREMUM_S8] = elementwise_extremum,       \
	[NPU_KERNEL_EXTREMUM_S16] = elementwise_extremum,      \
	[NPU_KERNEL_REDUCE] = reduce,                          \
	[NPU_KERNEL_RESIZE] = resize,                          \
	[NPU_KERNEL_CLAMP_S8] = elementwise_clamp,             \
	[NPU_KERNEL_CLAMP_S16] = elementwise_clamp,            \
	[NPU_KERNEL_REQUANTISE_S8] = elementwise_requantise,   \
	[NPU_KERNEL_REQUANTISE_S16] = elementwise_requantise,  \
	[NPU_KERNEL_REQUANTISE_S32] = elementwise_requantise,  \
	[NPU_KERNEL_TABLE_S8] = activation_table_s8,           \
	[NPU_KERNEL_TABLE_S16] = activation_table_s16,         \
	[NPU_KERNEL_SIGMOID_S8] = activation_s8,               \
	[NPU_KERNEL_SIGMOID_S16] = activation_sigmoid_s16,     \
	[NPU_KERNEL_TANH_S8] = activation_s8,                  \
	[NPU_KERNEL_TANH_S16] = activation_tanh_s16,           \
	[NPU_KERNEL_SOFTMAX_S8] = softmax_s8,                  \
	[NPU_KERNEL_SOFTMAX_S16] = softmax_s16
/* clang-format on */

#endif /* NPU_LANES_KERNELS_H */
