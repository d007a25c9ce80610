// SPDX-License-Identifier: MIT
/* Kernels of the optimisers for NEON. */
#if defined(__aarch64__)
#include "vector_neon.h"

#include "update_simd.h"

NPU_UPDATE_VARIANT(neon);
#endif
