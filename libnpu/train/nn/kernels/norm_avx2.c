// SPDX-License-Identifier: MIT
/* Kernels of the norms for AVX2 and FMA. */
#if defined(__x86_64__)
#include "vector_avx2.h"

#include "norm_simd.h"

NPU_NORM_VARIANT(avx2);
#endif
