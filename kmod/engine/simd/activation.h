/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * TABLE, SIGMOID and TANH. int8 has 256 values: where there are more elements than that, the
 * function is computed once for each in the workspace.
 */
#ifndef NPU_SIMD_ACTIVATION_H
#define NPU_SIMD_ACTIVATION_H

#include "exponential.h"

/**
 * struct activation - an instruction on int8, prepared
 * @insn: the instruction
 * @table: the output of each input, these unsigned
 * @scale: of the input of SIGMOID and TANH
 */
struct activation {
	const struct npu_insn *insn;
	__u8 table[256];
	struct lanes_scale scale;
};

/* ------------------------------------------------------------------- int8 */

/* The value of a lane outside (-radius, radius) is the end of the output's type. */
static lanes_inline struct lanes activation_saturate(const struct activation *a,
						     struct lanes centred, struct lanes y)
{
	const struct lanes radius = lanes_set(a->insn->sigmoid.radius);

	y = lanes_clamp(y, lanes_set(-128), lanes_set(127));
	y = lanes_select(lanes_greater(radius, centred), y, lanes_set(127));
	return lanes_select(lanes_greater(centred, lanes_sub(lanes_set(0), radius)), y,
			    lanes_set(-128));
}

static struct lanes activation_sigmoid8(const struct activation *a, struct lanes x)
{
	const struct lanes zero = lanes_set(0);
	struct lanes centred = lanes_sub(x, lanes_set(a->insn->t[1].zero_point));
	struct lanes q4 = lanes_rescale(centred, &a->scale, false), y;

	y = exponential_negative(lanes_min(q4, lanes_sub(zero, q4)), 4);
	y = lanes_saturating_shift_left(exponential_reciprocal(y), 1);
	y = lanes_select(lanes_greater(q4, zero), y, lanes_sub(lanes_set(2147483647), y));
	y = lanes_select(lanes_equal(q4, zero), lanes_set(1 << 30), y);
	y = lanes_sub(lanes_rounding_shift(y, 23), lanes_set(128));
	return activation_saturate(a, centred, y);
}

static struct lanes activation_tanh8(const struct activation *a, struct lanes x)
{
	const struct lanes zero = lanes_set(0);
	struct lanes centred = lanes_sub(x, lanes_set(a->insn->t[1].zero_point));
	struct lanes q4 = lanes_rescale(centred, &a->scale, false), y;

	y = exponential_negative(lanes_min(q4, lanes_sub(zero, q4)), 5);
	y = lanes_sub(exponential_reciprocal(y), lanes_set(1 << 29));
	y = lanes_saturating_shift_left(y, 2);
	y = lanes_select(lanes_greater(q4, zero), y, lanes_sub(zero, y));
	y = lanes_select(lanes_equal(q4, zero), zero, y);
	return activation_saturate(a, centred, lanes_rounding_shift(y, 24));
}

static void activation_table_row(const struct npu_row_context *context, void *out, const void *in1,
				 const void *in2, __u32 length)
{
	const struct activation *a = context->memo;
	const __s8 *in = in1;
	__u8 *o = out;
	__u32 i;

	(void)in2;
	for (i = 0; i + LANES_BYTES <= length; i += LANES_BYTES)
		lanes_lookup_bytes(o + i, in + i, a->table);
	for (; i < length; i++)
		o[i] = a->table[(__u8)npu_read_once_s8(in + i)];
}

static void activation_table_s8(const struct npu_exec *exec, const struct npu_insn *insn,
				__u32 first, __u32 count)
{
	const __s8 *table = (const __s8 *)exec->consts + insn->table.offset;
	struct activation *a = exec->workspace;

	__builtin_memcpy(a->table, table + 128, 128);
	__builtin_memcpy(a->table + 128, table, 128);
	npu_elementwise_run(exec, insn, first, count, activation_table_row, a);
}

static lanes_inline struct lanes activation_function(const struct activation *a, struct lanes x)
{
	return a->insn->opcode == NPU_OP_TANH ? activation_tanh8(a, x) : activation_sigmoid8(a, x);
}

static void activation_row_s8(const struct npu_row_context *context, void *out, const void *in1,
			      const void *in2, __u32 length)
{
	const struct activation *a = context->memo;
	__u32 i, count;

	(void)in2;
	for (i = 0; i < length; i += count) {
		count = length - i < 16 ? length - i : 16;
		lanes_store_part_s8(
			(__s8 *)out + i,
			activation_function(a, lanes_load_part_s8((const __s8 *)in1 + i, count)),
			count);
	}
}

static void activation_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			  __u32 count)
{
	const struct npu_scale scale = { insn->sigmoid.multiplier, insn->sigmoid.shift };
	struct activation *a = exec->workspace;
	__s32 i;

	a->insn = insn;
	lanes_scale_load(&a->scale, &scale, 0, 0);
	if (npu_elementwise_total(insn) <= 256 && npu_elementwise_dense(insn) >= 16) {
		npu_elementwise_run(exec, insn, first, count, activation_row_s8, a);
		return;
	}
	for (i = 0; i < 256; i += 16)
		lanes_store_s8(a->table + i,
			       activation_function(a, lanes_add(lanes_index(),
								lanes_set(i < 128 ? i : i - 256))));
	npu_elementwise_run(exec, insn, first, count, activation_table_row, a);
}

