// SPDX-License-Identifier: MIT
/* Metrics of streams: against loops over all pairs, in any order and any batches. */
#include <errno.h>
#include <math.h>

#include "data_case.h"
#include "train/nn/metrics/exact_sum.h"

#define SAMPLES 400
#define CLASSES 5

static uint64_t random_state;

static uint32_t random_bits(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

static float random_unit(void)
{
	return (float)(random_bits() % 1000003) / 1000003;
}

/* A classifier that is often right: probabilities, some equal, labels, weights. */
struct case_data {
	float y[SAMPLES][CLASSES];
	int32_t labels[SAMPLES];
	float weights[SAMPLES];
};

static void make_case(struct case_data *c, uint64_t seed)
{
	random_state = seed;
	for (size_t i = 0; i < SAMPLES; i++) {
		float sum = 0;

		c->labels[i] = (int32_t)(random_bits() % (CLASSES - 1)); /* the last is absent */
		c->weights[i] = i % 7 == 3 ? 0 : random_unit() * 3;
		for (size_t o = 0; o < CLASSES; o++) {
			c->y[i][o] = (float)(1 + random_bits() % 20);
			if ((int32_t)o == c->labels[i])
				c->y[i][o] += (float)(random_bits() % 20);
			sum += c->y[i][o];
		}
		for (size_t o = 0; o < CLASSES; o++)
			c->y[i][o] /= sum;
	}
}

/* Metrics of samples order[0..count), in batches of @batch. */
static void measure(struct npu_metrics *m, const struct case_data *c, const size_t *order,
		    bool weighted, size_t batch, const struct npu_metrics_options *options)
{
	struct npu_metrics_stream *stream;
	struct case_data *part = malloc(sizeof(*part));
	size_t n;

	assert_non_null(part);
	assert_int_equal(npu_metrics_stream_create(&stream, CLASSES, 0, CLASSES, options, NULL), 0);
	for (size_t first = 0; first < SAMPLES; first += n) {
		struct npu_answers answers = { .labels = part->labels,
					       .weights = weighted ? part->weights : NULL };

		n = SAMPLES - first < batch ? SAMPLES - first : batch;
		answers.samples = n;
		for (size_t i = 0; i < n; i++) {
			size_t at = order ? order[first + i] : first + i;

			memcpy(part->y[i], c->y[at], sizeof(part->y[i]));
			part->labels[i] = c->labels[at];
			part->weights[i] = c->weights[at];
		}
		assert_int_equal(npu_metrics_stream_add(stream, &answers, part->y[0], NULL), 0);
	}
	assert_int_equal(npu_metrics_stream_finish(stream, m, NULL), 0);
	npu_metrics_stream_free(stream);
	free(part);
}

/* By definition, over all pairs. NaN where there are none. */
static double pairs_auc(const struct case_data *c, bool weighted, size_t o)
{
	double won = 0, pairs = 0;

	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t j = 0; j < SAMPLES; j++) {
			double w = weighted ? (double)c->weights[i] * (double)c->weights[j] : 1;

			if ((size_t)c->labels[i] != o || (size_t)c->labels[j] == o)
				continue;
			pairs += w;
			won += c->y[i][o] > c->y[j][o] ? w : c->y[i][o] == c->y[j][o] ? w / 2 : 0;
		}
	return won / pairs;
}

static double weight_of(const struct case_data *c, bool weighted, size_t i)
{
	return weighted ? (double)c->weights[i] : 1;
}

