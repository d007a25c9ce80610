// SPDX-License-Identifier: MIT
/*
 * RNN, LSTM, GRU and LAYER_NORM filled as Documentation/recurrent-instructions.rst says, against
 * the same layers in double: the integers stand for what they should. LAYER_NORM also to the bit.
 */
#include "recurrent_reference.h"

/* -------------------------------------------------------------- sequences */

/**
 * struct real - a layer in real numbers
 * @weight: [gate][unit][input], @recurrent: [gate][unit][unit], @bias: [gate][unit], @extra: the
 *	recurrent bias of gate h of a GRU
 * @in_scale, @in_zero, @out_scale, @out_zero: quantisation of input and hidden state
 */
struct real {
	struct sequence s;
	double *weight, *recurrent, *bias, *extra;
	double in_scale, out_scale;
	int32_t in_zero, out_zero;
	struct recurrent_case *c;
};

static double uniform(struct rng *rng, double reach)
{
	return reach * rng_range(rng, -1000000, 1000000) / 1e6;
}

static double *random_reals(struct rng *rng, size_t count, double reach)
{
	double *x = malloc(count * sizeof(*x));
	size_t i;

	assert_non_null(x);
	for (i = 0; i < count; i++)
		x[i] = uniform(rng, reach);
	return x;
}

static struct npu_scale scale_of(double real)
{
	struct npu_scale s;
	int shift;
	double m = frexp(real, &shift);
	int64_t q = llround(m * 2147483648.0);

	if (q == 1ll << 31) {
		q /= 2;
		shift++;
	}
	s.multiplier = (int32_t)q;
	s.shift = shift;
	return s;
}

static void add_to_bias(struct recurrent_case *c, uint32_t part, uint32_t row, int64_t value)
{
	uint8_t *bias = guarded_data(&c->slot[BIAS]) + part * c->insn.t[BIAS].stride[2];

	if (c->insn.t[BIAS].type == NPU_TYPE_INT64)
		((int64_t *)bias)[row] += value;
	else
		((int32_t *)bias)[row] += (int32_t)value;
}

/* One row of one part: int8 weights of a scale of its own. */
static void fill_row(struct real *q, uint32_t part, uint32_t gate, uint32_t unit, const double *w,
		     double bias)
{
	double from = part ? q->out_scale : q->in_scale, most = 1e-9, scale;
	uint32_t depth = part ? q->s.u : q->s.k, row = gate_row(q->c, unit, gate), k;
	int32_t zero = part ? q->out_zero : q->in_zero;
	int64_t sum = 0;

	for (k = 0; k < depth; k++)
		most = fmax(most, fabs(w[k]));
	scale = most / 127;
	for (k = 0; k < depth; k++) {
		int8_t v = (int8_t)lround(w[k] / scale);

		*gate_weight(q->c, WEIGHTS + part, row, k) = v;
		sum += v;
	}
	*recurrent_scale(q->c, part * q->c->scales + row) = scale_of(from * scale * 4096);
	add_to_bias(q->c, part, row, llround(bias / (from * scale)) - zero * sum);
}

static void fill_more(struct real *q, double cell_scale)
{
	struct npu_scale *more = recurrent_scale(q->c, 2 * q->c->scales);
	double quantum = 1 / 32768.0;

	switch (q->s.opcode) {
	case NPU_OP_LSTM:
		more[0] = scale_of(quantum);
		more[1] = scale_of(quantum * quantum / cell_scale);
		more[2] = scale_of(quantum * quantum / q->out_scale);
		q->c->insn.lstm.cell_multiplier = 0;
		q->c->insn.lstm.cell_shift = (int32_t)log2(cell_scale) + 12;
		q->c->insn.lstm.cell_clip = 32767;
		break;
	case NPU_OP_GRU:
		more[0] = scale_of(q->out_scale * 32768);
		more[1] = scale_of(quantum * quantum / q->out_scale);
		break;
	default:
		more[0] = scale_of(quantum / q->out_scale);
		break;
	}
}

