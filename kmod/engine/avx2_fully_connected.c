// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * FULLY_CONNECTED with AVX2.
 *
 * Weights are widened to 16 bits and multiplied by vpmaddwd, which is exact for every
 * value where vpmaddubsw would saturate. K is cut into chunks that are summed in int32
 * lanes; a chunk is short enough for int16 inputs not to overflow them.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(__CHECKER__)
#include "avx2.h"

#define CHUNK_GROUPS 64 /* 2 * 64 products of at most 2^22 in a lane: 2^29 */
#define CHUNK_DEPTH (CHUNK_GROUPS * 4)
#define MAX_ROWS 2
#define MAX_BLOCKS 2

#define always_unrolled inline __attribute__((always_inline))

/**
 * chunk_sums - products of a tile, over one chunk of K
 * @x: @rows pointers to @groups * 4 inputs, widened
 * @w: @blocks pointers to packed weights
 * @groups: groups of 4 along K, at most CHUNK_GROUPS
 * @rows: of the tile, a constant
 * @blocks: of the tile, a constant
 * @sum: [row * @blocks + block][half]: eight channels each
 */
static always_unrolled void chunk_sums(const __s16 *const *x, const __s8 *const *w, __u32 groups,
				       const int rows, const int blocks, __m256i (*sum)[2])
{
	__m256i acc[MAX_ROWS * MAX_BLOCKS][4];
	int r, b, q, t;
	__u32 g;

#pragma GCC unroll 4
	for (t = 0; t < rows * blocks; t++)
#pragma GCC unroll 4
		for (q = 0; q < 4; q++)
			acc[t][q] = _mm256_setzero_si256();

	for (g = 0; g < groups; g++) {
		__m256i in[MAX_ROWS];

#pragma GCC unroll 2
		for (r = 0; r < rows; r++)
			in[r] = _mm256_broadcastq_epi64(
				_mm_loadl_epi64((const __m128i *)(x[r] + g * 4)));
#pragma GCC unroll 2
		for (b = 0; b < blocks; b++)
#pragma GCC unroll 4
			for (q = 0; q < 4; q++) {
				const __s8 *p = w[b] + g * 64 + q * 16;
				__m256i wide =
					_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));

#pragma GCC unroll 2
				for (r = 0; r < rows; r++)
					acc[r * blocks + b][q] =
						_mm256_add_epi32(acc[r * blocks + b][q],
								 _mm256_madd_epi16(wide, in[r]));
			}
	}
#pragma GCC unroll 4
	for (t = 0; t < rows * blocks; t++) {
		sum[t][0] = _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[t][0], acc[t][1]), 0xd8);
		sum[t][1] = _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[t][2], acc[t][3]), 0xd8);
	}
}

static void store_lanes(const struct npu_fc *fc, __u32 block, __u32 row, __m256i low, __m256i high)
{
	const __m256i zero = _mm256_set1_epi32(fc->out_zero);
	const __m256i min = _mm256_set1_epi32(fc->act_min);
	const __m256i max = _mm256_set1_epi32(fc->act_max);
	__u32 lanes = npu_fc_lanes(fc, block), size = npu_type_bytes(fc->out_type);
	__u8 *out = fc->out + (__u64)row * fc->out_stride + (__u64)block * 16 * size;
	__u8 part[32];

	low = npu_clamp8(_mm256_add_epi32(low, zero), min, max);
	high = npu_clamp8(_mm256_add_epi32(high, zero), min, max);
	if (lanes == 16) {
		npu_store16(out, fc->out_type, low, high);
	} else {
		npu_store16(part, fc->out_type, low, high);
		__builtin_memcpy(out, part, lanes * size);
	}
}

/* Multipliers and shifts of eight channels. */
static void load_scales(const struct npu_fc *fc, __u32 channel, __m256i *multiplier, __m256i *shift)
{
	if (fc->scale_step) {
		npu_scale8_load(fc->scales + channel, multiplier, shift);
	} else {
		*multiplier = _mm256_set1_epi32(fc->scales->multiplier);
		*shift = _mm256_set1_epi32(fc->scales->shift);
	}
}

/* ------------------------------------------------------------- int8 input */

static void finish_s8(const struct npu_fc *fc, __u32 block, __u32 row, const __m256i sum[2])
{
	__m256i y[2];
	int half;

	for (half = 0; half < 2; half++) {
		__u32 channel = block * 16 + half * 8;
		__m256i multiplier, shift;
		struct npu_scale8 scale;

		load_scales(fc, channel, &multiplier, &shift);
		scale = npu_scale8_make(multiplier, shift);
		y[half] = sum[half];
		if (fc->bias) {
			const __s32 *bias = (const __s32 *)fc->bias + channel;

			y[half] = _mm256_add_epi32(y[half],
						   _mm256_loadu_si256((const __m256i *)bias));
		}
		y[half] = npu_rescale8(y[half], &scale);
	}
	store_lanes(fc, block, row, y[0], y[1]);
}

