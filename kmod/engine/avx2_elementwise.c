// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ADD, MUL, CLAMP and REQUANTISE with AVX2: sixteen elements at a time; what is left of
 * a row goes to the scalar row function.
 */
#include "kernels.h"

#if defined(__x86_64__) && !defined(__CHECKER__)
#include "avx2.h"

#define always_inline inline __attribute__((always_inline))

/* The last step of these instructions: zero point and clamp of the output. */
struct output {
	__m256i zero_point, min, max;
};

static always_inline struct output output_make(const struct npu_insn *insn, __s32 min, __s32 max)
{
	return (struct output){
		.zero_point = _mm256_set1_epi32(insn->t[0].zero_point),
		.min = _mm256_set1_epi32(min),
		.max = _mm256_set1_epi32(max),
	};
}

static always_inline __m256i output_apply(__m256i x, const struct output *output)
{
	return npu_clamp8(_mm256_add_epi32(x, output->zero_point), output->min, output->max);
}

/* Eight elements of @type, from the @i-th on. */
static always_inline __m256i load8(const void *p, __u32 type, __u32 i)
{
	switch (type) {
	case NPU_TYPE_INT8:
		return _mm256_cvtepi8_epi32(
			_mm_loadl_epi64((const __m128i *)((const __s8 *)p + i)));
	case NPU_TYPE_INT16:
		return _mm256_cvtepi16_epi32(
			_mm_loadu_si128((const __m128i *)((const __s16 *)p + i)));
	default:
		return _mm256_loadu_si256((const __m256i *)((const __s32 *)p + i));
	}
}

/* ------------------------------------------------------------ ADD and MUL */

struct binary {
	struct npu_scale8 scale[3];
	__m256i zero_point[2];
	struct output output;
};

static always_inline void binary_setup(struct binary *binary, const struct npu_row_context *context,
				       int scales)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale *scale = npu_scales(context->consts, insn->binary.scales);
	int i;

	for (i = 0; i < scales; i++)
		binary->scale[i] = npu_scale8_same(scale + i);
	for (i = 0; i < 2; i++)
		binary->zero_point[i] = _mm256_set1_epi32(insn->t[i + 1].zero_point);
	binary->output = output_make(insn, insn->binary.act_min, insn->binary.act_max);
}

static always_inline __m256i add8(const struct binary *binary, __m256i x1, __m256i x2,
				  const int bits)
{
	__m256i sum;

	x1 = _mm256_slli_epi32(_mm256_sub_epi32(x1, binary->zero_point[0]), bits);
	x2 = _mm256_slli_epi32(_mm256_sub_epi32(x2, binary->zero_point[1]), bits);
	sum = _mm256_add_epi32(npu_rescale8(x1, &binary->scale[0]),
			       npu_rescale8(x2, &binary->scale[1]));
	return output_apply(npu_rescale8(sum, &binary->scale[2]), &binary->output);
}

static always_inline __m256i mul8(const struct binary *binary, __m256i x1, __m256i x2)
{
	__m256i product = _mm256_mullo_epi32(_mm256_sub_epi32(x1, binary->zero_point[0]),
					     _mm256_sub_epi32(x2, binary->zero_point[1]));

	return output_apply(npu_rescale8(product, &binary->scale[0]), &binary->output);
}

static always_inline __u32 add_pieces(const struct npu_row_context *context, void *out,
				      const void *in1, const void *in2, __u32 length,
				      const __u32 type, const int bits)
{
	const __u32 size = type == NPU_TYPE_INT8 ? 1 : 2;
	struct binary binary;
	__u32 i;

	binary_setup(&binary, context, 3);
	for (i = 0; i + 16 <= length; i += 16) {
		__m256i low = add8(&binary, load8(in1, type, i), load8(in2, type, i), bits);
		__m256i high =
			add8(&binary, load8(in1, type, i + 8), load8(in2, type, i + 8), bits);

		npu_store16((__u8 *)out + i * size, type, low, high);
	}
	return i;
}

static always_inline __u32 mul_pieces(const struct npu_row_context *context, void *out,
				      const void *in1, const void *in2, __u32 length,
				      const __u32 type)
{
	const __u32 size = type == NPU_TYPE_INT8 ? 1 : 2;
	struct binary binary;
	__u32 i;

	binary_setup(&binary, context, 1);
	for (i = 0; i + 16 <= length; i += 16) {
		__m256i low = mul8(&binary, load8(in1, type, i), load8(in2, type, i));
		__m256i high = mul8(&binary, load8(in1, type, i + 8), load8(in2, type, i + 8));

		npu_store16((__u8 *)out + i * size, type, low, high);
	}
	return i;
}

static void add_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		       const void *in2, __u32 length)
{
	__u32 i = add_pieces(context, out, in1, in2, length, NPU_TYPE_INT8, NPU_ADD_BITS_S8);

	npu_add_s8_row(context, (__s8 *)out + i, (const __s8 *)in1 + i, (const __s8 *)in2 + i,
		       length - i);
}

