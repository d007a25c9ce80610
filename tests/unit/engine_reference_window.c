// SPDX-License-Identifier: MIT
/*
 * Convolutions and pooling against a derivation that shares no code with the engine: real
 * values (zero point taken off) over all pairs of channels, most of which are not connected;
 * a transposed convolution scatters inputs where the engine gathers; exact rational
 * arithmetic scales the sums.
 */
#include "exact.h"

static struct engine_case *make(const char *name, struct rng *rng)
{
	struct shape s = {
		.n = rng_range(rng, 1, 2),
		.h = rng_range(rng, 1, 5),
		.w = rng_range(rng, 1, 6),
		.c = rng_range(rng, 1, 40),
		.depth = rng_range(rng, 1, 16),
		.gap = rng_next(rng) % 3,
	};
	size_t i;

	for (i = 0; i < OPERATIONS; i++)
		if (!strcmp(operations[i].name, name))
			return case_make(&operations[i], &s, rng);
	fail_msg("no operation %s", name);
	return NULL;
}

/* Element (n, y, x, ch) of a tensor in the order of memory. */
static int64_t at(const struct engine_case *c, uint32_t tensor, uint32_t n, uint32_t y, uint32_t x,
		  uint32_t ch)
{
	const struct npu_tensor *t = &c->insn.t[tensor];
	const uint8_t *p = guarded_data(&c->slot[tensor]) + n * t->stride[0] + y * t->stride[1] +
			   x * t->stride[2];

	return t->type == NPU_TYPE_INT8 ? ((const int8_t *)p)[ch] : ((const int16_t *)p)[ch];
}

/* The weight between two channels, 0 where they are not connected. */
static int64_t weight(const struct engine_case *c, uint32_t o, uint32_t ky, uint32_t kx, uint32_t i)
{
	const int8_t *w = (const int8_t *)guarded_data(&c->slot[2]);
	const struct npu_insn *insn = &c->insn;
	const uint32_t *dim = insn->t[2].dim;
	uint32_t tap = ky * dim[2] + kx, taps = dim[1] * dim[2];

	if (insn->opcode == NPU_OP_DEPTHWISE_CONV_2D) {
		uint32_t each = dim[0] / insn->t[1].dim[3];

		return o / each == i ? w[(o / 16 * taps + tap) * 16 + o % 16] : 0;
	}
	uint32_t rows = dim[0] / insn->conv.groups, group = o / rows, row = o % rows;
	uint32_t k = tap * dim[3] + i % dim[3], quads = (taps * dim[3] + 3) / 4;
	uint32_t block = group * ((rows + 15) / 16) + row / 16;

	if (i / dim[3] != group)
		return 0;
	return w[(block * quads + k / 4) * 64 + row % 16 * 4 + k % 4];
}

/* Index of a channel's bias and scale. */
static uint32_t lane_of(const struct npu_insn *insn, uint32_t o)
{
	uint32_t groups = insn->conv.groups ? insn->conv.groups : 1;
	uint32_t rows = insn->t[2].dim[0] / groups;

	return o / rows * ((rows + 15) / 16 * 16) + o % rows;
}

static void moderate_bias(struct engine_case *c, struct rng *rng)
{
	uint32_t type = c->insn.t[3].type, i;

	for (i = 0; type && i < c->insn.t[3].dim[3]; i++) {
		int32_t value = rng_range(rng, -100000, 100000);

		if (type == NPU_TYPE_INT64)
			((int64_t *)guarded_data(&c->slot[3]))[i] = (int64_t)value * 256;
		else
			((int32_t *)guarded_data(&c->slot[3]))[i] = value;
	}
}

