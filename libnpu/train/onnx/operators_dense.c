// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/* Weights of the file as [out][in], with columns in the model's order. */
static void arrange_weights(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			    const float *w, size_t in, size_t out, bool transposed, float *to)
{
	for (size_t i = 0; i < in; i++) {
		size_t at = npu_onnx_locate(im, view, i);

		for (size_t o = 0; o < out; o++)
			to[o * in + at] = transposed ? w[o * in + i] : w[i * out + o];
	}
}

static void scale_all(float *value, size_t count, float by)
{
	/* Not by 1: even that would turn one NaN into another. */
	for (size_t i = 0; by != 1 && i < count; i++)
		value[i] *= by;
}

/* A dense layer over all of a sample. */
static int add_dense(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     const struct npu_onnx_view *view, const struct npu_onnx_array *w,
		     bool transposed)
{
	size_t in = w->dim[transposed], out = w->dim[!transposed];
	struct npu_layer layer = { .kind = NPU_LAYER_DENSE, .units = (uint32_t)out };
	struct npu_onnx_layer *added;
	struct npu_onnx_view shown;
	float *to;
	int ret;

	added = npu_onnx_add_layer(im, node, &layer, &view->layer, 1, (uint64_t[]){ 1, 1, out },
				   &ret);
	if (!added)
		return ret;
	to = npu_onnx_add_parameter(im, node, added, in * out, &ret);
	if (!to)
		return ret;
	arrange_weights(im, view, w->value, in, out, transposed, to);
	/* Other dimensions of one element stay where they are. */
	shown = *view;
	npu_onnx_look_at(im, added, &shown);
	for (size_t i = 1; i < shown.rank; i++)
		memset(shown.axis[i], 0, sizeof(shown.axis[i]));
	npu_onnx_set_axes(&shown, shown.rank - 1, "DC");
	npu_onnx_set_flow(im, node, 0, &shown);
	return npu_onnx_name_layer(im, added, node->input[1]);
}

/* A dense layer for every pixel or step: a convolution of kernel 1. */
static int add_pointwise(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			 const struct npu_onnx_view *view, const struct npu_onnx_array *w)
{
	size_t in = w->dim[0], out = w->dim[1];
	struct npu_layer layer = {
		.kind = NPU_LAYER_CONV,
		.units = (uint32_t)out,
		.kernel = { 1, 1 },
		.stride = { 1, 1 },
		.dilation = { 1, 1 },
		.groups = 1,
	};
	const uint32_t *dim = npu_onnx_dim(im, view->layer);
	struct npu_onnx_layer *added;
	struct npu_onnx_view shown = *view;
	float *to;
	int ret;

	added = npu_onnx_add_layer(im, node, &layer, &view->layer, 1,
				   (uint64_t[]){ dim[0], dim[1], out }, &ret);
	if (!added)
		return ret;
	to = npu_onnx_add_parameter(im, node, added, in * out, &ret);
	if (!to)
		return ret;
	memcpy(to, w->value, in * out * sizeof(*to));
	npu_onnx_look_at(im, added, &shown);
	npu_onnx_set_axes(&shown, shown.rank - 1, "DC");
	npu_onnx_set_flow(im, node, 0, &shown);
	return npu_onnx_name_layer(im, added, node->input[1]);
}

static int check_weights(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			 const struct npu_onnx_array *w, size_t in, bool transposed)
{
	if (w->rank != 2)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "weights '%.48s' have %zu dimensions instead of 2",
				     node->input[1], w->rank);
	if (w->dim[transposed] != in)
		return npu_onnx_fail(im, node, -EINVAL,
				     "weights '%.48s' take %zu features and a sample has %zu here",
				     node->input[1], w->dim[transposed], in);
	return 0;
}

/* Product of the view and weights: over all of a sample if its rows are samples. */
static int import_product(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			  const struct npu_onnx_array *w, bool transposed)
{
	struct npu_onnx_view view;
	size_t in;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (ret)
		return ret;
	in = npu_onnx_view_size(im, &view, view.rank - 1);
	ret = check_weights(im, node, w, in, transposed);
	if (ret)
		return ret;
	if (view.rank >= 2 && npu_onnx_axis_is(im, &view, 0, "N") &&
	    in == npu_onnx_view_features(im, &view))
		return add_dense(im, node, &view, w, transposed);
	if (!transposed && view.rank >= 2 && npu_onnx_axis_is(im, &view, view.rank - 1, "C"))
		return add_pointwise(im, node, &view, w);
	return npu_onnx_fail(im, node, -EOPNOTSUPP,
			     "its input has %zu dimensions instead of 2, (batch, features), and "
			     "channels do not come last; put a Flatten in front",
			     view.rank);
}

