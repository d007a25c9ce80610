// SPDX-License-Identifier: MIT
/*
 * The scalar definition against derivations that share no code with it: exact rational
 * arithmetic in 128 bits for scaling and addition, real functions in double precision for
 * the transcendental ones.
 */
#include "exact.h"

#include <math.h>

static struct engine_case *make(const char *name, uint32_t w, uint32_t channels, uint32_t depth,
				struct rng *rng)
{
	struct shape s = { 1, 1, w, channels, depth, 0, false, false };
	size_t i;

	for (i = 0; i < OPERATIONS; i++)
		if (!strcmp(operations[i].name, name))
			return case_make(&operations[i], &s, rng);
	fail_msg("no operation %s", name);
	return NULL;
}

static int32_t element(const struct engine_case *c, uint32_t tensor, uint32_t i)
{
	const uint8_t *data = guarded_data(&c->slot[tensor]);

	switch (c->insn.t[tensor].type) {
	case NPU_TYPE_INT8:
		return ((const int8_t *)data)[i];
	case NPU_TYPE_INT16:
		return ((const int16_t *)data)[i];
	default:
		return ((const int32_t *)data)[i];
	}
}

static void expect_element(const struct engine_case *c, const char *name, uint32_t i,
			   int64_t expected)
{
	if (element(c, 0, i) != expected)
		fail_msg("%s: element %u is %d, derived %lld", name, i, element(c, 0, i),
			 (long long)expected);
}

static void check_add(const char *name, unsigned int bits, struct rng *rng)
{
	struct engine_case *c = make(name, 1, 5000, 1, rng);
	const struct npu_insn *insn = &c->insn;
	uint32_t i;

	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < 5000; i++) {
		int64_t x1 = element(c, 1, i) - insn->t[1].zero_point;
		int64_t x2 = element(c, 2, i) - insn->t[2].zero_point;
		int64_t sum = rescaled(x1 * (1 << bits), scale_at(c, insn->binary.scales, 0)) +
			      rescaled(x2 * (1 << bits), scale_at(c, insn->binary.scales, 1));

		sum = rescaled(sum, scale_at(c, insn->binary.scales, 2)) + insn->t[0].zero_point;
		expect_element(c, name, i,
			       limited(sum, insn->binary.act_min, insn->binary.act_max));
	}
	case_free(c);
}

static void test_add_exact(void **state)
{
	struct rng rng = { 31 };
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		check_add("add_s8", 20, &rng);
		check_add("add_s16", 15, &rng);
	}
}

/*
 * The meaning of ADD: s_out * (q_out - z_out) is within one step of the real sum. The
 * scales are made from real numbers as a compiler makes them.
 */
static struct npu_scale from_real(double real)
{
	int exponent;
	int64_t multiplier = llround(frexp(real, &exponent) * 2147483648.0);

	if (multiplier == (int64_t)1 << 31) {
		multiplier /= 2;
		exponent++;
	}
	return (struct npu_scale){ (int32_t)multiplier, exponent };
}

static void check_add_meaning(const char *name, unsigned int bits, int32_t low, int32_t high,
			      struct rng *rng)
{
	double s1 = 0.01 + rng_range(rng, 0, 1000) / 1e4, s2 = 0.01 + rng_range(rng, 0, 1000) / 1e4;
	double s_out = s1 + s2, twice = 2 * fmax(s1, s2);
	struct engine_case *c = make(name, 1, 3000, 1, rng);
	struct npu_insn *insn = &c->insn;
	struct npu_scale *scale;
	uint32_t i;

	scale = (struct npu_scale *)(guarded_data(&c->consts) + insn->binary.scales);
	scale[0] = from_real(s1 / twice);
	scale[1] = from_real(s2 / twice);
	scale[2] = from_real(twice / (ldexp(1, bits) * s_out));
	insn->binary.act_min = low;
	insn->binary.act_max = high;
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < 3000; i++) {
		double real = s1 * (element(c, 1, i) - insn->t[1].zero_point) +
			      s2 * (element(c, 2, i) - insn->t[2].zero_point);
		double q = real / s_out + insn->t[0].zero_point;

		q = fmin(fmax(q, low), high);
		if (fabs(element(c, 0, i) - q) > 0.51)
			fail_msg("%s: element %u is %d, real %f", name, i, element(c, 0, i), q);
	}
	case_free(c);
}

