// SPDX-License-Identifier: MIT
/* A run that was stopped and goes on from its checkpoint is one that never stopped, bit for bit. */
#include <errno.h>
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
#include "train/nn/model.h"

#define SAMPLES 90
#define WIDTH 40
#define EPOCHS 6

static float x[SAMPLES * WIDTH], weights[SAMPLES];
static int32_t labels[SAMPLES];
static char folder[] = "/tmp/npu-resume-XXXXXX";
static char checkpoint[64], state_file[80];

static const struct npu_dataset data = {
	.samples = SAMPLES,
	.dim = { 1, WIDTH, 1 },
	.features = WIDTH,
	.classes = 3,
	.x = x,
	.labels = labels,
	.weights = weights,
};

/* With all that is random, moves beside the gradient, or is worth a second thread. */
static struct npu_model *build(uint64_t seed)
{
	struct npu_error err = { 0 };
	struct npu_model *model;

	npu_model_create(&model, (uint32_t[3]){ 1, WIDTH, 1 }, seed, &err);
	npu_model_add(model, npu_flatten(), &err);
	npu_model_add(model, npu_dense(.units = 150), &err);
	npu_model_add(model, npu_batch_norm(.activation = NPU_RELU), &err);
	npu_model_add(model, npu_dropout(.rate = 0.3f), &err);
	npu_model_add(model, npu_dense(.units = 100, .activation = NPU_TANH), &err);
	if (npu_model_add(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX), &err) < 0)
		fail_msg("%s", err.message);
	return model;
}

/* @user: the epoch to stop after, 0 for none. */
static int stop_there(const struct npu_epoch *epoch, void *user)
{
	const unsigned int *after = user;

	return epoch->batch == epoch->batches && epoch->epoch == *after;
}

static void same_history(const struct npu_history *a, const struct npu_history *b)
{
	unsigned int i;

	assert_int_equal(a->epochs, b->epochs);
	assert_int_equal(a->best_epoch, b->best_epoch);
	assert_int_equal(a->stopped_early, b->stopped_early);
	for (i = 0; i < a->epochs; i++) {
		struct npu_epoch p = a->epoch[i], q = b->epoch[i];

		p.seconds = q.seconds = 0;
		assert_int_equal(p.epoch, q.epoch);
		assert_int_equal(p.batches, q.batches);
		assert_memory_equal(&p.loss, &q.loss, sizeof(float));
		assert_memory_equal(&p.accuracy, &q.accuracy, sizeof(float));
		assert_memory_equal(&p.rate, &q.rate, sizeof(float));
		if (!isnan(p.val_loss) || !isnan(q.val_loss))
			assert_memory_equal(&p.val_loss, &q.val_loss, sizeof(float));
	}
}

/* Once in one go and once in parts, at different numbers of threads. */
static void check_run(struct npu_fit_options options, unsigned int at, const char *name)
{
	struct npu_model *whole = build(5), *part = build(5), *rest = build(77);
	struct npu_history one, early, two;
	struct npu_error err = { 0 };
	unsigned int stop = at;

	options.epochs = EPOCHS;
	options.batch = 32;
	options.threads = 1;
	if (npu_model_fit(whole, &data, &options, &one, &err))
		fail_msg("%s: %s", name, err.message);

	options.threads = 2;
	options.checkpoint = checkpoint;
	options.progress = stop_there;
	options.user = &stop;
	assert_int_equal(npu_model_fit(part, &data, &options, &early, &err), -ECANCELED);
	assert_int_equal(early.epochs, at);

	stop = 0;
	options.threads = 3;
	options.resume = checkpoint;
	if (npu_model_fit(rest, &data, &options, &two, &err))
		fail_msg("%s: %s", name, err.message);
	if (memcmp(whole->value, rest->value, whole->values * sizeof(float)))
		fail_msg("%s, stopped after epoch %u: other weights", name, at);
	assert_memory_equal(&whole->rng, &rest->rng, sizeof(whole->rng));
	for (stop = 0; stop < whole->nodes; stop++)
		assert_memory_equal(&whole->node[stop].tracked, &rest->node[stop].tracked,
				    sizeof(whole->node[stop].tracked));
	same_history(&one, &two);
	npu_history_free(&one);
	npu_history_free(&early);
	npu_history_free(&two);
	npu_model_free(whole);
	npu_model_free(part);
	npu_model_free(rest);
}

