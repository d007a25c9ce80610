// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernels for CPUs with AVX2. */
#if defined(__x86_64__) && !defined(__CHECKER__)
#include "lanes_avx2.h"
#include "lanes.h"
#include "dot_avx2.h"
#include "taps_avx2.h"
#include "variant.h"
#include "recurrent.h"

const npu_kernel npu_avx2_kernels[NPU_KERNELS] = {
	VARIANT_KERNELS,
	RECURRENT_KERNELS,
};
#endif