static void test_add_meaning(void **state)
{
	struct rng rng = { 32 };
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		check_add_meaning("add_s8", 20, -128, 127, &rng);
		check_add_meaning("add_s16", 15, -32768, 32767, &rng);
	}
}

static void check_mul(const char *name, struct rng *rng)
{
	struct engine_case *c = make(name, 1, 3000, 1, rng);
	struct npu_insn *insn = &c->insn;
	struct npu_scale *scale;
	uint32_t i;

	scale = (struct npu_scale *)(guarded_data(&c->consts) + insn->binary.scales);
	scale->shift = -rng_range(rng, 0, 20);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < 3000; i++) {
		int64_t product = (int64_t)(element(c, 1, i) - insn->t[1].zero_point) *
				  (element(c, 2, i) - insn->t[2].zero_point);

		product = rescaled(product, *scale) + insn->t[0].zero_point;
		expect_element(c, name, i,
			       limited(product, insn->binary.act_min, insn->binary.act_max));
	}
	case_free(c);
}

static void check_requantise(const char *name, struct rng *rng)
{
	struct engine_case *c = make(name, 1, 3000, 1, rng);
	struct npu_insn *insn = &c->insn;
	struct npu_scale *scale;
	uint32_t i;

	scale = (struct npu_scale *)(guarded_data(&c->consts) + insn->requantise.scales);
	scale->shift = -rng_range(rng, 0, 31);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < 3000; i++) {
		int64_t x = rescaled((int64_t)element(c, 1, i) - insn->t[1].zero_point, *scale);

		x += insn->t[0].zero_point;
		expect_element(c, name, i,
			       limited(x, insn->requantise.act_min, insn->requantise.act_max));
	}
	case_free(c);
}

static void test_mul_and_requantise(void **state)
{
	static const char *const name[] = { "requantise_s8_s8",	 "requantise_s8_s16",
					    "requantise_s16_s8", "requantise_s16_s16",
					    "requantise_s32_s8", "requantise_s32_s16" };
	struct rng rng = { 33 };
	int i;

	(void)state;
	for (i = 0; i < 24; i++) {
		check_mul(i % 2 ? "mul_s8" : "mul_s16", &rng);
		check_requantise(name[i % 6], &rng);
	}
}

/* -------------------------------------------------------- fully connected */

static int64_t dot(const struct engine_case *c, uint32_t row, uint32_t channel, uint32_t depth)
{
	const int8_t *w = (const int8_t *)guarded_data(&c->slot[2]);
	uint32_t groups = (depth + 3) / 4, k;
	int64_t sum = 0;

	for (k = 0; k < depth; k++)
		sum += (int64_t)element(c, 1, row * depth + k) *
		       w[(channel / 16 * groups + k / 4) * 64 + channel % 16 * 4 + k % 4];
	return sum;
}

static void check_fully_connected(const char *name, struct rng *rng)
{
	const uint32_t rows = 3, channels = 37, depth = 203;
	struct engine_case *c = make(name, rows, channels, depth, rng);
	struct npu_insn *insn = &c->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16;
	uint32_t r, o;

	/* of a size that networks have: exact numbers do not wrap */
	for (o = 0; o < c->slot[3].bytes / type_bytes(insn->t[3].type); o++) {
		int32_t bias = rng_range(rng, -200000, 200000);

		if (insn->t[3].type == NPU_TYPE_INT64)
			((int64_t *)guarded_data(&c->slot[3]))[o] = (int64_t)bias * 4096;
		else
			((int32_t *)guarded_data(&c->slot[3]))[o] = bias;
	}
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (r = 0; r < rows; r++)
		for (o = 0; o < channels; o++) {
			struct npu_scale scale =
				scale_at(c, insn->fc.scales, insn->fc.scale_count > 1 ? o : 0);
			int64_t sum = dot(c, r, o, depth), y;

			if (insn->t[3].type == NPU_TYPE_INT64)
				sum += ((int64_t *)guarded_data(&c->slot[3]))[o];
			else
				sum += ((int32_t *)guarded_data(&c->slot[3]))[o];
			y = wide ? rescaled_wide(sum, scale) : rescaled(sum, scale);
			/* what is too large for 32 bits is defined to wrap */
			if (scale.shift > 0 || y != (int32_t)y)
				continue;
			y += insn->t[0].zero_point;
			expect_element(c, name, r * channels + o,
				       limited(y, insn->fc.act_min, insn->fc.act_max));
		}
	case_free(c);
}

