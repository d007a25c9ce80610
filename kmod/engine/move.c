// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Elements that only change their place: PAD, SLICE, TRANSPOSE, EMBEDDING. */
#include "pieces.h"

/**
 * struct gather - where the elements of the output come from
 * @in: the element that output @low reads
 * @stride: bytes from one index of the output to the next, in the input
 * @low: the first index of each dimension that the input covers
 * @high: the first after it that it does not
 * @size: of an element
 * @value: what lies outside
 */
struct gather {
	const __u8 *in;
	__s64 stride[4];
	__u32 low[4], high[4];
	__u32 size;
	__s32 value;
};

static void fill(__u8 *out, __u32 size, __s32 value, __u32 length)
{
	__s16 *wide = (__s16 *)out;
	__u32 i;

	if (size == 1)
		__builtin_memset(out, value, length);
	else
		for (i = 0; i < length; i++)
			wide[i] = value;
}

#define COPY_STRIDED(type)                                                   \
	do {                                                                 \
		for (i = 0; i < length; i++)                                 \
			((type *)out)[i] = *(const type *)(in + i * stride); \
	} while (0)

static void copy_strided(__u8 *out, const __u8 *in, __s64 stride, __u32 size, __u32 length)
{
	__u32 i;

	/* a launch may have bound both slots to the same memory */
	if (stride == (__s64)size) {
		__builtin_memmove(out, in, (unsigned long)length * size);
		return;
	}
	switch (size) {
	case 1:
		COPY_STRIDED(__u8);
		break;
	case 2:
		COPY_STRIDED(__u16);
		break;
	case 4:
		COPY_STRIDED(__u32);
		break;
	default:
		COPY_STRIDED(__u64);
		break;
	}
}

static void gather_piece(const void *context, const struct npu_piece *piece)
{
	const struct gather *g = context;
	__u32 first = piece->index[3], end = first + piece->length;
	__u32 low = first > g->low[3] ? first : g->low[3];
	__u32 high = end < g->high[3] ? end : g->high[3];
	const __u8 *in = g->in;
	bool inside = low < high;
	__u32 d;

	for (d = 0; d < 3; d++)
		inside = inside && piece->index[d] >= g->low[d] && piece->index[d] < g->high[d];
	if (!inside) {
		fill(piece->out, g->size, g->value, piece->length);
		return;
	}
	for (d = 0; d < 3; d++)
		in += (__s64)(piece->index[d] - g->low[d]) * g->stride[d];
	in += (__s64)(low - g->low[3]) * g->stride[3];

	if (low > first)
		fill(piece->out, g->size, g->value, low - first);
	copy_strided(piece->out + (__u64)(low - first) * g->size, in, g->stride[3], g->size,
		     high - low);
	if (end > high)
		fill(piece->out + (__u64)(high - first) * g->size, g->size, g->value, end - high);
}

/* The input's own strides, C included; the whole output is covered. */
static void gather_init(struct gather *g, const struct npu_exec *exec, const struct npu_insn *insn)
{
	__u32 d;

	g->in = npu_tensor_address(exec, &insn->t[1]);
	g->size = npu_type_bytes(insn->t[1].type);
	g->value = 0;
	for (d = 0; d < 4; d++) {
		g->stride[d] = d < 3 ? insn->t[1].stride[d] : g->size;
		g->low[d] = 0;
		g->high[d] = insn->t[0].dim[d];
	}
}

void npu_pad(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	struct gather g;
	__u32 d;

	gather_init(&g, exec, insn);
	for (d = 0; d < 4; d++) {
		g.low[d] = insn->pad.before[d];
		g.high[d] = g.low[d] + insn->t[1].dim[d];
	}
	g.value = insn->pad.value;
	npu_pieces_run(exec, insn, first, count, gather_piece, &g);
}

void npu_slice(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	struct gather g;
	__u32 d;

	gather_init(&g, exec, insn);
	for (d = 0; d < 4; d++) {
		g.in += insn->slice.begin[d] * g.stride[d];
		g.stride[d] *= insn->slice.step[d];
	}
	npu_pieces_run(exec, insn, first, count, gather_piece, &g);
}

void npu_transpose(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	struct gather from, g;
	__u32 d;

	gather_init(&from, exec, insn);
	g = from;
	for (d = 0; d < 4; d++)
		g.stride[d] = from.stride[insn->transpose.perm[d]];
	npu_pieces_run(exec, insn, first, count, gather_piece, &g);
}

/* -------------------------------------------------------------- embedding */

struct embedding {
	const struct npu_tensor *index, *table;
	const __u8 *index_base, *table_base;
};

static void embedding_piece(const void *context, const struct npu_piece *piece)
{
	const struct embedding *e = context;
	__u32 size = npu_type_bytes(e->table->type), d;
	const __u8 *at = e->index_base;
	__s64 index;

	for (d = 0; d < 3; d++)
		at += (__u64)piece->index[d] * e->index->stride[d];
	if (e->index->type == NPU_TYPE_INT16)
		index = npu_read_once_s16((const __s16 *)at);
	else
		index = npu_read_once_s32((const __s32 *)at);
	if (index < 0)
		index = 0;
	if (index > (__s64)e->table->dim[2] - 1)
		index = (__s64)e->table->dim[2] - 1;
	__builtin_memmove(piece->out,
			  e->table_base + index * e->table->stride[2] +
				  (__u64)piece->index[3] * size,
			  (unsigned long)piece->length * size);
}

void npu_embedding(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count)
{
	struct embedding e = {
		.index = &insn->t[1],
		.table = &insn->t[2],
		.index_base = npu_tensor_address(exec, &insn->t[1]),
		.table_base = npu_tensor_address(exec, &insn->t[2]),
	};

	npu_pieces_run(exec, insn, first, count, embedding_piece, &e);
}