static void test_optimisers(void **state)
{
	const struct npu_optimizer optimizers[] = {
		npu_sgd(),
		npu_sgd(.momentum = 0.9f, .nesterov = true, .clip_norm = 1),
		npu_rmsprop(.momentum = 0.5f),
		npu_adagrad(.l1 = 0.001f),
		npu_adam(.l2 = 0.01f),
		npu_adamw(),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(optimizers) / sizeof(optimizers[0]); i++)
		check_run((struct npu_fit_options){ .optimizer = optimizers[i] },
			  1 + (unsigned int)i % (EPOCHS - 1), "optimiser");
}

static void test_options(void **state)
{
	static const float class_weight[3] = { 1, 2, 0.5f };
	static const struct npu_augmentation augment = { .shift = { 0, 3 }, .noise = 0.2f };
	const struct npu_schedule plateau = { .kind = NPU_SCHEDULE_PLATEAU, .patience = 1 };
	const struct npu_schedule cosine = { .kind = NPU_SCHEDULE_COSINE, .warmup = 1.5f };
	const struct npu_fit_options options[] = {
		{ .validation_fraction = 0.3f },
		{ .validation_fraction = 0.3f, .patience = 3, .schedule = plateau },
		{ .schedule = cosine, .no_shuffle = true },
		{ .augment = &augment },
		{ .class_weight = class_weight, .proximal = 0.1f },
		{ .validation = &data, .patience = EPOCHS, .label_smoothing = 0.1f },
		{ .quantise_from = 2, .validation_fraction = 0.3f },
		{ .quantise_from = 1, .validation_fraction = 0.3f, .patience = 3 },
		/* patience ends it, before and after the stop */
		{ .patience = 1, .min_delta = 100, .optimizer = npu_sgd() },
	};
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		check_run(options[i], 2, "option");
	check_run(options[8], 1, "patience");
	/* stopped while the plateau is waited out: nothing is better by so much */
	check_run((struct npu_fit_options){ .schedule = { .kind = NPU_SCHEDULE_PLATEAU,
							  .patience = 3 },
					    .min_delta = 100 },
		  3, "plateau");
}

/* Reads the sample, but for one time: the disk fails. */
static int read_until(const struct npu_dataset *from, size_t sample, float *to,
		      struct npu_error *err)
{
	size_t *left = from->context;

	(void)err;
	if (*left && !--*left)
		return -EIO;
	memcpy(to, x + sample * WIDTH, WIDTH * sizeof(float));
	return 0;
}

/* Broken off amid an epoch, it goes on from the last checkpoint. */
static void test_amid(void **state)
{
	struct npu_model *whole = build(5), *part = build(5);
	struct npu_fit_options options = { .batch = 32, .epochs = 4, .checkpoint_every = 2 };
	struct npu_dataset failing = data;
	struct npu_history history;
	struct npu_error err = { 0 };
	size_t left = 3 * SAMPLES + 50;

	(void)state;
	assert_int_equal(npu_model_fit(whole, &data, &options, NULL, &err), 0);
	failing.x = NULL;
	failing.read = read_until;
	failing.context = &left;
	options.checkpoint = checkpoint;
	assert_int_equal(npu_model_fit(part, &failing, &options, &history, &err), -EIO);
	assert_int_equal(history.epochs, 3);
	npu_history_free(&history);
	options.resume = checkpoint;
	assert_int_equal(npu_model_fit(part, &failing, &options, &history, &err), 0);
	assert_int_equal(history.epochs, 4);
	assert_memory_equal(whole->value, part->value, whole->values * sizeof(float));
	npu_history_free(&history);
	npu_model_free(whole);
	npu_model_free(part);
}