static void test_fully_connected(void **state)
{
	static const char *const name[] = { "fc_s8_s8", "fc_s8_s16", "fc_s16_s16", "fc_s16_s8" };
	struct rng rng = { 34 };
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		check_fully_connected(name[i % 4], &rng);
}

/* ------------------------------------------------------- real functions */

/* The largest input that a left shift by @shift keeps within @bits integer bits. */
static int32_t input_radius(int bits, int shift)
{
	return (int32_t)floor(ldexp((1 << bits) - 1, 31 - bits - shift));
}

/* Input step of int8 sigmoid and tanh: q4 = x * step, in Q4.27. */
static void set_step(struct npu_insn *insn, double step)
{
	struct npu_scale scale = from_real(step * 134217728.0);

	insn->sigmoid.multiplier = scale.multiplier;
	insn->sigmoid.shift = scale.shift;
	insn->sigmoid.radius = fmin(255, input_radius(4, scale.shift));
}

static void check_curve_s8(const char *name, double (*curve)(double), double steps)
{
	struct rng rng = { 35 };
	struct engine_case *c = make(name, 1, 256, 1, &rng);
	struct npu_insn *insn = &c->insn;
	double step;
	uint32_t i;

	for (i = 0; i < 256; i++)
		((int8_t *)guarded_data(&c->slot[1]))[i] = i - 128;
	for (step = 0.004; step < 0.3; step *= 1.3) {
		set_step(insn, step);
		case_run(c, npu_variant_at(0), UINT32_MAX);
		for (i = 0; i < 256; i++) {
			double x = (element(c, 1, i) - insn->t[1].zero_point) * step;
			double q = steps * curve(x) + insn->t[0].zero_point;

			q = fmin(fmax(q, -128), 127);
			if (fabs(element(c, 0, i) - q) > 0.6)
				fail_msg("%s(%f): %d, real %f", name, x, element(c, 0, i), q);
		}
	}
	case_free(c);
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static void check_curve_s16(const char *name, double (*curve)(double), int power)
{
	struct rng rng = { 36 };
	struct engine_case *c = make(name, 1, 65536, 1, &rng);
	struct npu_insn *insn = &c->insn;
	uint32_t i;
	int shift;

	for (i = 0; i < 65536; i++)
		((int16_t *)guarded_data(&c->slot[1]))[i] = i - 32768;
	/* an input scale of 2^(shift - 12), first by the power-of-two form, then in general */
	for (shift = 0; shift <= 3; shift++) {
		double step = ldexp(1, shift + power), worst = 0;
		int form;

		for (form = 0; form < 2; form++) {
			insn->sigmoid.multiplier = form ? 3 << (shift + 10) : 0;
			insn->sigmoid.shift = form ? 10 : shift;
			case_run(c, npu_variant_at(0), UINT32_MAX);
			for (i = 0; i < 65536; i++) {
				double q = 32768 * curve(element(c, 1, i) * step);
				double error = fabs(element(c, 0, i) - fmin(q, 32767));

				worst = fmax(worst, error);
			}
		}
		/* the table's step of 1/24 bends by 1/8 * 1/24^2 * max|f''| * 2^15, and roundings
		 */
		if (worst > 8)
			fail_msg("%s: off by %f steps at scale %g", name, worst, step);
	}
	case_free(c);
}

static void test_sigmoid_and_tanh(void **state)
{
	(void)state;
	check_curve_s8("sigmoid_s8", logistic, 256);
	check_curve_s8("tanh_s8", tanh, 128);
	check_curve_s16("sigmoid_s16", logistic, -12);
	check_curve_s16("tanh_s16", tanh, -12);
}

static void check_softmax(const char *name, double step, uint32_t length, struct rng *rng)
{
	struct engine_case *c = make(name, 4, length, 1, rng);
	struct npu_insn *insn = &c->insn;
	bool wide_in = insn->t[1].type == NPU_TYPE_INT16, wide = insn->t[0].type == NPU_TYPE_INT16;
	struct npu_scale scale = from_real(wide_in ? step * 65535 / 10 : step * 67108864.0);
	double unit = wide ? (wide_in ? 32767 : 65536) : 256, zero = wide_in ? 0
								     : wide  ? -32768
									     : -128;
	/* a table of e^x to 15 bits: each element of the row may add an error to the sum */
	double tolerance = wide ? (wide_in ? 4 + 1.6 * length : 6) : 1;
	uint32_t r, i;

	insn->softmax.multiplier = scale.multiplier;
	insn->softmax.shift = scale.shift;
	insn->softmax.diff_min = wide_in ? 0 : -(int)fmin(8160, input_radius(5, scale.shift));
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (r = 0; r < 4; r++) {
		double max = -1e9, sum = 0;

		for (i = 0; i < length; i++)
			max = fmax(max, element(c, 1, r * length + i));
		for (i = 0; i < length; i++)
			sum += exp(step * (element(c, 1, r * length + i) - max));
		for (i = 0; i < length; i++) {
			double p = exp(step * (element(c, 1, r * length + i) - max)) / sum;
			double q = fmin(p * unit + zero, wide ? 32767 : 127);

			if (fabs(element(c, 0, r * length + i) - q) > tolerance)
				fail_msg("%s: length %u, step %g: %d, real %f", name, length, step,
					 element(c, 0, r * length + i), q);
		}
	}
	case_free(c);
}

static void test_softmax(void **state)
{
	static const uint32_t length[] = { 1, 2, 10, 100, 1000 };
	struct rng rng = { 37 };
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		check_softmax("softmax_s8_s8", 0.05, length[i], &rng);
		check_softmax("softmax_s8_s8", 0.9, length[i], &rng);
		check_softmax("softmax_s8_s16", 0.1, length[i], &rng);
		check_softmax("softmax_s16_s16", 0.0005, length[i], &rng);
	}
}