static void check_against_loops(const struct npu_metrics *m, const struct case_data *c,
				bool weighted)
{
	double sum = 0, right = 0, top = 0, log_loss = 0, auc = 0;

	for (size_t i = 0; i < SAMPLES; i++) {
		double w = weight_of(c, weighted, i);
		size_t before = 0;

		for (size_t o = 0; o < CLASSES; o++)
			before +=
				c->y[i][o] > c->y[i][c->labels[i]] ||
				(c->y[i][o] == c->y[i][c->labels[i]] && (int32_t)o < c->labels[i]);
		sum += w;
		right += before == 0 ? w : 0;
		top += before < 2 ? w : 0;
		log_loss -= w * log((double)c->y[i][c->labels[i]]);
	}
	assert_true(fabs(m->weight - sum) < 1e-9);
	assert_true(fabs(m->accuracy - right / sum) < 1e-12);
	assert_true(fabs(m->top_k_accuracy - top / sum) < 1e-12);
	assert_true(fabs(m->log_loss - log_loss / sum) < 1e-12);
	for (size_t o = 0; o + 1 < CLASSES; o++) {
		double wanted = pairs_auc(c, weighted, o);

		assert_true(wanted > 0.5 && wanted < 1);
		assert_true(fabs(m->per_class[o].auc - wanted) < 1e-12);
		auc += wanted / (CLASSES - 1);
	}
	assert_true(isnan(m->per_class[CLASSES - 1].auc));
	assert_true(fabs(m->auc - auc) < 1e-12);
}

static void test_against_loops(void **state)
{
	struct npu_metrics_options options = { .top_k = 2 };
	struct case_data *c = malloc(sizeof(*c));
	struct npu_metrics m;

	(void)state;
	assert_non_null(c);
	for (uint64_t seed = 1; seed < 6; seed++)
		for (int weighted = 0; weighted < 2; weighted++) {
			make_case(c, seed);
			measure(&m, c, NULL, weighted, 37, &options);
			check_against_loops(&m, c, weighted);
			npu_metrics_free(&m);
		}
	free(c);
}

/* A weight of 2 is a sample that comes twice; one of 0 is a sample that is not there. */
static void test_weights_repeat(void **state)
{
	int32_t labels[] = { 0, 1, 1, 0, 1 }, repeated[] = { 0, 1, 1, 0, 0, 0 };
	float weights[] = { 1, 2, 0, 3, 0 };
	const float y[] = { .2f, .6f, .9f, .7f, .1f };
	const float repeated_y[] = { .2f, .6f, .6f, .7f, .7f, .7f };
	struct npu_dataset d = { .samples = 5, .classes = 2, .labels = labels, .weights = weights };
	struct npu_dataset r = { .samples = 6, .classes = 2, .labels = repeated };
	struct npu_metrics a, b;

	(void)state;
	assert_int_equal(npu_metrics_compute(&a, &d, y, 1, NULL), 0);
	assert_int_equal(npu_metrics_compute(&b, &r, repeated_y, 1, NULL), 0);
	assert_true(a.weight == b.weight && a.weight == 6);
	assert_true(a.accuracy == b.accuracy && a.auc == b.auc && a.log_loss == b.log_loss);
	assert_true(a.precision == b.precision && a.recall == b.recall && a.f1 == b.f1);
	assert_int_equal(a.per_class[1].support, 3); /* samples are samples */
	npu_metrics_free(&a);
	npu_metrics_free(&b);
}

static void assert_same_figures(const struct npu_metrics *a, const struct npu_metrics *b)
{
	struct npu_metrics flat = *b;

	flat.per_class = a->per_class;
	flat.confusion = a->confusion;
	assert_memory_equal(a, &flat, sizeof(flat));
	if (!a->classes)
		return;
	assert_memory_equal(a->per_class, b->per_class, a->classes * sizeof(*a->per_class));
	assert_memory_equal(a->confusion, b->confusion,
			    a->classes * a->classes * sizeof(*a->confusion));
}

