// SPDX-License-Identifier: MIT
/* Datasets made, scaled, split and one-hot encoded. */
#include <errno.h>
#include <math.h>

#include "data_case.h"

static void test_alloc(void **state)
{
	const uint32_t dim[3] = { 2, 3, 4 }, none[3] = { 1, 0, 4 }, huge[3] = { ~0u, ~0u, ~0u };
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_dataset_alloc(&d, 5, dim, 2, 0, &err), 0);
	assert_int_equal(d.features, 24);
	assert_int_equal(d.targets, 2);
	assert_null(d.labels);
	for (int i = 0; i < 5 * 24; i++)
		assert_true(d.x[i] == 0);
	assert_true(d.y[9] == 0);
	npu_dataset_free(&d);
	assert_int_equal(npu_dataset_alloc(&d, 5, dim, 0, 3, &err), 0);
	assert_null(d.y);
	assert_int_equal(d.labels[4], 0);
	npu_dataset_free(&d);
	npu_dataset_free(NULL);
	assert_int_equal(npu_dataset_alloc(&d, 0, dim, 0, 0, &err), -EINVAL);
	assert_says(&err, -EINVAL, "no samples asked for");
	assert_int_equal(npu_dataset_alloc(&d, 1, dim, 1, 1, &err), -EINVAL);
	assert_says(&err, -EINVAL, "both 1 targets and 1 classes");
	assert_int_equal(npu_dataset_alloc(&d, 1, none, 0, 0, &err), -EINVAL);
	assert_says(&err, -EINVAL, "dimension 2 is 0");
	assert_int_equal(npu_dataset_alloc(&d, 1, huge, 0, 0, &err), -EOVERFLOW);
	assert_int_equal(npu_dataset_alloc(&d, SIZE_MAX / 8, dim, 0, 0, &err), -ENOMEM);
	assert_null(d.x);
}

static void test_standard(void **state)
{
	/* Feature 0: 1 3 5 7, mean 4, variance 5. Feature 1 does not vary. */
	float x[] = { 1, .1f, 3, .1f, 5, .1f, 7, .1f };
	struct npu_dataset d = { .samples = 4, .features = 2, .dim = { 1, 1, 2 }, .x = x };
	struct npu_scaler s;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_scaler_fit_standard(&s, &d, &err), 0);
	assert_int_equal(s.count, 2);
	assert_true(s.mean[0] == 4 && s.factor[0] == (float)(1 / sqrt(5)));
	assert_true(s.mean[1] == .1f && s.factor[1] == 1);
	npu_scaler_free(&s);
	assert_null(s.mean);
	npu_scaler_free(&s);
	npu_scaler_free(NULL);
	d.samples = 0;
	assert_int_equal(npu_scaler_fit_standard(&s, &d, &err), -EINVAL);
	assert_says(&err, -EINVAL, "the dataset is empty; fit it to the training data");
}

static void test_min_max(void **state)
{
	float x[] = { -2, 1e-44f, 6, 3e-44f };
	struct npu_dataset d = { .samples = 2, .features = 2, .dim = { 1, 1, 2 }, .x = x };
	struct npu_scaler s;

	(void)state;
	assert_int_equal(npu_scaler_fit_min_max(&s, &d, NULL), 0);
	assert_true(s.mean[0] == -2 && s.factor[0] == .125f);
	/* A spread whose reciprocal no float holds counts as none. */
	assert_true(s.factor[1] == 1);
	npu_scaler_free(&s);
}

static void test_one_hot(void **state)
{
	const uint32_t dim[3] = { 1, 1, 1 };
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_dataset_alloc(&d, 3, dim, 0, 3, &err), 0);
	d.labels[0] = 2;
	d.labels[2] = 1;
	assert_int_equal(npu_dataset_one_hot(&d, &err), 0);
	assert_memory_equal(d.y, ((float[]){ 0, 0, 1, 1, 0, 0, 0, 1, 0 }), 9 * sizeof(float));
	assert_int_equal(d.targets, 3);
	assert_int_equal(d.classes, 3);
	assert_int_equal(npu_dataset_one_hot(&d, &err), -EINVAL);
	assert_says(&err, -EINVAL, "3 targets a sample already");
	npu_dataset_free(&d);
	assert_int_equal(npu_dataset_alloc(&d, 3, dim, 0, 3, &err), 0);
	d.labels[1] = 3;
	assert_int_equal(npu_dataset_one_hot(&d, &err), -ERANGE);
	assert_says(&err, -ERANGE, "label 3 of sample 1 is not in [0, 3)");
	npu_dataset_free(&d);
	assert_int_equal(npu_dataset_alloc(&d, 3, dim, 1, 0, &err), 0);
	assert_int_equal(npu_dataset_one_hot(&d, &err), -EINVAL);
	assert_says(&err, -EINVAL, "one-hot needs labels");
	npu_dataset_free(&d);
}

