/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* All kernels over lanes, for the table of a variant. Included once by each. */
#ifndef NPU_VARIANT_H
#define NPU_VARIANT_H

#include "convolution.h"
#include "depthwise.h"
#include "elementwise.h"
#include "pooling.h"

#define VARIANT_KERNELS                                        \
	[NPU_KERNEL_FULLY_CONNECTED_S8] = convolution_s8,      \
	[NPU_KERNEL_CONV_S8] = convolution_s8,                 \
	[NPU_KERNEL_DEPTHWISE_CONV_S8] = depthwise_s8,         \
	[NPU_KERNEL_MAX_POOL_S8] = pool,                       \
	[NPU_KERNEL_MAX_POOL_S16] = pool,                      \
	[NPU_KERNEL_AVERAGE_POOL_S8] = pool,                   \
	[NPU_KERNEL_AVERAGE_POOL_S16] = pool,                  \
	[NPU_KERNEL_ADD_S8] = elementwise_add_s8,              \
	[NPU_KERNEL_ADD_S16] = elementwise_add_s16,            \
	[NPU_KERNEL_SUB_S8] = elementwise_sub_s8,              \
	[NPU_KERNEL_SUB_S16] = elementwise_sub_s16,            \
	[NPU_KERNEL_MUL_S8] = elementwise_mul,                 \
	[NPU_KERNEL_MUL_S16] = elementwise_mul,                \
	[NPU_KERNEL_EXTREMUM_S8] = elementwise_extremum,       \
	[NPU_KERNEL_EXTREMUM_S16] = elementwise_extremum,      \
	[NPU_KERNEL_CLAMP_S8] = elementwise_clamp,             \
	[NPU_KERNEL_CLAMP_S16] = elementwise_clamp,            \
	[NPU_KERNEL_REQUANTISE_S8] = elementwise_requantise,   \
	[NPU_KERNEL_REQUANTISE_S16] = elementwise_requantise,  \
	[NPU_KERNEL_REQUANTISE_S32] = elementwise_requantise

#endif /* NPU_VARIANT_H */
