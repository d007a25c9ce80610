/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ADD, SUB, MUL, MIN, MAX, CLAMP and REQUANTISE: sixteen elements at a time, what is left of a
 * row in one part. Scales are prepared once for a call, in the workspace.
 */
#ifndef NPU_SIMD_ELEMENTWISE_H
#define NPU_SIMD_ELEMENTWISE_H

#include "../kernels.h"

/**
 * struct elementwise - an instruction, prepared
 * @scale: in the order of its constants
 * @zero: of the inputs
 * @out_zero: of the output
 * @min, @max: of the output
 * @shift: of an input whose scale is a power of two: what it comes to in all
 * @quick: of all scales
 */
struct elementwise {
	struct lanes_scale scale[3];
	struct lanes zero[2], out_zero;
	__s32 min, max;
	__u32 shift[2];
	bool quick;
};

_Static_assert(sizeof(struct elementwise) <= NPU_WORKSPACE_BYTES, "fits the workspace");

/* What one instruction does with sixteen elements of each input, before the clamp. */
typedef struct lanes (*elementwise_function)(const struct elementwise *e, struct lanes a,
					     struct lanes b, const int way);

/* Ways to compute a sum: which input is only shifted; or all shifts of scales are possible. */
enum elementwise_way {
	ELEMENTWISE_ANY,
	ELEMENTWISE_QUICK,
	ELEMENTWISE_SHIFT_FIRST,
	ELEMENTWISE_SHIFT_SECOND,
};

static lanes_inline void elementwise_store(const struct elementwise *e, void *out, const __u32 type,
					   struct lanes x, __u32 count)
{
	x = lanes_clamp(x, lanes_set(e->min), lanes_set(e->max));
	if (count == 16)
		lanes_store_type(out, type, x);
	else
		lanes_store_part_type(out, type, x, count);
}

/* Rows of two inputs of @type. */
static lanes_inline void elementwise_binary(const struct elementwise *e, void *out, const void *in1,
					    const void *in2, __u32 length, const __u32 type,
					    const elementwise_function function, const int way)
{
	struct lanes x[4];
	__u32 i, j, count;

	for (i = 0; type == NPU_TYPE_INT8 && i + 64 <= length; i += 64) {
#pragma GCC unroll 4
		for (j = 0; j < 4; j++)
			x[j] = function(e, lanes_load_s8((const __s8 *)in1 + i + 16 * j),
					lanes_load_s8((const __s8 *)in2 + i + 16 * j), way);
		lanes_store4_s8((__s8 *)out + i, 16, x, e->min, e->max);
	}
	for (; i < length; i += count) {
		struct lanes a, b;

		count = length - i < 16 ? length - i : 16;
		if (count == 16) {
			a = lanes_load_type(lanes_at(in1, i, type), type);
			b = lanes_load_type(lanes_at(in2, i, type), type);
		} else {
			a = lanes_load_part_type(lanes_at(in1, i, type), type, count);
			b = lanes_load_part_type(lanes_at(in2, i, type), type, count);
		}
		elementwise_store(e, lanes_at(out, i, type), type, function(e, a, b, way), count);
	}
}

static lanes_inline void elementwise_prepare(struct elementwise *e, const struct npu_exec *exec,
					     const struct npu_insn *insn, int scales)
{
	const struct npu_scale *scale = npu_scales(exec->consts, insn->binary.scales);
	int i;

	e->quick = true;
	for (i = 0; i < scales; i++) {
		/* the zero point belongs to what comes last */
		bool last = i == scales - 1 && insn->opcode != NPU_OP_MIN &&
			    insn->opcode != NPU_OP_MAX;

		lanes_scale_load(&e->scale[i], scale + i, 0, last ? insn->t[0].zero_point : 0);
		e->quick = e->quick && e->scale[i].quick;
	}
	e->zero[0] = lanes_set(insn->t[1].zero_point);
	e->zero[1] = lanes_set(insn->t[2].zero_point);
	e->out_zero = lanes_set(insn->t[0].zero_point);
	e->min = insn->binary.act_min;
	e->max = insn->binary.act_max;
}

/* ------------------------------------------------------------ ADD and SUB */

/*
 * An input whose multiplier is 2^30, a power of two: its bits below the point are only
 * moved, exactly, as long as none of them is lost.
 */