/* 50 samples, each known by its number. */
static void make_numbered(struct npu_dataset *d)
{
	const uint32_t dim[3] = { 1, 1, 2 };

	assert_int_equal(npu_dataset_alloc(d, 50, dim, 0, 50, NULL), 0);
	for (int i = 0; i < 50; i++) {
		d->x[2 * i] = i;
		d->x[2 * i + 1] = -i;
		d->labels[i] = i;
	}
	assert_int_equal(npu_dataset_one_hot(d, NULL), 0);
	d->feature_names = calloc(2, sizeof(char *));
	d->feature_names[0] = strdup("up");
	d->feature_names[1] = strdup("down");
}

static void mark(const struct npu_dataset *part, int seen[50])
{
	assert_string_equal(part->feature_names[1], "down");
	assert_int_equal(part->targets, 50);
	assert_int_equal(part->classes, 50);
	for (size_t i = 0; i < part->samples; i++) {
		int number = part->labels[i];

		assert_true(part->x[2 * i] == number && part->x[2 * i + 1] == -number);
		assert_true(part->y[50 * i + number] == 1);
		seen[number]++;
	}
}

static void test_split(void **state)
{
	struct npu_dataset d, train, test, train2, test2;
	int seen[50] = { 0 }, moved = 0;
	struct npu_error err;

	(void)state;
	make_numbered(&d);
	assert_int_equal(npu_dataset_split(&d, .25f, 7, &train, &test, &err), 0);
	assert_int_equal(test.samples, 13);
	assert_int_equal(train.samples, 37);
	mark(&train, seen);
	mark(&test, seen);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(seen[i], 1);
		assert_int_equal(d.labels[i], i);
	}
	for (int i = 0; i < 37; i++)
		moved += train.labels[i] != i;
	assert_true(moved > 25);
	/* The same seed, the same parts; another, others. */
	assert_int_equal(npu_dataset_split(&d, .25f, 7, &train2, &test2, &err), 0);
	assert_memory_equal(test.labels, test2.labels, 13 * sizeof(int32_t));
	npu_dataset_free(&train2);
	npu_dataset_free(&test2);
	assert_int_equal(npu_dataset_split(&d, .25f, 8, &train2, &test2, &err), 0);
	assert_memory_not_equal(test.labels, test2.labels, 13 * sizeof(int32_t));
	npu_dataset_free(&train2);
	npu_dataset_free(&test2);
	npu_dataset_free(&train);
	npu_dataset_free(&test);
	assert_int_equal(npu_dataset_split(&d, 1, 7, &train, &test, &err), -EINVAL);
	assert_says(&err, -EINVAL, "a test fraction of 1; it lies between 0 and 1");
	assert_int_equal(npu_dataset_split(&d, NAN, 7, &train, &test, &err), -EINVAL);
	assert_int_equal(npu_dataset_split(&d, .001f, 7, &train, &test, &err), -EINVAL);
	assert_says(&err, -EINVAL, "50 samples at a test fraction of 0.001 leave one part empty");
	npu_dataset_free(&d);
}

/* A dataset whose samples are made when they are read: x = sample, sample + 1, ... */
struct counter {
	int reads;
	size_t fails_at;
};

static int count_up(const struct npu_dataset *data, size_t sample, float *x, struct npu_error *err)
{
	struct counter *counter = data->context;

	if (sample == counter->fails_at) {
		err->code = -EIO;
		snprintf(err->message, sizeof(err->message), "sample %zu cannot be made", sample);
		return -EIO;
	}
	counter->reads++;
	for (size_t f = 0; f < data->features; f++)
		x[f] = sample + f;
	return 0;
}

static void test_take(void **state)
{
	float x[] = { 0, 1, 10, 11, 20, 21 }, y[] = { 5, 6, 7 }, weights[] = { .5f, 1, 2 };
	uint32_t lengths[] = { 2, 1, 2 };
	struct npu_dataset part, d = { .samples = 3,
				       .features = 2,
				       .targets = 1,
				       .dim = { 1, 2, 1 },
				       .x = x,
				       .y = y,
				       .lengths = lengths,
				       .weights = weights };
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_dataset_take(&part, &d, (size_t[]){ 2, 1, 2, 0 }, 4, &err), 0);
	assert_int_equal(part.samples, 4);
	assert_memory_equal(part.dim, d.dim, sizeof(d.dim));
	assert_memory_equal(part.x, ((float[]){ 20, 21, 10, 11, 20, 21, 0, 1 }), 8 * sizeof(float));
	assert_memory_equal(part.y, ((float[]){ 7, 6, 7, 5 }), 4 * sizeof(float));
	assert_memory_equal(part.lengths, ((uint32_t[]){ 2, 1, 2, 2 }), 4 * sizeof(uint32_t));
	assert_memory_equal(part.weights, ((float[]){ 2, 1, 2, .5f }), 4 * sizeof(float));
	npu_dataset_free(&part);
	assert_int_equal(npu_dataset_take(&part, &d, (size_t[]){ 3 }, 1, &err), -ERANGE);
	assert_says(&err, -ERANGE, "sample 3 of a set of 3; they are numbered from 0");
	assert_int_equal(npu_dataset_take(&part, &d, NULL, 0, &err), -EINVAL);
	assert_null(part.x);
}

