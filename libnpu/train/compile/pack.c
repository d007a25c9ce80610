// SPDX-License-Identifier: MIT
#include "train/compile/pack.h"

#define BLOCK_CHANNELS 16
#define GROUP_DEPTH 4
#define GROUP_BYTES (BLOCK_CHANNELS * GROUP_DEPTH)

static uint64_t groups(uint64_t depth)
{
	return (depth + GROUP_DEPTH - 1) / GROUP_DEPTH;
}

uint64_t npu_packed_bytes(uint64_t channels, uint64_t depth)
{
	return (channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS * groups(depth) * GROUP_BYTES;
}

void npu_pack_channel(int8_t *packed, uint64_t channel, const int8_t *weights, uint64_t depth)
{
	int8_t *to = packed + channel / BLOCK_CHANNELS * groups(depth) * GROUP_BYTES +
		     channel % BLOCK_CHANNELS * GROUP_DEPTH;
	uint64_t k;

	for (k = 0; k < depth; k++)
		to[k / GROUP_DEPTH * GROUP_BYTES + k % GROUP_DEPTH] = weights[k];
}

uint64_t npu_packed_depthwise_bytes(uint64_t channels, uint64_t taps)
{
	return (channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS * BLOCK_CHANNELS * taps;
}

void npu_pack_depthwise_channel(int8_t *packed, uint64_t channel, const int8_t *weights,
				uint64_t taps)
{
	int8_t *to = packed + channel / BLOCK_CHANNELS * BLOCK_CHANNELS * taps +
		     channel % BLOCK_CHANNELS;
	uint64_t tap;

	for (tap = 0; tap < taps; tap++)
		to[tap * BLOCK_CHANNELS] = weights[tap];
}
