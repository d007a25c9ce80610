// SPDX-License-Identifier: MIT
/* Learning rates over the epochs, and the history that tells of them. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "npu_train.h"
#include "train/nn/training/schedule.h"

#define BATCHES 4

static struct npu_rate rate_of(struct npu_schedule schedule, float base, unsigned int epochs)
{
	struct npu_error err = { 0 };
	struct npu_rate rate;

	if (npu_schedule_resolve(&schedule, epochs, base, &err))
		fail_msg("%s", err.message);
	npu_rate_init(&rate, &schedule, base, BATCHES);
	return rate;
}

static void same(double got, double wanted)
{
	if (fabs(got - wanted) > 1e-6 * fabs(wanted) + 1e-12)
		fail_msg("%.9g, should be %.9g", got, wanted);
}

static void test_formulas(void **state)
{
	struct npu_rate constant = rate_of((struct npu_schedule){ 0 }, 0.1f, 10);
	struct npu_rate step = rate_of(
		(struct npu_schedule){ .kind = NPU_SCHEDULE_STEP, .every = 3, .factor = 0.5f },
		0.1f, 10);
	struct npu_rate falling =
		rate_of((struct npu_schedule){ .kind = NPU_SCHEDULE_EXPONENTIAL, .factor = 0.9f },
			0.1f, 10);
	struct npu_rate cosine = rate_of((struct npu_schedule){ .kind = NPU_SCHEDULE_COSINE,
								.min_rate = 0.01f,
								.warmup = 2 },
					 0.1f, 10);
	struct npu_rate low = rate_of(
		(struct npu_schedule){ .kind = NPU_SCHEDULE_STEP, .every = 1, .min_rate = 0.02f },
		0.1f, 10);
	uint64_t k;

	(void)state;
	for (k = 0; k < 10 * BATCHES; k++) {
		double t = (double)k / BATCHES, left = fmin((t - 2) / 8, 1);

		same(npu_rate_at(&constant, k), 0.1);
		same(npu_rate_at(&step, k), 0.1 * pow(0.5, floor(t / 3)));
		same(npu_rate_at(&falling, k), 0.1 * pow(0.9f, t));
		same(npu_rate_at(&cosine, k),
		     t < 2 ? 0.1 * (double)(k + 1) / (2 * BATCHES)
			   : 0.01f + (0.1f - 0.01f) * (1 + cos(M_PI * left)) / 2);
		same(npu_rate_at(&low, k), t < 1 ? 0.1 : 0.02);
	}
	same(npu_rate_at(&cosine, 100 * BATCHES), 0.01);
}

/* Warm-up of a part of an epoch, before any schedule. */
static void test_warmup(void **state)
{
	struct npu_rate rate = rate_of((struct npu_schedule){ .warmup = 0.5f }, 0.1f, 10);

	(void)state;
	same(npu_rate_at(&rate, 0), 0.05);
	same(npu_rate_at(&rate, 1), 0.1);
	same(npu_rate_at(&rate, 2), 0.1);
}

static void test_plateau(void **state)
{
	struct npu_rate rate = rate_of((struct npu_schedule){ .kind = NPU_SCHEDULE_PLATEAU,
							      .patience = 2,
							      .factor = 0.5f,
							      .min_rate = 0.03f },
				       0.1f, 10);
	static const bool better[] = {
		true, false, true, false, false, false, false, false, false
	};
	static const double wanted[] = { 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(better) / sizeof(better[0]); i++) {
		npu_rate_watch(&rate, better[i]);
		same(npu_rate_at(&rate, i), wanted[i]);
	}
}

static void refused(struct npu_schedule schedule, const char *word)
{
	struct npu_error err = { 0 };

	assert_int_equal(npu_schedule_resolve(&schedule, 10, 0.1f, &err), -EINVAL);
	if (!strstr(err.message, word))
		fail_msg("\"%s\" does not say \"%s\"", err.message, word);
}

static void test_refusals(void **state)
{
	(void)state;
	refused((struct npu_schedule){ .kind = 44 }, "44");
	refused((struct npu_schedule){ .warmup = -1 }, "warm-up");
	refused((struct npu_schedule){ .kind = NPU_SCHEDULE_STEP, .factor = 1 }, "factor");
	refused((struct npu_schedule){ .kind = NPU_SCHEDULE_STEP, .factor = NAN }, "factor");
	refused((struct npu_schedule){ .kind = NPU_SCHEDULE_COSINE, .min_rate = 0.2f }, "min_rate");
}