/* A run that patience has ended goes on with more of it, as if it had always had that much. */
static void test_more_patience(void **state)
{
	struct npu_fit_options options = { .epochs = EPOCHS, .patience = 3, .min_delta = 100 };
	struct npu_model *patient = build(5), *part = build(5);
	struct npu_history one, two;
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit(patient, &data, &options, &one, &err), 0);
	assert_int_equal(one.epochs, 4);
	options.checkpoint = checkpoint;
	options.patience = 1;
	assert_int_equal(npu_model_fit(part, &data, &options, NULL, &err), 0);
	options.resume = checkpoint;
	assert_int_equal(npu_model_fit(part, &data, &options, &two, &err), 0);
	assert_int_equal(two.epochs, 2);
	npu_history_free(&two);
	options.patience = 3;
	assert_int_equal(npu_model_fit(part, &data, &options, &two, &err), 0);
	same_history(&one, &two);
	assert_memory_equal(patient->value, part->value, part->values * sizeof(float));
	npu_history_free(&one);
	npu_history_free(&two);
	npu_model_free(patient);
	npu_model_free(part);
}

/* Checkpoints come every so many epochs, and after the last. */
static void test_every(void **state)
{
	struct npu_model *saved = build(5), *late = build(6);
	struct npu_fit_options options = {
		.batch = 32, .epochs = 4, .checkpoint_every = 3, .checkpoint = checkpoint
	};
	struct npu_history history;
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit(saved, &data, &options, NULL, &err), 0);
	options.resume = checkpoint;
	assert_int_equal(npu_model_fit(late, &data, &options, &history, &err), 0);
	assert_int_equal(history.epochs, 4);
	assert_memory_equal(late->value, saved->value, late->values * sizeof(float));
	npu_history_free(&history);
	options.epochs = 2;
	assert_int_equal(npu_model_fit(late, &data, &options, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.message, "epoch 4"));
	npu_model_free(saved);
	npu_model_free(late);
}

/* The model of a checkpoint is an ONNX file like any other, of the weights of that epoch. */
static void test_model_file(void **state)
{
	struct npu_model *model = build(5), *loaded;
	struct npu_fit_options options = { .epochs = 1, .checkpoint = checkpoint };
	struct npu_error err = { 0 };
	float a[3], b[3];

	(void)state;
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), 0);
	if (npu_model_load(&loaded, checkpoint, &err))
		fail_msg("%s", err.message);
	assert_int_equal(npu_model_predict(model, x, 1, 1, a, &err), 0);
	assert_int_equal(npu_model_predict(loaded, x, 1, 1, b, &err), 0);
	assert_memory_equal(a, b, sizeof(a));
	/* and training goes on from there, too */
	options.resume = checkpoint;
	options.epochs = 2;
	if (npu_model_fit(loaded, &data, &options, NULL, &err))
		fail_msg("%s", err.message);
	npu_model_free(model);
	npu_model_free(loaded);
}

static void refused(struct npu_model *model, struct npu_fit_options options, const char *word)
{
	size_t bytes = model->values * sizeof(float);
	float *before = npu_floats_alloc(model->values);
	struct npu_history history;
	struct npu_error err = { 0 };
	int ret;

	memcpy(before, model->value, bytes);
	options.resume = checkpoint;
	ret = npu_model_fit(model, &data, &options, &history, &err);
	if (!ret || !strstr(err.message, word))
		fail_msg("%d, \"%s\" does not say \"%s\"", ret, err.message, word);
	assert_int_equal(history.epochs, 0);
	npu_history_free(&history);
	assert_memory_equal(model->value, before, bytes);
	free(before);
}

/* A run that could not begin does not change the next one. */
static void test_no_trace(void **state)
{
	struct npu_fit_options options = { .epochs = 2, .resume = "nowhere.onnx" };
	struct npu_model *one = build(5), *two = build(5);
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit(two, &data, &options, NULL, &err), -ENOENT);
	options.resume = NULL;
	assert_int_equal(npu_model_fit(one, &data, &options, NULL, &err), 0);
	assert_int_equal(npu_model_fit(two, &data, &options, NULL, &err), 0);
	assert_memory_equal(one->value, two->value, one->values * sizeof(float));
	npu_model_free(one);
	npu_model_free(two);
}

