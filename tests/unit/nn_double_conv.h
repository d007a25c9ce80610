/* SPDX-License-Identifier: MIT */
/* Part of nn_double.h: convolution and pooling, by asking of every place what lies there. */
#ifndef NN_DOUBLE_CONV_H
#define NN_DOUBLE_CONV_H

/* Zeros before the first element along @axis of a layer whose windows slide over @in places. */
static inline long nn_double_before(const struct npu_layer *l, int axis, long in, long out)
{
	long needed = (out - 1) * l->stride[axis] + l->dilation[axis] * (l->kernel[axis] - 1L) + 1;

	if (l->padding == NPU_EXPLICIT)
		return l->pad[axis];
	return l->padding == NPU_SAME && needed > in ? (needed - in) / 2 : 0;
}

/**
 * struct nn_double_window - one place that a window covers
 * @o: place of the window
 * @tap: element of the kernel
 * @i: place below it
 */
struct nn_double_window {
	size_t o, tap, i;
};

/*
 * The @k-th place of a window of @l over @wide [H, W] that gives @narrow, of as many as there are
 * windows times elements; false where it is in the padding.
 */
static inline bool nn_double_place(const struct npu_layer *l, const uint32_t *wide,
				   const uint32_t *narrow, size_t k, struct nn_double_window *w)
{
	size_t taps = (size_t)l->kernel[0] * l->kernel[1];
	long at[2];
	int axis;

	w->tap = k % taps;
	w->o = k / taps;
	for (axis = 0; axis < 2; axis++) {
		long o = axis ? w->o % narrow[1] : w->o / narrow[1];
		long tap = axis ? w->tap % l->kernel[1] : w->tap / l->kernel[1];

		at[axis] = o * l->stride[axis] + tap * l->dilation[axis] -
			   nn_double_before(l, axis, wide[axis], narrow[axis]);
		if (at[axis] < 0 || at[axis] >= wide[axis])
			return false;
	}
	w->i = (size_t)(at[0] * wide[1] + at[1]);
	return true;
}

static inline size_t nn_double_places(const struct npu_layer *l, const uint32_t *narrow)
{
	return (size_t)narrow[0] * narrow[1] * l->kernel[0] * l->kernel[1];
}

static inline void nn_double_bias(const struct nn_double_step *s)
{
	const double *bias = nn_double_parameter(s, "bias");
	size_t units = s->node->out_dim[2], i;

	for (i = 0; i < s->d->n * s->node->out; i++)
		s->y[i] = bias ? bias[i % units] : 0;
}

/* y[h][w][o] += x[..][g + c] * weight[i][j][c][o] */
static inline void nn_double_conv(const struct nn_double_step *s)
{
	const struct npu_layer *l = &s->node->layer;
	const double *weight = nn_double_parameter(s, "weight");
	size_t units = s->node->out_dim[2], c = s->node->in_dim[2], own = c / l->groups;
	size_t n, k, o, j;
	struct nn_double_window w;

	nn_double_bias(s);
	for (n = 0; n < s->d->n; n++) {
		const double *x = s->x + n * s->node->in;
		double *y = s->y + n * s->node->out;

		for (k = 0; k < nn_double_places(l, s->node->out_dim); k++) {
			if (!nn_double_place(l, s->node->in_dim, s->node->out_dim, k, &w))
				continue;
			for (o = 0; o < units; o++)
				for (j = 0; j < own; j++)
					y[w.o * units + o] +=
						x[w.i * c + o / (units / l->groups) * own + j] *
						weight[(w.tap * own + j) * units + o];
		}
	}
}

/* The same windows from the output's side: what a convolution reads is written. */
static inline void nn_double_conv_transpose(const struct nn_double_step *s)
{
	const struct npu_layer *l = &s->node->layer;
	const double *weight = nn_double_parameter(s, "weight");
	size_t units = s->node->out_dim[2], c = s->node->in_dim[2], own = units / l->groups;
	size_t n, k, o, j;
	struct nn_double_window w;

	nn_double_bias(s);
	for (n = 0; n < s->d->n; n++) {
		const double *x = s->x + n * s->node->in;
		double *y = s->y + n * s->node->out;

		for (k = 0; k < nn_double_places(l, s->node->in_dim); k++) {
			if (!nn_double_place(l, s->node->out_dim, s->node->in_dim, k, &w))
				continue;
			for (j = 0; j < c; j++)
				for (o = 0; o < own; o++)
					y[w.i * units + j / (c / l->groups) * own + o] +=
						x[w.o * c + j] * weight[(w.tap * own + o) * c + j];
		}
	}
}

static inline void nn_double_pool(const struct nn_double_step *s)
{
	const struct npu_layer *l = &s->node->layer;
	bool most = l->kind == NPU_LAYER_MAX_POOL;
	size_t c = s->node->in_dim[2], places = nn_double_places(l, s->node->out_dim);
	size_t taps = (size_t)l->kernel[0] * l->kernel[1], n, k, j;
	struct nn_double_window w;

	for (n = 0; n < s->d->n; n++) {
		for (j = 0; j < c; j++) {
			double sum = 0, max = -INFINITY, count = 0;

			for (k = 0; k < places; k++) {
				if (nn_double_place(l, s->node->in_dim, s->node->out_dim, k, &w)) {
					double x = s->x[n * s->node->in + w.i * c + j];

					sum += x;
					max = fmax(max, x);
					count++;
				}
				if (w.tap + 1 < taps)
					continue;
				s->y[n * s->node->out + w.o * c + j] = most ? max : sum / count;
				sum = count = 0;
				max = -INFINITY;
			}
		}
	}
}

static inline void nn_double_global_pool(const struct nn_double_step *s)
{
	bool most = s->node->layer.kind == NPU_LAYER_GLOBAL_MAX_POOL;
	size_t c = s->node->in_dim[2], n, i, j;

	for (n = 0; n < s->d->n; n++) {
		size_t places = s->node->in_dim[0] * nn_double_length(s, n);

		for (j = 0; j < c; j++) {
			double sum = 0, max = -INFINITY;

			for (i = 0; i < places; i++) {
				double x = s->x[n * s->node->in + i * c + j];

				sum += x;
				max = fmax(max, x);
			}
			s->y[n * c + j] = most ? max : sum / (double)places;
		}
	}
}

#endif /* NN_DOUBLE_CONV_H */
