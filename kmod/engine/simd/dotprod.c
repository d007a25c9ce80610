// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernels for AArch64 CPUs with the dot product of int8. */
#if defined(__aarch64__) && !defined(__CHECKER__)
#include "lanes_neon.h"
#include "lanes.h"
#include "dot_dotprod.h"
#include "taps_dotprod.h"
#include "variant.h"
#include "recurrent.h"

const npu_kernel npu_dotprod_kernels[NPU_KERNELS] = {
	VARIANT_KERNELS,
	RECURRENT_KERNELS,
};
#endif
