// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How elementwise instructions walk over strided tensors, and COPY.
 *
 * The elements of the output are numbered in the order of N, H, W, C; a unit is
 * NPU_ELEMENTWISE_UNIT consecutive numbers. Inner dimensions that lie dense in every
 * tensor are one long row, so an ordinary tensor is a single row, whatever its shape.
 */
#include "kernels.h"

struct walk {
	__u32 tensors;
	__u32 row;   /* elements of a row */
	__u32 outer; /* dimensions outside it, innermost first */
	__u32 dim[3];
	__u32 stride[3][3]; /* [tensor][dimension] */
	__u32 size[3];	    /* of an element */
	__u8 *base[3];
};

static void walk_shape(struct walk *walk, const struct npu_insn *insn)
{
	int d, i;

	walk->tensors = insn->t[2].type == NPU_TYPE_NONE ? 2 : 3;
	walk->row = insn->t[0].dim[3];
	walk->outer = 0;
	for (i = 0; i < (int)walk->tensors; i++)
		walk->size[i] = npu_type_bytes(insn->t[i].type);

	for (d = 2; d >= 0; d--) {
		__u32 dim = insn->t[0].dim[d];
		bool dense = walk->outer == 0;

		if (dim == 1)
			continue;
		for (i = 0; i < (int)walk->tensors; i++)
			if (insn->t[i].stride[d] != (__u64)walk->row * walk->size[i])
				dense = false;
		if (dense) {
			walk->row *= dim;
			continue;
		}
		walk->dim[walk->outer] = dim;
		for (i = 0; i < (int)walk->tensors; i++)
			walk->stride[i][walk->outer] = insn->t[i].stride[d];
		walk->outer++;
	}
}

__u32 npu_elementwise_total(const struct npu_insn *insn)
{
	const __u32 *dim = insn->t[0].dim;

	/* fits: the elements of a tensor that is written do not overlap, within 4 GiB */
	return dim[0] * dim[1] * dim[2] * dim[3];
}

__u32 npu_elementwise_dense(const struct npu_insn *insn)
{
	struct walk walk;

	walk_shape(&walk, insn);
	return walk.row;
}

static void walk_row(const struct walk *walk, __u32 row, __u32 column, __u8 *address[3])
{
	__u64 offset[3] = { 0, 0, 0 };
	__u32 d, i;

	for (d = 0; d < walk->outer; d++) {
		__u32 index = row % walk->dim[d];

		row /= walk->dim[d];
		for (i = 0; i < walk->tensors; i++)
			offset[i] += (__u64)index * walk->stride[i][d];
	}
	for (i = 0; i < walk->tensors; i++)
		address[i] = walk->base[i] + offset[i] + (__u64)column * walk->size[i];
}

void npu_elementwise_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count, npu_row row, void *memo)
{
	struct npu_row_context context = { .insn = insn, .consts = exec->consts, .memo = memo };
	__u32 total = npu_elementwise_total(insn);
	__u64 end = ((__u64)first + count) * NPU_ELEMENTWISE_UNIT;
	__u32 element = first * NPU_ELEMENTWISE_UNIT;
	__u32 left, number, column, i;
	struct walk walk;

	walk_shape(&walk, insn);
	for (i = 0; i < walk.tensors; i++)
		walk.base[i] = npu_tensor_address(exec, &insn->t[i]);

	left = (end < total ? (__u32)end : total) - element;
	number = element / walk.row;
	column = element % walk.row;
	while (left) {
		__u32 length = walk.row - column < left ? walk.row - column : left;
		__u8 *address[3] = { NULL, NULL, NULL };

		walk_row(&walk, number, column, address);
		row(&context, address[0], address[1], address[2], length);
		left -= length;
		number++;
		column = 0;
	}
}

static void copy_row(const struct npu_row_context *context, void *out, const void *in1,
		     const void *in2, __u32 length)
{
	unsigned long bytes = (unsigned long)length * npu_type_bytes(context->insn->t[0].type);

	(void)in2;
	/* a launch may have bound both slots to the same memory */
	__builtin_memmove(out, in1, bytes);
}

void npu_copy(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	npu_elementwise_run(exec, insn, first, count, copy_row, NULL);
}
