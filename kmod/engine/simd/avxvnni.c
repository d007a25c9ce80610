// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernels for CPUs with AVX-VNNI. */
#if defined(__x86_64__) && !defined(__CHECKER__)
#include "lanes_avx2.h"
#include "lanes.h"
#include "dot_avxvnni.h"
#include "taps_avxvnni.h"
#include "variant.h"
#include "recurrent.h"

const npu_kernel npu_avxvnni_kernels[NPU_KERNELS] = {
	VARIANT_KERNELS,
	RECURRENT_KERNELS,
};
#endif
