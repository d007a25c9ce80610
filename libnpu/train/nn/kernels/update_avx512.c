// SPDX-License-Identifier: MIT
/* Kernels of the optimisers for AVX-512. */
#if defined(__x86_64__)
#include "vector_avx512.h"

#include "update_simd.h"

NPU_UPDATE_VARIANT(avx512);
#endif
