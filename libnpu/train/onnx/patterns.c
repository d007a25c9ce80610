// SPDX-License-Identifier: MIT
/*
 * DOC: groups of nodes
 *
 * What has no operator of its own in an opset is written as several: gelu, swish and hard-swish,
 * layer normalisation, an embedding with its Clip and Cast. A group is found from one node in it,
 * backwards and forwards by fixed steps. It is one only if nobody outside reads what is within.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

#define MAX_GROUP 10

/**
 * struct group - nodes that may be one layer
 * @node: [nodes] their numbers, the last node of the walk not among them
 * @root: number of the last node of the walk
 */
struct group {
	int node[MAX_GROUP];
	size_t nodes;
	int root;
	struct npu_onnx_pattern pattern;
};

static const NpuOnnx__Node *node_of(const struct npu_onnx_import *im, int i)
{
	return i < 0 ? NULL : im->graph->node[i];
}

/* Whether node @i is @op with @inputs inputs and an output. */
static bool is(const struct npu_onnx_import *im, int i, const char *op, size_t inputs)
{
	const NpuOnnx__Node *node = node_of(im, i);

	return node && npu_onnx_is_op(node, op) && node->n_input == inputs && node->n_output;
}

/* Number of the node that makes what node @i reads as input @k, or -1. */
static int producer(const struct npu_onnx_import *im, int i, size_t k)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, im->graph->node[i]->input[k]);

	return value ? value->producer : -1;
}

static size_t readers(const struct npu_onnx_import *im, int i)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, im->graph->node[i]->output[0]);

	return value ? value->readers : 0;
}

/* The one node that reads what node @i makes, or -1. */
static int only_reader(const struct npu_onnx_import *im, int i)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, im->graph->node[i]->output[0]);

	return value && value->readers == 1 ? value->consumer : -1;
}

static const char *input(const struct npu_onnx_import *im, int i, size_t k)
{
	return im->graph->node[i]->input[k];
}

/* Of a node of two inputs: the one that is not what node @from makes; NULL if neither or both. */
static const char *other_input(const struct npu_onnx_import *im, int i, int from)
{
	const char *made = im->graph->node[from]->output[0];
	bool first = !strcmp(input(im, i, 0), made), second = !strcmp(input(im, i, 1), made);

	return first == second ? NULL : input(im, i, first);
}

/* Whether node @i is @op of what node @from makes and a constant near @value, in any order. */
static bool is_with(struct npu_onnx_import *im, int i, const char *op, int from, double value)
{
	const char *other = is(im, i, op, 2) ? other_input(im, i, from) : NULL;
	float constant;

	return other && npu_onnx_constant_scalar(im, other, &constant) &&
	       fabs((double)constant - value) <= 1e-4 * value;
}

/* Likewise of the value @x; the constant is input @k. */
static bool is_of(struct npu_onnx_import *im, int i, const char *op, const char *x, size_t k,
		  double value)
{
	float constant;

	return is(im, i, op, 2) && (!x || !strcmp(input(im, i, !k), x)) &&
	       npu_onnx_constant_scalar(im, input(im, i, k), &constant) &&
	       fabs((double)constant - value) <= 1e-4 * value;
}

/* x * sigmoid(x), x * hard_sigmoid(x), from the gate. */
static bool match_gated(struct npu_onnx_import *im, int i, struct group *g)
{
	bool hard = is(im, i, "HardSigmoid", 1);
	float alpha = .2f, beta = .5f;
	int product = only_reader(im, i);
	const char *x;

	if (hard && (npu_onnx_get_float(im, node_of(im, i), "alpha", &alpha) ||
		     npu_onnx_get_float(im, node_of(im, i), "beta", &beta) ||
		     fabsf(alpha - 1.0f / 6) > 1e-5f || fabsf(beta - .5f) > 1e-5f))
		return false;
	x = is(im, product, "Mul", 2) ? other_input(im, product, i) : NULL;
	if (!x || strcmp(x, input(im, i, 0)))
		return false;
	g->node[g->nodes++] = i;
	g->root = product;
	g->pattern = (struct npu_onnx_pattern){
		.kind = NPU_LAYER_ACTIVATION,
		.activation = hard ? NPU_HARD_SWISH : NPU_SWISH,
		.input = x,
	};
	return true;
}