/* What the compiler folded into the bias comes out of it again. */
static int64_t start_of(const struct engine_case *c, uint32_t o)
{
	const struct npu_insn *insn = &c->insn;
	const uint32_t *dim = insn->t[2].dim;
	uint32_t lane = lane_of(insn, o), ky, kx, i;
	int64_t sum = 0;

	if (insn->opcode != NPU_OP_TRANSPOSE_CONV_2D)
		for (ky = 0; ky < dim[1]; ky++)
			for (kx = 0; kx < dim[2]; kx++)
				for (i = 0; i < insn->t[1].dim[3]; i++)
					sum += weight(c, o, ky, kx, i);
	sum *= insn->t[1].zero_point;
	if (insn->t[3].type == NPU_TYPE_INT64)
		sum += ((const int64_t *)guarded_data(&c->slot[3]))[lane];
	else if (insn->t[3].type == NPU_TYPE_INT32)
		sum += ((const int32_t *)guarded_data(&c->slot[3]))[lane];
	return sum;
}

/* Positions of the convolution along H or W: more than outputs where these are maxima. */
static uint32_t positions(const struct npu_insn *insn, uint32_t d)
{
	bool pooled = insn->opcode == NPU_OP_CONV_2D && insn->conv.pool[d];

	return insn->t[0].dim[1 + d] * (pooled ? insn->conv.pool[d] : 1);
}

/*
 * Add what input pixel (@iy, @ix) contributes, through every tap, to the sums of the
 * output channels, where the output pixel is @stride apart from its tap.
 */
static void spread(const struct engine_case *c, int64_t *sums, uint32_t n, uint32_t iy, uint32_t ix)
{
	const struct npu_insn *insn = &c->insn;
	const uint32_t *out = insn->t[0].dim, *dim = insn->t[2].dim;
	bool transpose = insn->opcode == NPU_OP_TRANSPOSE_CONV_2D;
	uint32_t height = positions(insn, 0), width = positions(insn, 1), ky, kx, i, o;

	for (ky = 0; ky < dim[1]; ky++)
		for (kx = 0; kx < dim[2]; kx++) {
			int32_t dy = ky * insn->conv.dilation[0], dx = kx * insn->conv.dilation[1];
			int32_t sy = insn->conv.stride[0], sx = insn->conv.stride[1];
			int32_t y = iy * (transpose ? sy : 1), x = ix * (transpose ? sx : 1);

			/* an ordinary one: out * stride - pad + tap = in */
			y += transpose ? dy - (int32_t)insn->conv.pad[0]
				       : (int32_t)insn->conv.pad[0] - dy;
			x += transpose ? dx - (int32_t)insn->conv.pad[1]
				       : (int32_t)insn->conv.pad[1] - dx;
			if (y < 0 || x < 0 || (!transpose && (y % sy || x % sx)))
				continue;
			y /= transpose ? 1 : sy;
			x /= transpose ? 1 : sx;
			if (y >= (int32_t)height || x >= (int32_t)width)
				continue;
			for (i = 0; i < insn->t[1].dim[3]; i++)
				for (o = 0; o < out[3]; o++)
					sums[((n * height + y) * width + x) * out[3] + o] +=
						(at(c, 1, n, iy, ix, i) - insn->t[1].zero_point) *
						weight(c, o, ky, kx, i);
		}
}

static int64_t *derive_sums(const struct engine_case *c)
{
	const uint32_t *out = c->insn.t[0].dim, *in = c->insn.t[1].dim;
	uint32_t pixels = out[0] * positions(&c->insn, 0) * positions(&c->insn, 1), p, o, n, y, x;
	int64_t *sums = calloc((size_t)pixels * out[3], sizeof(*sums));

	assert_non_null(sums);
	for (o = 0; o < out[3]; o++) {
		int64_t start = start_of(c, o);

		for (p = 0; p < pixels; p++)
			sums[p * out[3] + o] = start;
	}
	for (n = 0; n < in[0]; n++)
		for (y = 0; y < in[1]; y++)
			for (x = 0; x < in[2]; x++)
				spread(c, sums, n, y, x);
	return sums;
}

