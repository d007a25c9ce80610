// SPDX-License-Identifier: MIT
/* Kernels of the recurrent layers as plain loops: the definition of the vector variants. */
#include "train/nn/elementary.h"
#include "recurrent_kernels.h"

#define WIDTH 8

static float term_at(const struct npu_recurrent_term *t, size_t i, size_t j, float sum)
{
	const float *a = t->a + i * t->lda, *b = t->b + j / WIDTH * WIDTH * t->k + j % WIDTH;
	size_t k;

	for (k = 0; k < t->k; k++)
		sum += a[k] * b[k * WIDTH];
	return sum;
}

static void product(const struct npu_recurrent_product *p)
{
	size_t i, j;

	for (i = 0; i < p->rows; i++) {
		float *c = p->c + i * p->ldc;

		for (j = 0; j < p->columns; j++) {
			float sum = p->accumulate ? c[j] : p->bias ? p->bias[j] : 0;

			if (p->term[0].k)
				sum = term_at(&p->term[0], i, j, sum);
			if (p->term[1].k)
				sum = term_at(&p->term[1], i, j, sum);
			c[j] = sum;
		}
	}
}

static void row(const float *a, size_t k, const float *b, size_t ldb, float *c, size_t n,
		bool reversed)
{
	size_t i, j;

	(void)reversed;
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			c[j] += a[i] * b[i * ldb + j];
}

static void outer_factor(const struct npu_recurrent_outer *o, const struct npu_recurrent_factor *f)
{
	size_t i, j, k;

	for (i = 0; i < f->m; i++) {
		float *c = f->c + i * f->ldc;

		for (j = 0; j < o->columns; j++) {
			float sum = o->fresh ? 0 : c[j];

			for (k = f->skip; k < o->k; k++)
				sum += f->a[k * f->lda + i] * o->b[k * o->ldb + j];
			c[j] = sum;
		}
	}
}

static void outer(const struct npu_recurrent_outer *o)
{
	size_t j, k;

	outer_factor(o, &o->factor[0]);
	outer_factor(o, &o->factor[1]);
	for (j = 0; o->sum && j < o->columns; j++) {
		float sum = o->fresh ? 0 : o->sum[j];

		for (k = 0; k < o->k; k++)
			sum += o->b[k * o->ldb + j];
		o->sum[j] = sum;
	}
}

static float sigmoid(float x)
{
	return (float)npu_sigmoid(x);
}

static float hyperbolic_tangent(float x)
{
	return (float)npu_tanh(x);
}

static void lstm(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float i = sigmoid(gates[u]), o = sigmoid(gates[n + u]);
			float f = sigmoid(gates[2 * n + u]);
			float g = hyperbolic_tangent(gates[3 * n + u]);
			float c = f * q->c_before[r * n + u] + i * g;
			float t = hyperbolic_tangent(c);

			gates[u] = i;
			gates[n + u] = o;
			gates[2 * n + u] = f;
			gates[3 * n + u] = g;
			q->c[r * n + u] = c;
			q->h[r * n + u] = o * t;
			if (q->extra)
				q->extra[r * n + u] = t;
		}
	}
}

static void lstm_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float i = gates[u], o = gates[n + u], f = gates[2 * n + u];
			float g = gates[3 * n + u], t = q->extra[r * n + u];
			float dh = q->dh[r * n + u];
			float dc = q->dc[r * n + u] + dh * o * (1 - t * t);

			gates[u] = dc * g * (i * (1 - i));
			gates[n + u] = dh * t * (o * (1 - o));
			gates[2 * n + u] = dc * q->c_before[r * n + u] * (f * (1 - f));
			gates[3 * n + u] = dc * i * (1 - g * g);
			q->dc[r * n + u] = dc * f;
		}
	}
}

static void gru_reset(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			gates[u] = sigmoid(gates[u]);
			gates[n + u] = sigmoid(gates[n + u]);
			q->extra[r * n + u] = gates[n + u] * q->h_before[r * n + u];
		}
	}
}

static void gru_mix(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float z = gates[u], h = hyperbolic_tangent(gates[2 * n + u]);

			gates[2 * n + u] = h;
			q->h[r * n + u] = (1 - z) * h + z * q->h_before[r * n + u];
		}
	}
}

static void gru_mix_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float z = gates[u], h = gates[2 * n + u], dh = q->dh[r * n + u];

			gates[u] = dh * (q->h_before[r * n + u] - h) * (z * (1 - z));
			gates[2 * n + u] = dh * (1 - z) * (1 - h * h);
			q->dh[r * n + u] = dh * z;
		}
	}
}

static void gru_reset_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float reset = gates[n + u], d = q->dextra[r * n + u];

			gates[n + u] = d * q->h_before[r * n + u] * (reset * (1 - reset));
			q->dh[r * n + u] += d * reset;
		}
	}
}

static void gru_after(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float z = sigmoid(gates[u]), reset = sigmoid(gates[n + u]);
			float h = hyperbolic_tangent(gates[2 * n + u] + reset * gates[3 * n + u]);

			gates[u] = z;
			gates[n + u] = reset;
			gates[2 * n + u] = h;
			q->h[r * n + u] = (1 - z) * h + z * q->h_before[r * n + u];
		}
	}
}

static void gru_after_backward(const struct npu_recurrent_cells *q)
{
	size_t r, u, n = q->units;

	for (r = 0; r < q->rows; r++) {
		float *gates = q->gates + r * q->stride;

		for (u = 0; u < n; u++) {
			float z = gates[u], reset = gates[n + u], h = gates[2 * n + u];
			float dh = q->dh[r * n + u], d = dh * (1 - z) * (1 - h * h);

			gates[u] = dh * (q->h_before[r * n + u] - h) * (z * (1 - z));
			gates[n + u] = d * gates[3 * n + u] * (reset * (1 - reset));
			gates[2 * n + u] = d;
			gates[3 * n + u] = d * reset;
			q->dh[r * n + u] = dh * z;
		}
	}
}

const struct npu_recurrent_kernels npu_recurrent_reference = {
	.width = WIDTH,
	.product = product,
	.row = row,
	.outer = outer,
	.lstm = lstm,
	.lstm_backward = lstm_backward,
	.gru_reset = gru_reset,
	.gru_mix = gru_mix,
	.gru_mix_backward = gru_mix_backward,
	.gru_reset_backward = gru_reset_backward,
	.gru_after = gru_after,
	.gru_after_backward = gru_after_backward,
};
