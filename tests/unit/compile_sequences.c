// SPDX-License-Identifier: MIT
/* Recurrent programs: streamed step by step, in both directions, over sequences of any length. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compile_model.h"

#define STEPS 12
#define FEATURES 5
#define UNITS 18
#define SAMPLES 24
#define BATCH 3

static const struct npu_layer layers[] = {
	npu_rnn(.units = UNITS),
	npu_rnn(.units = UNITS, .activation = NPU_RELU),
	npu_rnn(.units = UNITS, .activation = NPU_SOFTPLUS),
	npu_rnn(.units = UNITS, .activation = NPU_SIGMOID),
	npu_lstm(.units = UNITS),
	npu_gru(.units = UNITS),
	npu_gru(.units = UNITS, .reset_after = true),
};

#define LAYERS (sizeof(layers) / sizeof(layers[0]))

static struct npu_model *make_model(struct npu_layer layer, uint32_t steps, uint32_t inputs)
{
	const uint32_t dim[3] = { 1, steps, inputs };
	struct npu_parameter p;
	struct npu_error err = { 0 };
	struct npu_model *model;
	size_t i, k;

	check_ok(npu_model_create(&model, dim, 3, &err), &err);
	check_ok(npu_model_add(model, layer, &err), &err);
	for (i = 0; i < npu_model_parameters(model); i++) {
		npu_model_parameter(model, i, &p);
		/* No sums that explode, where nothing keeps them small. */
		for (k = 0; k < p.count; k++)
			p.value[k] = 0.6f * p.value[k] + 0.1f * (float)((int)(k * 7 + i) % 5 - 2);
	}
	return model;
}

/* Decibels of @got over its difference from @want. */
static double sqnr(const float *want, const float *got, size_t count)
{
	double signal = 1e-30, noise = 1e-30;
	size_t i;

	for (i = 0; i < count; i++) {
		signal += (double)want[i] * want[i];
		noise += ((double)want[i] - got[i]) * ((double)want[i] - got[i]);
	}
	return 10 * log10(signal / noise);
}

/* ------------------------------------------------------------------------ streaming */

/* The same samples calibrate both: steps one by one are samples of one step that go on. */
static void check_stream(struct npu_layer layer, enum npu_precision precision, const float *x)
{
	struct npu_model *whole, *step;
	struct compiled all, one;
	float want[UNITS], got[UNITS], again[UNITS];
	struct npu_error err = { 0 };
	size_t s, t;

	layer.stateful = true;
	whole = make_model(layer, STEPS, FEATURES);
	step = make_model(layer, 1, FEATURES);
	all = compile_model(whole, x, SAMPLES, precision, 1);
	one = compile_model(step, x, SAMPLES * STEPS, precision, 1);
	assert_true(npu_session_state_bytes(one.session) > 0);
	for (s = 0; s < 4; s++) {
		const float *sequence = x + s * STEPS * FEATURES;

		check_ok(npu_session_reset_state(all.session, &err), &err);
		check_ok(npu_session_reset_state(one.session, &err), &err);
		check_ok(npu_infer_f32(all.session, sequence, want, &err), &err);
		for (t = 0; t < STEPS; t++)
			check_ok(npu_infer_f32(one.session, sequence + t * FEATURES, got, &err),
				 &err);
		assert_memory_equal(got, want, sizeof(got));
	}
	/* And it does remember. */
	check_ok(npu_infer_f32(one.session, x, again, &err), &err);
	check_ok(npu_session_reset_state(one.session, &err), &err);
	check_ok(npu_infer_f32(one.session, x, got, &err), &err);
	assert_memory_not_equal(got, again, sizeof(got));
	compiled_close(&all);
	compiled_close(&one);
	npu_model_free(whole);
	npu_model_free(step);
}

static void streams_equal_the_whole(void **state)
{
	float *x = random_floats(SAMPLES * STEPS * FEATURES, -1, 1, 4);
	size_t i;

	(void)state;
	for (i = 0; i < LAYERS; i++) {
		check_stream(layers[i], NPU_PRECISION_INT8, x);
		check_stream(layers[i], NPU_PRECISION_INT16, x);
	}
	free(x);
}

/* All steps of a piece, layers behind that read them, and one that reads them both ways. */
static void streams_of_pieces(void **state)
{
	const uint32_t dim[3] = { 1, 4, FEATURES };
	float *x = random_floats(SAMPLES * 4 * FEATURES, -1, 1, 6), want[3], got[3];
	struct npu_error err = { 0 };
	struct npu_model *model;
	struct compiled c;
	int i, round;

	(void)state;
	check_ok(npu_model_create(&model, dim, 2, &err), &err);
	check_ok(npu_model_add(model,
			       npu_lstm(.units = 6, .stateful = true, .sequences = true,
					.activation = NPU_RELU),
			       &err),
		 &err);
	check_ok(npu_model_add(model, npu_gru(.units = 5, .stateful = true, .bidirectional = true),
			       &err),
		 &err);
	check_ok(npu_model_add(model, npu_dense(.units = 3), &err), &err);
	c = compile_model(model, x, SAMPLES, NPU_PRECISION_INT16, 1);
	for (round = 0; round < 2; round++) {
		check_ok(npu_session_reset_state(c.session, &err), &err);
		npu_model_reset_state(model);
		for (i = 0; i < 5; i++) {
			check_ok(npu_model_predict(model, x + i * 4 * FEATURES, 1, 1, want, &err),
				 &err);
			check_ok(npu_infer_f32(c.session, x + i * 4 * FEATURES, got, &err), &err);
			assert_true(sqnr(want, got, 3) > 28);
		}
	}
	compiled_close(&c);
	npu_model_free(model);
	free(x);
}