/* The output that belongs to a sum; false where the definition wraps and this does not. */
static bool derive_output(const struct engine_case *c, uint32_t o, int64_t sum, int64_t *y)
{
	const struct npu_insn *insn = &c->insn;
	bool wide = insn->t[1].type == NPU_TYPE_INT16 && insn->t[3].type != NPU_TYPE_INT32;
	struct npu_scale scale =
		scale_at(c, insn->conv.scales, insn->conv.scale_count > 1 ? lane_of(insn, o) : 0);

	*y = wide ? rescaled_wide(sum, scale) : rescaled(sum, scale);
	if (scale.shift > 0 || *y != (int32_t)*y || (!wide && sum != (int32_t)sum))
		return false;
	*y = limited(*y + insn->t[0].zero_point, insn->conv.act_min, insn->conv.act_max);
	return true;
}

/* The greatest of what the sums of an output become. */
static bool derive_greatest(const struct engine_case *c, const int64_t *sums, uint32_t n,
			    uint32_t y, uint32_t x, uint32_t o, int64_t *greatest)
{
	uint32_t height = positions(&c->insn, 0) / c->insn.t[0].dim[1];
	uint32_t width = positions(&c->insn, 1) / c->insn.t[0].dim[2], i;

	*greatest = INT64_MIN;
	for (i = 0; i < height * width; i++) {
		uint32_t row = n * positions(&c->insn, 0) + y * height + i / width;
		uint32_t column = x * width + i % width;
		int64_t value;

		if (!derive_output(
			    c, o,
			    sums[(row * positions(&c->insn, 1) + column) * c->insn.t[0].dim[3] + o],
			    &value))
			return false;
		if (value > *greatest)
			*greatest = value;
	}
	return true;
}

static uint32_t check_conv(const char *name, struct rng *rng)
{
	struct engine_case *c = make(name, rng);
	const uint32_t *out = c->insn.t[0].dim;
	uint32_t n, y, x, o, compared = 0;
	int64_t *sums, expected;

	moderate_bias(c, rng);
	sums = derive_sums(c);
	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (n = 0; n < out[0]; n++)
		for (y = 0; y < out[1]; y++)
			for (x = 0; x < out[2]; x++)
				for (o = 0; o < out[3]; o++) {
					if (!derive_greatest(c, sums, n, y, x, o, &expected))
						continue;
					compared++;
					if (at(c, 0, n, y, x, o) != expected)
						fail_msg("%s: (%u, %u, %u, %u) is %d, derived %d",
							 name, n, y, x, o,
							 (int)at(c, 0, n, y, x, o), (int)expected);
				}
	free(sums);
	case_free(c);
	return compared;
}

static void check_convs(const char *const *name, size_t count, uint64_t seed)
{
	struct rng rng = { seed };
	uint32_t compared = 0;
	int i;

	for (i = 0; i < 60; i++)
		compared += check_conv(name[i % count], &rng);
	assert_true(compared > 5000);
}

static void test_conv(void **state)
{
	static const char *const name[] = { "conv_s8_s8",   "conv_s8_s16", "conv_s8_nobias",
					    "conv_s16_s16", "conv_s16_s8", "conv_s16_nobias" };

	(void)state;
	check_convs(name, 6, 41);
}

static void test_depthwise_conv(void **state)
{
	static const char *const name[] = { "depthwise_s8", "depthwise_s8_nobias",
					    "depthwise_s16" };

	(void)state;
	check_convs(name, 3, 42);
}

static void test_transpose_conv(void **state)
{
	static const char *const name[] = { "transpose_conv_s8", "transpose_conv_s8_nobias",
					    "transpose_conv_s16" };

	(void)state;
	check_convs(name, 3, 43);
}

/* ---------------------------------------------------------------- pooling */

/* What @out's window holds of channel @ch: how many, their sum, the greatest. */
struct window_values {
	int64_t count, sum, greatest;
};

static struct window_values look(const struct engine_case *c, uint32_t n, uint32_t y, uint32_t x,
				 uint32_t ch)
{
	const struct npu_insn *insn = &c->insn;
	struct window_values v = { 0, 0, INT64_MIN };
	int64_t top = (int64_t)y * insn->pool.stride[0] - insn->pool.pad[0];
	int64_t left = (int64_t)x * insn->pool.stride[1] - insn->pool.pad[1];
	uint32_t iy, ix;

	for (iy = 0; iy < insn->t[1].dim[1]; iy++)
		for (ix = 0; ix < insn->t[1].dim[2]; ix++) {
			int64_t value = at(c, 1, n, iy, ix, ch);

			if (iy < top || iy >= top + insn->pool.kernel[0] || ix < left ||
			    ix >= left + insn->pool.kernel[1])
				continue;
			v.count++;
			v.sum += value;
			if (value > v.greatest)
				v.greatest = value;
		}
	return v;
}