/* 4096 equal values: the sum reaches 2^31 and every probability is below half a step. */
static void test_softmax_longest(void **state)
{
	struct rng rng = { 38 };
	struct engine_case *c = make("softmax_s8_s8", 1, NPU_MAX_SOFTMAX, 1, &rng);
	uint32_t i;

	(void)state;
	memset(guarded_data(&c->slot[1]), 5, NPU_MAX_SOFTMAX);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < NPU_MAX_SOFTMAX; i++)
		assert_int_equal(element(c, 0, i), -128);
	case_free(c);
}

static void test_tables(void **state)
{
	struct rng rng = { 39 };
	struct engine_case *c = make("table_s8", 1, 2000, 1, &rng);
	const int8_t *bytes = (const int8_t *)guarded_data(&c->consts);
	const int16_t *words;
	uint32_t i;

	(void)state;
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < 2000; i++)
		assert_int_equal(element(c, 0, i), bytes[element(c, 1, i) + 128]);
	case_free(c);

	c = make("table_s16", 1, 20000, 1, &rng);
	words = (const int16_t *)guarded_data(&c->consts);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (i = 0; i < 20000; i++) {
		double at = (element(c, 1, i) + 32768) / 128.0, part = at - floor(at);
		double y = words[(int)at] * (1 - part) + words[(int)at + 1] * part;

		/* rounded to nearest, ties upwards */
		assert_int_equal(element(c, 0, i), (int)floor(y + 0.5));
	}
	case_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_exact),	   cmocka_unit_test(test_add_meaning),
		cmocka_unit_test(test_mul_and_requantise), cmocka_unit_test(test_fully_connected),
		cmocka_unit_test(test_sigmoid_and_tanh),   cmocka_unit_test(test_softmax),
		cmocka_unit_test(test_softmax_longest),	   cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
