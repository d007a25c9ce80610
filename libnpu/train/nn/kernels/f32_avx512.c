// SPDX-License-Identifier: MIT
/* The f32 kernels for AVX-512. */
#if defined(__x86_64__)
#include "vector_avx512.h"

#include "f32_simd_gemm.h"
#include "f32_simd.h"

NPU_F32_VARIANT(avx512);
#endif
