// SPDX-License-Identifier: MIT
/* The kernels of convolution for AVX2 and FMA. */
#if defined(__x86_64__)
#include "vector_avx2.h"

#include "conv_simd.h"
#include "conv_simd_patch.h"
#include "conv_simd_depthwise.h"
#include "conv_simd_pool.h"

NPU_CONV_VARIANT(avx2);
#endif
