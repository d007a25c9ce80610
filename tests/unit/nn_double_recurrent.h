/* SPDX-License-Identifier: MIT */
/* Part of nn_double.h: recurrent layers, a sample, a step and a unit at a time. */
#ifndef NN_DOUBLE_RECURRENT_H
#define NN_DOUBLE_RECURRENT_H

static inline bool nn_double_is_recurrent(const struct npu_node *node)
{
	return node->layer.kind == NPU_LAYER_RNN || node->layer.kind == NPU_LAYER_LSTM ||
	       node->layer.kind == NPU_LAYER_GRU;
}

/**
 * struct nn_double_cell - one direction
 * @c: inputs
 * @units: outputs
 * @gates: of the kind
 * @weight, @recurrent, @bias, @recurrent_bias: the last two may be NULL
 */
struct nn_double_cell {
	const struct npu_layer *layer;
	size_t c, units, gates;
	const double *weight, *recurrent, *bias, *recurrent_bias;
};

static inline double nn_double_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* x W + b of gate @g, unit @u */
static inline double nn_double_from_input(const struct nn_double_cell *cell, const double *x,
					  size_t g, size_t u)
{
	size_t at = g * cell->units + u, k;
	double z = cell->bias ? cell->bias[at] : 0;

	for (k = 0; k < cell->c; k++)
		z += x[k] * cell->weight[k * cell->gates * cell->units + at];
	return z;
}

/* h R of gate @g, unit @u */
static inline double nn_double_from_state(const struct nn_double_cell *cell, const double *h,
					  size_t g, size_t u)
{
	size_t at = g * cell->units + u, k;
	double z = 0;

	for (k = 0; k < cell->units; k++)
		z += h[k] * cell->recurrent[k * cell->gates * cell->units + at];
	return z;
}

static inline double nn_double_gate(const struct nn_double_cell *cell, const double *x,
				    const double *h, size_t g, size_t u)
{
	return nn_double_from_input(cell, x, g, u) + nn_double_from_state(cell, h, g, u);
}

/* The new state of unit @u: @h is the old one of all, @state c of an LSTM. */
static inline double nn_double_unit(const struct nn_double_cell *cell, const double *x,
				    const double *h, double *state, size_t u)
{
	double reset_h[64], z, r, candidate;
	size_t k;

	if (cell->layer->kind == NPU_LAYER_RNN) {
		z = nn_double_gate(cell, x, h, 0, u);
		return cell->layer->activation ? nn_double_activated(cell->layer, z) : tanh(z);
	}
	if (cell->layer->kind == NPU_LAYER_LSTM) {
		double i = nn_double_sigmoid(nn_double_gate(cell, x, h, 0, u));
		double o = nn_double_sigmoid(nn_double_gate(cell, x, h, 1, u));
		double f = nn_double_sigmoid(nn_double_gate(cell, x, h, 2, u));

		state[u] = f * state[u] + i * tanh(nn_double_gate(cell, x, h, 3, u));
		return o * tanh(state[u]);
	}
	z = nn_double_sigmoid(nn_double_gate(cell, x, h, 0, u));
	candidate = nn_double_from_input(cell, x, 2, u);
	if (cell->layer->reset_after) {
		r = nn_double_sigmoid(nn_double_gate(cell, x, h, 1, u));
		candidate += r * (nn_double_from_state(cell, h, 2, u) +
				  (cell->recurrent_bias ? cell->recurrent_bias[u] : 0));
	} else {
		for (k = 0; k < cell->units; k++)
			reset_h[k] = h[k] * nn_double_sigmoid(nn_double_gate(cell, x, h, 1, k));
		candidate += nn_double_from_state(cell, reset_h, 2, u);
	}
	return (1 - z) * tanh(candidate) + z * h[u];
}

/* One sample of @length steps; @y is where this direction's outputs of the first step go. */
static inline void nn_double_sequence(const struct nn_double_cell *cell, const double *x,
				      size_t length, bool backwards, double *y, size_t y_step)
{
	double h[64] = { 0 }, next[64], state[64] = { 0 };
	size_t k, u;

	for (k = 0; k < length; k++) {
		size_t t = backwards ? length - 1 - k : k;

		for (u = 0; u < cell->units; u++)
			next[u] = nn_double_unit(cell, x + t * cell->c, h, state, u);
		memcpy(h, next, sizeof(h));
		/* without sequences y_step is 0, and what is written last stays */
		memcpy(y + t * y_step, h, cell->units * sizeof(*h));
	}
}

static inline void nn_double_direction(const struct nn_double_step *s, const char *prefix,
				       bool backwards, size_t at)
{
	const struct npu_layer *l = &s->node->layer;
	static const char *const suffix[4] = { "weight", "recurrent", "bias", "recurrent_bias" };
	struct nn_double_cell cell = {
		.layer = l,
		.c = s->node->in_dim[2],
		.units = l->units,
		.gates = l->kind == NPU_LAYER_RNN    ? 1
			 : l->kind == NPU_LAYER_LSTM ? 4
						     : 3,
	};
	const double **parameter[4] = { &cell.weight, &cell.recurrent, &cell.bias,
					&cell.recurrent_bias };
	char name[64];
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, suffix[i]);
		*parameter[i] = nn_double_parameter(s, name);
	}
	for (i = 0; i < s->d->n; i++)
		nn_double_sequence(&cell, s->x + i * s->node->in, nn_double_length(s, i), backwards,
				   s->y + i * s->node->out + at,
				   l->sequences ? s->node->out_dim[2] : 0);
}

static inline void nn_double_recurrent(const struct nn_double_step *s)
{
	if (!s->node->layer.bidirectional)
		return nn_double_direction(s, "", s->node->layer.backwards, 0);
	nn_double_direction(s, "forward.", false, 0);
	nn_double_direction(s, "backward.", true, s->node->layer.units);
}

#endif /* NN_DOUBLE_RECURRENT_H */
