// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * FULLY_CONNECTED with AVX-512 VNNI.
 *
 * vpdpbusd multiplies unsigned by signed, so int8 inputs get an offset of 128, and
 * 128 * (sum of the weights) is taken off again. That sum is made here, from the very
 * registers that are multiplied: a stored sum could disagree with weights that another
 * thread is rewriting, or that were never honest, and this CPU would then answer what no
 * other does. The cost is one more vpdpbusd for each load of weights, which a matrix by
 * vector product hides behind the load and a tile of rows shares.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(__CHECKER__)
#include "avx512vnni.h"

#define always_unrolled inline __attribute__((always_inline))

/* A tile is MAX_ROWS rows of one block or one row of MAX_BLOCKS blocks. */
#define MAX_ROWS 8
#define MAX_BLOCKS 4
#define MAX_SUMS 8

/* ------------------------------------------------------------- int8 input */

#define OFFSET 0x80808080u
#define CHUNK_DEPTH 128 /* inputs of a row that are offset at a time */

/* @count inputs plus 128, zeros after them. */
static inline void offset_inputs(__u8 *x, const __s8 *in, __u32 count)
{
	const __m512i offset = _mm512_set1_epi32(OFFSET);
	__u32 k;

	for (k = 0; k < CHUNK_DEPTH; k += 64) {
		__mmask64 mask = npu_first_lanes(count > k ? count - k : 0);
		__m512i v = _mm512_maskz_loadu_epi8(mask, in + k);

		v = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(v, offset));
		_mm512_store_si512(x + k, v);
	}
}

static inline __m512i broadcast4(const __u8 *x)
{
	return _mm512_set1_epi32(*(const __s32 *)x);
}

/*
 * One group of 4 along K into sums[row * blocks + block]; @unit holds 128 where an input
 * exists and 0 past the depth.
 */
static always_unrolled void add_group_s8(__m512i *sums, __m512i *offsets,
					 const __u8 (*x)[CHUNK_DEPTH], __u32 at, const __s8 *w,
					 unsigned long block_bytes, __m512i unit, const int rows,
					 const int blocks)
{
	__m512i weights[MAX_BLOCKS];
	int r, b;

#pragma GCC unroll 4
	for (b = 0; b < blocks; b++) {
		weights[b] = _mm512_loadu_si512(w + b * block_bytes);
		/* one load for both uses: the compiler must not read memory again */
		asm("" : "+v"(weights[b]));
		offsets[b] = _mm512_dpbusd_epi32(offsets[b], unit, weights[b]);
	}
#pragma GCC unroll 8
	for (r = 0; r < rows; r++) {
		__m512i in = broadcast4(x[r] + at);

#pragma GCC unroll 4
		for (b = 0; b < blocks; b++)
			sums[r * blocks + b] =
				_mm512_dpbusd_epi32(sums[r * blocks + b], in, weights[b]);
	}
}

static void finish_s8(const struct npu_fc *fc, __u32 block, __u32 row, __m512i sum)
{
	struct npu_scale16 scale =
		npu_scale16_load(fc->scales + block * 16 * fc->scale_step, fc->scale_step);

	if (fc->bias)
		sum = _mm512_add_epi32(sum,
				       _mm512_loadu_si512((const __s32 *)fc->bias + block * 16));
	npu_fc_store16(fc, block, row, npu_rescale16(sum, &scale));
}