static inline bool elementwise_shifted(struct elementwise *e, const struct npu_scale *scale, int i,
				       __s32 bits)
{
	if (scale[i].multiplier != 1 << 30 || scale[i].shift > 0 || -scale[i].shift > bits - 1)
		return false;
	e->shift[i] = bits - 1 + scale[i].shift;
	return true;
}

static lanes_inline struct lanes elementwise_aligned(const struct elementwise *e, struct lanes x,
						     const int i, const int bits, const int way)
{
	x = lanes_sub(x, e->zero[i]);
	if (way == (i ? ELEMENTWISE_SHIFT_SECOND : ELEMENTWISE_SHIFT_FIRST))
		return lanes_shift_left(x, e->shift[i]);
	return lanes_rescale(lanes_shift_left(x, bits), &e->scale[i], way != ELEMENTWISE_ANY);
}

static lanes_inline struct lanes elementwise_sum(const struct elementwise *e, struct lanes a,
						 struct lanes b, const int bits, const bool minus,
						 const int way)
{
	a = elementwise_aligned(e, a, 0, bits, way);
	b = elementwise_aligned(e, b, 1, bits, way);
	a = minus ? lanes_sub(a, b) : lanes_add(a, b);
	return lanes_rescale(a, &e->scale[2], way != ELEMENTWISE_ANY);
}

static lanes_inline struct lanes elementwise_add8(const struct elementwise *e, struct lanes a,
						  struct lanes b, const int way)
{
	return elementwise_sum(e, a, b, NPU_ADD_BITS_S8, false, way);
}

static lanes_inline struct lanes elementwise_add16(const struct elementwise *e, struct lanes a,
						   struct lanes b, const int way)
{
	return elementwise_sum(e, a, b, NPU_ADD_BITS_S16, false, way);
}

static lanes_inline struct lanes elementwise_sub8(const struct elementwise *e, struct lanes a,
						  struct lanes b, const int way)
{
	return elementwise_sum(e, a, b, NPU_ADD_BITS_S8, true, way);
}

static lanes_inline struct lanes elementwise_sub16(const struct elementwise *e, struct lanes a,
						   struct lanes b, const int way)
{
	return elementwise_sum(e, a, b, NPU_ADD_BITS_S16, true, way);
}

#define ELEMENTWISE_ROW(name, type, function, way)                                             \
	static void name(const struct npu_row_context *context, void *out, const void *in1,    \
			 const void *in2, __u32 length)                                        \
	{                                                                                      \
		elementwise_binary(context->memo, out, in1, in2, length, type, function, way); \
	}

