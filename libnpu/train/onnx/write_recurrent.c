// SPDX-License-Identifier: MIT
/*
 * RNN, LSTM and GRU: values go in as [T, batch, C] and come out as [T, directions, batch, units],
 * or [directions, batch, units] for the last state. Gates come in the order that ONNX has, but
 * matrices transposed. Of the two biases that are added up the first holds all, but for what a
 * GRU's reset gate acts on.
 *
 * Sequences are whole: lengths that a batch came with are no part of a model.
 */
#include <errno.h>

#include "runtime/error.h"
#include "write.h"

static const char *const gate_op[] = { "RNN", "LSTM", "GRU" };

/**
 * struct shape - sizes of a recurrent layer
 * @op: its operator
 * @gates: G
 * @units: of a direction
 * @in: C
 * @directions: 1 or 2
 * @each: parameters of a direction
 */
struct shape {
	const char *op;
	uint32_t gates, units, in, directions;
	size_t each;
};

static struct shape shape_of(const struct npu_node *n)
{
	static const uint32_t gates[] = { 1, 4, 3 };
	size_t which = n->layer.kind - NPU_LAYER_RNN;
	uint32_t directions = n->layer.bidirectional ? 2 : 1;

	return (struct shape){
		.op = gate_op[which],
		.gates = gates[which],
		.units = n->layer.units,
		.in = n->in_dim[2],
		.directions = directions,
		.each = n->parameters / directions,
	};
}

/* "lstm1.weight" for the first, without the direction's name: both are in one tensor. */
static char *name_parameter(struct npu_onnx_writer *w, size_t i, const char *word)
{
	return npu_onnx_text(w, "%s.%s", w->model->node[i].layer.name, word);
}

/* Parameter @k of each direction, [rows][G * units], as [directions][G * units][rows]. */
static char *add_matrix(struct npu_onnx_writer *w, size_t i, const struct shape *s, size_t k,
			uint32_t rows, const char *word)
{
	uint32_t columns = s->gates * s->units;
	char *name = name_parameter(w, i, word);
	float *to =
		npu_onnx_reserve_floats(w, name, 3, (uint32_t[]){ s->directions, columns, rows });

	for (size_t d = 0; to && d < s->directions; d++) {
		const float *from = npu_node_values(w->model, i, d * s->each + k);

		for (size_t c = 0; c < columns; c++)
			for (size_t r = 0; r < rows; r++)
				*to++ = from[r * columns + c];
	}
	return name;
}

static char *add_bias(struct npu_onnx_writer *w, size_t i, const struct shape *s)
{
	const struct npu_layer *layer = &w->model->node[i].layer;
	uint32_t columns = s->gates * s->units;
	char *name = name_parameter(w, i, "bias");
	float *to;

	if (layer->no_bias)
		return NULL;
	to = npu_onnx_reserve_floats(w, name, 2, (uint32_t[]){ s->directions, 2 * columns });
	for (size_t d = 0; to && d < s->directions; d++, to += 2 * columns) {
		const float *bias = npu_node_values(w->model, i, d * s->each + 2);
		const float *recurrent = npu_node_values(w->model, i, d * s->each + 3);

		for (size_t c = 0; c < columns; c++)
			to[c] = bias[c];
		if (layer->kind != NPU_LAYER_GRU || !layer->reset_after)
			continue;
		for (size_t u = 0; u < s->units; u++)
			to[2 * columns - s->units + u] = recurrent[u];
	}
	return name;
}

/* What an RNN has in place of tanh. */
static int add_activations(struct npu_onnx_writer *w, NpuOnnx__Node *node,
			   const struct npu_layer *layer, uint32_t directions)
{
	static const char *const name[NPU_ACTIVATIONS] = {
		[NPU_LINEAR] = "Tanh",	     [NPU_TANH] = "Tanh",
		[NPU_RELU] = "Relu",	     [NPU_LEAKY_RELU] = "LeakyRelu",
		[NPU_SIGMOID] = "Sigmoid",   [NPU_ELU] = "Elu",
		[NPU_SOFTPLUS] = "Softplus", [NPU_HARD_SIGMOID] = "HardSigmoid",
	};
	const char *op = name[layer->activation];
	bool hard = layer->activation == NPU_HARD_SIGMOID;
	float alpha = hard ? 1.0f / 6 : layer->alpha, beta = .5f;

	if (!op)
		return npu_error_set(w->err, -EOPNOTSUPP,
				     "layer \"%s\": ONNX's RNN has no such activation; use tanh, "
				     "relu, leaky relu, sigmoid, elu, softplus or hard-sigmoid",
				     layer->name);
	npu_onnx_add_strings(w, node, "activations", directions, (const char *const[]){ op, op });
	if (hard || layer->activation == NPU_LEAKY_RELU || layer->activation == NPU_ELU)
		npu_onnx_add_floats(w, node, "activation_alpha", directions,
				    (float[]){ alpha, alpha });
	if (hard)
		npu_onnx_add_floats(w, node, "activation_beta", directions,
				    (float[]){ beta, beta });
	return 0;
}