/* Input 2, times @beta, as the bias of the layer that was just made. */
static int add_gemm_bias(struct npu_onnx_import *im, const NpuOnnx__Node *node, float beta)
{
	struct npu_onnx_layer *layer = &im->layer[im->layers - 1];
	struct npu_onnx_array c;
	size_t out = layer->layer.units, n;
	float *to;
	int ret = npu_onnx_constant_floats(im, node, node->input[2], &c);

	if (ret)
		return ret;
	n = c.count;
	if ((n != 1 && n != out) || c.rank > 2 || (c.rank && c.dim[c.rank - 1] != n)) {
		free(c.value);
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "a bias of %zu values for %zu outputs; one value or one an "
				     "output can be read",
				     n, out);
	}
	to = npu_onnx_add_parameter(im, node, layer, out, &ret);
	for (size_t o = 0; to && o < out; o++)
		to[o] = c.value[n == 1 ? 0 : o];
	if (to)
		scale_all(to, out, beta);
	free(c.value);
	return to ? 0 : ret;
}

int npu_onnx_import_gemm(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	int64_t trans_a = 0, trans_b = 0;
	float alpha = 1, beta = 1;
	struct npu_onnx_array w;
	int ret = npu_onnx_get_int(im, node, "transA", &trans_a);

	if (!ret)
		ret = npu_onnx_get_int(im, node, "transB", &trans_b);
	if (!ret)
		ret = npu_onnx_get_float(im, node, "alpha", &alpha);
	if (!ret)
		ret = npu_onnx_get_float(im, node, "beta", &beta);
	if (ret)
		return ret;
	if (trans_a)
		return npu_onnx_fail(
			im, node, -EOPNOTSUPP,
			"attribute 'transA' is %lld, which mixes samples; only 0 can be read",
			(long long)trans_a);
	ret = npu_onnx_constant_floats(im, node, node->input[1], &w);
	if (ret)
		return ret;
	scale_all(w.value, w.count, alpha);
	ret = import_product(im, node, &w, trans_b != 0);
	free(w.value);
	/* With beta 0 the bias may be anything, even NaN. */
	if (ret || !npu_onnx_has_input(node, 2) || beta == 0)
		return ret;
	return add_gemm_bias(im, node, beta);
}

int npu_onnx_import_matmul(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	struct npu_onnx_view view;
	struct npu_onnx_array w;
	int ret = npu_onnx_flow(im, node, 0, &view);

	if (!ret)
		ret = npu_onnx_constant_floats(im, node, node->input[1], &w);
	if (ret)
		return ret;
	ret = import_product(im, node, &w, false);
	free(w.value);
	return ret;
}

int npu_onnx_add_embedding(struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *input,
			   const char *weight)
{
	struct npu_layer layer = { .kind = NPU_LAYER_EMBEDDING };
	struct npu_onnx_layer *added;
	struct npu_onnx_view view;
	struct npu_onnx_array w;
	int ret = npu_onnx_flow_of(im, node, 1, input, &view);

	if (!ret)
		ret = npu_onnx_require(im, node, &view, view.rank == 1 ? "N" : "NW");
	if (!ret)
		ret = npu_onnx_constant_floats(im, node, weight, &w);
	if (ret)
		return ret;
	if (w.rank != 2) {
		free(w.value);
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "vectors '%.48s' have %zu dimensions instead of 2", weight,
				     w.rank);
	}
	layer.vocabulary = (uint32_t)w.dim[0];
	layer.units = (uint32_t)w.dim[1];
	added = npu_onnx_add_layer(
		im, node, &layer, &view.layer, 1,
		(uint64_t[]){ 1, npu_onnx_axis_size(im, view.layer, 'W'), w.dim[1] }, &ret);
	if (!added) {
		free(w.value);
		return ret;
	}
	/* The array becomes the layer's. */
	added->count[0] = w.count;
	added->parameter[0] = w.value;
	added->parameters = 1;
	view = npu_onnx_make_view(npu_onnx_layer_number(im, added), view.rank == 1 ? "NC" : "NWC");
	npu_onnx_set_flow(im, node, 0, &view);
	return npu_onnx_name_layer(im, added, weight);
}
