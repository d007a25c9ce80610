// SPDX-License-Identifier: MIT
/* Kernels of the norms for NEON. */
#if defined(__aarch64__)
#include "vector_neon.h"

#include "norm_simd.h"

NPU_NORM_VARIANT(neon);
#endif
