// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernels for CPUs with AVX-512 VNNI. */
#if defined(__x86_64__) && !defined(__CHECKER__)
#include "lanes_avx512.h"
#include "lanes.h"
#include "dot_avx512vnni.h"
#include "taps_avx512vnni.h"
#include "variant.h"
#include "recurrent.h"

const npu_kernel npu_avx512vnni_kernels[NPU_KERNELS] = {
	VARIANT_KERNELS,
	RECURRENT_KERNELS,
};
#endif
