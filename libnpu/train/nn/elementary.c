// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "elementary.h"

/* ln 2 in two parts: an integer below 2^11 times the first is exact. */
#define LN2_HIGH 0x1.62e42fefa0000p-1
#define LN2_LOW 0x1.cf79abc9e3b39p-40
#define INV_LN2 0x1.71547652b82fep+0
#define INV_SQRT_PI 0x1.20dd750429b6dp-1

static double from_bits(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static uint64_t to_bits(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

/* 2^k for a normal result: -1022 <= k <= 1023. */
static double power_of_two(int k)
{
	return from_bits((uint64_t)(k + 1023) << 52);
}

/* exp(r) - 1 for |r| <= 0.36: Taylor's series, whose next term is below 2^-55 of the first. */
static double expm1_series(double r)
{
	static const double inverse_factorial[] = {
		1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
		1.0 / 362880,	  1.0 / 40320,	   1.0 / 5040,	   1.0 / 720,
		1.0 / 120,	  1.0 / 24,	   1.0 / 6,	   0.5,
	};
	double sum = inverse_factorial[0];
	unsigned int i;

	for (i = 1; i < sizeof(inverse_factorial) / sizeof(inverse_factorial[0]); i++)
		sum = sum * r + inverse_factorial[i];
	return sum * r * r + r;
}

double npu_exp(double x)
{
	double k, r;
	int n;

	if (x != x)
		return x;
	if (x > 709.79)
		return INFINITY;
	if (x < -745.2)
		return 0;
	/* x = k ln 2 + r. Adding 1.5 * 2^52 rounds to an integer, halves to even. */
	k = (x * INV_LN2 + 0x1.8p52) - 0x1.8p52;
	r = (x - k * LN2_HIGH) - k * LN2_LOW;
	n = (int)k;
	/* In two factors, since 2^n itself may be out of range where the result is not. */
	return (1 + expm1_series(r)) * power_of_two(n / 2) * power_of_two(n - n / 2);
}

double npu_expm1(double x)
{
	return x > -0.36 && x < 0.36 ? expm1_series(x) : npu_exp(x) - 1;
}

/* log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + s^5 / 5 + ...) for |s| <= 0.172 */
static double log_series(double s)
{
	double z = s * s, sum = 1.0 / 25;
	int odd;

	for (odd = 23; odd >= 3; odd -= 2)
		sum = sum * z + 1.0 / odd;
	return 2 * (s * z * sum) + 2 * s;
}

double npu_log(double x)
{
	uint64_t bits;
	int exponent = 0;
	double m;

	if (x != x || x < 0)
		return NAN;
	if (x == 0)
		return -INFINITY;
	if (x > 0x1.fffffffffffffp1023)
		return x;
	if (x < 0x1p-1022) {
		x *= 0x1p54;
		exponent = -54;
	}
	bits = to_bits(x);
	exponent += (int)(bits >> 52) - 1023;
	m = from_bits((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
	if (m > 0x1.6a09e667f3bcdp0) { /* the root of 2 */
		m *= 0.5;
		exponent++;
	}
	return exponent * LN2_HIGH + (log_series((m - 1) / (m + 1)) + exponent * LN2_LOW);
}

double npu_log1p(double x)
{
	return x > -0.25 && x < 0.25 ? log_series(x / (2 + x)) : npu_log(1 + x);
}

double npu_tanh(double x)
{
	double e;

	if (x > -0.175 && x < 0.175) {
		e = expm1_series(2 * x);
		return e / (e + 2);
	}
	if (x < 0)
		return -npu_tanh(-x);
	return 1 - 2 / (npu_exp(2 * x) + 1);
}

double npu_sigmoid(double x)
{
	double e;

	/* The exponential of a negative number, so that nothing overflows. */
	if (x >= 0)
		return 1 / (1 + npu_exp(-x));
	e = npu_exp(x);
	return e / (1 + e);
}

/* erf(x) = 2 / sqrt(pi) exp(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...), for 0 <= x < 1.5 */
static double erf_series(double x)
{
	double sum = 1;
	int n;

	for (n = 30; n > 0; n--)
		sum = 1 + sum * 2 * x * x / (2 * n + 1);
	return 2 * INV_SQRT_PI * x * sum * npu_exp(-x * x);
}

/*
 * erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + ...)))), Laplace's
 * fraction, cut where it no longer matters for x >= 1.5
 */
static double erfc_fraction(double x)
{
	double below = x;
	int n;

	for (n = 120; n > 0; n--)
		below = x + 0.5 * n / below;
	return INV_SQRT_PI * npu_exp(-x * x) / below;
}

double npu_erfc(double x)
{
	if (x < 0)
		return 2 - npu_erfc(-x);
	return x < 1.5 ? 1 - erf_series(x) : erfc_fraction(x);
}