static void fill(struct real *q, struct rng *rng)
{
	uint32_t gates = q->c->gates, u, g, i;
	bool narrow = q->s.type == NPU_TYPE_INT8;

	memset(guarded_data(&q->c->slot[BIAS]), 0, q->c->slot[BIAS].bytes);
	for (g = 0; g < gates; g++)
		for (u = 0; u < q->s.u; u++) {
			bool last = q->extra && g == 2;

			fill_row(q, 0, g, u, q->weight + (g * q->s.u + u) * q->s.k,
				 q->bias[g * q->s.u + u]);
			fill_row(q, 1, g, u, q->recurrent + (g * q->s.u + u) * q->s.u,
				 last ? q->extra[u] : 0);
		}
	fill_more(q, 1 / 4096.0);
	q->c->insn.rnn.act_min = narrow ? -128 : -32768;
	q->c->insn.rnn.act_max = narrow ? 127 : 32767;
	q->c->insn.t[OUT].zero_point = q->c->insn.t[HIDDEN].zero_point = q->out_zero;
	if (sequence_scratch(&q->s))
		q->c->insn.t[EXTRA].zero_point = q->out_zero;
	for (i = 0; i < q->c->slot[IN].bytes / (narrow ? 1 : 2); i++)
		if (narrow)
			((int8_t *)guarded_data(&q->c->slot[IN]))[i] = rng_range(rng, -128, 127);
		else
			((int16_t *)guarded_data(&q->c->slot[IN]))[i] =
				rng_range(rng, -32768, 32767);
}

