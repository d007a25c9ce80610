// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* MAX_POOL_2D and AVERAGE_POOL_2D. */
#include "window.h"
#include "fixedpoint.h"

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

static inline __s32 load(const void *p, bool wide, __u32 i)
{
	return wide ? ((const __s16 *)p)[i] : ((const __s8 *)p)[i];
}

static void store(const struct pool *pool, __u32 block, const struct npu_pixel *at,
		  const __s32 y[16], __u32 lanes)
{
	const struct npu_insn *insn = pool->insn;
	__u8 *out = pool->out + npu_pixel_offset(&insn->t[0], at->n, at->y, at->x);
	__u32 lane;

	for (lane = 0; lane < lanes; lane++) {
		__s32 value = npu_clamp32(y[lane], insn->pool.act_min, insn->pool.act_max);

		if (insn->t[0].type == NPU_TYPE_INT8)
			((__s8 *)out)[block * 16 + lane] = value;
		else
			((__s16 *)out)[block * 16 + lane] = value;
	}
}

static __u32 lanes_of(const struct npu_insn *insn, __u32 block)
{
	__u32 left = insn->t[0].dim[3] - block * 16;

	return left < 16 ? left : 16;
}

static void max_unit(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct pool *pool = window;
	const struct npu_tensor *t = &pool->insn->t[1];
	bool wide = t->type == NPU_TYPE_INT16;
	struct npu_extent e = npu_pool_inside(pool->insn, at);
	__u32 lanes = lanes_of(pool->insn, block), lane, y, x;
	__s32 best[16];

	for (lane = 0; lane < 16; lane++)
		best[lane] = -32768;
	for (y = e.from[0]; y < e.to[0]; y++)
		for (x = e.from[1]; x < e.to[1]; x++) {
			const __u8 *in = pool->in + npu_pixel_offset(t, at->n, y, x);

			for (lane = 0; lane < lanes; lane++) {
				__s32 value = load(in, wide, block * 16 + lane);

				if (value > best[lane])
					best[lane] = value;
			}
		}
	store(pool, block, at, best, lanes);
}

/* sum / count rounded to nearest, ties away from zero. */
static __s32 mean(__s32 sum, __u32 count)
{
	__u32 size = sum < 0 ? -(__u32)sum : (__u32)sum;
	__u32 quotient = (size + count / 2) / count;

	return sum < 0 ? -(__s32)quotient : (__s32)quotient;
}

static void average_unit(const void *window, __u32 block, const struct npu_pixel *at)
{
	const struct pool *pool = window;
	const struct npu_tensor *t = &pool->insn->t[1];
	bool wide = t->type == NPU_TYPE_INT16;
	struct npu_extent e = npu_pool_inside(pool->insn, at);
	__u32 count = (e.to[0] - e.from[0]) * (e.to[1] - e.from[1]);
	__u32 lanes = lanes_of(pool->insn, block), lane, y, x;
	/* at most 2^16 elements: from -2^31 to 2^31 - 2^16 */
	__s32 sum[16] = { 0 };

	for (y = e.from[0]; y < e.to[0]; y++)
		for (x = e.from[1]; x < e.to[1]; x++) {
			const __u8 *in = pool->in + npu_pixel_offset(t, at->n, y, x);

			for (lane = 0; lane < lanes; lane++)
				sum[lane] += load(in, wide, block * 16 + lane);
		}
	for (lane = 0; lane < lanes; lane++)
		sum[lane] = mean(sum[lane], count);
	store(pool, block, at, sum, lanes);
}

static void run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count,
		npu_window_unit unit)
{
	struct pool pool = {
		.insn = insn,
		.in = npu_tensor_address(exec, &insn->t[1]),
		.out = npu_tensor_address(exec, &insn->t[0]),
	};

	npu_window_run(&insn->t[0], (insn->t[0].dim[3] + 15) / 16, first, count, unit, &pool);
}

void npu_max_pool(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count)
{
	run(exec, insn, first, count, max_unit);
}

void npu_average_pool(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count)
{
	run(exec, insn, first, count, average_unit);
}
