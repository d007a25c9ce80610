// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernels for AArch64 CPUs with the dot product of int8. */
#if defined(__aarch64__) && !defined(__CHECKER__)
#include "lanes_neon.h"
#include "lanes.h"
#include "taps_dotprod.h"
#include "lanes_kernels.h"

const npu_kernel npu_dotprod_kernels[NPU_KERNELS] = {
	LANES_KERNELS,
};
#endif
