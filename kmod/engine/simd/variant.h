/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* All kernels over lanes and products, for the table of a variant. Included once by each. */
#ifndef NPU_VARIANT_H
#define NPU_VARIANT_H

#include "batch_matmul.h"
#include "convolution.h"
#include "lanes_kernels.h"

#define VARIANT_KERNELS                                   \
	[NPU_KERNEL_FULLY_CONNECTED_S8] = convolution,    \
	[NPU_KERNEL_FULLY_CONNECTED_S16] = convolution,   \
	[NPU_KERNEL_CONV_S8] = convolution,               \
	[NPU_KERNEL_CONV_S16] = convolution,              \
	[NPU_KERNEL_TRANSPOSE_CONV_S8] = convolution,     \
	[NPU_KERNEL_TRANSPOSE_CONV_S16] = convolution,    \
	[NPU_KERNEL_BATCH_MATMUL_S8] = matmul,            \
	[NPU_KERNEL_BATCH_MATMUL_S16] = matmul,           \
	LANES_KERNELS

#endif /* NPU_VARIANT_H */
