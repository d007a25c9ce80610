/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* MAX_POOL_2D and AVERAGE_POOL_2D: the sixteen channels of a block in the lanes. */
#ifndef NPU_SIMD_POOLING_H
#define NPU_SIMD_POOLING_H

#include "../window.h"

/**
 * struct pool - a pooling instruction, addresses resolved
 * @insn: the instruction
 * @in: its input
 * @out: its output
 */
struct pool {
	const struct npu_insn *insn;
	const __u8 *in;
	__u8 *out;
};

static lanes_inline struct lanes pool_load(const __u8 *in, const __u32 type, __u32 lanes)
{
	return lanes == 16 ? lanes_load_type(in, type) : lanes_load_part_type(in, type, lanes);
}

/* The sum, or the maximum, of a window that lies within the input. */
static lanes_inline struct lanes pool_window(const struct npu_tensor *t, const __u8 *in,
					     const __u32 size[2], __u32 lanes, const __u32 type,
					     const bool max)
{
	struct lanes result = lanes_set(max ? -32768 : 0);
	__u32 y, x;

	for (y = 0; y < size[0]; y++, in += t->stride[1]) {
		const __u8 *at = in;

		for (x = 0; x < size[1]; x++, at += t->stride[2]) {
			struct lanes value = pool_load(at, type, lanes);

			result = max ? lanes_max(result, value) : lanes_add(result, value);
		}
	}
	return result;
}

/* Rounded to nearest, ties away from zero. */
static lanes_inline struct lanes pool_mean(struct lanes sum, __u32 count,
					   struct lanes_divisor *divisor)
{
	struct lanes sign = lanes_shift_right(sum, 31), quotient;

	if (divisor->divisor != count)
		*divisor = lanes_divisor_make(count);
	quotient = lanes_divide(lanes_add(lanes_abs(sum), lanes_set(count / 2)), divisor);
	return lanes_sub(lanes_xor(quotient, sign), sign);
}

static lanes_inline void pool_rectangle(const struct pool *pool, const struct npu_rectangle *r,
					const __u32 type, const bool max)
{
	const struct npu_insn *insn = pool->insn;
	const struct npu_tensor *in = &insn->t[1], *out = &insn->t[0];
	struct lanes low = lanes_set(insn->pool.act_min), high = lanes_set(insn->pool.act_max);
	struct lanes_divisor divisor = { 0 };
	__u32 block, row, size[2];

	for (block = r->block; block < r->block + r->blocks; block++) {
		struct npu_pixel at = npu_pixel_at(out, r->row);
		__u32 left = out->dim[3] - block * 16, lanes = left < 16 ? left : 16;

		for (row = 0; row < r->rows; row++) {
			struct npu_extent e = npu_pool_inside(insn, &at);
			struct lanes y;

			size[0] = e.to[0] - e.from[0];
			size[1] = e.to[1] - e.from[1];
			y = pool_window(in,
					(const __u8 *)lanes_at(pool->in, block * 16ul, type) +
						npu_pixel_offset(in, at.n, e.from[0], e.from[1]),
					size, lanes, type, max);
			if (!max)
				y = pool_mean(y, size[0] * size[1], &divisor);
			lanes_store_part_type((__u8 *)lanes_at(pool->out, block * 16ul, type) +
						      npu_pixel_offset(out, at.n, at.y, at.x),
					      type, lanes_clamp(y, low, high), lanes);
			npu_pixel_next(out, &at);
		}
	}
}

static void pool_max_s8(const void *context, const struct npu_rectangle *r)
{
	pool_rectangle(context, r, NPU_TYPE_INT8, true);
}

static void pool_max_s16(const void *context, const struct npu_rectangle *r)
{
	pool_rectangle(context, r, NPU_TYPE_INT16, true);
}

static void pool_average_s8(const void *context, const struct npu_rectangle *r)
{
	pool_rectangle(context, r, NPU_TYPE_INT8, false);
}

static void pool_average_s16(const void *context, const struct npu_rectangle *r)
{
	pool_rectangle(context, r, NPU_TYPE_INT16, false);
}

static void pool(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	static const npu_rectangle_function functions[2][2] = {
		{ pool_average_s8, pool_average_s16 },
		{ pool_max_s8, pool_max_s16 },
	};
	struct pool p = {
		.insn = insn,
		.in = npu_tensor_address(exec, &insn->t[1]),
		.out = npu_tensor_address(exec, &insn->t[0]),
	};
	const __u32 *dim = insn->t[0].dim;
	bool wide = insn->t[1].type == NPU_TYPE_INT16, max = insn->opcode == NPU_OP_MAX_POOL_2D;

	npu_strips_run(dim[0] * dim[1] * dim[2], (dim[3] + 15) / 16, first, count,
		       functions[max][wide], &p);
}

#endif /* NPU_SIMD_POOLING_H */
