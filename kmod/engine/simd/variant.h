/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* All kernels over lanes, for the table of a variant. Included once by each. */
#ifndef NPU_VARIANT_H
#define NPU_VARIANT_H

#include "convolution.h"
#include "lanes_kernels.h"

#define VARIANT_KERNELS                                                                          \
	[NPU_KERNEL_FULLY_CONNECTED_S8] = convolution_s8, [NPU_KERNEL_CONV_S8] = convolution_s8, \
	LANES_KERNELS

#endif /* NPU_VARIANT_H */