/* Not a bit depends on the order of the samples or the size of the batches. */
static void test_any_order(void **state)
{
	struct npu_metrics_options options = { .top_k = 3 };
	struct case_data *c = malloc(sizeof(*c));
	size_t order[SAMPLES];
	struct npu_metrics first, m;

	(void)state;
	assert_non_null(c);
	make_case(c, 11);
	measure(&first, c, NULL, true, SAMPLES, &options);
	for (size_t i = 0; i < SAMPLES; i++)
		order[i] = i;
	for (size_t batch = 1; batch <= SAMPLES; batch = batch * 3 + 1) {
		for (size_t i = SAMPLES - 1; i; i--) {
			size_t j = random_bits() % (i + 1), swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
		measure(&m, c, order, true, batch, &options);
		assert_same_figures(&first, &m);
		npu_metrics_free(&m);
	}
	npu_metrics_free(&first);
	free(c);
}

/* The case many times over, with @bytes for its scores. */
static void measure_often(struct npu_metrics *m, const struct case_data *c, size_t bytes)
{
	struct npu_metrics_options options = { .score_bytes = bytes };
	struct npu_answers answers = { SAMPLES, c->labels, NULL, c->weights };
	struct npu_metrics_stream *stream;

	assert_int_equal(npu_metrics_stream_create(&stream, CLASSES, 0, CLASSES, &options, NULL),
			 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(npu_metrics_stream_add(stream, &answers, c->y[0], NULL), 0);
	assert_int_equal(npu_metrics_stream_finish(stream, m, NULL), 0);
	npu_metrics_stream_free(stream);
}

/* Where scores have no room, the AUC is as exact as it says, and the more room the more exact. */
static void test_histogram(void **state)
{
	static const size_t rooms[] = { 1, 50000, 200000, 1000000 };
	struct case_data *c = malloc(sizeof(*c));
	struct npu_metrics exact, m;
	double last = 0.5;

	(void)state;
	assert_non_null(c);
	make_case(c, 21);
	measure_often(&exact, c, 0);
	assert_true(exact.auc_error == 0);
	for (size_t i = 0; i < 4; i++) {
		measure_often(&m, c, rooms[i]);
		assert_true(m.auc_error > 0 && m.auc_error < last);
		assert_true(fabs(m.auc - exact.auc) <= m.auc_error + 1e-12);
		assert_true(m.accuracy == exact.accuracy);
		last = m.auc_error;
		npu_metrics_free(&m);
	}
	npu_metrics_free(&exact);
	free(c);
}

/* In the histogram, too, -0 is not above other outputs. */
static void test_histogram_of_zeros(void **state)
{
	struct npu_metrics_options options = { .score_bytes = 1 };
	float y[] = { 0.9f, 0.75f, -0.0f, 0 };
	int32_t labels[] = { 1, 1, 0, 0 };
	struct npu_answers answers = { .samples = 4, .labels = labels };
	struct npu_metrics_stream *stream;
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_stream_create(&stream, 2, 0, 1, &options, NULL), 0);
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y, NULL), 0);
	assert_int_equal(npu_metrics_stream_finish(stream, &m, NULL), 0);
	assert_true(m.auc == 1 && m.auc_error == 0);
	npu_metrics_free(&m);
	npu_metrics_stream_free(stream);
}

#define LEVELS 14
#define ROUNDS 15000

/* Outputs near 0 and near 1, below 0 and above 1 find cells of their own: only equals tie. */
static void test_histogram_extremes(void **state)
{
	static const float levels[LEVELS] = { -1e30f, -2,  -1e-3f, 0,	   1e-6f, 1e-3f,   .4f,
					      .5f,    .6f, .999f,  .9999f, 1,	  1.0001f, 1e30f };
	struct npu_metrics_options options = { .score_bytes = 1 << 20 };
	double count[LEVELS][2] = { 0 }, all[2] = { 0 }, area = 0, ties = 0;
	struct npu_metrics_stream *stream;
	struct npu_metrics m;

	(void)state;
	assert_int_equal(npu_metrics_stream_create(&stream, 2, 0, 1, &options, NULL), 0);
	for (size_t i = 0; i < ROUNDS * LEVELS; i++) {
		size_t k = i % LEVELS;
		int32_t label = i / LEVELS % LEVELS < k;
		struct npu_answers answers = { .samples = 1, .labels = &label };

		assert_int_equal(npu_metrics_stream_add(stream, &answers, &levels[k], NULL), 0);
		count[k][label]++;
	}
	for (size_t k = 0; k < LEVELS; k++) {
		area += count[k][1] * (all[0] + count[k][0] / 2);
		ties += count[k][1] * count[k][0];
		all[0] += count[k][0];
		all[1] += count[k][1];
	}
	assert_int_equal(npu_metrics_stream_finish(stream, &m, NULL), 0);
	assert_true(fabs(m.auc - area / (all[0] * all[1])) < 1e-12);
	assert_true(fabs(m.auc_error - ties / 2 / (all[0] * all[1])) < 1e-12);
	assert_true(isnan(m.log_loss));
	npu_metrics_free(&m);
	npu_metrics_stream_free(stream);
}

