// SPDX-License-Identifier: MIT
/* Some rows of an instruction's output as an instruction. */
#include "band.h"

/**
 * struct window - how rows of output and input belong together
 * @step: rows of the input from one row of the output to the next
 * @reach: rows of the input that one row of the output reads
 * @pad: rows in front of the input
 */
struct window {
	__u32 step;
	__u32 reach;
	__u32 pad;
};

static struct window window_of(const struct npu_insn *insn)
{
	__u32 pooled = insn->conv.pool[0] ? insn->conv.pool[0] : 1;
	struct window window;

	if (insn->opcode == NPU_OP_MAX_POOL_2D || insn->opcode == NPU_OP_AVERAGE_POOL_2D)
		return (struct window){ insn->pool.stride[0], insn->pool.kernel[0],
					insn->pool.pad[0] };
	window.step = insn->conv.stride[0] * pooled;
	window.reach = (insn->t[2].dim[1] - 1) * insn->conv.dilation[0] +
		       (pooled - 1) * insn->conv.stride[0] + 1;
	window.pad = insn->conv.pad[0];
	return window;
}

/* Rows of an image; not if some lie behind the input altogether, which padding can't express. */
static __u32 image_rows(const struct npu_insn *insn)
{
	const struct npu_tensor *out = &insn->t[0], *in = &insn->t[1];
	struct window window = window_of(insn);

	if (out->dim[0] > 1 || (out->dim[1] - 1) * window.step >= window.pad + in->dim[1])
		return 1;
	return out->dim[1];
}

__u32 npu_bands(const struct npu_insn *insn)
{

	switch (insn->opcode) {
	case NPU_OP_FULLY_CONNECTED:
		return insn->t[0].dim[2];
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		return image_rows(insn);
	default:
		return 1;
	}
}

/* Some rows of a matrix product are a matrix product. */
static void band_of_product(struct npu_insn *band, __u32 first, __u32 count)
{
	for (unsigned int i = 0; i < 2; i++) {
		band->t[i].offset += first * band->t[i].stride[2];
		band->t[i].dim[2] = count;
	}
}

/* The rows of the input that are read, and what is missing of them in front of it. */
static void band_of_window(struct npu_insn *band, __u32 first, __u32 count)
{
	struct npu_tensor *out = &band->t[0], *in = &band->t[1];
	struct window window = window_of(band);
	__u32 before = first * window.step;
	__u32 start = before > window.pad ? before - window.pad : 0;
	__u32 pad = before > window.pad ? 0 : window.pad - before;
	__u32 rows = (count - 1) * window.step + window.reach;

	out->offset += first * out->stride[1];
	out->dim[1] = count;
	in->offset += start * in->stride[1];
	in->dim[1] -= start;
	/* What lies in the padding in front keeps a row that it does not read. */
	rows = rows > pad ? rows - pad : 1;
	if (in->dim[1] > rows)
		in->dim[1] = rows;
	if (band->opcode == NPU_OP_MAX_POOL_2D || band->opcode == NPU_OP_AVERAGE_POOL_2D)
		band->pool.pad[0] = pad;
	else
		band->conv.pad[0] = pad;
}

void npu_band(const struct npu_insn *insn, __u32 first, __u32 count, struct npu_insn *band)
{
	*band = *insn;
	if (insn->opcode == NPU_OP_FULLY_CONNECTED)
		band_of_product(band, first, count);
	else if (npu_bands(insn) > 1)
		band_of_window(band, first, count);
}