#define ELEMENTWISE_SUM(name, type, bits, function)                                                \
	ELEMENTWISE_ROW(name##_any_row, type, function, ELEMENTWISE_ANY)                           \
	ELEMENTWISE_ROW(name##_quick_row, type, function, ELEMENTWISE_QUICK)                       \
	ELEMENTWISE_ROW(name##_first_row, type, function, ELEMENTWISE_SHIFT_FIRST)                 \
	ELEMENTWISE_ROW(name##_second_row, type, function, ELEMENTWISE_SHIFT_SECOND)               \
	static void name(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,    \
			 __u32 count)                                                              \
	{                                                                                          \
		static const npu_row rows[] = { name##_any_row, name##_quick_row,                  \
						name##_first_row, name##_second_row };             \
		struct elementwise *e = exec->workspace;                                           \
		int way;                                                                           \
												\
		elementwise_prepare(e, exec, insn, 3);                                             \
		way = elementwise_sum_way(e, npu_scales(exec->consts, insn->binary.scales), bits); \
		npu_elementwise_run(exec, insn, first, count, rows[way], e);                       \
	}

static inline int elementwise_sum_way(struct elementwise *e, const struct npu_scale *scale,
				      __s32 bits)
{
	if (!e->quick)
		return ELEMENTWISE_ANY;
	if (elementwise_shifted(e, scale, 0, bits))
		return ELEMENTWISE_SHIFT_FIRST;
	if (elementwise_shifted(e, scale, 1, bits))
		return ELEMENTWISE_SHIFT_SECOND;
	return ELEMENTWISE_QUICK;
}

ELEMENTWISE_SUM(elementwise_add_s8, NPU_TYPE_INT8, NPU_ADD_BITS_S8, elementwise_add8)
ELEMENTWISE_SUM(elementwise_add_s16, NPU_TYPE_INT16, NPU_ADD_BITS_S16, elementwise_add16)
ELEMENTWISE_SUM(elementwise_sub_s8, NPU_TYPE_INT8, NPU_ADD_BITS_S8, elementwise_sub8)
ELEMENTWISE_SUM(elementwise_sub_s16, NPU_TYPE_INT16, NPU_ADD_BITS_S16, elementwise_sub16)

/* ---------------------------------------------------------- MUL, MIN, MAX */

static lanes_inline struct lanes elementwise_product(const struct elementwise *e, struct lanes a,
						     struct lanes b, const int way)
{
	a = lanes_mul(lanes_sub(a, e->zero[0]), lanes_sub(b, e->zero[1]));
	return lanes_rescale(a, &e->scale[0], way != ELEMENTWISE_ANY);
}

static lanes_inline struct lanes elementwise_minimum(const struct elementwise *e, struct lanes a,
						     struct lanes b, const int way)
{
	const bool quick = way != ELEMENTWISE_ANY;

	a = lanes_rescale(lanes_sub(a, e->zero[0]), &e->scale[0], quick);
	b = lanes_rescale(lanes_sub(b, e->zero[1]), &e->scale[1], quick);
	return lanes_add(lanes_min(a, b), e->out_zero);
}

static lanes_inline struct lanes elementwise_maximum(const struct elementwise *e, struct lanes a,
						     struct lanes b, const int way)
{
	const bool quick = way != ELEMENTWISE_ANY;

	a = lanes_rescale(lanes_sub(a, e->zero[0]), &e->scale[0], quick);
	b = lanes_rescale(lanes_sub(b, e->zero[1]), &e->scale[1], quick);
	return lanes_add(lanes_max(a, b), e->out_zero);
}

#define ELEMENTWISE_ROWS(name, function)                                                 \
	ELEMENTWISE_ROW(name##_s8_any_row, NPU_TYPE_INT8, function, ELEMENTWISE_ANY)     \
	ELEMENTWISE_ROW(name##_s8_quick_row, NPU_TYPE_INT8, function, ELEMENTWISE_QUICK) \
	ELEMENTWISE_ROW(name##_s16_any_row, NPU_TYPE_INT16, function, ELEMENTWISE_ANY)   \
	ELEMENTWISE_ROW(name##_s16_quick_row, NPU_TYPE_INT16, function, ELEMENTWISE_QUICK)

ELEMENTWISE_ROWS(elementwise_mul, elementwise_product)
ELEMENTWISE_ROWS(elementwise_min, elementwise_minimum)
ELEMENTWISE_ROWS(elementwise_max, elementwise_maximum)

static void elementwise_mul(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			    __u32 count)
{
	static const npu_row rows[2][2] = {
		{ elementwise_mul_s8_any_row, elementwise_mul_s8_quick_row },
		{ elementwise_mul_s16_any_row, elementwise_mul_s16_quick_row },
	};
	struct elementwise *e = exec->workspace;

	elementwise_prepare(e, exec, insn, 1);
	npu_elementwise_run(exec, insn, first, count,
			    rows[insn->t[1].type == NPU_TYPE_INT16][e->quick], e);
}

static void elementwise_extremum(const struct npu_exec *exec, const struct npu_insn *insn,
				 __u32 first, __u32 count)
{
	static const npu_row rows[2][2][2] = {
		{ { elementwise_min_s8_any_row, elementwise_min_s8_quick_row },
		  { elementwise_min_s16_any_row, elementwise_min_s16_quick_row } },
		{ { elementwise_max_s8_any_row, elementwise_max_s8_quick_row },
		  { elementwise_max_s16_any_row, elementwise_max_s16_quick_row } },
	};
	bool max = insn->opcode == NPU_OP_MAX, wide = insn->t[1].type == NPU_TYPE_INT16;
	struct elementwise *e = exec->workspace;

	elementwise_prepare(e, exec, insn, 2);
	npu_elementwise_run(exec, insn, first, count, rows[max][wide][e->quick], e);
}

/* --------------------------------------------------- CLAMP and REQUANTISE */

static lanes_inline struct lanes elementwise_one(const struct elementwise *e, struct lanes x,
						 const int way)
{
	x = lanes_sub(x, e->zero[0]);
	return lanes_rescale(x, &e->scale[0], way != ELEMENTWISE_ANY);
}

static lanes_inline void elementwise_unary(const struct elementwise *e, void *out, const void *in,
					   __u32 length, const __u32 in_type, const __u32 out_type,
					   const int way, const bool rescale)
{
	struct lanes x[4];
	__u32 i, j, count;

	for (i = 0; out_type == NPU_TYPE_INT8 && i + 64 <= length; i += 64) {
#pragma GCC unroll 4
		for (j = 0; j < 4; j++) {
			x[j] = lanes_load_type(lanes_at(in, i + 16 * j, in_type), in_type);
			if (rescale)
				x[j] = elementwise_one(e, x[j], way);
		}
		lanes_store4_s8((__s8 *)out + i, 16, x, e->min, e->max);
	}
	for (; i < length; i += count) {
		count = length - i < 16 ? length - i : 16;
		if (count == 16)
			x[0] = lanes_load_type(lanes_at(in, i, in_type), in_type);
		else
			x[0] = lanes_load_part_type(lanes_at(in, i, in_type), in_type, count);
		if (rescale)
			x[0] = elementwise_one(e, x[0], way);
		elementwise_store(e, lanes_at(out, i, out_type), out_type, x[0], count);
	}
}

#define ELEMENTWISE_UNARY(name, in_type, out_type, way, rescale)                            \
	static void name(const struct npu_row_context *context, void *out, const void *in1, \
			 const void *in2, __u32 length)                                     \
	{                                                                                   \
		(void)in2;                                                                  \
		elementwise_unary(context->memo, out, in1, length, in_type, out_type, way,  \
				  rescale);                                                 \
	}

#define ELEMENTWISE_REQUANTISE(in, in_type)                                                        \
	ELEMENTWISE_UNARY(requantise_##in##_s8_any_row, in_type, NPU_TYPE_INT8, ELEMENTWISE_ANY,   \
			  true)                                                                    \
	ELEMENTWISE_UNARY(requantise_##in##_s8_quick_row, in_type, NPU_TYPE_INT8,                  \
			  ELEMENTWISE_QUICK, true)                                                 \
	ELEMENTWISE_UNARY(requantise_##in##_s16_any_row, in_type, NPU_TYPE_INT16, ELEMENTWISE_ANY, \
			  true)                                                                    \
	ELEMENTWISE_UNARY(requantise_##in##_s16_quick_row, in_type, NPU_TYPE_INT16,                \
			  ELEMENTWISE_QUICK, true)

ELEMENTWISE_REQUANTISE(s8, NPU_TYPE_INT8)
ELEMENTWISE_REQUANTISE(s16, NPU_TYPE_INT16)
ELEMENTWISE_REQUANTISE(s32, NPU_TYPE_INT32)
ELEMENTWISE_UNARY(clamp_s8_row, NPU_TYPE_INT8, NPU_TYPE_INT8, ELEMENTWISE_ANY, false)
ELEMENTWISE_UNARY(clamp_s16_row, NPU_TYPE_INT16, NPU_TYPE_INT16, ELEMENTWISE_ANY, false)

static void elementwise_requantise(const struct npu_exec *exec, const struct npu_insn *insn,
				   __u32 first, __u32 count)
{
	static const npu_row rows[3][2][2] = {
		{ { requantise_s8_s8_any_row, requantise_s8_s8_quick_row },
		  { requantise_s8_s16_any_row, requantise_s8_s16_quick_row } },
		{ { requantise_s16_s8_any_row, requantise_s16_s8_quick_row },
		  { requantise_s16_s16_any_row, requantise_s16_s16_quick_row } },
		{ { requantise_s32_s8_any_row, requantise_s32_s8_quick_row },
		  { requantise_s32_s16_any_row, requantise_s32_s16_quick_row } },
	};
	bool wide = insn->t[0].type == NPU_TYPE_INT16;
	struct elementwise *e = exec->workspace;

	lanes_scale_load(&e->scale[0], npu_scales(exec->consts, insn->requantise.scales), 0,
			 insn->t[0].zero_point);
	e->zero[0] = lanes_set(insn->t[1].zero_point);
	e->min = insn->requantise.act_min;
	e->max = insn->requantise.act_max;
	npu_elementwise_run(exec, insn, first, count,
			    rows[insn->t[1].type - NPU_TYPE_INT8][wide][e->scale[0].quick], e);
}

static void elementwise_clamp(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			      __u32 count)
{
	bool wide = insn->t[1].type == NPU_TYPE_INT16;
	struct elementwise *e = exec->workspace;

	e->min = insn->clamp.min;
	e->max = insn->clamp.max;
	npu_elementwise_run(exec, insn, first, count, wide ? clamp_s16_row : clamp_s8_row, e);
}

#endif /* NPU_SIMD_ELEMENTWISE_H */