static void test_take_read(void **state)
{
	struct counter counter = { .fails_at = SIZE_MAX };
	struct npu_dataset part, half, other,
		d = { .samples = 40,
		      .features = 3,
		      .dim = { 1, 1, 3 },
		      .read = count_up,
		      .context = &counter };
	struct npu_error err;
	float x[3];

	(void)state;
	assert_int_equal(npu_dataset_take(&part, &d, (size_t[]){ 30, 7, 9, 31 }, 4, &err), 0);
	assert_null(part.x);
	assert_int_equal(counter.reads, 0);
	assert_int_equal(part.read(&part, 1, x, &err), 0);
	assert_memory_equal(x, ((float[]){ 7, 8, 9 }), sizeof(x));
	/* Parts of parts live on when the whole goes. */
	assert_int_equal(npu_dataset_split(&part, .5f, 1, &half, &other, &err), 0);
	npu_dataset_free(&part);
	assert_int_equal(half.read(&half, 0, x, &err), 0);
	assert_true(x[1] == x[0] + 1);
	counter.fails_at = (size_t)x[0];
	assert_int_equal(half.read(&half, 0, x, &err), -EIO);
	assert_says(&err, -EIO, "cannot be made");
	npu_dataset_free(&half);
	assert_int_equal(other.read(&other, 1, x, &err), 0);
	npu_dataset_free(&other);
}

static int releases;

static void count_release(struct npu_dataset *data)
{
	assert_non_null(data->x);
	releases++;
}

static void test_release(void **state)
{
	float x[4] = { 1, 2, 3, 4 };
	struct npu_dataset d = { .samples = 4, .features = 1, .dim = { 1, 1, 1 }, .x = x };

	(void)state;
	d.labels = calloc(4, sizeof(*d.labels));
	d.lengths = calloc(4, sizeof(*d.lengths));
	d.weights = calloc(4, sizeof(*d.weights));
	/* Stands for munmap(): x is not freed, the rest is. */
	d.release = count_release;
	npu_dataset_free(&d);
	assert_int_equal(releases, 1);
	assert_null(d.x);
	assert_null(d.release);
}

static void test_scaler_sequences(void **state)
{
	/* Two channels, three steps; the second sequence has one, and rubbish behind it. */
	float x[] = { 1, 0, 3, 0, 5, 2, 7, 4, 1e9f, 1e9f, 1e9f, 1e9f };
	uint32_t lengths[] = { 3, 1 };
	struct npu_dataset d = {
		.samples = 2, .features = 6, .dim = { 1, 3, 2 }, .x = x, .lengths = lengths
	};
	struct npu_scaler s;

	(void)state;
	assert_int_equal(npu_scaler_fit_standard(&s, &d, NULL), 0);
	assert_int_equal(s.count, 6);
	for (int t = 0; t < 3; t++) {
		assert_true(s.mean[2 * t] == 4 && s.factor[2 * t] == (float)(1 / sqrt(5)));
		assert_true(s.mean[2 * t + 1] == 1.5f);
	}
	npu_scaler_free(&s);
	assert_int_equal(npu_scaler_fit_min_max(&s, &d, NULL), 0);
	for (int t = 0; t < 3; t++)
		assert_true(s.mean[2 * t + 1] == 0 && s.factor[2 * t + 1] == .25f);
	npu_scaler_free(&s);
}

static void test_scaler_read(void **state)
{
	struct counter counter = { .fails_at = SIZE_MAX };
	struct npu_dataset d = { .samples = 5,
				 .features = 2,
				 .dim = { 1, 1, 2 },
				 .read = count_up,
				 .context = &counter };
	struct npu_scaler s;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_scaler_fit_standard(&s, &d, &err), 0);
	assert_int_equal(counter.reads, 10);
	assert_true(s.mean[0] == 2 && s.mean[1] == 3 && s.factor[0] == (float)(1 / sqrt(2)));
	npu_scaler_free(&s);
	counter.fails_at = 3;
	assert_int_equal(npu_scaler_fit_min_max(&s, &d, &err), -EIO);
	assert_says(&err, -EIO, "sample 3 cannot be made");
	assert_null(s.mean);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_standard),
		cmocka_unit_test(test_min_max),
		cmocka_unit_test(test_one_hot),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_take_read),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_scaler_sequences),
		cmocka_unit_test(test_scaler_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