/* ------------------------------------------------------------------ int16 */

/* npu_interpolate() */
static lanes_inline struct lanes activation_interpolate(const __s16 *table, struct lanes x)
{
	struct lanes pair =
		lanes_lookup_pair_16(table, lanes_add(lanes_shift_right(x, 7), lanes_set(256)));
	struct lanes low = lanes_shift_right(lanes_shift_left(pair, 16), 16);
	struct lanes slope = lanes_sub(lanes_shift_right(pair, 16), low);

	slope = lanes_mul(slope, lanes_and(x, lanes_set(127)));
	return lanes_add(low, lanes_shift_right(lanes_add(slope, lanes_set(64)), 7));
}

/*
 * The logistic function of |x|, from samples 2^@bits apart, with @bits below its point;
 * @end past the last sample.
 */
static lanes_inline struct lanes activation_logistic(struct lanes magnitude, const __u32 bits,
						     const __s32 end)
{
	struct lanes index = lanes_shift_right_logical(magnitude, bits);
	struct lanes_mask inside = lanes_greater(lanes_set(255), index);
	struct lanes pair, low, slope;

	pair = lanes_lookup_pair_16(npu_sigmoid_samples, lanes_min(index, lanes_set(254)));
	low = lanes_and(pair, lanes_set(0xffff));
	slope = lanes_sub(lanes_shift_right_logical(pair, 16), low);
	slope = lanes_mul(slope, lanes_and(magnitude, lanes_set((1 << bits) - 1)));
	return lanes_select(inside, lanes_add(lanes_shift_left(low, bits), slope), lanes_set(end));
}

/* 16 bits of the logistic function of x / 24 * 2^-9, Q0.15; x above -2^31. */
static lanes_inline struct lanes activation_sigmoid16(struct lanes x)
{
	struct lanes y = activation_logistic(lanes_abs(x), 9, 0x7fff << 10);
	struct lanes mirrored = lanes_sub(lanes_set((1 << 25) - 1), y);

	y = lanes_select(lanes_greater(lanes_set(0), x), mirrored, y);
	return lanes_shift_right_logical(lanes_add(y, lanes_set(1 << 9)), 10);
}

/* Of the hyperbolic tangent of x / 24 * 2^-9. */
static lanes_inline struct lanes activation_tanh16(struct lanes x)
{
	struct lanes y = activation_logistic(lanes_abs(x), 8, 0xffff << 8);

	y = lanes_sub(y, lanes_set(1 << 23));
	y = lanes_select(lanes_greater(lanes_set(0), x), lanes_sub(lanes_set(-1), y), y);
	return lanes_shift_right(lanes_add(y, lanes_set(1 << 7)), 8);
}

/* The input of an int16 SIGMOID or TANH in the units of the samples. */
static lanes_inline struct lanes activation_scale16(struct lanes x, __s32 multiplier, __s32 shift)
{
	if (multiplier == 0)
		return lanes_mul(x, lanes_set(3 << shift));
	x = lanes_mul(x, lanes_set(multiplier));
	return lanes_shift_right(lanes_add(x, lanes_set(shift > 0 ? 1 << (shift - 1) : 0)), shift);
}

/* Which of the functions of int16 a row is of. */
enum activation_kind {
	ACTIVATION_TABLE,
	ACTIVATION_SIGMOID,
	ACTIVATION_TANH,
};

static lanes_inline void activation_row_s16(const struct npu_row_context *context, void *out,
					    const void *in, __u32 length,
					    const enum activation_kind kind)
{
	const struct npu_insn *insn = context->insn;
	__u32 i, count;

	for (i = 0; i < length; i += count) {
		struct lanes x;

		count = length - i < 16 ? length - i : 16;
		if (count == 16)
			x = lanes_load_s16((const __s16 *)in + i);
		else
			x = lanes_load_part_s16((const __s16 *)in + i, count);
		if (kind == ACTIVATION_TABLE)
			x = activation_interpolate(
				(const __s16 *)((const __u8 *)context->consts + insn->table.offset),
				x);
		else
			x = activation_scale16(x, insn->sigmoid.multiplier, insn->sigmoid.shift);
		if (kind == ACTIVATION_SIGMOID)
			x = activation_sigmoid16(x);
		if (kind == ACTIVATION_TANH)
			x = activation_tanh16(x);
		lanes_store_part_s16((__s16 *)out + i, x, count);
	}
}

#define ACTIVATION_S16(name, kind)                                                                \
	static void name##_row(const struct npu_row_context *context, void *out, const void *in1, \
			       const void *in2, __u32 length)                                     \
	{                                                                                         \
		(void)in2;                                                                        \
		activation_row_s16(context, out, in1, length, kind);                              \
	}                                                                                         \
	static void name(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,   \
			 __u32 count)                                                             \
	{                                                                                         \
		npu_elementwise_run(exec, insn, first, count, name##_row, NULL);                  \
	}

ACTIVATION_S16(activation_table_s16, ACTIVATION_TABLE)
ACTIVATION_S16(activation_sigmoid_s16, ACTIVATION_SIGMOID)
ACTIVATION_S16(activation_tanh_s16, ACTIVATION_TANH)

#endif /* NPU_SIMD_ACTIVATION_H */
