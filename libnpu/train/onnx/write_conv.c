// SPDX-License-Identifier: MIT
/* Convolution and pooling, in one dimension where the height is 1 throughout, else in two. */
#include <errno.h>

#include "runtime/error.h"
#include "window.h"
#include "write.h"

/* With padding there may be outputs of a height of 1 that read none of the input. */
static bool is_padded_above(const struct npu_layer *layer)
{
	return layer->padding == NPU_EXPLICIT && (layer->pad[0] || layer->pad[2]);
}

/* Heights of 1 all along, unless the values already come in two dimensions. */
static enum npu_onnx_form choose_form(const struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	const struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);

	if (n->in_dim[0] > 1 || n->out_dim[0] > 1 || n->layer.kernel[0] > 1 ||
	    is_padded_above(&n->layer))
		return NPU_ONNX_FIRST2D;
	if (from->name[NPU_ONNX_FIRST1D] || n->in_dim[1] > 1)
		return NPU_ONNX_FIRST1D;
	return NPU_ONNX_FIRST2D;
}

static void add_window(struct npu_onnx_writer *w, NpuOnnx__Node *node, const struct npu_node *n,
		       enum npu_onnx_form form, const struct npu_onnx_window *window)
{
	size_t first = form == NPU_ONNX_FIRST1D, dims = 2 - first;
	int64_t kernel[2], stride[2], dilation[2], pads[4];

	for (size_t d = 0; d < dims; d++) {
		kernel[d] = n->layer.kernel[first + d];
		stride[d] = n->layer.stride[first + d];
		dilation[d] = n->layer.dilation[first + d];
		pads[d] = window->pad[first + d];
		pads[dims + d] = window->pad[2 + first + d];
	}
	npu_onnx_add_ints(w, node, "kernel_shape", dims, kernel);
	npu_onnx_add_ints(w, node, "strides", dims, stride);
	if (n->layer.kind != NPU_LAYER_AVERAGE_POOL)
		npu_onnx_add_ints(w, node, "dilations", dims, dilation);
	npu_onnx_add_ints(w, node, "pads", 2 * dims, pads);
}

/* [KH][KW][rows][columns] becomes [columns][rows][KH][KW], or without the 1 of KH. */
static char *add_weight(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form, uint32_t rows,
			uint32_t columns)
{
	const struct npu_layer *layer = &w->model->node[i].layer;
	uint32_t taps = layer->kernel[0] * layer->kernel[1];
	uint32_t dim[4] = { columns, rows, layer->kernel[0], layer->kernel[1] };
	const float *from = npu_node_values(w->model, i, 0);
	char *name = npu_onnx_parameter_name(w, i, 0);
	float *to;

	if (form == NPU_ONNX_FIRST1D)
		dim[2] = dim[3];
	to = npu_onnx_reserve_floats(w, name, form == NPU_ONNX_FIRST1D ? 3 : 4, dim);
	for (size_t t = 0; to && t < taps; t++)
		for (size_t r = 0; r < rows; r++)
			for (size_t c = 0; c < columns; c++)
				to[(c * rows + r) * taps + t] = from[(t * rows + r) * columns + c];
	return name;
}

static char *add_bias(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_layer *layer = &w->model->node[i].layer;

	if (layer->no_bias)
		return NULL;
	return npu_onnx_add_floats_initializer(w, npu_onnx_parameter_name(w, i, 1), 1,
					       (uint32_t[]){ layer->units },
					       npu_node_values(w->model, i, 1));
}

int npu_onnx_write_conv(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	enum npu_onnx_form form = choose_form(w, i);
	char *input = npu_onnx_as(w, npu_onnx_input(w, i, 0), form);
	char *weight = add_weight(w, i, form, n->in_dim[2] / n->layer.groups, n->layer.units);
	char *bias = add_bias(w, i), *sum = npu_onnx_make_sum(w, i, form);
	NpuOnnx__Node *node = npu_onnx_add_node(w, "Conv", npu_onnx_text(w, "%s", n->layer.name),
						sum, NPU_ONNX_INPUTS(input, weight, bias));
	struct npu_onnx_window window = npu_onnx_window(n);

	add_window(w, node, n, form, &window);
	npu_onnx_add_int(w, node, "group", n->layer.groups);
	return npu_onnx_write_fused(w, i, form, sum);
}

int npu_onnx_write_conv_transpose(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	enum npu_onnx_form form = choose_form(w, i);
	size_t first = form == NPU_ONNX_FIRST1D;
	char *input = npu_onnx_as(w, npu_onnx_input(w, i, 0), form);
	char *weight = add_weight(w, i, form, n->layer.units / n->layer.groups, n->in_dim[2]);
	char *bias = add_bias(w, i), *sum = npu_onnx_make_sum(w, i, form);
	NpuOnnx__Node *node = npu_onnx_add_node(w, "ConvTranspose",
						npu_onnx_text(w, "%s", n->layer.name), sum,
						NPU_ONNX_INPUTS(input, weight, bias));
	struct npu_onnx_window window = npu_onnx_window(n);
	int64_t extra[2] = { window.extra[first], window.extra[1] };

	add_window(w, node, n, form, &window);
	npu_onnx_add_ints(w, node, "output_padding", 2 - first, extra);
	npu_onnx_add_int(w, node, "group", n->layer.groups);
	return npu_onnx_write_fused(w, i, form, sum);
}

int npu_onnx_write_pool(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	bool average = n->layer.kind == NPU_LAYER_AVERAGE_POOL;
	enum npu_onnx_form form = choose_form(w, i);
	char *input, *sum;
	struct npu_onnx_window window = npu_onnx_window(n);
	NpuOnnx__Node *node;

	if (average && (n->layer.dilation[0] != 1 || n->layer.dilation[1] != 1))
		return npu_error_set(w->err, -EOPNOTSUPP,
				     "layer \"%s\": ONNX has average pooling with dilation from "
				     "opset 19 on, and 13 is written; use a dilation of 1",
				     n->layer.name);
	input = npu_onnx_as(w, npu_onnx_input(w, i, 0), form);
	sum = npu_onnx_make_sum(w, i, form);
	node = npu_onnx_add_node(w, average ? "AveragePool" : "MaxPool",
				 npu_onnx_text(w, "%s", n->layer.name), sum,
				 NPU_ONNX_INPUTS(input));
	add_window(w, node, n, form, &window);
	if (average)
		npu_onnx_add_int(w, node, "count_include_pad", 0);
	return npu_onnx_write_fused(w, i, form, sum);
}

int npu_onnx_write_global_pool(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	enum npu_onnx_form form = choose_form(w, i);
	char *input = npu_onnx_as(w, npu_onnx_input(w, i, 0), form);
	char *sum = npu_onnx_make_sum(w, i, form);
	bool average = n->layer.kind == NPU_LAYER_GLOBAL_AVERAGE_POOL;

	npu_onnx_add_node(w, average ? "GlobalAveragePool" : "GlobalMaxPool",
			  npu_onnx_text(w, "%s", n->layer.name), sum, NPU_ONNX_INPUTS(input));
	return npu_onnx_write_fused(w, i, form, sum);
}
