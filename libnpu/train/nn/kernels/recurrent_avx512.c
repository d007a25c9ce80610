// SPDX-License-Identifier: MIT
/* Kernels of the recurrent layers for AVX-512. */
#if defined(__x86_64__)
#include "vector_avx512.h"

#include "recurrent_simd.h"
#include "recurrent_simd_cells.h"

NPU_RECURRENT_VARIANT(avx512);
#endif
