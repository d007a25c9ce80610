// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "sliding.h"

/* [columns][rows][KH][KW] of the file becomes [KH][KW][rows][columns]. */
static int add_weight(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		      struct npu_onnx_layer *layer, const struct npu_onnx_array *w)
{
	size_t columns = w->dim[0], rows = w->dim[1], taps = w->count / rows / columns;
	int ret = 0;
	float *to = npu_onnx_add_parameter(im, node, layer, w->count, &ret);

	for (size_t t = 0; to && t < taps; t++)
		for (size_t r = 0; r < rows; r++)
			for (size_t c = 0; c < columns; c++)
				to[(t * rows + r) * columns + c] =
					w->value[(c * rows + r) * taps + t];
	return ret;
}

static int add_bias(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		    struct npu_onnx_layer *layer)
{
	struct npu_onnx_array bias;
	int ret;

	if (!npu_onnx_has_input(node, 2))
		return 0;
	ret = npu_onnx_constant_floats(im, node, node->input[2], &bias);
	if (!ret && (bias.rank != 1 || bias.count != layer->layer.units)) {
		free(bias.value);
		ret = npu_onnx_fail(im, node, -EINVAL, "a bias of %zu values for %u channels",
				    bias.count, layer->layer.units);
	}
	if (ret)
		return ret;
	layer->count[layer->parameters] = bias.count;
	layer->parameter[layer->parameters++] = bias.value;
	return 0;
}

/* Sizes that the weights say, [a][b][KH][KW] or [a][b][KW], and how they fit the input. */
static int read_weight_shape(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			     const struct npu_onnx_array *w, size_t rank, int64_t groups)
{
	int64_t kernel[2];
	int ret;

	if (w->rank != rank)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "weights '%.48s' have %zu dimensions where the input has %zu; "
				     "they must be as many",
				     node->input[1], w->rank, rank);
	if (groups < 1 || groups > NPU_ONNX_MAX_FEATURES)
		return npu_onnx_fail(im, node, -EINVAL, "attribute 'group' is %lld",
				     (long long)groups);
	for (size_t i = 0; i < rank - 2; i++)
		kernel[i] = (int64_t)w->dim[2 + i];
	ret = npu_onnx_get_ints(im, node, "kernel_shape", rank - 2, kernel);
	for (size_t i = 0; !ret && i < rank - 2; i++)
		if (kernel[i] != (int64_t)w->dim[2 + i])
			return npu_onnx_fail(im, node, -EINVAL,
					     "attribute 'kernel_shape' says %lld where weights "
					     "'%.48s' have %zu",
					     (long long)kernel[i], node->input[1], w->dim[2 + i]);
	return ret;
}

/* In the axes of a convolution: [batch, C, H, W] or [batch, C, W]. */
static int get_input(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     struct npu_onnx_view *view)
{
	uint32_t pad[4];
	int ret = npu_onnx_padded_flow(im, node, 0, view);

	if (ret)
		return ret;
	if (view->rank < 3)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its input has %zu dimensions; 3, (batch, C, W), or 4, "
				     "(batch, C, H, W), can be read",
				     view->rank);
	memcpy(pad, view->pad, sizeof(pad));
	ret = npu_onnx_require(im, node, view, view->rank == 3 ? "NCW" : "NCHW");
	memcpy(view->pad, pad, sizeof(pad));
	return ret;
}

/* The layer @layer behind @view, whose output has @dim. */
static struct npu_onnx_layer *add_layer(struct npu_onnx_import *im, const NpuOnnx__Node *node,
					const struct npu_layer *layer,
					const struct npu_onnx_view *view, const uint64_t dim[3],
					int *ret)
{
	struct npu_onnx_layer *added =
		npu_onnx_add_layer(im, node, layer, &view->layer, 1, dim, ret);
	struct npu_onnx_view shown;

	if (!added)
		return NULL;
	shown = npu_onnx_make_view(npu_onnx_layer_number(im, added),
				   view->rank == 3 ? "NCW" : "NCHW");
	npu_onnx_set_flow(im, node, 0, &shown);
	return added;
}

/* Weights and bias of a layer of convolution. */
static int fill(struct npu_onnx_import *im, const NpuOnnx__Node *node, struct npu_onnx_layer *added,
		const struct npu_onnx_array *w)
{
	int ret = add_weight(im, node, added, w);

	if (!ret)
		ret = add_bias(im, node, added);
	return ret ? ret : npu_onnx_name_layer(im, added, node->input[1]);
}

static int add_conv(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		    const struct npu_onnx_view *view, const struct npu_onnx_array *w,
		    int64_t groups)
{
	struct npu_layer layer = { .kind = NPU_LAYER_CONV };
	const uint32_t *in = npu_onnx_dim(im, view->layer);
	struct npu_onnx_layer *added;
	struct npu_onnx_sliding s;
	int ret = npu_onnx_read_sliding(im, node, view, w->dim + 2, false, &s);

	if (ret)
		return ret;
	if (w->dim[1] * (uint64_t)groups != in[2] || w->dim[0] % groups)
		return npu_onnx_fail(im, node, -EINVAL,
				     "weights '%.48s' are for %zu channels in %lld groups, to %zu; "
				     "there are %u",
				     node->input[1], w->dim[1], (long long)groups, w->dim[0],
				     in[2]);
	layer.units = (uint32_t)w->dim[0];
	layer.groups = (uint32_t)groups;
	npu_onnx_describe_sliding(im, node, &s, &layer);
	s.out[2] = w->dim[0];
	added = add_layer(im, node, &layer, view, s.out, &ret);
	return added ? fill(im, node, added, w) : ret;
}