/* Widen @count inputs and fill up the last group with zeros. */
static void widen(__s16 *x, const __s8 *in, __u32 count)
{
	__u32 k;

	for (k = 0; k + 16 <= count; k += 16)
		_mm256_storeu_si256((__m256i *)(x + k), _mm256_cvtepi8_epi16(_mm_loadu_si128(
								(const __m128i *)(in + k))));
	for (; k < count; k++)
		x[k] = in[k];
	for (; k % 4; k++)
		x[k] = 0;
}

static always_unrolled void tile_s8(const struct npu_fc *fc, __u32 block, __u32 row, const int rows,
				    const int blocks)
{
	__s16 x[MAX_ROWS][CHUNK_DEPTH] __attribute__((aligned(32)));
	__m256i total[MAX_ROWS * MAX_BLOCKS][2], sum[MAX_ROWS * MAX_BLOCKS][2];
	const __s16 *xs[MAX_ROWS] = { x[0], x[1] };
	const __s8 *w[MAX_BLOCKS];
	__u32 k;
	int r, b, t;

	for (t = 0; t < rows * blocks; t++)
		total[t][0] = total[t][1] = _mm256_setzero_si256();
	for (k = 0; k < fc->depth; k += CHUNK_DEPTH) {
		__u32 count = fc->depth - k < CHUNK_DEPTH ? fc->depth - k : CHUNK_DEPTH;

		for (r = 0; r < rows; r++)
			widen(x[r], (const __s8 *)fc->in + (__u64)(row + r) * fc->in_stride + k,
			      count);
		for (b = 0; b < blocks; b++)
			w[b] = fc->weights + (block + b) * npu_fc_block_bytes(fc) + k * 16;
		chunk_sums(xs, w, (count + 3) / 4, rows, blocks, sum);
		for (t = 0; t < rows * blocks; t++) {
			total[t][0] = _mm256_add_epi32(total[t][0], sum[t][0]);
			total[t][1] = _mm256_add_epi32(total[t][1], sum[t][1]);
		}
	}
	for (r = 0; r < rows; r++)
		for (b = 0; b < blocks; b++)
			finish_s8(fc, block + b, row + r, total[r * blocks + b]);
}

/* ------------------------------------------------------------ int16 input */

/* Four channels: 64-bit sums to rescaled 32-bit values in the even lanes. */
static __m256i rescale64(__m256i x, __m128i multiplier, __m128i shift)
{
	__m128i reduced = _mm_srli_epi32(_mm_add_epi32(multiplier, _mm_set1_epi32(1 << 15)), 16);
	__m256i factor = _mm256_cvtepi32_epi64(_mm_min_epi32(reduced, _mm_set1_epi32(0x7fff)));
	__m256i total = _mm256_cvtepi32_epi64(_mm_sub_epi32(_mm_set1_epi32(15), shift));
	__m256i high = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), factor);
	__m256i half = _mm256_sllv_epi64(_mm256_set1_epi64x(1),
					 _mm256_sub_epi64(total, _mm256_set1_epi64x(1)));
	__m256i sign;

	x = _mm256_add_epi64(_mm256_mul_epu32(x, factor), _mm256_slli_epi64(high, 32));
	x = _mm256_add_epi64(x, half);
	/* an arithmetic shift by lane is missing before AVX-512 */
	sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
	return _mm256_xor_si256(_mm256_srlv_epi64(_mm256_xor_si256(x, sign), total), sign);
}

static __m256i wide_bias(const struct npu_fc *fc, __u32 channel)
{
	const __s32 *narrow = (const __s32 *)fc->bias + channel;
	const __s64 *wide = (const __s64 *)fc->bias + channel;

	if (!fc->bias)
		return _mm256_setzero_si256();
	if (fc->bias_wide)
		return _mm256_loadu_si256((const __m256i *)wide);
	return _mm256_cvtepi32_epi64(_mm_loadu_si128((const __m128i *)narrow));
}

