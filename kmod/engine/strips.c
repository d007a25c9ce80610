// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The order of units that are sixteen channels of a row: strips. */
#include "kernels.h"

/* The largest rectangle that starts at unit @first of a strip and has at most @count units. */
static __u32 cut(struct npu_rectangle *r, __u32 rows, __u32 blocks, __u32 first, __u32 count)
{
	__u32 row = first % rows;

	r->row = row;
	r->block = first / rows;
	r->blocks = 1;
	if (row || count < rows) {
		r->rows = rows - row < count ? rows - row : count;
		return r->rows;
	}
	r->rows = rows;
	r->blocks = count / rows;
	if (r->blocks > blocks - r->block)
		r->blocks = blocks - r->block;
	return r->rows * r->blocks;
}

void npu_strips_run(__u32 rows, __u32 blocks, __u32 first, __u32 count,
		    npu_rectangle_function function, const void *context)
{
	/* units are below 2^32, so a strip that does not end beyond them is, too */
	__u32 full = rows / NPU_STRIP ? NPU_STRIP * blocks : 0;
	__u32 strip = full ? first / full : 0;

	first -= strip * full;
	for (; count; strip++, first = 0) {
		__u32 start = strip * NPU_STRIP, units;
		__u32 height = rows - start < NPU_STRIP ? rows - start : NPU_STRIP;

		for (units = height * blocks; count && first < units;) {
			struct npu_rectangle r;
			__u32 done = cut(&r, height, blocks, first, count);

			r.row += start;
			function(context, &r);
			first += done;
			count -= done;
		}
	}
}
