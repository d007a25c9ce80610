// SPDX-License-Identifier: MIT
/* Reports on compiled programs: what is counted is right, and errors are those of the outputs. */
#include <math.h>
#include <string.h>

#define NN_CASE_SAMPLES 40

#include "compile_model.h"
#include "nn_cases.h"

/**
 * struct reported - a program and the report on it
 */
struct reported {
	struct npu_compile_report report;
	struct npu_compile_quote quote;
	struct compiled compiled;
};

static void make_report(struct reported *r, const struct npu_model *model, const float *x,
			size_t count, const struct npu_compile_options *options)
{
	struct npu_error err = { 0 };

	memset(r, 0, sizeof(*r));
	check_ok(npu_model_compile_quote(model, options, &r->quote, &err), &err);
	check_ok(npu_model_compile_report(model, x, count, options, &r->compiled.image,
					  &r->compiled.bytes, &r->report, &err),
		 &err);
}

static void check_sums(const struct reported *r)
{
	const struct npu_compile_report *report = &r->report;
	double share = 0, measured = 0, predicted = 0;
	uint64_t macs = 0;
	size_t i;

	assert_true(report->layers > 0);
	for (i = 0; i < report->layers; i++) {
		const struct npu_layer_report *layer = &report->layer[i];

		assert_true(layer->name[0] && layer->instructions[0] && layer->precision[0]);
		assert_true(layer->activation_bytes > 0);
		assert_true(layer->measured_us >= 0 && layer->predicted_us > 0);
		assert_true(layer->roofline >= 0 && layer->share >= 0 && layer->share <= 1);
		assert_true(isnan(layer->cosine) ||
			    (layer->cosine > 0.5 && layer->cosine < 1 + 1e-9));
		share += layer->share;
		measured += layer->measured_us;
		predicted += layer->predicted_us;
		macs += layer->macs;
	}
	assert_true(fabs(share - 1) < 1e-6);
	assert_true(fabs(measured - report->measured_us) < 1e-6 * measured);
	assert_true(fabs(predicted - report->predicted_us) < 1e-6 * predicted);
	assert_int_equal(macs, report->macs);
	assert_int_equal(report->peak_bytes, r->quote.weight_bytes + r->quote.const_bytes +
						     r->quote.insn_bytes + r->quote.io_bytes +
						     r->quote.scratch_bytes + r->quote.state_bytes);
	assert_true(report->macs_per_us > 0 && report->outputs_per_us > 0 &&
		    report->bytes_per_us > 0 && report->variant[0]);
}

/* SQNR of the last layer, from outputs of a session. */
static double output_sqnr(struct reported *r, const struct npu_model *model, const float *x,
			  size_t count)
{
	size_t outputs = npu_model_outputs(model), i, k;
	float *want = calloc(count * outputs, sizeof(*want));
	float *got = calloc(outputs, sizeof(*got));
	double signal = 0, noise = 0;
	struct npu_error err = { 0 };

	check_ok(npu_model_predict(model, x, count, 1, want, &err), &err);
	compiled_open(&r->compiled, NULL);
	for (i = 0; i < count; i++) {
		check_ok(npu_infer_f32(r->compiled.session, x + i * npu_model_features(model), got,
				       &err),
			 &err);
		for (k = 0; k < outputs; k++) {
			double w = want[i * outputs + k];

			signal += w * w;
			noise += (w - got[k]) * (w - got[k]);
		}
	}
	npu_session_close(r->compiled.session);
	npu_program_free(r->compiled.program);
	npu_device_close(r->compiled.device);
	free(want);
	free(got);
	return 10 * log10(signal / noise);
}

static void free_reported(struct reported *r)
{
	npu_compile_report_free(&r->report);
	npu_image_free(r->compiled.image);
}

static void test_every_layer(void **state)
{
	const struct npu_compile_options options = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < NN_CASES; i++) {
		const struct npu_layer_report *last;
		struct npu_error err = { 0 };
		struct npu_dataset data;
		struct npu_model *model;
		struct reported r;
		double sqnr;

		check_ok(nn_case_model(&nn_cases[i], &model, &err), &err);
		check_ok(nn_case_data(&nn_cases[i], model, &data, &err), &err);
		make_report(&r, model, data.x, data.samples, &options);
		check_sums(&r);
		assert_int_equal(r.report.samples, data.samples);
		last = &r.report.layer[r.report.layers - 1];
		sqnr = output_sqnr(&r, model, data.x, data.samples);
		/* the fast f32 kernels are not the reference to the last bit */
		if (!(fabs(last->sqnr_db - sqnr) < 0.2))
			fail_msg("%s: layer %s is said to be at %g dB, outputs are at %g dB",
				 nn_cases[i].name, last->name, last->sqnr_db, sqnr);
		free_reported(&r);
		npu_dataset_free(&data);
		npu_model_free(model);
	}
}