static always_unrolled void tile_s8(const struct npu_fc *fc, __u32 block, __u32 row, const int rows,
				    const int blocks)
{
	__u8 x[MAX_ROWS][CHUNK_DEPTH] __attribute__((aligned(64)));
	unsigned long block_bytes = npu_fc_block_bytes(fc);
	const __s8 *w = fc->weights + block * block_bytes;
	__u32 tail = fc->depth % 4, k, at = 0;
	__m512i sums[MAX_SUMS], offsets[MAX_BLOCKS];
	int r, b, t;

#pragma GCC unroll 4
	for (b = 0; b < blocks; b++)
		offsets[b] = _mm512_setzero_si512();
#pragma GCC unroll 8
	for (t = 0; t < rows * blocks; t++)
		sums[t] = _mm512_setzero_si512();
	for (k = 0; k < fc->depth; k += CHUNK_DEPTH) {
		__u32 count = fc->depth - k < CHUNK_DEPTH ? fc->depth - k : CHUNK_DEPTH;
		const __s8 *in = (const __s8 *)fc->in + (__u64)row * fc->in_stride + k;

		for (r = 0; r < rows; r++)
			offset_inputs(x[r], in + (__u64)r * fc->in_stride, count);
		for (at = 0; at + 4 <= count; at += 4, w += 64)
			add_group_s8(sums, offsets, x, at, w, block_bytes,
				     _mm512_set1_epi32(OFFSET), rows, blocks);
	}
	if (tail)
		add_group_s8(sums, offsets, x, at, w, block_bytes,
			     _mm512_set1_epi32(OFFSET >> (32 - 8 * tail)), rows, blocks);
#pragma GCC unroll 8
	for (r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (b = 0; b < blocks; b++)
			finish_s8(fc, block + b, row + r,
				  _mm512_sub_epi32(sums[r * blocks + b], offsets[b]));
}

/* ------------------------------------------------------------ int16 input */

/* A lane gets 2 products of at most 2^22 a group: 2^30 in a chunk. */
#define CHUNK_GROUPS 128
#define MAX_ROWS_S16 4
#define MAX_SUMS_S16 4

/* One group of 4 along K into sums[row * blocks + block][half]. */
static always_unrolled void add_group_s16(__m512i (*sums)[2], const __m512i *in, const __s8 *w,
					  unsigned long block_bytes, const int rows,
					  const int blocks)
{
	int r, b, half;

#pragma GCC unroll 2
	for (b = 0; b < blocks; b++)
#pragma GCC unroll 2
		for (half = 0; half < 2; half++) {
			const __s8 *p = w + b * block_bytes + half * 32;
			__m512i weights =
				_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));

#pragma GCC unroll 4
			for (r = 0; r < rows; r++)
				sums[r * blocks + b][half] = _mm512_dpwssd_epi32(
					sums[r * blocks + b][half], weights, in[r]);
		}
}

/* Pairs of int32 lanes, one a channel, into the int64 sums. */
static always_unrolled void widen_sums(__m512i (*wide)[2], __m512i (*sums)[2], const int count)
{
	int t, half;

#pragma GCC unroll 4
	for (t = 0; t < count; t++)
#pragma GCC unroll 2
		for (half = 0; half < 2; half++) {
			__m512i pair = sums[t][half];
			__m512i low = _mm512_srai_epi64(_mm512_slli_epi64(pair, 32), 32);
			__m512i sum = _mm512_add_epi64(low, _mm512_srai_epi64(pair, 32));

			wide[t][half] = _mm512_add_epi64(wide[t][half], sum);
			sums[t][half] = _mm512_setzero_si512();
		}
}

/* @count inputs, up to 4, of one row; zeros after them. */
static inline __m512i broadcast_s16(const __s16 *in, __u32 count)
{
	__m128i v = _mm_maskz_loadu_epi16((1u << count) - 1, in);

	return _mm512_broadcastq_epi64(v);
}

static __m512i wide_bias(const struct npu_fc *fc, __u32 channel)
{
	if (!fc->bias)
		return _mm512_setzero_si512();
	if (fc->bias_wide)
		return _mm512_loadu_si512((const __s64 *)fc->bias + channel);
	return _mm512_cvtepi32_epi64(
		_mm256_loadu_si256((const __m256i *)((const __s32 *)fc->bias + channel)));
}

