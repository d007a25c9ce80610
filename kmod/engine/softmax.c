// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * SOFTMAX over C; a unit is one row.
 *
 * Nothing read here is trusted to be what it was in an earlier pass: another thread
 * may be writing the input.
 */
#include "softmax.h"
#include "fixedpoint.h"

struct npu_softmax_row npu_softmax_row_at(const struct npu_exec *exec, const struct npu_insn *insn,
					  __u32 unit)
{
	__u64 offset[2] = { 0, 0 };
	int d, i;

	for (d = 2; d >= 0; d--) {
		__u32 index = unit % insn->t[0].dim[d];

		unit /= insn->t[0].dim[d];
		for (i = 0; i < 2; i++)
			offset[i] += (__u64)index * insn->t[i].stride[d];
	}
	return (struct npu_softmax_row){
		.in = (const __u8 *)npu_tensor_address(exec, &insn->t[1]) + offset[1],
		.out = (__u8 *)npu_tensor_address(exec, &insn->t[0]) + offset[0],
	};
}

/* ------------------------------------------------------------- int8 input */

/*
 * There are at most 256 distances from the maximum: each exponential is computed
 * once in a run. A computed value may equal UNKNOWN; it is then computed again.
 */
#define UNKNOWN (-1)

struct exponentials {
	__s32 value[256];
};

static __s32 exponential_s8(const struct npu_insn *insn, struct exponentials *known, __u32 distance)
{
	__s32 *value = &known->value[distance];

	if (*value == UNKNOWN) {
		__s32 q5 = npu_shl32(-(__s32)distance, insn->softmax.shift);

		q5 = npu_doubling_high_multiply(q5, insn->softmax.multiplier);
		*value = npu_exp_negative(q5, 5);
	}
	return *value;
}

static inline __u32 distance_s8(const __s8 *x, __s32 max)
{
	__s32 value = npu_read_once_s8(x);

	return value < max ? max - value : 0;
}

struct npu_reciprocal npu_softmax_reciprocal(__s32 sum)
{
	__u32 headroom = sum ? __builtin_clz(sum) : 31;

	return (struct npu_reciprocal){
		npu_one_over_one_plus((__s32)(((__u32)sum << headroom) - (1u << 31))),
		12 - (__s32)headroom,
	};
}

/* As npu_rounding_shift() with a shift that may lie outside [0, 31]. */
static inline __s32 rounding_shift_any(__s32 x, __s32 shift)
{
	if (shift > 31)
		return 0;
	return npu_rounding_shift(x, shift > 0 ? shift : 0);
}

static void softmax_s8_row(const struct npu_insn *insn, const struct npu_softmax_row *row,
			   struct exponentials *known)
{
	__u32 length = insn->t[0].dim[3], limit = -insn->softmax.diff_min, i;
	bool wide = insn->t[0].type == NPU_TYPE_INT16;
	__s32 low = wide ? -32768 : -128, high = wide ? 32767 : 127;
	__s32 max = -128, sum = 0;
	struct npu_reciprocal r;
	const __s8 *in = row->in;

	for (i = 0; i < length; i++)
		max = in[i] > max ? in[i] : max;
	for (i = 0; i < length; i++) {
		__u32 distance = distance_s8(in + i, max);

		if (distance <= limit)
			sum = npu_add32(
				sum, npu_rounding_shift(exponential_s8(insn, known, distance), 12));
	}
	r = npu_softmax_reciprocal(sum);
	for (i = 0; i < length; i++) {
		__u32 distance = distance_s8(in + i, max);
		__s32 y = low;

		if (distance <= limit) {
			y = npu_doubling_high_multiply(r.scale,
						       exponential_s8(insn, known, distance));
			y = rounding_shift_any(y, r.bits + (wide ? 15 : 23));
			y = npu_clamp32(npu_add32(y, low), low, high);
		}
		if (wide)
			((__s16 *)row->out)[i] = y;
		else
			((__s8 *)row->out)[i] = y;
	}
}

void npu_softmax_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count)
{
	struct exponentials known;
	int i;

	for (i = 0; i < 256; i++)
		known.value[i] = UNKNOWN;
	for (; count; first++, count--) {
		struct npu_softmax_row row = npu_softmax_row_at(exec, insn, first);

		softmax_s8_row(insn, &row, &known);
	}
}

/* ------------------------------------------------------------ int16 input */

static __s32 exponential_s16(const struct npu_insn *insn, __s32 difference)
{
	__s32 x = npu_rescale(difference, insn->softmax.multiplier, insn->softmax.shift);

	x = npu_clamp32(npu_add32(x, 32767), -32768, 32767);
	return npu_interpolate(npu_exp_samples, x);
}

/* A sum is in [2^14, 2^27], as Q0.15 of the sum scaled into [1, 2). */
struct npu_reciprocal npu_softmax_reciprocal_s16(__s32 sum)
{
	__u32 headroom;
	__s32 scaled;

	/* the maximum adds nearly 2^15, unless another thread has changed it meanwhile */
	if (sum < 1 << 14)
		sum = 1 << 14;
	headroom = __builtin_clz(sum);
	scaled = (__s32)((((__s64)sum << (headroom - 1)) + (1 << 13)) >> 14);
	scaled = npu_clamp32(scaled - (1 << 15) - (1 << 16), -32768, 32767);
	return (struct npu_reciprocal){
		npu_interpolate(npu_reciprocal_samples, scaled),
		31 - (__s32)headroom,
	};
}

static void softmax_s16_row(const struct npu_insn *insn, const struct npu_softmax_row *row)
{
	__u32 length = insn->t[0].dim[3], i;
	__s32 max = -32768, sum = 0;
	struct npu_reciprocal r;
	const __s16 *in = row->in;
	__s16 *out = row->out;

	for (i = 0; i < length; i++)
		max = in[i] > max ? in[i] : max;
	for (i = 0; i < length; i++) {
		__s32 e = exponential_s16(insn, in[i] - max);

		out[i] = e;
		sum += e;
	}
	r = npu_softmax_reciprocal_s16(sum);
	for (i = 0; i < length; i++) {
		__s32 y = (out[i] * r.scale + (1 << (r.bits - 1))) >> r.bits;

		out[i] = npu_clamp32(y, 0, 32767);
	}
}

void npu_softmax_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count)
{
	for (; count; first++, count--) {
		struct npu_softmax_row row = npu_softmax_row_at(exec, insn, first);

		softmax_s16_row(insn, &row);
	}
}
