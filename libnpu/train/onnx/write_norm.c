// SPDX-License-Identifier: MIT
/*
 * Batch normalisation as at inference. Layer normalisation has an operator from opset 17 on; its
 * formula is written out instead.
 */
#include "write.h"

/* The form to normalise over channels in: channels first, but where there are no others. */
static enum npu_onnx_form choose_form(const struct npu_onnx_flow *from)
{
	switch (npu_onnx_made_form(from)) {
	case NPU_ONNX_FLAT:
		return NPU_ONNX_FLAT;
	case NPU_ONNX_LAST:
	case NPU_ONNX_FIRST2D:
		return NPU_ONNX_FIRST2D;
	default:
		return NPU_ONNX_FIRST1D;
	}
}

static char *add_parameter(struct npu_onnx_writer *w, size_t i, size_t k)
{
	return npu_onnx_add_floats_initializer(w, npu_onnx_parameter_name(w, i, k), 1,
					       &w->model->node[i].in_dim[2],
					       npu_node_values(w->model, i, k));
}

int npu_onnx_write_batch_norm(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_layer *layer = &w->model->node[i].layer;
	struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);
	enum npu_onnx_form form = choose_form(from);
	char *input = npu_onnx_as(w, from, form), *sum = npu_onnx_make_sum(w, i, form);
	NpuOnnx__Node *node;

	node = npu_onnx_add_node(w, "BatchNormalization", npu_onnx_text(w, "%s", layer->name), sum,
				 NPU_ONNX_INPUTS(input, add_parameter(w, i, 0),
						 add_parameter(w, i, 1), add_parameter(w, i, 2),
						 add_parameter(w, i, 3)));
	npu_onnx_add_float(w, node, "epsilon", layer->epsilon);
	npu_onnx_add_float(w, node, "momentum", layer->momentum);
	return npu_onnx_write_fused(w, i, form, sum);
}

/* A node called after the layer and @word; returns its tensor. */
static char *step(struct npu_onnx_writer *w, const char *name, const char *op, const char *word,
		  char *const *inputs)
{
	char *output = npu_onnx_text(w, "%s/%s-output", name, word);

	npu_onnx_add_node(w, op, npu_onnx_text(w, "%s/%s", name, word), output, inputs);
	return output;
}

static char *mean(struct npu_onnx_writer *w, const char *name, const char *word, char *input)
{
	char *output = npu_onnx_text(w, "%s/%s-output", name, word);
	NpuOnnx__Node *node = npu_onnx_add_node(w, "ReduceMean",
						npu_onnx_text(w, "%s/%s", name, word), output,
						NPU_ONNX_INPUTS(input));

	npu_onnx_add_ints(w, node, "axes", 1, (int64_t[]){ -1 });
	npu_onnx_add_int(w, node, "keepdims", 1);
	return output;
}

int npu_onnx_write_layer_norm(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	const char *name = n->layer.name;
	enum npu_onnx_form form = npu_onnx_natural_form(n->in_dim);
	char *x = npu_onnx_as(w, npu_onnx_input(w, i, 0), form), *sum;
	char *difference, *deviation, *y;

	y = mean(w, name, "centre", x);
	difference = step(w, name, "Sub", "difference", NPU_ONNX_INPUTS(x, y));
	y = step(w, name, "Mul", "square", NPU_ONNX_INPUTS(difference, difference));
	y = mean(w, name, "spread", y);
	y = step(w, name, "Add", "widen",
		 NPU_ONNX_INPUTS(y, npu_onnx_add_scalar(w, npu_onnx_text(w, "%s/epsilon", name),
							n->layer.epsilon)));
	deviation = step(w, name, "Sqrt", "root", NPU_ONNX_INPUTS(y));
	y = step(w, name, "Div", "normal", NPU_ONNX_INPUTS(difference, deviation));
	y = step(w, name, "Mul", "scaled", NPU_ONNX_INPUTS(y, add_parameter(w, i, 0)));
	sum = npu_onnx_make_sum(w, i, form);
	npu_onnx_add_node(w, "Add", npu_onnx_text(w, "%s", name), sum,
			  NPU_ONNX_INPUTS(y, add_parameter(w, i, 1)));
	return npu_onnx_write_fused(w, i, form, sum);
}