static void finish_s16(const struct npu_fc *fc, __u32 block, __u32 row, const __m512i sum[2])
{
	struct npu_scale16 scale =
		npu_scale16_load(fc->scales + block * 16 * fc->scale_step, fc->scale_step);
	__m256i low = npu_rescale64_8(_mm512_add_epi64(sum[0], wide_bias(fc, block * 16)),
				      _mm512_castsi512_si256(scale.multiplier),
				      _mm512_castsi512_si256(scale.shift));
	__m256i high = npu_rescale64_8(_mm512_add_epi64(sum[1], wide_bias(fc, block * 16 + 8)),
				       _mm512_extracti64x4_epi64(scale.multiplier, 1),
				       _mm512_extracti64x4_epi64(scale.shift, 1));

	npu_fc_store16(fc, block, row, _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
}

static always_unrolled void tile_s16(const struct npu_fc *fc, __u32 block, __u32 row,
				     const int rows, const int blocks)
{
	unsigned long block_bytes = npu_fc_block_bytes(fc);
	const __s8 *w = fc->weights + block * block_bytes;
	__m512i sums[MAX_SUMS_S16][2], wide[MAX_SUMS_S16][2], x[MAX_ROWS_S16];
	__u32 g, tail = fc->depth % 4;
	const __s16 *in[MAX_ROWS_S16];
	int r, b, t;

#pragma GCC unroll 4
	for (r = 0; r < rows; r++)
		in[r] = (const __s16 *)(fc->in + (__u64)(row + r) * fc->in_stride);
#pragma GCC unroll 4
	for (t = 0; t < rows * blocks; t++) {
		sums[t][0] = sums[t][1] = _mm512_setzero_si512();
		wide[t][0] = wide[t][1] = _mm512_setzero_si512();
	}
	for (g = 0; g < fc->groups; g++, w += 64) {
		__u32 count = tail && g == fc->groups - 1 ? tail : 4;

#pragma GCC unroll 4
		for (r = 0; r < rows; r++)
			x[r] = broadcast_s16(in[r] + g * 4, count);
		add_group_s16(sums, x, w, block_bytes, rows, blocks);
		if (g % CHUNK_GROUPS == CHUNK_GROUPS - 1)
			widen_sums(wide, sums, rows * blocks);
	}
	widen_sums(wide, sums, rows * blocks);
#pragma GCC unroll 4
	for (r = 0; r < rows; r++)
#pragma GCC unroll 2
		for (b = 0; b < blocks; b++)
			finish_s16(fc, block + b, row + r, wide[r * blocks + b]);
}

/* ------------------------------------------------------------------ tiles */

static void tile_s8_1x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s8(fc, block, row, 1, 1);
}

static void tile_s8_1x4(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s8(fc, block, row, 1, 4);
}

static void tile_s8_8x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s8(fc, block, row, 8, 1);
}

static void tile_s16_1x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s16(fc, block, row, 1, 1);
}

static void tile_s16_1x2(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s16(fc, block, row, 1, 2);
}

static void tile_s16_4x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s16(fc, block, row, 4, 1);
}

void npu_fully_connected_s8_avx512vnni(const struct npu_exec *exec, const struct npu_insn *insn,
				       __u32 first, __u32 count)
{
	static const struct npu_fc_tiles tiles = {
		.rows = 8,
		.blocks = 4,
		.one = tile_s8_1x1,
		.tall = tile_s8_8x1,
		.wide = tile_s8_1x4,
	};

	npu_fc_run(exec, insn, first, count, &tiles);
}

void npu_fully_connected_s16_avx512vnni(const struct npu_exec *exec, const struct npu_insn *insn,
					__u32 first, __u32 count)
{
	static const struct npu_fc_tiles tiles = {
		.rows = 4,
		.blocks = 2,
		.one = tile_s16_1x1,
		.tall = tile_s16_4x1,
		.wide = tile_s16_1x2,
	};

	npu_fc_run(exec, insn, first, count, &tiles);
}
#endif
