// SPDX-License-Identifier: MIT
/*
 * Most activations are an operator; the others a few that every opset has: gelu has an operator
 * from opset 20 on, hard-swish from 14 on, swish none that is read widely.
 */
#include <math.h>
#include <string.h>

#include "write.h"

/**
 * struct place - where an activation is to be written
 * @name: what its names begin with: that of its layer
 * @node: name of its last node
 * @input: the tensor that it reads
 * @output: that it makes
 * @axis: of the channels
 */
struct place {
	const char *name;
	char *node, *input, *output;
	int64_t axis;
};

static NpuOnnx__Node *end(struct npu_onnx_writer *w, const struct place *p, const char *op,
			  char *const *inputs)
{
	return npu_onnx_add_node(w, op, p->node, p->output, inputs);
}

/* A node in between, called after the layer and @word. Returns its tensor. */
static char *step(struct npu_onnx_writer *w, const struct place *p, const char *op,
		  const char *word, char *const *inputs)
{
	char *output = npu_onnx_text(w, "%s/%s-output", p->name, word);

	npu_onnx_add_node(w, op, npu_onnx_text(w, "%s/%s", p->name, word), output, inputs);
	return output;
}

static char *scalar(struct npu_onnx_writer *w, const struct place *p, const char *word, float value)
{
	return npu_onnx_add_scalar(w, npu_onnx_text(w, "%s/%s", p->name, word), value);
}

/* x * (1 + erf(x / sqrt 2)) / 2 */
static void write_gelu(struct npu_onnx_writer *w, const struct place *p)
{
	char *x = p->input, *y;

	y = step(w, p, "Div", "divide", NPU_ONNX_INPUTS(x, scalar(w, p, "root", (float)M_SQRT2)));
	y = step(w, p, "Erf", "erf", NPU_ONNX_INPUTS(y));
	y = step(w, p, "Add", "plus", NPU_ONNX_INPUTS(y, scalar(w, p, "one", 1)));
	y = step(w, p, "Mul", "times", NPU_ONNX_INPUTS(x, y));
	end(w, p, "Mul", NPU_ONNX_INPUTS(y, scalar(w, p, "half", .5f)));
}

static void write_hard_sigmoid(struct npu_onnx_writer *w, NpuOnnx__Node *node)
{
	npu_onnx_add_float(w, node, "alpha", 1.0f / 6);
	npu_onnx_add_float(w, node, "beta", .5f);
}

/* x * gate(x), the gate by the operator @op */
static void write_gated(struct npu_onnx_writer *w, const struct place *p, const char *op)
{
	char *gate = npu_onnx_text(w, "%s/gate-output", p->name);
	NpuOnnx__Node *node = npu_onnx_add_node(w, op, npu_onnx_text(w, "%s/gate", p->name), gate,
						NPU_ONNX_INPUTS(p->input));

	if (!strcmp(op, "HardSigmoid"))
		write_hard_sigmoid(w, node);
	end(w, p, "Mul", NPU_ONNX_INPUTS(p->input, gate));
}

static void write_relu6(struct npu_onnx_writer *w, const struct place *p)
{
	end(w, p, "Clip",
	    NPU_ONNX_INPUTS(p->input, scalar(w, p, "least", 0), scalar(w, p, "most", 6)));
}

static void write_selu(struct npu_onnx_writer *w, NpuOnnx__Node *node)
{
	npu_onnx_add_float(w, node, "alpha", NPU_ONNX_SELU_ALPHA);
	npu_onnx_add_float(w, node, "gamma", NPU_ONNX_SELU_GAMMA);
}

static void write_operator(struct npu_onnx_writer *w, const struct place *p,
			   const struct npu_layer *layer)
{
	static const char *const op[NPU_ACTIVATIONS] = {
		[NPU_LINEAR] = "Identity",
		[NPU_RELU] = "Relu",
		[NPU_LEAKY_RELU] = "LeakyRelu",
		[NPU_SIGMOID] = "Sigmoid",
		[NPU_TANH] = "Tanh",
		[NPU_SOFTMAX] = "Softmax",
		[NPU_ELU] = "Elu",
		[NPU_SELU] = "Selu",
		[NPU_HARD_SIGMOID] = "HardSigmoid",
		[NPU_SOFTPLUS] = "Softplus",
	};
	NpuOnnx__Node *node = end(w, p, op[layer->activation], NPU_ONNX_INPUTS(p->input));

	if (layer->activation == NPU_LEAKY_RELU || layer->activation == NPU_ELU)
		npu_onnx_add_float(w, node, "alpha", layer->alpha);
	else if (layer->activation == NPU_SOFTMAX)
		npu_onnx_add_int(w, node, "axis", p->axis);
	else if (layer->activation == NPU_SELU)
		write_selu(w, node);
	else if (layer->activation == NPU_HARD_SIGMOID)
		write_hard_sigmoid(w, node);
}

static void write_activation(struct npu_onnx_writer *w, const struct place *p,
			     const struct npu_layer *layer)
{
	switch (layer->activation) {
	case NPU_GELU:
		write_gelu(w, p);
		break;
	case NPU_SWISH:
		write_gated(w, p, "Sigmoid");
		break;
	case NPU_HARD_SWISH:
		write_gated(w, p, "HardSigmoid");
		break;
	case NPU_RELU6:
		write_relu6(w, p);
		break;
	default:
		write_operator(w, p, layer);
	}
}

static int64_t channel_axis(enum npu_onnx_form form)
{
	return npu_onnx_is_first(form) ? 1 : -1;
}

char *npu_onnx_make_sum(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form)
{
	const struct npu_layer *layer = &w->model->node[i].layer;

	if (layer->activation == NPU_LINEAR)
		return npu_onnx_make(w, i, form);
	return npu_onnx_text(w, "%s/sum", layer->name);
}

int npu_onnx_write_fused(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form, char *sum)
{
	const struct npu_layer *layer = &w->model->node[i].layer;

	if (layer->activation != NPU_LINEAR)
		write_activation(w,
				 &(struct place){
					 .name = layer->name,
					 .node = npu_onnx_text(w, "%s" NPU_ONNX_FUSED, layer->name),
					 .input = sum,
					 .output = npu_onnx_make(w, i, form),
					 .axis = channel_axis(form),
				 },
				 layer);
	return 0;
}

int npu_onnx_write_activation_layer(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_layer *layer = &w->model->node[i].layer;
	struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);
	enum npu_onnx_form form = npu_onnx_made_form(from);

	write_activation(w,
			 &(struct place){
				 .name = layer->name,
				 .node = npu_onnx_text(w, "%s", layer->name),
				 .input = npu_onnx_as(w, from, form),
				 .output = npu_onnx_make(w, i, form),
				 .axis = channel_axis(form),
			 },
			 layer);
	return 0;
}