static void add_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length)
{
	__u32 i = add_pieces(context, out, in1, in2, length, NPU_TYPE_INT16, NPU_ADD_BITS_S16);

	npu_add_s16_row(context, (__s16 *)out + i, (const __s16 *)in1 + i, (const __s16 *)in2 + i,
			length - i);
}

static void mul_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		       const void *in2, __u32 length)
{
	__u32 i = mul_pieces(context, out, in1, in2, length, NPU_TYPE_INT8);

	npu_mul_s8_row(context, (__s8 *)out + i, (const __s8 *)in1 + i, (const __s8 *)in2 + i,
		       length - i);
}

static void mul_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length)
{
	__u32 i = mul_pieces(context, out, in1, in2, length, NPU_TYPE_INT16);

	npu_mul_s16_row(context, (__s16 *)out + i, (const __s16 *)in1 + i, (const __s16 *)in2 + i,
			length - i);
}

/* ------------------------------------------------------------------ CLAMP */

static void clamp_s8_row(const struct npu_row_context *context, void *out, const void *in1,
			 const void *in2, __u32 length)
{
	const __m256i min = _mm256_set1_epi8(context->insn->clamp.min);
	const __m256i max = _mm256_set1_epi8(context->insn->clamp.max);
	const __s8 *in = in1;
	__s8 *o = out;
	__u32 i;

	for (i = 0; i + 32 <= length; i += 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(in + i));

		x = _mm256_min_epi8(_mm256_max_epi8(x, min), max);
		_mm256_storeu_si256((__m256i *)(o + i), x);
	}
	npu_clamp_s8_row(context, o + i, in + i, in2, length - i);
}

static void clamp_s16_row(const struct npu_row_context *context, void *out, const void *in1,
			  const void *in2, __u32 length)
{
	const __m256i min = _mm256_set1_epi16(context->insn->clamp.min);
	const __m256i max = _mm256_set1_epi16(context->insn->clamp.max);
	const __s16 *in = in1;
	__s16 *o = out;
	__u32 i;

	for (i = 0; i + 16 <= length; i += 16) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(in + i));

		x = _mm256_min_epi16(_mm256_max_epi16(x, min), max);
		_mm256_storeu_si256((__m256i *)(o + i), x);
	}
	npu_clamp_s16_row(context, o + i, in + i, in2, length - i);
}

/* ------------------------------------------------------------- REQUANTISE */

static always_inline __u32 requantise_pieces(const struct npu_row_context *context, void *out,
					     const void *in, __u32 length, const __u32 in_type,
					     const __u32 out_type)
{
	const struct npu_insn *insn = context->insn;
	const struct npu_scale8 scale =
		npu_scale8_same(npu_scales(context->consts, insn->requantise.scales));
	const struct output output =
		output_make(insn, insn->requantise.act_min, insn->requantise.act_max);
	const __m256i zero = _mm256_set1_epi32(insn->t[1].zero_point);
	const __u32 size = out_type == NPU_TYPE_INT8 ? 1 : 2;
	__u32 i;

	for (i = 0; i + 16 <= length; i += 16) {
		__m256i low = _mm256_sub_epi32(load8(in, in_type, i), zero);
		__m256i high = _mm256_sub_epi32(load8(in, in_type, i + 8), zero);

		low = output_apply(npu_rescale8(low, &scale), &output);
		high = output_apply(npu_rescale8(high, &scale), &output);
		npu_store16((__u8 *)out + i * size, out_type, low, high);
	}
	return i;
}

static void requantise_row(const struct npu_row_context *context, void *out, const void *in1,
			   const void *in2, __u32 length)
{
	__u32 in_type = context->insn->t[1].type, out_type = context->insn->t[0].type;
	__u32 i;

	if (out_type == NPU_TYPE_INT8)
		i = requantise_pieces(context, out, in1, length, in_type, NPU_TYPE_INT8);
	else
		i = requantise_pieces(context, out, in1, length, in_type, NPU_TYPE_INT16);
	npu_requantise_row(context, (__u8 *)out + i * npu_type_bytes(out_type),
			   (const __u8 *)in1 + i * npu_type_bytes(in_type), in2, length - i);
}

/* ---------------------------------------------------------------- kernels */

void npu_add_s8_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, add_s8_row, NULL);
}

void npu_add_s16_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, add_s16_row, NULL);
}

void npu_mul_s8_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, mul_s8_row, NULL);
}

void npu_mul_s16_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, mul_s16_row, NULL);
}

void npu_clamp_s8_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		       __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, clamp_s8_row, NULL);
}

void npu_clamp_s16_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count)
{
	npu_elementwise_run(exec, insn, first, count, clamp_s16_row, NULL);
}

void npu_requantise_avx2(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, requantise_row, NULL);
}
#endif
