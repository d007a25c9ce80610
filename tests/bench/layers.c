// SPDX-License-Identifier: MIT
/*
 * Every kind of layer with each of its options, from the table that the tests check: an epoch of
 * training, in the fastest kernels of this CPU, against the plain loops. The cases are small, so
 * this tells what has no vectors at all, and what calls cost, rather than how fast a large layer is.
 */
#include <stdio.h>

#include "bench.h"

#define NN_CASE_SAMPLES 64
#include "../unit/nn_cases.h"
#include "train/nn/kernels/f32.h"

#define CASES (sizeof(nn_cases) / sizeof(nn_cases[0]))

/* A case that is measured. */
struct subject {
	struct npu_model *model;
	struct npu_dataset data;
	struct npu_fit_options options;
	struct npu_error err;
};

static void train(void *context)
{
	struct subject *s = context;

	npu_model_fit(s->model, &s->data, &s->options, NULL, &s->err);
}

/* Microseconds of an epoch by the kernels of @f32. */
static double epoch(struct bench *bench, struct subject *s, const struct npu_f32 *f32)
{
	s->model->f32 = f32;
	return 1e6 * bench_time(bench, BENCH_CPU, train, s) / s->options.epochs;
}

static double layer(struct bench *bench)
{
	const struct nn_case *c = bench->subject;
	struct subject s = {
		.options = { .loss = nn_case_loss(c), .epochs = 4, .threads = 1 },
	};
	double value = -1;

	bench->budget /= 25;
	if (!nn_case_model(c, &s.model, &s.err) && !nn_case_data(c, s.model, &s.data, &s.err)) {
		bench->reference = epoch(bench, &s, &npu_f32_reference);
		value = epoch(bench, &s, npu_f32_variant(0));
	}
	bench->budget *= 25;
	npu_dataset_free(&s.data);
	npu_model_free(s.model);
	return s.err.code ? bench_fail(bench, s.err.message) : value;
}

const struct bench_row *bench_layer_rows(void)
{
	static struct bench_row rows[CASES + 1];
	static char names[CASES][80];
	size_t i;

	for (i = 0; i < CASES; i++) {
		snprintf(names[i], sizeof(names[i]), "layer/%s", nn_cases[i].name);
		rows[i] = (struct bench_row){
			.name = names[i],
			.unit = "us",
			.measure = layer,
			.subject = &nn_cases[i],
		};
	}
	return rows;
}