static char *transposed(struct npu_onnx_writer *w, const char *name, const char *word, char *input,
			size_t rank, const int64_t *perm)
{
	char *output = npu_onnx_text(w, "%s/%s-output", name, word);

	npu_onnx_add_ints(w,
			  npu_onnx_add_node(w, "Transpose", npu_onnx_text(w, "%s/%s", name, word),
					    output, NPU_ONNX_INPUTS(input)),
			  "perm", rank, perm);
	return output;
}

/* From Y or Y_h to [batch, T, directions * units] or [batch, directions * units]. */
static void write_output(struct npu_onnx_writer *w, size_t i, const struct shape *s, char *y,
			 char *output)
{
	const struct npu_node *n = &w->model->node[i];
	const char *name = n->layer.name;
	int64_t shape[3] = { 0, n->out_dim[1], (int64_t)s->directions * s->units };
	size_t rank = n->layer.sequences ? 3 : 2;

	y = n->layer.sequences ? transposed(w, name, "batch-first", y, 4, (int64_t[]){ 2, 0, 1, 3 })
			       : transposed(w, name, "batch-first", y, 3, (int64_t[]){ 1, 0, 2 });
	if (rank == 2)
		shape[1] = shape[2];
	npu_onnx_add_node(
		w, "Reshape", npu_onnx_text(w, "%s/directions", name), output,
		NPU_ONNX_INPUTS(y, npu_onnx_add_ints_initializer(
					   w, npu_onnx_text(w, "%s/shape", name), rank, shape)));
}

int npu_onnx_write_recurrent(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	struct shape s = shape_of(n);
	const char *name = n->layer.name;
	enum npu_onnx_form form = n->layer.sequences ? NPU_ONNX_SEQUENCE : NPU_ONNX_FLAT;
	char *input = npu_onnx_as(w, npu_onnx_input(w, i, 0), NPU_ONNX_SEQUENCE), *x, *y, *sum;
	char *weight = add_matrix(w, i, &s, 0, s.in, "weight");
	char *recurrent = add_matrix(w, i, &s, 1, s.units, "recurrent");
	char *bias = add_bias(w, i, &s);
	NpuOnnx__Node *node;

	x = transposed(w, name, "time-first", input, 3, (int64_t[]){ 1, 0, 2 });
	y = npu_onnx_text(w, "%s/state", name);
	/* Y, or without it Y_h. */
	node = npu_onnx_add_node(w, s.op, npu_onnx_text(w, "%s", name),
				 n->layer.sequences ? y : (char *)"",
				 NPU_ONNX_INPUTS(x, weight, recurrent, bias));
	if (!n->layer.sequences)
		npu_onnx_add_output(w, node, y);
	npu_onnx_add_int(w, node, "hidden_size", s.units);
	npu_onnx_add_string(w, node, "direction",
			    s.directions == 2	 ? "bidirectional"
			    : n->layer.backwards ? "reverse"
						 : "forward");
	if (n->layer.kind == NPU_LAYER_GRU)
		npu_onnx_add_int(w, node, "linear_before_reset", n->layer.reset_after);
	if (n->layer.kind == NPU_LAYER_RNN) {
		write_output(w, i, &s, y, npu_onnx_make(w, i, form));
		return add_activations(w, node, &n->layer, s.directions);
	}
	/* That of the others is applied to their outputs. */
	sum = npu_onnx_make_sum(w, i, form);
	write_output(w, i, &s, y, sum);
	return npu_onnx_write_fused(w, i, form, sum);
}
