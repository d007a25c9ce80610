// SPDX-License-Identifier: MIT
/* Kernels of the norms for AVX-512. */
#if defined(__x86_64__)
#include "vector_avx512.h"

#include "norm_simd.h"

NPU_NORM_VARIANT(avx512);
#endif
