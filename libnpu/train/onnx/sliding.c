// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "sliding.h"
#include "window.h"

/* From the first to the last element that the kernel reads. */
static int64_t reach(const struct npu_onnx_sliding *s, size_t d)
{
	return s->dilation[d] * (s->kernel[d] - 1) + 1;
}

/* An attribute with a number a dimension, into H and W or W alone. */
static int read_pair(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		     size_t dims, int64_t least, int64_t to[2])
{
	int ret = npu_onnx_get_ints(im, node, name, dims, to + 2 - dims);

	for (size_t d = 0; !ret && d < 2; d++)
		if (to[d] < least || to[d] > NPU_ONNX_MAX_FEATURES)
			ret = npu_onnx_fail(
				im, node, -EINVAL, "attribute '%s' has %lld; it can be %lld to %u",
				name, (long long)to[d], (long long)least, NPU_ONNX_MAX_FEATURES);
	return ret;
}

/* @total zeros, of which an odd one goes to the end, or the front if @lower. */
static void split_pad(struct npu_onnx_sliding *s, size_t d, int64_t total, bool lower)
{
	s->pad[d] = lower ? total - total / 2 : total / 2;
	s->pad[2 + d] = total - s->pad[d];
}

static int read_pads(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     const struct npu_onnx_view *view, size_t dims, struct npu_onnx_sliding *s)
{
	int64_t pads[4] = { 0 };
	int ret = npu_onnx_get_ints(im, node, "pads", 2 * dims, pads);

	if (ret)
		return ret;
	for (size_t d = 0; d < dims; d++) {
		s->pad[2 - dims + d] = pads[d];
		s->pad[4 - dims + d] = pads[dims + d];
	}
	for (size_t i = 0; i < 4; i++) {
		if (s->pad[i] < 0 || s->pad[i] > NPU_ONNX_MAX_FEATURES)
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "attribute 'pads' has %lld; it can be 0 to %u",
					     (long long)s->pad[i], NPU_ONNX_MAX_FEATURES);
		s->pad[i] += view->pad[i];
	}
	return 0;
}

/* Sizes of a convolution or pooling along @d, by auto_pad or the pads that were read. */
static void slide(const NpuOnnx__Node *node, struct npu_onnx_sliding *s, size_t d, bool ceil)
{
	bool upper = npu_onnx_attribute_is(node, "auto_pad", "SAME_UPPER", false);
	bool lower = npu_onnx_attribute_is(node, "auto_pad", "SAME_LOWER", false);
	int64_t room, more;

	if (upper || lower) {
		int64_t out = (s->in[d] + s->stride[d] - 1) / s->stride[d];
		int64_t total = (out - 1) * s->stride[d] + reach(s, d) - s->in[d];

		split_pad(s, d, total > 0 ? total : 0, lower);
	}
	room = s->in[d] + s->pad[d] + s->pad[2 + d] - reach(s, d);
	if (room < 0)
		return;
	s->out[d] = (uint64_t)(room / s->stride[d] + 1);
	/* A last window that hangs over counts, if it does not lie in the padding altogether. */
	more = room % s->stride[d];
	if (!ceil || !more || (int64_t)s->out[d] * s->stride[d] >= s->in[d] + s->pad[d])
		return;
	s->pad[2 + d] += s->stride[d] - more;
	s->out[d]++;
}

/* Likewise of a transposed convolution; @wanted: its output by "output_shape", or 0. */
static void slide_back(const NpuOnnx__Node *node, struct npu_onnx_sliding *s, size_t d,
		       int64_t wanted)
{
	bool upper = npu_onnx_attribute_is(node, "auto_pad", "SAME_UPPER", false);
	bool lower = npu_onnx_attribute_is(node, "auto_pad", "SAME_LOWER", false);
	int64_t full = (s->in[d] - 1) * s->stride[d] + reach(s, d), out, both;

	if (!wanted && (upper || lower))
		wanted = s->in[d] * s->stride[d];
	if (wanted) {
		int64_t total = full + s->extra[d] - wanted;

		if (total < 0) {
			s->extra[d] -= total;
			total = 0;
		}
		/* ONNX: the odd one goes to the front, unless SAME_UPPER is asked for. */
		split_pad(s, d, total, !upper);
	}
	/* More output and less of it at the same end come to the same. */
	both = s->extra[d] < s->pad[2 + d] ? s->extra[d] : s->pad[2 + d];
	s->extra[d] -= both;
	s->pad[2 + d] -= both;
	out = full + s->extra[d] - s->pad[d] - s->pad[2 + d];
	s->out[d] = out > 0 ? (uint64_t)out : 0;
}

