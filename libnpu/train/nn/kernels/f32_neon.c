// SPDX-License-Identifier: MIT
/* The f32 kernels for NEON. */
#if defined(__aarch64__)
#include "vector_neon.h"

#include "f32_simd_gemm.h"
#include "f32_simd.h"

NPU_F32_VARIANT(neon);
#endif