/* x times what node @plus makes, which is 1 + erf(x / sqrt 2), and a half somewhere. */
static bool match_gelu_end(struct npu_onnx_import *im, int plus, const char *x, struct group *g)
{
	int first = only_reader(im, plus), second, half;
	const char *other = is(im, first, "Mul", 2) ? other_input(im, first, plus) : NULL;
	const struct npu_onnx_value *value = other ? npu_onnx_find_value(im, other) : NULL;

	if (!value)
		return false;
	half = value->producer;
	if (value->readers == 1 && half >= 0 &&
	    (is_of(im, half, "Mul", x, 1, .5) || is_of(im, half, "Mul", x, 0, .5) ||
	     is_of(im, half, "Div", x, 1, 2))) {
		g->node[g->nodes++] = half;
		g->root = first;
		return true;
	}
	second = only_reader(im, first);
	if (second < 0)
		return false;
	g->node[g->nodes++] = first;
	g->root = second;
	if (!strcmp(other, x))
		return is_with(im, second, "Mul", first, .5) ||
		       is_of(im, second, "Div", NULL, 1, 2);
	other = is(im, second, "Mul", 2) ? other_input(im, second, first) : NULL;
	return is_with(im, first, "Mul", plus, .5) && other && !strcmp(other, x);
}

/* x * (1 + erf(x / sqrt 2)) / 2 in its several orders, from the Erf. */
static bool match_gelu(struct npu_onnx_import *im, int i, struct group *g)
{
	int divide = producer(im, i, 0), plus = only_reader(im, i);
	const char *x;

	if (divide < 0 || readers(im, divide) != 1)
		return false;
	if (is_of(im, divide, "Div", NULL, 1, M_SQRT2) ||
	    is_of(im, divide, "Mul", NULL, 1, M_SQRT1_2))
		x = input(im, divide, 0);
	else if (is_of(im, divide, "Mul", NULL, 0, M_SQRT1_2))
		x = input(im, divide, 1);
	else
		return false;
	if (plus < 0 || !is_with(im, plus, "Add", i, 1))
		return false;
	g->node[g->nodes++] = divide;
	g->node[g->nodes++] = i;
	g->node[g->nodes++] = plus;
	g->pattern = (struct npu_onnx_pattern){
		.kind = NPU_LAYER_ACTIVATION,
		.activation = NPU_GELU,
		.input = x,
	};
	return match_gelu_end(im, plus, x, g);
}

/* A ReduceMean over one dimension that stays: which. */
static bool is_mean(const struct npu_onnx_import *im, int i, int64_t *axis)
{
	const NpuOnnx__Node *node = node_of(im, i);
	int64_t keep = 1, list[NPU_ONNX_MAX_RANK];
	size_t count = 0;

	if (!node || !npu_onnx_is_op(node, "ReduceMean") || !node->n_input || !node->n_output ||
	    npu_onnx_get_int(im, node, "keepdims", &keep) || !keep)
		return false;
	if (node->n_input == 1) {
		if (npu_onnx_get_list(im, node, "axes", NPU_ONNX_MAX_RANK, list, &count))
			return false;
	} else if (!npu_onnx_find_constant(im, node->input[1]) ||
		   npu_onnx_constant_ints(im, node, node->input[1], list, NPU_ONNX_MAX_RANK,
					  &count)) {
		return false;
	}
	*axis = list[0];
	return count == 1;
}

/* The mean of (x - mean(x))^2, where node @difference is x - mean(x). */
static bool match_variance(struct npu_onnx_import *im, int variance, int difference,
			   struct group *g)
{
	int64_t axis, axis2;
	int square = is_mean(im, variance, &axis) ? producer(im, variance, 0) : -1, mean;
	bool product = is(im, square, "Mul", 2) && producer(im, square, 0) == difference &&
		       producer(im, square, 1) == difference;
	bool power = is(im, square, "Pow", 2) && producer(im, square, 0) == difference &&
		     is_with(im, square, "Pow", difference, 2);

	if (!is(im, difference, "Sub", 2) || (!product && !power) || readers(im, square) != 1 ||
	    readers(im, variance) != 1 || readers(im, difference) != (product ? 3 : 2))
		return false;
	mean = producer(im, difference, 1);
	if (!is_mean(im, mean, &axis2) || axis2 != axis || readers(im, mean) != 1 ||
	    strcmp(input(im, mean, 0), input(im, difference, 0)))
		return false;
	g->node[g->nodes++] = variance;
	g->node[g->nodes++] = square;
	g->node[g->nodes++] = mean;
	g->node[g->nodes++] = difference;
	g->pattern.input = input(im, mean, 0);
	g->pattern.axis = axis;
	return true;
}

