// SPDX-License-Identifier: MIT
/* Kernels of the optimisers for AVX2 and FMA. */
#if defined(__x86_64__)
#include "vector_avx2.h"

#include "update_simd.h"

NPU_UPDATE_VARIANT(avx2);
#endif
