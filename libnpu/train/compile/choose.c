// SPDX-License-Identifier: MIT
/*
 * Mixed precision. What each value costs is measured, by a program in which it alone is int16; then
 * values are raised, the most costly first, until the program is as good as it has to be.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/equalise.h"
#include "train/compile/ranges.h"
#include "train/nn/elementary.h"
#include "train/nn/evaluate.h"
#include "train/nn/reference.h"

/* Samples for what a trial calibrates beside ranges: means and what is inside of recurrent layers.
 */
#define TRIAL_SAMPLES 64

/**
 * struct choice - see npu_model_choose_wide()
 * @model: with the weights that are compiled, which are @value
 * @options: of the programs that are tried, without what has been done to the weights
 * @samples: to calibrate on, [@count]
 * @data: to measure on
 * @exact: [data->samples][outputs], by the f32 reference
 * @y: likewise, by a program
 * @wide: [1 + layers]
 * @candidate: [candidates], numbers of values in @wide, the most costly first
 * @gain: [1 + layers], dB
 */
struct choice {
	struct npu_model model;
	float *value;
	struct npu_compile_options options;
	const float *samples;
	size_t count;
	const struct npu_dataset *data;
	struct npu_ranges ranges;
	size_t outputs;
	float *exact, *y;
	bool *wide;
	size_t *candidate, candidates;
	double *gain;
	struct npu_error *err;
};

struct score {
	double accuracy, sqnr_db;
};

/* ---------------------------------------------------------------------- measuring */

static int infer_all(const struct choice *c, struct npu_session *session)
{
	const struct npu_dataset *data = c->data;
	struct npu_request *request = npu_session_request(session, 0);
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < data->samples; i++) {
		ret = npu_request_write_f32(request, 0, data->x + i * data->features);
		if (c->options.length_input)
			*(int32_t *)npu_request_input(request, 1) =
				data->lengths ? (int32_t)data->lengths[i]
					      : (int32_t)c->model.dim[1];
		if (!ret)
			ret = npu_infer(request, c->err);
		if (!ret)
			ret = npu_request_read_f32(request, 0, c->y + i * c->outputs);
	}
	return ret;
}

static int run_program(const struct choice *c, const void *image, size_t bytes)
{
	const struct npu_device_options embedded = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_session *session = NULL;
	struct npu_program *program = NULL;
	struct npu_device *device = NULL;
	int ret = npu_program_load_memory(&program, image, bytes, c->err);

	if (!ret)
		ret = npu_device_open(&device, &embedded, c->err);
	if (!ret)
		ret = npu_session_open(&session, device, program, NULL, c->err);
	if (!ret)
		ret = infer_all(c, session);
	npu_session_close(session);
	npu_device_close(device);
	npu_program_free(program);
	return ret;
}

/* Its logarithm is the same everywhere: the choice depends on it. */
static double sqnr(const float *exact, const float *y, size_t count)
{
	double signal = 0, noise = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		double error = (double)y[i] - exact[i];

		signal += (double)exact[i] * exact[i];
		noise += error * error;
	}
	return 10 / M_LN10 * npu_log(signal / fmax(noise, 1e-30));
}

static int find_accuracy(const struct choice *c, const float *y, double *percent)
{
	struct npu_metrics metrics;
	int ret;

	*percent = NAN;
	if (!c->data->labels)
		return 0;
	ret = npu_metrics_compute(&metrics, c->data, y, c->outputs, c->err);
	if (ret)
		return ret;
	*percent = 100 * metrics.accuracy;
	npu_metrics_free(&metrics);
	return 0;
}

/* The program with @c->wide as it is, calibrated on at most @count samples beside the ranges. */
static int try_program(const struct choice *c, size_t count, struct score *score)
{
	void *image;
	size_t bytes;
	int ret = npu_compile_with_ranges(&c->model, c->samples,
					  count < c->count ? count : c->count, &c->options,
					  &c->ranges, &image, &bytes, c->err);

	if (ret)
		return ret;
	ret = run_program(c, image, bytes);
	npu_image_free(image);
	if (ret)
		return ret;
	score->sqnr_db = sqnr(c->exact, c->y, c->data->samples * c->outputs);
	return find_accuracy(c, c->y, &score->accuracy);
}

/* ----------------------------------------------------------------------- choosing */

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct choice *c = context;

	(void)pre;
	if (layer == c->model.nodes - 1)
		memcpy(c->exact + first * c->outputs, post, n * c->outputs * sizeof(float));
	return 0;
}

/* Values that a program of int8 has. */
static int list_candidates(struct choice *c)
{
	struct npu_graph graph;
	uint32_t i;
	size_t k;
	int ret = npu_graph_build(&graph, &c->model, &c->options, c->err);

	if (ret)
		return ret;
	npu_graph_fuse(&graph);
	for (i = 0; i < graph.values; i++) {
		const struct npu_graph_value *value = &graph.value[i];
		size_t place = value->layer == NPU_NO_LAYER ? 0 : 1 + value->layer;

		if (value->type != NPU_TYPE_INT8 ||
		    (!npu_graph_maker(&graph, i) && !npu_graph_reader(&graph, i, 0)))
			continue;
		for (k = 0; k < c->candidates && c->candidate[k] != place; k++)
			;
		if (k == c->candidates)
			c->candidate[c->candidates++] = place;
	}
	npu_graph_free(&graph);
	return 0;
}

/* By what each alone gains; of equals the first in the network. */
static void sort_candidates(struct choice *c)
{
	size_t i, k;

	for (i = 1; i < c->candidates; i++) {
		size_t place = c->candidate[i];

		for (k = i; k && c->gain[c->candidate[k - 1]] < c->gain[place]; k--)
			c->candidate[k] = c->candidate[k - 1];
		c->candidate[k] = place;
	}
}