/* A regression whose targets vary by 1 around a million: sums of squares cancel to nothing. */
static void test_regression_far_from_zero(void **state)
{
	float t[SAMPLES], y[SAMPLES], weights[SAMPLES];
	double mean = 0, sum = 0, spread = 0, squares = 0;
	struct npu_dataset d = { .samples = SAMPLES, .targets = 1, .y = t, .weights = weights };
	struct npu_metrics m, back;

	(void)state;
	random_state = 5;
	for (size_t i = 0; i < SAMPLES; i++) {
		t[i] = 1e6f + random_unit();
		y[i] = t[i] + random_unit() / 2;
		weights[i] = (float)(random_bits() % 4);
		mean += (double)weights[i] * ((double)t[i] - 1e6);
		sum += (double)weights[i];
	}
	mean /= sum;
	for (size_t i = 0; i < SAMPLES; i++) {
		double error = (double)y[i] - (double)t[i], off = (double)t[i] - 1e6 - mean;

		squares += (double)weights[i] * error * error;
		spread += (double)weights[i] * off * off;
	}
	assert_int_equal(npu_metrics_compute(&m, &d, y, 1, NULL), 0);
	assert_true(fabs(m.mse - squares / sum) < 1e-15);
	assert_true(fabs(m.r2 - (1 - squares / spread)) < 1e-12);
	for (size_t i = 0; i < SAMPLES / 2; i++) {
		float swap[3] = { t[i], y[i], weights[i] };
		size_t j = SAMPLES - 1 - i;

		t[i] = t[j], y[i] = y[j], weights[i] = weights[j];
		t[j] = swap[0], y[j] = swap[1], weights[j] = swap[2];
	}
	assert_int_equal(npu_metrics_compute(&back, &d, y, 1, NULL), 0);
	assert_same_figures(&m, &back);
	npu_metrics_free(&m);
	npu_metrics_free(&back);
}

static void test_exact_sum(void **state)
{
	static const double odd[] = {
		1e300, 1, -1e300, 0x1p-1074, -3.5, 0x1.fffffffffffffp1023, -0x1.fffffffffffffp1023
	};
	struct npu_exact_sum sum = { 0 };
	double rest;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		npu_exact_add(&sum, odd[i]);
	assert_true(npu_exact_value(&sum, &rest) == -2.5);
	assert_true(rest == 0x1p-1074);
	npu_exact_add(&sum, 2.5);
	assert_true(npu_exact_value(&sum, &rest) == 0x1p-1074 && rest == 0);
	npu_exact_add(&sum, -0x1p-1074);
	assert_true(npu_exact_value(&sum, &rest) == 0 && rest == 0);
	/* Half of the last bit goes to even, a little more goes up. */
	npu_exact_add(&sum, 1);
	npu_exact_add(&sum, 0x1p-53);
	assert_true(npu_exact_value(&sum, &rest) == 1 && rest == 0x1p-53);
	npu_exact_add(&sum, 0x1p-1000);
	assert_true(npu_exact_value(&sum, &rest) == 1 + 0x1p-52);
	assert_true(rest == -0x1p-53);
	sum = (struct npu_exact_sum){ 0 };
	npu_exact_add_product(&sum, 1 + 0x1p-52, 1 + 0x1p-52);
	assert_true(npu_exact_value(&sum, &rest) == 1 + 0x1p-51 && rest == 0x1p-104);
}

/* Random sums against long double pairs cannot be told apart by rounding to double. */
static void test_exact_sum_is_rounded(void **state)
{
	(void)state;
	random_state = 9;
	for (int round = 0; round < 2000; round++) {
		double a = ldexp((double)random_bits() + 1, (int)(random_bits() % 60) - 30);
		double b = ldexp((double)random_bits() + 1, (int)(random_bits() % 60) - 30);
		struct npu_exact_sum sum = { 0 };

		if (random_bits() & 1)
			b = -b;
		npu_exact_add(&sum, a);
		npu_exact_add(&sum, b);
		assert_true(npu_exact_value(&sum, NULL) == a + b);
	}
}