static double product(const struct real *q, const double *matrix, uint32_t gate, uint32_t unit,
		      const double *x, uint32_t depth)
{
	const double *w = matrix + ((size_t)gate * q->s.u + unit) * depth;
	double sum = 0;
	uint32_t k;

	for (k = 0; k < depth; k++)
		sum += w[k] * x[k];
	return sum;
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static double gate_sum(const struct real *q, uint32_t gate, uint32_t unit, const double *x,
		       const double *h)
{
	return product(q, q->weight, gate, unit, x, q->s.k) +
	       product(q, q->recurrent, gate, unit, h, q->s.u) + q->bias[gate * q->s.u + unit];
}

static double gru_unit(const struct real *q, uint32_t unit, const double *x, const double *h,
		       const double *reset_h)
{
	double z = logistic(gate_sum(q, 0, unit, x, h)), r = logistic(gate_sum(q, 1, unit, x, h));
	double fresh;

	if (q->extra)
		fresh = product(q, q->weight, 2, unit, x, q->s.k) + q->bias[2 * q->s.u + unit] +
			r * (product(q, q->recurrent, 2, unit, h, q->s.u) + q->extra[unit]);
	else
		fresh = gate_sum(q, 2, unit, x, reset_h);
	return (1 - z) * tanh(fresh) + z * h[unit];
}

/* One step of the layer in double: @h and @cell become the next. */
static void real_step(const struct real *q, const double *x, double *h, double *cell)
{
	double before[64], reset_h[64];
	uint32_t u;

	memcpy(before, h, q->s.u * sizeof(*h));
	for (u = 0; u < q->s.u && q->s.opcode == NPU_OP_GRU; u++)
		reset_h[u] = logistic(gate_sum(q, 1, u, x, before)) * before[u];
	for (u = 0; u < q->s.u; u++) {
		if (q->s.opcode == NPU_OP_RNN) {
			h[u] = tanh(gate_sum(q, 0, u, x, before));
		} else if (q->s.opcode == NPU_OP_GRU) {
			h[u] = gru_unit(q, u, x, before, reset_h);
		} else {
			cell[u] = logistic(gate_sum(q, 2, u, x, before)) * cell[u] +
				  logistic(gate_sum(q, 0, u, x, before)) *
					  tanh(gate_sum(q, 3, u, x, before));
			h[u] = logistic(gate_sum(q, 1, u, x, before)) * tanh(cell[u]);
		}
	}
}

/* The worst difference between the instruction and the layer, over all steps. */
static double worst_difference(const struct real *q)
{
	double h[64] = { 0 }, cell[64] = { 0 }, x[64], worst = 0;
	uint32_t t, k, u;

	for (t = 0; t < q->s.t; t++) {
		for (k = 0; k < q->s.k; k++)
			x[k] = q->in_scale * (ref_load(q->c, IN, 0, t, k) - q->in_zero);
		real_step(q, x, h, cell);
		for (u = 0; u < q->s.u; u++)
			worst = fmax(worst, fabs(q->out_scale * (ref_load(q->c, OUT, 0, t, u) -
								 q->out_zero) -
						 h[u]));
	}
	return worst;
}

static void check_real(uint16_t opcode, uint8_t type, uint32_t flags, double tolerance)
{
	struct real q = { .s = { .name = "real",
				 .opcode = opcode,
				 .type = type,
				 .bias = type == NPU_TYPE_INT8 ? NPU_TYPE_INT32 : NPU_TYPE_INT64,
				 .flags = flags,
				 .hidden = true,
				 .row_scales = true,
				 .n = 1,
				 .t = 12,
				 .k = 10,
				 .u = 20 } };
	struct npu_slot_need needs[NPU_INSN_TENSORS];
	uint32_t gates = sequence_gates(opcode);
	struct rng rng = { opcode + flags };
	struct npu_fault fault;
	double worst;

	q.in_scale = type == NPU_TYPE_INT8 ? 2.0 / 128 : 2.0 / 32768;
	q.in_zero = type == NPU_TYPE_INT8 ? 11 : 0;
	q.out_scale = type == NPU_TYPE_INT8 ? 1.0 / 120 : 1.0 / 32768;
	q.out_zero = type == NPU_TYPE_INT8 ? -5 : 0;
	q.weight = random_reals(&rng, (size_t)gates * q.s.u * q.s.k, 0.8);
	q.recurrent = random_reals(&rng, (size_t)gates * q.s.u * q.s.u, 0.4);
	q.bias = random_reals(&rng, (size_t)gates * q.s.u, 1);
	if (flags & NPU_RECURRENT_RESET_AFTER)
		q.extra = random_reals(&rng, q.s.u, 1);
	q.c = recurrent_make(&q.s, &rng);
	q.c->insn.rnn.activation = 0;
	q.c->insn.rnn.table = 0;
	if (opcode == NPU_OP_LSTM)
		memset(&q.c->insn.raw[5], 0, 3 * sizeof(uint32_t));
	fill(&q, &rng);
	if (!recurrent_valid(q.c, needs, &fault))
		fail_msg("%s %s", fault.field, fault.reason);
	recurrent_run(q.c, npu_variant_at(0), UINT32_MAX);
	worst = worst_difference(&q);
	print_message("# opcode 0x%x type %u flags %u: worst difference %.5f\n", opcode, type,
		      flags, worst);
	if (worst > tolerance || worst == 0)
		fail_msg("opcode 0x%x type %u flags %u: %.5f off", opcode, type, flags, worst);
	recurrent_free(q.c);
	free(q.weight);
	free(q.recurrent);
	free(q.bias);
	free(q.extra);
}

/* int8 hidden states: a few steps of 1/120; int16: what weights of 8 bits leave. */
static void test_sequences(void **state)
{
	(void)state;
	check_real(NPU_OP_RNN, NPU_TYPE_INT8, 0, 0.045);
	check_real(NPU_OP_LSTM, NPU_TYPE_INT8, 0, 0.025);
	check_real(NPU_OP_GRU, NPU_TYPE_INT8, 0, 0.025);
	check_real(NPU_OP_GRU, NPU_TYPE_INT8, NPU_RECURRENT_RESET_AFTER, 0.025);
	check_real(NPU_OP_RNN, NPU_TYPE_INT16, 0, 0.025);
	check_real(NPU_OP_LSTM, NPU_TYPE_INT16, 0, 0.012);
	check_real(NPU_OP_GRU, NPU_TYPE_INT16, 0, 0.025);
	check_real(NPU_OP_GRU, NPU_TYPE_INT16, NPU_RECURRENT_RESET_AFTER, 0.025);
}

/* ---------------------------------------------------- layer normalisation */

static int64_t norm_input(const struct engine_case *c, uint32_t row, uint32_t i)
{
	const uint8_t *in = guarded_data(&c->slot[1]) + (size_t)row * c->insn.t[1].stride[2];

	return c->insn.t[1].type == NPU_TYPE_INT8 ? ((const int8_t *)in)[i]
						  : ((const int16_t *)in)[i];
}

static int32_t norm_output(const struct engine_case *c, uint32_t row, uint32_t i)
{
	const uint8_t *out = guarded_data(&c->slot[0]) + (size_t)row * c->insn.t[0].stride[2];

	return c->insn.t[0].type == NPU_TYPE_INT8 ? ((const int8_t *)out)[i]
						  : ((const int16_t *)out)[i];
}

/* From the page: the greatest root with root * root <= W, by halving. */
static uint64_t root_of(wide w)
{
	uint64_t low = 0, high = 1ull << 32;

	while (high - low > 1) {
		uint64_t middle = (low + high) / 2;

		if ((wide)middle * middle <= w)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void expect_norm_row(const struct engine_case *c, const char *name, uint32_t row)
{
	const struct npu_insn *insn = &c->insn;
	const int32_t *gamma = (const int32_t *)guarded_data(&c->slot[2]);
	const int32_t *beta = (const int32_t *)guarded_data(&c->slot[3]);
	uint32_t length = insn->t[0].dim[3], e = 0, i;
	wide sum = 0, squares = 0, v, inverse;
	struct npu_scale scale;

	memcpy(&scale, (const uint8_t *)c->exec.consts + insn->norm.scales, sizeof(scale));
	for (i = 0; i < length; i++) {
		sum += norm_input(c, row, i);
		squares += norm_input(c, row, i) * norm_input(c, row, i);
	}
	v = length * squares - sum * sum +
	    (insn->norm.epsilon[0] | (wide)insn->norm.epsilon[1] << 32);
	v = v < 1 ? 1 : v;
	while (v << e < (wide)1 << 60)
		e += 2;
	inverse = ((wide)1 << 61) / root_of(v << e);
	inverse = inverse > INT32_MAX ? INT32_MAX : inverse;
	for (i = 0; i < length; i++) {
		uint32_t shift = 37 - e / 2;
		wide y = ((wide)length * norm_input(c, row, i) - sum) * inverse;
		int32_t p = ref_wrap(ref_floor_shift(y + ((wide)1 << (shift - 1)), shift));

		if (insn->t[2].type) {
			wide product = (wide)p * gamma[i] + (1 << 30);

			p = p == INT32_MIN && gamma[i] == INT32_MIN
				    ? INT32_MAX
				    : (int32_t)ref_floor_shift(product, 31);
			p = ref_wrap((wide)p + beta[i]);
		}
		p = ref_wrap((wide)ref_rescale(p, scale) + insn->t[0].zero_point);
		p = ref_clamp(p, insn->norm.act_min, insn->norm.act_max);
		if (p != norm_output(c, row, i))
			fail_msg("%s: row %u of %u, element %u: %d, not %d", name, row, length, i,
				 norm_output(c, row, i), p);
	}
}

static void test_norm_definition(void **state)
{
	static const uint32_t length[] = { 1, 2, 3, 15, 16, 17, 64, 300, 4096 };
	struct rng rng = { 31 };
	uint32_t o, l, row, repeat;

	(void)state;
	for (o = 0; o < OPERATIONS; o++)
		for (l = 0; operations[o].opcode == NPU_OP_LAYER_NORM && l < 9; l++)
			for (repeat = 0; repeat < 8; repeat++) {
				struct shape s = { 1, 1,	  3,	length[l],
						   1, repeat % 2, true, repeat == 7 };
				struct engine_case *c = case_make(&operations[o], &s, &rng);

				/* a row of one value: a deviation of nothing */
				if (repeat == 6)
					memset(guarded_data(&c->slot[1]), 0x55, c->slot[1].bytes);
				case_run(c, npu_variant_at(0), UINT32_MAX);
				for (row = 0; row < 3; row++)
					expect_norm_row(c, operations[o].name, row);
				case_free(c);
			}
}

/* The instruction as a compiler fills it. */
static void fill_norm(struct engine_case *c, const double *gamma, const double *beta,
		      double in_scale, double out_scale, double epsilon)
{
	uint32_t length = c->insn.t[0].dim[3], i;
	double most = 0, e = epsilon / (in_scale * in_scale) * length * length;
	struct npu_scale scale;

	for (i = 0; i < length; i++)
		most = fmax(most, fmax(fabs(gamma[i]), fabs(beta[i]) / 64));
	for (i = 0; i < length; i++) {
		((int32_t *)guarded_data(&c->slot[2]))[i] =
			(int32_t)fmin(round(gamma[i] / most * 2147483648.0), 2147483647.0);
		((int32_t *)guarded_data(&c->slot[3]))[i] =
			(int32_t)lround(beta[i] / most * (1 << 24));
	}
	c->insn.norm.epsilon[0] = (uint32_t)(uint64_t)e;
	c->insn.norm.epsilon[1] = (uint32_t)((uint64_t)e >> 32);
	scale = scale_of(most / (1 << 24) / out_scale);
	memcpy(guarded_data(&c->consts) + c->insn.norm.scales, &scale, sizeof(scale));
}

static void check_norm(const char *name, double in_scale, double out_scale)
{
	struct shape s = { 1, 1, 4, 48, 1, 0, true, false };
	struct rng rng = { 32 };
	const struct operation *op = operations;
	double *gamma = random_reals(&rng, s.c, 1.5), *beta = random_reals(&rng, s.c, 1);
	struct engine_case *c;
	uint32_t row, i;

	while (strcmp(op->name, name))
		op++;
	c = case_make(op, &s, &rng);
	c->insn.norm.act_min = op->out == NPU_TYPE_INT8 ? -128 : -32768;
	c->insn.norm.act_max = op->out == NPU_TYPE_INT8 ? 127 : 32767;
	fill_norm(c, gamma, beta, in_scale, out_scale, 1e-5);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (row = 0; row < s.w; row++) {
		double mean = 0, variance = 0, y;

		for (i = 0; i < s.c; i++)
			mean += in_scale * norm_input(c, row, i) / s.c;
		for (i = 0; i < s.c; i++)
			variance += pow(in_scale * norm_input(c, row, i) - mean, 2) / s.c;
		for (i = 0; i < s.c; i++) {
			y = (in_scale * norm_input(c, row, i) - mean) / sqrt(variance + 1e-5) *
				    gamma[i] +
			    beta[i];
			y = fmin(
				fmax(y / out_scale + c->insn.t[0].zero_point, c->insn.norm.act_min),
				c->insn.norm.act_max);
			if (fabs(y - norm_output(c, row, i)) > 0.51)
				fail_msg("%s: %d, not %.3f", name, norm_output(c, row, i), y);
		}
	}
	case_free(c);
	free(gamma);
	free(beta);
}

static void test_norm_real(void **state)
{
	(void)state;
	check_norm("layer_norm_s8_s8", 0.02, 0.025);
	check_norm("layer_norm_s8_s16", 0.02, 1e-4);
	check_norm("layer_norm_s16_s16", 1e-4, 1e-4);
	check_norm("layer_norm_s16_s8", 1e-4, 0.025);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_norm_definition),
		cmocka_unit_test(test_norm_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