int npu_onnx_read_sliding(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  const struct npu_onnx_view *view, const size_t *kernel, bool transposed,
			  struct npu_onnx_sliding *s)
{
	size_t dims = view->rank - 2;
	int64_t wanted[2] = { 0 }, ceil = 0;
	int ret;

	*s = (struct npu_onnx_sliding){ .kernel = { 1, 1 },
					.stride = { 1, 1 },
					.dilation = { 1, 1 },
					.in = { npu_onnx_dim(im, view->layer)[0],
						npu_onnx_dim(im, view->layer)[1] } };
	for (size_t d = 0; d < dims; d++)
		s->kernel[2 - dims + d] = kernel[d] < NPU_ONNX_MAX_FEATURES ? (int64_t)kernel[d]
									    : NPU_ONNX_MAX_FEATURES;
	ret = read_pair(im, node, "strides", dims, 1, s->stride);
	if (!ret)
		ret = read_pair(im, node, "dilations", dims, 1, s->dilation);
	if (!ret)
		ret = read_pair(im, node, "output_padding", dims, 0, s->extra);
	if (!ret)
		ret = read_pair(im, node, "output_shape", dims, 0, wanted);
	if (!ret)
		ret = npu_onnx_get_int(im, node, "ceil_mode", &ceil);
	if (!ret)
		ret = read_pads(im, node, view, dims, s);
	for (size_t d = 0; !ret && d < 2; d++) {
		if (transposed)
			slide_back(node, s, d, wanted[d]);
		else
			slide(node, s, d, ceil != 0);
		if (!s->out[d])
			ret = npu_onnx_fail(im, node, -EINVAL,
					    "a kernel of %lld reaching over %lld does not fit %lld "
					    "and its padding; the output would be empty",
					    (long long)s->kernel[d], (long long)reach(s, d),
					    (long long)s->in[d]);
	}
	return ret;
}

/* Would the layer's padding be that of @s? */
static bool fits(const struct npu_onnx_sliding *s, const struct npu_layer *layer)
{
	struct npu_node node = { .layer = *layer };
	struct npu_onnx_window window;

	for (size_t d = 0; d < 2; d++) {
		node.in_dim[d] = (uint32_t)s->in[d];
		node.out_dim[d] = (uint32_t)s->out[d];
	}
	window = npu_onnx_window(&node);
	for (size_t i = 0; i < 4; i++)
		if (window.pad[i] != s->pad[i])
			return false;
	for (size_t d = 0; d < 2; d++)
		if (window.extra[d] != s->extra[d])
			return false;
	return true;
}

void npu_onnx_describe_sliding(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			       const struct npu_onnx_sliding *s, struct npu_layer *layer)
{
	struct npu_onnx_facts facts = npu_onnx_find_facts(im, node->name);
	bool automatic = !npu_onnx_attribute_is(node, "auto_pad", "NOTSET", true) &&
			 !npu_onnx_attribute_is(node, "auto_pad", "VALID", true);

	for (size_t d = 0; d < 2; d++) {
		layer->kernel[d] = (uint32_t)s->kernel[d];
		layer->stride[d] = (uint32_t)s->stride[d];
		layer->dilation[d] = (uint32_t)s->dilation[d];
	}
	layer->padding = facts.kind == layer->kind ? facts.padding
			 : automatic		   ? NPU_SAME
						   : NPU_VALID;
	for (size_t i = 0; layer->padding == NPU_EXPLICIT && i < 4; i++)
		layer->pad[i] = (uint32_t)s->pad[i];
	if (fits(s, layer))
		return;
	layer->padding = NPU_SAME;
	if ((s->extra[0] | s->extra[1]) && fits(s, layer))
		return;
	layer->padding = NPU_EXPLICIT;
	for (size_t i = 0; i < 4; i++)
		layer->pad[i] = (uint32_t)s->pad[i];
}