/* Layer normalisation written out, from the Div of difference and deviation. */
static bool match_layer_norm(struct npu_onnx_import *im, int i, struct group *g)
{
	int root = producer(im, i, 1), widen = is(im, root, "Sqrt", 1) ? producer(im, root, 0) : -1;
	int scaled = only_reader(im, i), shifted;
	const char *scale, *shift;
	int variance;
	size_t k;

	if (!is(im, widen, "Add", 2) || readers(im, root) != 1 || readers(im, widen) != 1 ||
	    !is(im, scaled, "Mul", 2))
		return false;
	k = npu_onnx_constant_scalar(im, input(im, widen, 0), &g->pattern.epsilon);
	if (!npu_onnx_constant_scalar(im, input(im, widen, !k), &g->pattern.epsilon))
		return false;
	variance = producer(im, widen, k);
	shifted = only_reader(im, scaled);
	scale = other_input(im, scaled, i);
	shift = is(im, shifted, "Add", 2) ? other_input(im, shifted, scaled) : NULL;
	if (variance < 0 || !scale || !shift || !npu_onnx_find_constant(im, scale) ||
	    !npu_onnx_find_constant(im, shift))
		return false;
	if (!match_variance(im, variance, producer(im, i, 0), g))
		return false;
	g->node[g->nodes++] = widen;
	g->node[g->nodes++] = root;
	g->node[g->nodes++] = i;
	g->node[g->nodes++] = scaled;
	g->root = shifted;
	g->pattern.kind = NPU_LAYER_LAYER_NORM;
	g->pattern.weight = scale;
	g->pattern.shift = shift;
	return true;
}

/* Vectors by number, where the numbers come as floats: from the Gather. */
static bool match_embedding(struct npu_onnx_import *im, int i, struct group *g)
{
	const struct npu_onnx_constant *weight = npu_onnx_find_constant(im, input(im, i, 0));
	int cast = producer(im, i, 1), clip = is(im, cast, "Cast", 1) ? producer(im, cast, 0) : -1;
	struct npu_onnx_constant shape;
	float first, last;
	int64_t axis = 0;

	if (!weight || !is(im, cast, "Cast", 1) || readers(im, cast) != 1 ||
	    npu_onnx_get_int(im, node_of(im, i), "axis", &axis) || axis ||
	    npu_onnx_constant_shape(im, node_of(im, i), weight, &shape) || shape.rank != 2)
		return false;
	g->node[g->nodes++] = cast;
	g->root = i;
	g->pattern = (struct npu_onnx_pattern){
		.kind = NPU_LAYER_EMBEDDING,
		.input = input(im, cast, 0),
		.weight = input(im, i, 0),
	};
	if (is(im, clip, "Clip", 3) && readers(im, clip) == 1 &&
	    npu_onnx_constant_scalar(im, input(im, clip, 1), &first) && first == 0 &&
	    npu_onnx_constant_scalar(im, input(im, clip, 2), &last) &&
	    last == (float)(shape.dim[0] - 1)) {
		g->node[g->nodes++] = clip;
		g->pattern.input = input(im, clip, 0);
	}
	return true;
}

/* Its members are read no more, the group reads its input once. */
static void accept(struct npu_onnx_import *im, const struct group *g)
{
	struct npu_onnx_value *value;

	for (size_t k = 0; k <= g->nodes; k++) {
		const NpuOnnx__Node *node = node_of(im, k < g->nodes ? g->node[k] : g->root);

		for (size_t i = 0; i < node->n_input; i++) {
			value = npu_onnx_find_value(im, node->input[i]);
			if (value && value->readers)
				value->readers--;
		}
		if (k < g->nodes)
			im->pattern[g->node[k]].absorbed = true;
	}
	im->pattern[g->root] = g->pattern;
	value = npu_onnx_find_value(im, g->pattern.input);
	if (!value)
		return;
	value->readers++;
	value->consumer = g->root;
}

/* No node is in two groups. */
static bool is_free(const struct npu_onnx_import *im, const struct group *g)
{
	for (size_t k = 0; k <= g->nodes; k++) {
		const struct npu_onnx_pattern *p =
			&im->pattern[k < g->nodes ? g->node[k] : g->root];

		if (p->kind || p->absorbed)
			return false;
	}
	return true;
}

int npu_onnx_find_patterns(struct npu_onnx_import *im)
{
	static const struct {
		const char *op;
		size_t inputs;
		bool (*match)(struct npu_onnx_import *im, int i, struct group *g);
	} anchors[] = {
		{ "Sigmoid", 1, match_gated },	  { "HardSigmoid", 1, match_gated },
		{ "Erf", 1, match_gelu },	  { "Div", 2, match_layer_norm },
		{ "Gather", 2, match_embedding },
	};

	im->pattern = calloc(im->graph->n_node + 1, sizeof(*im->pattern));
	if (!im->pattern)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for %zu nodes",
				     im->graph->n_node);
	for (size_t i = 0; i < im->graph->n_node; i++)
		for (size_t k = 0; k < sizeof(anchors) / sizeof(anchors[0]); k++) {
			struct group g = { 0 };

			if (is(im, (int)i, anchors[k].op, anchors[k].inputs) &&
			    anchors[k].match(im, (int)i, &g) && is_free(im, &g))
				accept(im, &g);
		}
	return 0;
}