int npu_onnx_import_conv(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_array w = { 0 };
	struct npu_onnx_view view;
	int64_t groups = 1;
	int ret = get_input(im, node, &view);

	if (!ret)
		ret = npu_onnx_get_int(im, node, "group", &groups);
	if (!ret)
		ret = npu_onnx_constant_floats(im, node, node->input[1], &w);
	if (!ret)
		ret = read_weight_shape(im, node, &w, view.rank, groups);
	if (!ret)
		ret = add_conv(im, node, &view, &w, groups);
	free(w.value);
	return ret;
}

static int add_conv_transpose(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			      const struct npu_onnx_view *view, const struct npu_onnx_array *w,
			      int64_t groups)
{
	struct npu_layer layer = { .kind = NPU_LAYER_CONV_TRANSPOSE };
	const uint32_t *in = npu_onnx_dim(im, view->layer);
	struct npu_onnx_layer *added;
	struct npu_onnx_sliding s;
	int ret = npu_onnx_read_sliding(im, node, view, w->dim + 2, true, &s);

	if (ret)
		return ret;
	if (w->dim[0] != in[2] || w->dim[0] % groups ||
	    w->dim[1] > NPU_ONNX_MAX_FEATURES / (uint64_t)groups)
		return npu_onnx_fail(im, node, -EINVAL,
				     "weights '%.48s' are for %zu channels in %lld groups; there "
				     "are %u",
				     node->input[1], w->dim[0], (long long)groups, in[2]);
	layer.units = (uint32_t)(w->dim[1] * groups);
	layer.groups = (uint32_t)groups;
	npu_onnx_describe_sliding(im, node, &s, &layer);
	if ((s.extra[0] | s.extra[1]) && layer.padding != NPU_SAME)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "its 'output_padding' makes an output that is not input times "
				     "stride; only then can there be one");
	s.out[2] = layer.units;
	added = add_layer(im, node, &layer, view, s.out, &ret);
	return added ? fill(im, node, added, w) : ret;
}

int npu_onnx_import_conv_transpose(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_array w = { 0 };
	struct npu_onnx_view view;
	int64_t groups = 1;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = get_input(im, node, &view);
	if (!ret)
		ret = npu_onnx_get_int(im, node, "group", &groups);
	if (!ret)
		ret = npu_onnx_constant_floats(im, node, node->input[1], &w);
	if (!ret)
		ret = read_weight_shape(im, node, &w, view.rank, groups);
	if (!ret)
		ret = add_conv_transpose(im, node, &view, &w, groups);
	free(w.value);
	return ret;
}

/* The pads of a Pad: input 1, before opset 11 an attribute; and that they are zeros. */
static int read_pads(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     struct npu_onnx_sizes *pads)
{
	float value = 0;
	int ret;

	*pads = (struct npu_onnx_sizes){ 0 };
	if (npu_onnx_has_input(node, 1))
		ret = npu_onnx_get_sizes(im, node, 1, pads);
	else
		ret = npu_onnx_get_list(im, node, "pads", NPU_ONNX_MAX_SIZES, pads->value,
					&pads->count);
	if (!ret && im->opset < 11)
		ret = npu_onnx_get_float(im, node, "value", &value);
	if (ret)
		return ret;
	if (npu_onnx_attribute_is(node, "mode", "constant", true) && !npu_onnx_has_input(node, 3) &&
	    (!npu_onnx_has_input(node, 2) ||
	     npu_onnx_constant_scalar(im, node->input[2], &value)) &&
	    value == 0)
		return 0;
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "only zeros around all dimensions can be read (mode 'constant', no "
			     "axes)");
}

/* Zeros around H and W: kept for the convolution behind. */
int npu_onnx_import_pad(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_sizes pads;
	struct npu_onnx_view view;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = read_pads(im, node, &pads);
	if (ret)
		return ret;
	if (pads.count != 2 * view.rank)
		return npu_onnx_fail(im, node, -EINVAL, "%zu pads for %zu dimensions", pads.count,
				     view.rank);
	for (size_t i = 0; i < pads.count; i++) {
		int64_t zeros = pads.value[i];
		size_t dim = i % view.rank, end = i / view.rank;
		bool h = npu_onnx_find_axis(im, &view, 'H') == (int)dim;
		bool w = npu_onnx_find_axis(im, &view, 'W') == (int)dim;

		if (zeros < 0 || zeros > NPU_ONNX_MAX_FEATURES || (zeros && !h && !w))
			return npu_onnx_fail(im, node, -EOPNOTSUPP,
					     "pad %zu is %lld; zeros can be put around height and "
					     "width only",
					     i, (long long)zeros);
		if (zeros)
			view.pad[2 * end + !h] = (uint32_t)zeros;
	}
	npu_onnx_set_flow(im, node, 0, &view);
	return 0;
}
