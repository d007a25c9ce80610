// SPDX-License-Identifier: MIT
/*
 * Resizing against real positions and weights, and bilinear resizing to the bit against
 * divisions of whole numbers.
 */
#include "coordinates.h"

#include <math.h>

static int64_t within(int64_t x, int64_t low, int64_t high)
{
	return x < low ? low : x > high ? high : x;
}

/* The centre of input element k lies at k; the real position of output @i. */
static long double position(const struct engine_case *c, uint32_t d, uint32_t i)
{
	long double in = c->insn.t[1].dim[d], out = c->insn.t[0].dim[d];

	if (c->insn.resize.flags & NPU_RESIZE_ALIGN_CORNERS && out > 1)
		return i * (in - 1) / (out - 1);
	if (c->insn.resize.flags & NPU_RESIZE_HALF_PIXEL)
		return (i + 0.5L) * in / out - 0.5L;
	return i * in / out;
}

static bool derive_nearest(const struct engine_case *c, struct at at, int64_t *y)
{
	uint32_t d;

	for (d = 1; d < 3; d++) {
		long double p = position(c, d, at.i[d]);

		/* the extended format is wide enough: a quotient of small integers */
		if (c->insn.resize.flags)
			p += 0.5L;
		at.i[d] = within((int64_t)floorl(p + 1e-12L), 0, (int64_t)c->insn.t[1].dim[d] - 1);
	}
	*y = value(c, 1, at);
	return true;
}

static void test_nearest(void **state)
{
	(void)state;
	check("nearest_s8", derive_nearest, NULL);
	check("nearest_s32", derive_nearest, NULL);
}

/* Real interpolation: positions have 10 bits, a step of which moves a value so far. */
static void bilinear_bounds(const struct engine_case *c, struct at at, double *y, double *error)
{
	double part[2], value4[4];
	uint32_t first[2], second[2], i;

	*error = 0;
	for (i = 0; i < 2; i++) {
		double last = c->insn.t[1].dim[i + 1] - 1;
		double p = fmin(fmax((double)position(c, i + 1, at.i[i + 1]), 0), last);

		first[i] = (uint32_t)p;
		second[i] = fmin(first[i] + 1, last);
		part[i] = p - first[i];
		/* half a step of the scale for each position, half a step of the position */
		*error += (at.i[i + 1] + 1) / 1024.0;
	}
	for (i = 0; i < 4; i++) {
		struct at from = at;

		from.i[1] = i / 2 ? second[0] : first[0];
		from.i[2] = i % 2 ? second[1] : first[1];
		value4[i] = value(c, 1, from);
	}
	*y = (value4[0] * (1 - part[1]) + value4[1] * part[1]) * (1 - part[0]) +
	     (value4[2] * (1 - part[1]) + value4[3] * part[1]) * part[0];
	*error = *error * (c->insn.t[1].type == NPU_TYPE_INT8 ? 255 : 65535) + 0.501;
}

static bool derive_bilinear_real(const struct engine_case *c, struct at at, int64_t *expected)
{
	double y, error;

	bilinear_bounds(c, at, &y, &error);
	*expected = llround(y);
	return fabs(value(c, 0, at) - y) > error;
}

/* To the bit, with divisions where the engine shifts. */
static bool derive_bilinear(const struct engine_case *c, struct at at, int64_t *y)
{
	int64_t weight[2][2], sum = 0;
	uint32_t from[2][2], d, i;

	for (d = 0; d < 2; d++) {
		int64_t in = c->insn.t[1].dim[d + 1], out = c->insn.t[0].dim[d + 1];
		int64_t scale, p;

		if (c->insn.resize.flags & NPU_RESIZE_ALIGN_CORNERS && out > 1)
			scale = (1024 * (in - 1) + (out - 1) / 2) / (out - 1);
		else
			scale = (1024 * in + out / 2) / out;
		p = at.i[d + 1] * scale;
		if (c->insn.resize.flags & NPU_RESIZE_HALF_PIXEL)
			p += scale / 2 - 512;
		from[d][0] = within(p / 1024, 0, in - 1);
		from[d][1] = within((p + 1023) / 1024, 0, in - 1);
		weight[d][1] = p - 1024 * (int64_t)from[d][0];
		weight[d][0] = 1024 - weight[d][1];
	}
	for (i = 0; i < 4; i++) {
		struct at corner = at;

		corner.i[1] = from[0][i / 2];
		corner.i[2] = from[1][i % 2];
		sum += value(c, 1, corner) * weight[0][i / 2] * weight[1][i % 2];
	}
	*y = (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20);
	return true;
}

static void test_bilinear(void **state)
{
	(void)state;
	check("bilinear_s8", derive_bilinear, NULL);
	check("bilinear_s16", derive_bilinear, NULL);
	check("bilinear_s8", derive_bilinear_real, NULL);
	check("bilinear_s16", derive_bilinear_real, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_bilinear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