static int measure_gains(struct choice *c)
{
	struct score without, with;
	size_t i;
	int ret = try_program(c, TRIAL_SAMPLES, &without);

	for (i = 0; !ret && i < c->candidates; i++) {
		c->wide[c->candidate[i]] = true;
		ret = try_program(c, TRIAL_SAMPLES, &with);
		c->wide[c->candidate[i]] = false;
		c->gain[c->candidate[i]] = ret ? 0 : with.sqnr_db - without.sqnr_db;
	}
	sort_candidates(c);
	return ret;
}

static bool is_good(const struct choice *c, const struct score *score, double accuracy,
		    double limit)
{
	return c->data->labels ? accuracy - score->accuracy <= limit : score->sqnr_db >= limit;
}

static int raise_values(struct choice *c, double limit, struct npu_wide_report *report)
{
	struct score score;
	size_t i;
	int ret = find_accuracy(c, c->exact, &report->model_accuracy);

	if (!ret)
		ret = try_program(c, c->count, &score);
	if (ret)
		return ret;
	report->int8_accuracy = score.accuracy;
	report->int8_sqnr_db = score.sqnr_db;
	if (!is_good(c, &score, report->model_accuracy, limit))
		ret = measure_gains(c);
	for (i = 0; !ret && !is_good(c, &score, report->model_accuracy, limit); i++) {
		if (i == c->candidates)
			break;
		c->wide[c->candidate[i]] = true;
		ret = try_program(c, c->count, &score);
	}
	report->raised = i;
	report->accuracy = score.accuracy;
	report->sqnr_db = score.sqnr_db;
	if (ret || is_good(c, &score, report->model_accuracy, limit))
		return ret;
	if (!c->data->labels)
		return npu_error_set(c->err, -ERANGE,
				     "with all values int16 the outputs have %.1f dB, %g are asked "
				     "for: what is left comes from int8 weights; train with "
				     "quantise_from",
				     score.sqnr_db, limit);
	return npu_error_set(
		c->err, -ERANGE,
		"with all values int16 %.2f %% are right, in f32 %.2f %%: more than "
		"the %g points that may be lost; what is left comes from int8 weights; "
		"train with quantise_from",
		score.accuracy, report->model_accuracy, limit);
}

/* -------------------------------------------------------------------------- setup */

static int check(const struct choice *c, double limit)
{
	const struct npu_dataset *data = c->data;
	int ret = npu_model_check_data(&c->model, data, c->err);

	if (ret)
		return ret;
	if (!data->x)
		return npu_error_set(c->err, -EINVAL,
				     "the data to measure on is read sample by sample; load it "
				     "first");
	if (!isfinite(limit))
		return npu_error_set(c->err, -EINVAL, "the limit is %g: it must be finite", limit);
	if (c->options.precision != NPU_PRECISION_INT8)
		return npu_error_set(c->err, -EINVAL,
				     "values can only be raised from int8; leave precision out");
	return 0;
}

/* Weights as they will be compiled. */
static int equalise(struct choice *c, const struct npu_compile_options *options)
{
	const struct npu_model *model = &c->model;
	int ret = 0;

	c->value = npu_floats_alloc(model->values);
	if (!c->value)
		return npu_error_set(c->err, -ENOMEM, "no memory for %zu weights", model->values);
	memcpy(c->value, model->value, model->values * sizeof(float));
	if (options->equalise)
		ret = npu_model_equalise(model, c->value, c->samples, options->lengths, c->count,
					 c->err);
	c->model.value = c->value;
	c->options.equalise = false;
	return ret;
}

static int prepare(struct choice *c, const struct npu_compile_options *options)
{
	size_t places = 1 + c->model.nodes;
	int ret = equalise(c, options);

	c->outputs = npu_model_outputs(&c->model);
	c->exact = malloc(c->data->samples * c->outputs * sizeof(float));
	c->y = malloc(c->data->samples * c->outputs * sizeof(float));
	c->candidate = malloc(places * sizeof(*c->candidate));
	c->gain = calloc(places, sizeof(*c->gain));
	if (!ret && (!c->exact || !c->y || !c->candidate || !c->gain))
		ret = npu_error_set(c->err, -ENOMEM, "no memory for the outputs of %zu samples",
				    c->data->samples);
	if (!ret)
		ret = list_candidates(c);
	if (!ret)
		ret = npu_ranges_find(&c->ranges, &c->model, c->samples, c->count, &c->options,
				      c->err);
	if (!ret)
		ret = npu_reference_forward(&c->model, c->data->x, c->data->lengths,
					    c->data->samples, visit, c, c->err);
	return ret;
}

int npu_model_choose_wide(const struct npu_model *model, const float *samples, size_t count,
			  const struct npu_dataset *data, const struct npu_compile_options *options,
			  double limit, bool *wide, struct npu_wide_report *report,
			  struct npu_error *err)
{
	const struct npu_compile_options defaults = { 0 };
	struct choice c = {
		.model = *model,
		.options = options ? *options : defaults,
		.samples = samples,
		.count = count,
		.data = data,
		.wide = wide,
		.err = err,
	};
	int ret = check(&c, limit);

	if (ret)
		return ret;
	memset(report, 0, sizeof(*report));
	memset(wide, 0, (1 + model->nodes) * sizeof(*wide));
	c.options.wide = wide;
	c.options.batch = 1;
	c.options.max_bytes = 0;
	ret = prepare(&c, options ? options : &defaults);
	if (!ret)
		ret = raise_values(&c, limit, report);
	npu_ranges_free(&c.ranges);
	free(c.value);
	free(c.exact);
	free(c.y);
	free(c.candidate);
	free(c.gain);
	return ret;
}