/* The integer q nearest to sum / count: |sum - q * count| is least; a tie takes the larger |q|. */
static int64_t nearest_mean(const struct window_values *v)
{
	int64_t q = v->sum / v->count, best = q, d;

	for (d = -1; d <= 1; d++) {
		int64_t off = llabs(v->sum - (q + d) * v->count);
		int64_t least = llabs(v->sum - best * v->count);

		if (off < least || (off == least && llabs(q + d) > llabs(best)))
			best = q + d;
	}
	return best;
}

static void check_pool(const char *name, struct rng *rng)
{
	struct engine_case *c = make(name, rng);
	const struct npu_insn *insn = &c->insn;
	const uint32_t *out = insn->t[0].dim;
	uint32_t n, y, x, ch;

	case_run(c, npu_variant_at(0), UINT32_MAX);
	for (n = 0; n < out[0]; n++)
		for (y = 0; y < out[1]; y++)
			for (x = 0; x < out[2]; x++)
				for (ch = 0; ch < out[3]; ch++) {
					struct window_values v = look(c, n, y, x, ch);
					int64_t q = insn->opcode == NPU_OP_MAX_POOL_2D
							    ? v.greatest
							    : nearest_mean(&v);

					q = limited(q, insn->pool.act_min, insn->pool.act_max);
					assert_int_equal(at(c, 0, n, y, x, ch), q);
				}
	case_free(c);
}

static void test_pool(void **state)
{
	static const char *const name[] = { "max_pool_s8", "max_pool_s16", "average_pool_s8",
					    "average_pool_s16" };
	struct rng rng = { 44 };
	int i;

	(void)state;
	for (i = 0; i < 80; i++)
		check_pool(name[i % 4], &rng);
}

/* The largest window, all values at one end: the sum fits, and so does its rounding. */
static void test_largest_window(void **state)
{
	static const int16_t value[] = { INT16_MIN, INT16_MAX };
	struct rng rng = { 45 };
	size_t i, e;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct engine_case *c = make("average_pool_s16", &rng);
		struct npu_insn *insn = &c->insn;
		uint32_t out_dim[4] = { 1, 1, 1, 1 }, in_dim[4] = { 1, 256, 256, 1 };
		struct npu_slot_need needs[NPU_MAX_SLOTS];
		struct npu_fault fault;
		uint64_t cost;

		guarded_free(&c->slot[1]);
		guarded_make(&c->slot[1], 2 * NPU_MAX_DEPTH, true);
		c->exec.slot[1] = c->slot[1].page;
		case_tensor(c, 0, NPU_TYPE_INT16, out_dim, 0);
		case_tensor(c, 1, NPU_TYPE_INT16, in_dim, 0);
		insn->t[1].offset = c->slot[1].offset;
		memset(&insn->pool, 0, sizeof(insn->pool));
		insn->pool.act_min = INT16_MIN;
		insn->pool.act_max = INT16_MAX;
		insn->pool.kernel[0] = insn->pool.kernel[1] = 256;
		insn->pool.stride[0] = insn->pool.stride[1] = 1;
		for (e = 0; e < NPU_MAX_DEPTH; e++)
			((int16_t *)guarded_data(&c->slot[1]))[e] = value[i];
		assert_true(case_valid(c, needs, &cost, &fault));
		case_run(c, npu_variant_at(0), UINT32_MAX);
		assert_int_equal(at(c, 0, 0, 0, 0, 0), value[i]);
		case_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conv),	       cmocka_unit_test(test_depthwise_conv),
		cmocka_unit_test(test_transpose_conv), cmocka_unit_test(test_pool),
		cmocka_unit_test(test_largest_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
