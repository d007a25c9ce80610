// SPDX-License-Identifier: MIT
/* Kernels of the recurrent layers for NEON. */
#if defined(__aarch64__)
#include "vector_neon.h"

#include "recurrent_simd.h"
#include "recurrent_simd_cells.h"

NPU_RECURRENT_VARIANT(neon);
#endif
