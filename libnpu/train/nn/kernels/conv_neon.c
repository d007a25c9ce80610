// SPDX-License-Identifier: MIT
/* The kernels of convolution for NEON. */
#if defined(__aarch64__)
#include "vector_neon.h"

#include "conv_simd.h"
#include "conv_simd_patch.h"
#include "conv_simd_depthwise.h"
#include "conv_simd_pool.h"

NPU_CONV_VARIANT(neon);
#endif