/* Counts of a network that is small enough to count by hand; batches of three, the last not full.
 */
static void test_counts(void **state)
{
	const struct npu_compile_options int8 = { .batch = 3 };
	const struct npu_compile_options int16 = { .batch = 3, .precision = NPU_PRECISION_INT16 };
	struct npu_model *model = make_mlp(20, 7, NPU_RELU, NPU_SOFTMAX, 1);
	float *x = random_floats(20 * 40, -1, 1, 2);
	struct reported r, wide;
	size_t i;

	(void)state;
	make_report(&r, model, x, 40, &int8);
	check_sums(&r);
	assert_int_equal(r.report.layers, 3);
	assert_int_equal(r.report.layer[0].macs, 3 * 20 * 48);
	assert_int_equal(r.report.layer[1].macs, 3 * 48 * 32);
	assert_int_equal(r.report.layer[2].macs, 3 * 32 * 7);
	/* packed weights, biases, a scale for each lane */
	assert_int_equal(r.report.layer[0].weight_bytes, 48 * 20 + 48 * 4 + 48 * 8);
	assert_int_equal(r.report.layer[2].weight_bytes, 16 * 32 + 16 * 4 + 16 * 8);
	assert_int_equal(r.report.layer[0].activation_bytes, 3 * (20 + 48));
	assert_int_equal(r.report.layer[2].activation_bytes, 3 * (32 + 7 + 7 + 7));
	assert_string_equal(r.report.layer[0].instructions, "fully_connected");
	assert_string_equal(r.report.layer[2].instructions, "fully_connected, softmax");
	assert_string_equal(r.report.layer[0].precision, "int8");

	make_report(&wide, model, x, 40, &int16);
	check_sums(&wide);
	assert_string_equal(wide.report.layer[0].precision, "int16");
	for (i = 0; i < 3; i++) {
		assert_true(r.report.layer[i].sqnr_db > 25);
		assert_true(wide.report.layer[i].sqnr_db > r.report.layer[i].sqnr_db);
		assert_true(wide.report.layer[i].cosine > 0.999);
	}
	free_reported(&r);
	free_reported(&wide);
	npu_model_free(model);
	free(x);
}

/* The program is the one that npu_model_compile() makes; at most 200 samples are compared. */
static void test_same_program(void **state)
{
	struct npu_model *model = make_mlp(10, 4, NPU_TANH, NPU_LINEAR, 3);
	float *x = random_floats(10 * 250, -1, 1, 4);
	struct npu_error err = { 0 };
	struct reported r;
	size_t bytes;
	void *image;

	(void)state;
	make_report(&r, model, x, 250, NULL);
	assert_int_equal(r.report.samples, 200);
	check_ok(npu_model_compile(model, x, 250, NULL, &image, &bytes, &err), &err);
	assert_int_equal(bytes, r.compiled.bytes);
	assert_memory_equal(image, r.compiled.image, bytes);
	npu_image_free(image);
	free_reported(&r);
	npu_model_free(model);
	free(x);
}

static void test_refused(void **state)
{
	const struct npu_compile_options options = { .max_bytes = 100 };
	struct npu_model *model = make_mlp(10, 4, NPU_TANH, NPU_LINEAR, 3);
	float *x = random_floats(10 * 20, -1, 1, 4);
	struct npu_compile_report report;
	struct npu_error err = { 0 };
	size_t bytes;
	void *image;

	(void)state;
	assert_true(npu_model_compile_report(model, x, 20, &options, &image, &bytes, &report,
					     &err) < 0);
	assert_non_null(strstr(err.message, "limit is 100"));
	npu_model_free(model);
	free(x);
}

/* Each row of a request is a stream of its own; errors don't depend on how many there are. */
static void test_streams(void **state)
{
	const uint32_t dim[3] = { 1, 4, 3 };
	struct npu_compile_options options = { 0 };
	float *x = random_floats(42 * 4 * 3, -2, 2, 5);
	struct npu_error err = { 0 };
	struct npu_model *model;
	struct reported one, four;

	(void)state;
	check_ok(npu_model_create(&model, dim, 3, &err), &err);
	check_ok(npu_model_add(model, npu_lstm(.units = 6, .stateful = true), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 3), &err), &err);
	make_report(&one, model, x, 42, &options);
	options.batch = 4;
	make_report(&four, model, x, 42, &options);
	assert_true(one.report.layer[1].sqnr_db > 25);
	assert_true(fabs(one.report.layer[0].sqnr_db - four.report.layer[0].sqnr_db) < 1e-9);
	assert_true(fabs(one.report.layer[1].sqnr_db - four.report.layer[1].sqnr_db) < 1e-9);
	free_reported(&one);
	free_reported(&four);
	npu_model_free(model);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_layer),  cmocka_unit_test(test_counts),
		cmocka_unit_test(test_same_program), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
