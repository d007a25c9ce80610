/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_MATMUL_H
#define NPU_NN_MATMUL_H

#include "f32.h"
#include "train/nn/pool.h"

/*
 * The whole product, by the threads of @pool (NULL: by the caller alone). Each element of C is
 * computed by one thread in one order of additions, so their number does not show.
 */
void npu_matmul(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_gemm *gemm);

#endif /* NPU_NN_MATMUL_H */
