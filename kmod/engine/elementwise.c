// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How elementwise instructions walk over strided tensors, and COPY.
 *
 * The elements of the output are numbered in the order of N, H, W, C; a unit is
 * NPU_ELEMENTWISE_UNIT consecutive numbers. Inner dimensions that lie dense in every
 * tensor are one long row, so an ordinary tensor is a single row, whatever its shape. An
 * input of a binary instruction that is 1 where the output is not repeats itself: by a
 * stride of 0 outside the row, by a copy of its one element inside it.
 */
#include "kernels.h"

/* What a row finds in a tensor. */
enum row_kind {
	ROW_SINGLE, /* one element so far: either of the others */
	ROW_DENSE,
	ROW_REPEATED, /* one element, for the whole row */
};

struct walk {
	__u32 tensors;
	__u32 row;   /* elements of a row */
	__u32 outer; /* dimensions outside it, innermost first */
	__u32 dim[3];
	__u32 stride[3][3]; /* [tensor][dimension] */
	__u32 size[3];	    /* of an element */
	enum row_kind kind[3];
	__u8 *base[3];
};

/* Elements of a repeated one that are laid out for a row function at a time. */
#define REPEATED 64

/* Is dimension @d, of size @dim over all, part of a row of @walk->row elements? */
static bool walk_extends(const struct walk *walk, const struct npu_tensor *t, __u32 i, __u32 d)
{
	if (t->dim[d] == 1)
		return walk->kind[i] != ROW_DENSE;
	return walk->kind[i] != ROW_REPEATED && t->stride[d] == (__u64)walk->row * walk->size[i];
}

static void walk_dimension(struct walk *walk, const struct npu_insn *insn, __u32 d)
{
	bool extends = walk->outer == 0;
	__u32 dim = insn->t[0].dim[d], i;

	for (i = 0; i < walk->tensors; i++)
		extends = extends && walk_extends(walk, &insn->t[i], i, d);
	for (i = 0; i < walk->tensors; i++) {
		const struct npu_tensor *t = &insn->t[i];

		if (extends)
			walk->kind[i] = t->dim[d] == 1 ? ROW_REPEATED : ROW_DENSE;
		else
			walk->stride[i][walk->outer] = t->dim[d] == 1 ? 0 : t->stride[d];
	}
	if (extends)
		walk->row *= dim;
	else
		walk->dim[walk->outer++] = dim;
}

static void walk_shape(struct walk *walk, const struct npu_insn *insn)
{
	__u32 d, i;

	walk->tensors = insn->t[2].type == NPU_TYPE_NONE ? 2 : 3;
	walk->row = insn->t[0].dim[3];
	walk->outer = 0;
	for (i = 0; i < walk->tensors; i++) {
		walk->size[i] = npu_type_bytes(insn->t[i].type);
		walk->kind[i] = ROW_SINGLE;
		if (walk->row > 1)
			walk->kind[i] = insn->t[i].dim[3] == 1 ? ROW_REPEATED : ROW_DENSE;
	}
	for (d = 3; d-- > 0;)
		if (insn->t[0].dim[d] != 1)
			walk_dimension(walk, insn, d);
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
	if (walk.kind[1] != ROW_REPEATED && (walk.tensors == 2 || walk.kind[2] != ROW_REPEATED))
		return walk.row;
	return walk.row < REPEATED ? walk.row : REPEATED;
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
		address[i] = walk->base[i] + offset[i] +
			     (walk->kind[i] == ROW_REPEATED ? 0 : (__u64)column * walk->size[i]);
}

/* @element, read once, @count times. */
static void repeat(void *to, const void *element, __u32 size, __u32 count)
{
	__u32 i;

	if (size == 1) {
		__s8 value = npu_read_once_s8(element);

		for (i = 0; i < count; i++)
			((__s8 *)to)[i] = value;
	} else {
		__s16 value = npu_read_once_s16(element);

		for (i = 0; i < count; i++)
			((__s16 *)to)[i] = value;
	}
}

/* A row in which at least one of two inputs is a single element. */
static void repeated_row(const struct walk *walk, const struct npu_row_context *context,
			 __u8 *const address[3], __u32 length, npu_row row)
{
	__s16 copy[3][REPEATED];
	__u32 done, i;

	for (i = 1; i < walk->tensors; i++)
		if (walk->kind[i] == ROW_REPEATED)
			repeat(copy[i], address[i], walk->size[i],
			       length < REPEATED ? length : REPEATED);
	for (done = 0; done < length; done += REPEATED) {
		__u32 piece = length - done < REPEATED ? length - done : REPEATED;
		const void *at[3] = { NULL, NULL, NULL };

		for (i = 1; i < walk->tensors; i++)
			at[i] = walk->kind[i] == ROW_REPEATED
					? (const void *)copy[i]
					: address[i] + (__u64)done * walk->size[i];
		row(context, address[0] + (__u64)done * walk->size[0], at[1], at[2], piece);
	}
}

void npu_elementwise_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count, npu_row row, void *memo)
{
	struct npu_row_context context = { .insn = insn, .consts = exec->consts, .memo = memo };
	__u32 total = npu_elementwise_total(insn);
	__u64 end = ((__u64)first + count) * NPU_ELEMENTWISE_UNIT;
	__u32 element = first * NPU_ELEMENTWISE_UNIT;
	__u32 left, number, column, i;
	bool repeated = false;
	struct walk walk;

	walk_shape(&walk, insn);
	for (i = 0; i < walk.tensors; i++) {
		walk.base[i] = npu_tensor_address(exec, &insn->t[i]);
		repeated = repeated || walk.kind[i] == ROW_REPEATED;
	}

	left = (end < total ? (__u32)end : total) - element;
	number = element / walk.row;
	column = element % walk.row;
	while (left) {
		__u32 length = walk.row - column < left ? walk.row - column : left;
		__u8 *address[3] = { NULL, NULL, NULL };

		walk_row(&walk, number, column, address);
		if (repeated)
			repeated_row(&walk, &context, address, length, row);
		else
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