static void test_goes_on(void **state)
{
	int32_t labels[] = { 0, 1, 7 };
	const float y[] = { .8f, .2f, .9f, .1f, .5f, .5f };
	struct npu_answers answers = { .samples = 1, .labels = labels };
	struct npu_metrics_stream *stream;
	struct npu_metrics m;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_metrics_stream_create(&stream, 2, 0, 2, NULL, NULL), 0);
	assert_int_equal(npu_metrics_stream_finish(stream, &m, &err), -EINVAL);
	assert_says(&err, -EINVAL, "no samples");
	assert_null(m.per_class);
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y, NULL), 0);
	assert_int_equal(npu_metrics_stream_finish(stream, &m, NULL), 0);
	assert_true(m.accuracy == 1 && isnan(m.auc) && m.samples == 1);
	npu_metrics_free(&m);
	/* A batch with a bad sample does not count at all; its number is the stream's. */
	answers.samples = 2;
	answers.labels = labels + 1;
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y + 2, &err), -ERANGE);
	assert_says(&err, -ERANGE, "label 7 of sample 2 is not in [0, 2)");
	answers.samples = 1;
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y + 2, NULL), 0);
	assert_int_equal(npu_metrics_stream_finish(stream, &m, NULL), 0);
	assert_true(m.accuracy == .5 && m.auc == 0 && m.samples == 2);
	npu_metrics_free(&m);
	npu_metrics_stream_free(stream);
	npu_metrics_stream_free(NULL);
}

static void test_bad(void **state)
{
	struct npu_metrics_options options = { .top_k = 3 };
	int32_t labels[] = { 0, 1 };
	float weights[] = { 1, -1 }, targets[] = { 1, NAN };
	struct npu_answers answers = { .samples = 2, .labels = labels, .weights = weights };
	const float y[] = { .1f, .9f };
	struct npu_metrics_stream *stream;
	struct npu_metrics m;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_metrics_stream_create(&stream, 3, 0, 3, &options, &err), -EINVAL);
	assert_says(&err, -EINVAL, "the first 3 of 3 classes are all of them; ask for fewer");
	assert_null(stream);
	assert_int_equal(npu_metrics_stream_create(&stream, 0, 3, 3, &options, &err), -EINVAL);
	assert_says(&err, -EINVAL, "the first 3 of 0 classes are none");
	assert_int_equal(npu_metrics_stream_create(&stream, 0, 0, 3, NULL, &err), -EINVAL);
	assert_says(&err, -EINVAL, "there is nothing to compare");
	assert_int_equal(npu_metrics_stream_create(&stream, 2, 0, 1, NULL, NULL), 0);
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y, &err), -EINVAL);
	assert_says(&err, -EINVAL, "the weight of sample 1 is -1");
	weights[0] = weights[1] = 0;
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y, NULL), 0);
	assert_int_equal(npu_metrics_stream_finish(stream, &m, &err), -EINVAL);
	assert_says(&err, -EINVAL, "all 2 samples have weight 0");
	answers.labels = NULL;
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y, &err), -EINVAL);
	assert_says(&err, -EINVAL, "the answers have no labels");
	npu_metrics_stream_free(stream);
	assert_int_equal(npu_metrics_stream_create(&stream, 0, 1, 1, NULL, NULL), 0);
	answers.targets = targets;
	assert_int_equal(npu_metrics_stream_add(stream, &answers, y, &err), -EINVAL);
	assert_says(&err, -EINVAL, "target 0 of sample 1 is nan");
	npu_metrics_stream_free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_loops),
		cmocka_unit_test(test_weights_repeat),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_histogram_of_zeros),
		cmocka_unit_test(test_histogram_extremes),
		cmocka_unit_test(test_regression_far_from_zero),
		cmocka_unit_test(test_exact_sum),
		cmocka_unit_test(test_exact_sum_is_rounded),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