static void finish_s16(const struct npu_fc *fc, __u32 block, __u32 row, const __m256i sum[4])
{
	const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
	__m256i y[4];
	int i;

	for (i = 0; i < 4; i++) {
		__u32 channel = block * 16 + i * 4;
		__m256i multiplier, shift, x;

		/* eight at a time, of which one half is used */
		load_scales(fc, channel & ~7u, &multiplier, &shift);
		x = _mm256_add_epi64(sum[i], wide_bias(fc, channel));
		if (i & 1)
			x = rescale64(x, _mm256_extracti128_si256(multiplier, 1),
				      _mm256_extracti128_si256(shift, 1));
		else
			x = rescale64(x, _mm256_castsi256_si128(multiplier),
				      _mm256_castsi256_si128(shift));
		y[i] = _mm256_permutevar8x32_epi32(x, even);
	}
	store_lanes(fc, block, row, _mm256_blend_epi32(y[0], y[1], 0xf0),
		    _mm256_blend_epi32(y[2], y[3], 0xf0));
}

static void add_wide(__m256i total[4], const __m256i sum[2])
{
	int half;

	for (half = 0; half < 2; half++) {
		__m128i low = _mm256_castsi256_si128(sum[half]);
		__m128i high = _mm256_extracti128_si256(sum[half], 1);

		total[half * 2] = _mm256_add_epi64(total[half * 2], _mm256_cvtepi32_epi64(low));
		total[half * 2 + 1] =
			_mm256_add_epi64(total[half * 2 + 1], _mm256_cvtepi32_epi64(high));
	}
}

/* A chunk of inputs where they are, unless its last group must be filled up with zeros. */
static const __s16 *whole_groups(__s16 *x, const __s16 *in, __u32 count)
{
	__u32 k;

	if (count % 4 == 0)
		return in;
	for (k = 0; k < count; k++)
		x[k] = in[k];
	for (; k % 4; k++)
		x[k] = 0;
	return x;
}

static always_unrolled void tile_s16(const struct npu_fc *fc, __u32 block, __u32 row,
				     const int rows, const int blocks)
{
	__m256i total[MAX_ROWS * MAX_BLOCKS][4], sum[MAX_ROWS * MAX_BLOCKS][2];
	__s16 x[MAX_ROWS][CHUNK_DEPTH] __attribute__((aligned(32)));
	const __s16 *xs[MAX_ROWS];
	const __s8 *w[MAX_BLOCKS];
	int r, b, q, t;
	__u32 k;

	for (t = 0; t < rows * blocks; t++)
		for (q = 0; q < 4; q++)
			total[t][q] = _mm256_setzero_si256();
	for (k = 0; k < fc->depth; k += CHUNK_DEPTH) {
		__u32 count = fc->depth - k < CHUNK_DEPTH ? fc->depth - k : CHUNK_DEPTH;

		for (r = 0; r < rows; r++) {
			const __u8 *in = fc->in + (__u64)(row + r) * fc->in_stride;

			xs[r] = whole_groups(x[r], (const __s16 *)in + k, count);
		}
		for (b = 0; b < blocks; b++)
			w[b] = fc->weights + (block + b) * npu_fc_block_bytes(fc) + k * 16;
		chunk_sums(xs, w, (count + 3) / 4, rows, blocks, sum);
		for (t = 0; t < rows * blocks; t++)
			add_wide(total[t], sum[t]);
	}
	for (r = 0; r < rows; r++)
		for (b = 0; b < blocks; b++)
			finish_s16(fc, block + b, row + r, total[r * blocks + b]);
}

/* ------------------------------------------------------------------ tiles */

static void tile_s8_1x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s8(fc, block, row, 1, 1);
}

static void tile_s8_1x2(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s8(fc, block, row, 1, 2);
}

static void tile_s8_2x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s8(fc, block, row, 2, 1);
}

static void tile_s16_1x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s16(fc, block, row, 1, 1);
}

static void tile_s16_1x2(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s16(fc, block, row, 1, 2);
}

static void tile_s16_2x1(const struct npu_fc *fc, __u32 block, __u32 row)
{
	tile_s16(fc, block, row, 2, 1);
}

void npu_fully_connected_s8_avx2(const struct npu_exec *exec, const struct npu_insn *insn,
				 __u32 first, __u32 count)
{
	static const struct npu_fc_tiles tiles = {
		.rows = 2,
		.blocks = 2,
		.one = tile_s8_1x1,
		.tall = tile_s8_2x1,
		.wide = tile_s8_1x2,
	};

	npu_fc_run(exec, insn, first, count, &tiles);
}

void npu_fully_connected_s16_avx2(const struct npu_exec *exec, const struct npu_insn *insn,
				  __u32 first, __u32 count)
{
	static const struct npu_fc_tiles tiles = {
		.rows = 2,
		.blocks = 2,
		.one = tile_s16_1x1,
		.tall = tile_s16_2x1,
		.wide = tile_s16_1x2,
	};

	npu_fc_run(exec, insn, first, count, &tiles);
}
#endif
