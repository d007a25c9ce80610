// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* RESIZE_NEAREST and RESIZE_BILINEAR: another height and width. */
#include "resize.h"

static bool align_corners(const struct npu_insn *insn, __u32 out)
{
	return insn->resize.flags & NPU_RESIZE_ALIGN_CORNERS && out > 1;
}

/* Exact rational numbers where the reference rounds to single precision. */
static __u32 nearest(const struct npu_insn *insn, __u32 i, __u32 in, __u32 out)
{
	__u64 position;

	if (align_corners(insn, out))
		position = (2ull * i * (in - 1) + out - 1) / (2ull * (out - 1));
	else if (insn->resize.flags & NPU_RESIZE_HALF_PIXEL)
		position = (2ull * i + 1) * in / (2ull * out);
	else
		position = (__u64)i * in / out;
	return position < in ? (__u32)position : in - 1;
}

struct npu_between npu_resize_between(const struct npu_insn *insn, __u32 i, __u32 in, __u32 out)
{
	__s64 last = (__s64)(in - 1) << NPU_RESIZE_FRACTION, scale, position;
	struct npu_between b;

	if (align_corners(insn, out))
		scale = (last + (out - 1) / 2) / (out - 1);
	else
		scale = (((__s64)in << NPU_RESIZE_FRACTION) + out / 2) / out;
	position = i * scale;
	if (insn->resize.flags & NPU_RESIZE_HALF_PIXEL)
		position += scale / 2 - (1 << (NPU_RESIZE_FRACTION - 1));
	/* beyond the centres of the outermost elements there is nothing to go between */
	if (position < 0)
		position = 0;
	if (position > last)
		position = last;
	b.low = (__u32)(position >> NPU_RESIZE_FRACTION);
	b.fraction = (__s32)(position & ((1 << NPU_RESIZE_FRACTION) - 1));
	b.high = b.low + (b.fraction != 0);
	return b;
}

const __u8 *npu_resize_element(const struct npu_resize *r, const struct npu_piece *piece, __u32 y,
			       __u32 x)
{
	const struct npu_tensor *t = &r->insn->t[1];

	return r->in + (__u64)piece->index[0] * t->stride[0] + (__u64)y * t->stride[1] +
	       (__u64)x * t->stride[2] + (__u64)piece->index[3] * npu_type_bytes(t->type);
}

static void nearest_piece(const void *context, const struct npu_piece *piece)
{
	const struct npu_resize *r = context;
	const struct npu_tensor *in = &r->insn->t[1], *out = &r->insn->t[0];
	__u32 y = nearest(r->insn, piece->index[1], in->dim[1], out->dim[1]);
	__u32 x = nearest(r->insn, piece->index[2], in->dim[2], out->dim[2]);

	__builtin_memmove(piece->out, npu_resize_element(r, piece, y, x),
			  (unsigned long)piece->length * npu_type_bytes(in->type));
}

/* A weighted sum with 2 * NPU_RESIZE_FRACTION bits below the point, ties away from zero. */
static inline __s32 blend(const __s32 value[4], const struct npu_between *y,
			  const struct npu_between *x)
{
	__s32 one = 1 << NPU_RESIZE_FRACTION, half = 1 << (2 * NPU_RESIZE_FRACTION - 1);
	__s64 sum = (__s64)value[0] * (one - y->fraction) * (one - x->fraction) +
		    (__s64)value[1] * (one - y->fraction) * x->fraction +
		    (__s64)value[2] * y->fraction * (one - x->fraction) +
		    (__s64)value[3] * y->fraction * x->fraction;

	return (__s32)(sum > 0 ? (sum + half) >> (2 * NPU_RESIZE_FRACTION)
			       : -((half - sum) >> (2 * NPU_RESIZE_FRACTION)));
}

static void bilinear_piece(const void *context, const struct npu_piece *piece)
{
	const struct npu_resize *r = context;
	const struct npu_tensor *in = &r->insn->t[1], *out = &r->insn->t[0];
	struct npu_between y =
		npu_resize_between(r->insn, piece->index[1], in->dim[1], out->dim[1]);
	struct npu_between x =
		npu_resize_between(r->insn, piece->index[2], in->dim[2], out->dim[2]);
	const void *from[4] = {
		npu_resize_element(r, piece, y.low, x.low),
		npu_resize_element(r, piece, y.low, x.high),
		npu_resize_element(r, piece, y.high, x.low),
		npu_resize_element(r, piece, y.high, x.high),
	};
	__s32 value[4];
	__u32 i, j;

	for (i = 0; i < piece->length; i++) {
		bool narrow = in->type == NPU_TYPE_INT8;

		for (j = 0; j < 4; j++)
			value[j] = narrow ? ((const __s8 *)from[j])[i]
					  : ((const __s16 *)from[j])[i];
		if (narrow)
			((__s8 *)piece->out)[i] = blend(value, &y, &x);
		else
			((__s16 *)piece->out)[i] = blend(value, &y, &x);
	}
}

void npu_resize(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count)
{
	struct npu_resize r = { .insn = insn, .in = npu_tensor_address(exec, &insn->t[1]) };

	npu_pieces_run(exec, insn, first, count,
		       insn->opcode == NPU_OP_RESIZE_NEAREST ? nearest_piece : bilinear_piece, &r);
}
