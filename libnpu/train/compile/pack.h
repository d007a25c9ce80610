/* SPDX-License-Identifier: MIT */
#ifndef NPU_COMPILE_PACK_H
#define NPU_COMPILE_PACK_H

#include <stdint.h>

/* Bytes of [channels][depth] int8 weights in NPU_LAYOUT_BLOCK16X4. */
uint64_t npu_packed_bytes(uint64_t channels, uint64_t depth);

/*
 * Put the weights of one output channel, [depth], into @packed, which holds all of them in
 * NPU_LAYOUT_BLOCK16X4. Padding is not written.
 */
void npu_pack_channel(int8_t *packed, uint64_t channel, const int8_t *weights, uint64_t depth);

/* Likewise of [channels][taps] weights in NPU_LAYOUT_DEPTHWISE16. */
uint64_t npu_packed_depthwise_bytes(uint64_t channels, uint64_t taps);
void npu_pack_depthwise_channel(int8_t *packed, uint64_t channel, const int8_t *weights,
				uint64_t taps);

#endif
