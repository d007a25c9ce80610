// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernels for every AArch64 CPU. */
#if defined(__aarch64__) && !defined(__CHECKER__)
#include "lanes_neon.h"
#include "lanes.h"
#include "dot_neon.h"
#include "taps_neon.h"
#include "variant.h"
#include "recurrent.h"

const npu_kernel npu_neon_kernels[NPU_KERNELS] = {
	VARIANT_KERNELS,
	RECURRENT_KERNELS,
};
#endif