/* Fit obeys: what it reports is what the weights moved by. */
static void test_fit(void **state)
{
	float x[4] = { 1, 1, 1, 1 }, y[4] = { 5, 5, 5, 5 };
	struct npu_dataset data = {
		.samples = 4, .dim = { 1, 1, 1 }, .features = 1, .targets = 1, .x = x, .y = y
	};
	struct npu_fit_options options = {
		.loss = NPU_LOSS_MAE,
		.optimizer = npu_sgd(.rate = 0.1f),
		.schedule = { .kind = NPU_SCHEDULE_STEP, .every = 1, .factor = 0.5f },
		.batch = 4,
		.epochs = 3,
	};
	struct npu_history history;
	struct npu_error err = { 0 };
	struct npu_parameter p;
	struct npu_model *model;
	float before;

	(void)state;
	npu_model_create(&model, (uint32_t[3]){ 1, 1, 1 }, 1, &err);
	npu_model_add(model, npu_dense(.units = 1, .no_bias = true), &err);
	npu_model_parameter(model, 0, &p);
	before = p.value[0];
	assert_int_equal(npu_model_fit(model, &data, &options, &history, &err), 0);
	/* the derivative is -1 all the time */
	assert_true(fabsf(p.value[0] - before - 0.1f - 0.05f - 0.025f) < 1e-6f);
	same(history.epoch[2].rate, 0.025);
	npu_history_free(&history);
	npu_model_free(model);
}

static char *read_file(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	unlink(path);
	return text;
}

static void test_history_files(void **state)
{
	struct npu_epoch epochs[2] = {
		{ .epoch = 1,
		  .loss = 0.5f,
		  .accuracy = NAN,
		  .val_loss = 1.25f,
		  .val_accuracy = NAN,
		  .rate = 0.001f,
		  .seconds = 1.5 },
		{ .epoch = 2,
		  .loss = 1e-9f,
		  .accuracy = 1,
		  .val_loss = NAN,
		  .val_accuracy = 0.75f,
		  .rate = 0.5f,
		  .seconds = 3 },
	};
	struct npu_history history = {
		.epochs = 2, .best_epoch = 2, .stopped_early = true, .epoch = epochs
	};
	char csv[] = "/tmp/npu-history-XXXXXX", json[64];
	struct npu_error err = { 0 };

	(void)state;
	setlocale(LC_ALL, "de_DE.UTF-8"); /* a comma for a point, if it is installed */
	close(mkstemp(csv));
	assert_int_equal(npu_history_write(&history, csv, &err), 0);
	assert_string_equal(read_file(csv),
			    "epoch,loss,accuracy,val_loss,val_accuracy,rate,seconds\n"
			    "1,0.5,,1.25,,0.00100000005,1.5\n"
			    "2,9.99999972e-10,1,,0.75,0.5,3\n");
	snprintf(json, sizeof(json), "%s.json", csv);
	assert_int_equal(npu_history_write(&history, json, &err), 0);
	assert_string_equal(
		read_file(json),
		"{\"best_epoch\": 2, \"stopped_early\": true, \"epochs\": [\n"
		"  {\"epoch\": 1, \"loss\": 0.5, \"accuracy\": null, \"val_loss\": 1.25, "
		"\"val_accuracy\": null, \"rate\": 0.00100000005, \"seconds\": 1.5},\n"
		"  {\"epoch\": 2, \"loss\": 9.99999972e-10, \"accuracy\": 1, \"val_loss\": null, "
		"\"val_accuracy\": 0.75, \"rate\": 0.5, \"seconds\": 3}\n"
		"]}\n");
	setlocale(LC_ALL, "C");
	assert_true(npu_history_write(&history, "/nowhere/history.csv", &err) < 0);
	assert_non_null(strstr(err.message, "/nowhere/history.csv"));
	history.epochs = 0;
	assert_int_equal(npu_history_write(&history, json, &err), 0);
	assert_string_equal(read_file(json), "{\"best_epoch\": 2, \"stopped_early\": true, "
					     "\"epochs\": [\n]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas), cmocka_unit_test(test_warmup),
		cmocka_unit_test(test_plateau),	 cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_fit),	 cmocka_unit_test(test_history_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