static void test_refusals(void **state)
{
	const struct npu_fit_options right = { .epochs = 2, .batch = 30, .checkpoint = checkpoint };
	struct npu_model *model = build(1), *other;
	struct npu_fit_options wrong = right;
	struct npu_error err = { 0 };

	(void)state;
	assert_int_equal(npu_model_fit(model, &data, &right, NULL, &err), 0);
	wrong.epochs = 3;
	wrong.batch = 31;
	refused(model, wrong, "30 samples in a batch, this run 31");
	wrong.batch = 30;
	wrong.optimizer = npu_adamw();
	refused(model, wrong, "optimiser");
	wrong.optimizer = npu_adam();
	wrong.validation_fraction = 0.1f;
	refused(model, wrong, "samples to train on");
	wrong.validation_fraction = 0;
	wrong.patience = 1;
	refused(model, wrong, "written without patience");
	wrong.patience = 0;
	wrong.proximal = 1;
	refused(model, wrong, "proximal");
	wrong.proximal = 0;
	npu_model_freeze(model, 1, true, &err);
	refused(model, wrong, "others frozen");
	npu_model_create(&other, (uint32_t[3]){ 1, WIDTH, 1 }, 1, &err);
	npu_model_add(other, npu_flatten(), &err);
	npu_model_add(other, npu_dense(.units = 3, .activation = NPU_SOFTMAX), &err);
	refused(other, wrong, "other layers");
	unlink(state_file);
	refused(other, wrong, state_file);
	npu_model_free(model);
	npu_model_free(other);
}

static size_t read_state(char **bytes)
{
	FILE *file = fopen(state_file, "rb");
	size_t size;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = (size_t)ftell(file);
	rewind(file);
	*bytes = malloc(size);
	assert_int_equal(fread(*bytes, 1, size, file), size);
	fclose(file);
	return size;
}

static void write_state(const char *bytes, size_t size)
{
	FILE *file = fopen(state_file, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

/* A file that is cut off, or damaged anywhere, is refused, and the model left as it is. */
static void test_damage(void **state)
{
	struct npu_fit_options options = { .epochs = 2, .batch = 30, .checkpoint = checkpoint };
	struct npu_model *model;
	struct npu_error err = { 0 };
	struct npu_rng rng;
	size_t size, i;
	char *bytes;

	(void)state;
	npu_model_create(&model, (uint32_t[3]){ 1, WIDTH, 1 }, 1, &err);
	npu_model_add(model, npu_flatten(), &err);
	npu_model_add(model, npu_dense(.units = 3, .activation = NPU_SOFTMAX), &err);
	assert_int_equal(npu_model_fit(model, &data, &options, NULL, &err), 0);
	size = read_state(&bytes);
	npu_rng_seed(&rng, 1, 0);
	options.epochs = 3;
	options.checkpoint = NULL;
	for (i = 0; i < 300; i++) {
		size_t at = i < 250 ? i % size : npu_rng_below(&rng, size);

		bytes[at] ^= 1 << i % 8;
		write_state(bytes, size);
		refused(model, options, state_file);
		bytes[at] ^= 1 << i % 8;
		write_state(bytes, i < 100 ? i * 4 : npu_rng_below(&rng, size));
		refused(model, options, state_file);
	}
	write_state(bytes, size);
	options.resume = checkpoint;
	if (npu_model_fit(model, &data, &options, NULL, &err))
		fail_msg("%s", err.message);
	free(bytes);
	npu_model_free(model);
}

static int clean(void **state)
{
	(void)state;
	unlink(checkpoint);
	unlink(state_file);
	rmdir(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_optimisers),    cmocka_unit_test(test_options),
		cmocka_unit_test(test_amid),	      cmocka_unit_test(test_every),
		cmocka_unit_test(test_more_patience), cmocka_unit_test(test_model_file),
		cmocka_unit_test(test_no_trace),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_damage),
	};
	struct npu_rng rng;
	size_t i;

	npu_rng_seed(&rng, 1, 0);
	for (i = 0; i < SAMPLES * WIDTH; i++)
		x[i] = (float)npu_rng_normal(&rng);
	for (i = 0; i < SAMPLES; i++) {
		labels[i] = (int32_t)npu_rng_below(&rng, 3);
		weights[i] = 0.5f + (float)npu_rng_uniform(&rng);
	}
	if (!mkdtemp(folder))
		return 1;
	snprintf(checkpoint, sizeof(checkpoint), "%s/run.onnx", folder);
	snprintf(state_file, sizeof(state_file), "%s.state", checkpoint);
	return cmocka_run_group_tests(tests, NULL, clean);
}