/* -------------------------------------------------------------------------- lengths */

static void infer_with_lengths(const struct compiled *c, const struct npu_dataset *data, float *y)
{
	const struct npu_io *lengths = npu_program_input(c->program, 1);
	const struct npu_io *output = npu_program_output(c->program, 0);
	struct npu_request *request = npu_session_request(c->session, 0);
	struct npu_error err = { 0 };
	size_t s;

	assert_string_equal(lengths->name, "lengths");
	assert_int_equal(lengths->element, NPU_INT32);
	assert_int_equal(lengths->elements, BATCH);
	for (s = 0; s < data->samples; s += BATCH) {
		assert_int_equal(npu_request_write_f32(request, 0, data->x + s * data->features),
				 0);
		memcpy(npu_request_input(request, 1), data->lengths + s, BATCH * sizeof(int32_t));
		check_ok(npu_infer(request, &err), &err);
		assert_int_equal(npu_request_read_f32(request, 0, y + s / BATCH * output->elements),
				 0);
	}
}

static void check_lengths(struct npu_layer layer, enum npu_precision precision, double least)
{
	const uint32_t dim[3] = { 1, STEPS, FEATURES };
	struct npu_compile_options options = {
		.precision = precision,
		.batch = BATCH,
		.length_input = true,
	};
	struct npu_model *model = make_model(layer, STEPS, FEATURES);
	size_t outputs = npu_model_outputs(model), i;
	float *want = calloc(SAMPLES * outputs, sizeof(*want));
	float *got = calloc(SAMPLES * outputs, sizeof(*got));
	struct npu_dataset data;
	struct npu_error err = { 0 };
	struct compiled c = { 0 };
	float *x = random_floats(SAMPLES * STEPS * FEATURES, -1, 1, 8);

	check_ok(npu_dataset_alloc(&data, SAMPLES, dim, outputs, 0, &err), &err);
	memcpy(data.x, x, SAMPLES * STEPS * FEATURES * sizeof(*x));
	data.lengths = calloc(SAMPLES, sizeof(*data.lengths));
	for (i = 0; i < SAMPLES; i++)
		data.lengths[i] = 1 + (uint32_t)(i * 5) % STEPS;
	options.lengths = data.lengths;
	check_ok(npu_model_predict_data(model, &data, 1, want, &err), &err);
	check_ok(npu_model_compile(model, data.x, SAMPLES, &options, &c.image, &c.bytes, &err),
		 &err);
	compiled_open(&c, NULL);
	infer_with_lengths(&c, &data, got);
	if (sqnr(want, got, SAMPLES * outputs) < least)
		fail_msg("kind %d: %.1f dB", layer.kind, sqnr(want, got, SAMPLES * outputs));
	compiled_close(&c);
	npu_dataset_free(&data);
	npu_model_free(model);
	free(x);
	free(want);
	free(got);
}

static void lengths_are_honoured(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < LAYERS; i++) {
		struct npu_layer layer = layers[i];

		check_lengths(layer, NPU_PRECISION_INT8, 25);
		layer.backwards = true;
		check_lengths(layer, NPU_PRECISION_INT16, 33);
		layer.sequences = layer.bidirectional = true;
		layer.backwards = false;
		check_lengths(layer, NPU_PRECISION_INT8, 25);
	}
}

static void pooling_of_lengths_is_refused(void **state)
{
	const struct npu_compile_options options = { .length_input = true };
	struct npu_model *model = make_model(npu_lstm(.units = 4, .sequences = true), 6, 2);
	struct npu_compile_quote quote;
	struct npu_error err = { 0 };

	(void)state;
	check_ok(npu_model_compile_quote(model, &options, &quote, &err), &err);
	check_ok(npu_model_add(model, npu_global_average_pool(.name = "mean"), &err), &err);
	check_ok(npu_model_compile_quote(model, NULL, &quote, &err), &err);
	assert_int_equal(npu_model_compile_quote(model, &options, &quote, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "\"mean\""));
	npu_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_equal_the_whole),
		cmocka_unit_test(streams_of_pieces),
		cmocka_unit_test(lengths_are_honoured),
		cmocka_unit_test(pooling_of_lengths_is_refused),
	};

	return cmocka_run_group_tests_name("compile_sequences", tests, NULL, NULL);
}
