// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "fft.h"

#define PI 0x1.921fb54442d18p+1

/* Taylor's series for |x| <= 1/8 turn, where the next term is below 2^-54. */
static double sin_small(double x)
{
	double a = 2 * PI * x, square = a * a, term = a, sum = 0;

	for (int i = 1; i <= 9; i++) {
		sum += term;
		term *= -square / (2 * i * (2 * i + 1));
	}
	return sum;
}

static double cos_small(double x)
{
	double a = 2 * PI * x, square = a * a, term = 1, sum = 0;

	for (int i = 1; i <= 10; i++) {
		sum += term;
		term *= -square / (2 * i * (2 * i - 1));
	}
	return sum;
}

double npu_sin_turn(double x)
{
	double quarter, rest;
	int which;

	x -= floor(x);
	quarter = floor(4 * x + 0.5);
	rest = x - quarter / 4; /* exact */
	which = (int)quarter & 3;
	if (which == 0)
		return sin_small(rest);
	if (which == 1)
		return cos_small(rest);
	return which == 2 ? -sin_small(rest) : -cos_small(rest);
}

double npu_cos_turn(double x)
{
	return npu_sin_turn(x + 0.25);
}

int npu_fft_create(struct npu_fft *fft, size_t n)
{
	fft->n = n;
	fft->twiddle = malloc(n * sizeof(*fft->twiddle));
	fft->work = malloc(n * sizeof(*fft->work));
	if (!fft->twiddle || !fft->work) {
		npu_fft_free(fft);
		return -ENOMEM;
	}
	for (size_t k = 0; k < n / 2; k++) {
		fft->twiddle[2 * k] = npu_cos_turn((double)k / n);
		fft->twiddle[2 * k + 1] = -npu_sin_turn((double)k / n);
	}
	return 0;
}

void npu_fft_free(struct npu_fft *fft)
{
	free(fft->twiddle);
	free(fft->work);
	*fft = (struct npu_fft){ 0 };
}

/* Two neighbours are one complex value; these in bit-reversed order. */
static void load(struct npu_fft *fft, const double *x)
{
	size_t m = fft->n / 2;

	for (size_t i = 0, reversed = 0; i < m; i++) {
		size_t bit = m / 2;

		fft->work[2 * reversed] = x[2 * i];
		fft->work[2 * reversed + 1] = x[2 * i + 1];
		/* Add one at the top end. */
		while (bit && (reversed & bit)) {
			reversed ^= bit;
			bit /= 2;
		}
		reversed |= bit;
	}
}

/* Cooley and Tukey 1965, radix 2, in place, of n / 2 complex values. */
static void transform(struct npu_fft *fft)
{
	size_t m = fft->n / 2;

	for (size_t half = 1; half < m; half *= 2)
		for (size_t start = 0; start < m; start += 2 * half)
			for (size_t k = 0; k < half; k++) {
				const double *w = &fft->twiddle[2 * (k * (m / half))];
				double *a = &fft->work[2 * (start + k)], *b = a + 2 * half;
				double re = b[0] * w[0] - b[1] * w[1];
				double im = b[0] * w[1] + b[1] * w[0];

				b[0] = a[0] - re;
				b[1] = a[1] - im;
				a[0] += re;
				a[1] += im;
			}
}

/*
 * With z[j] = x[2j] + i x[2j + 1], of transform Z of m = n / 2 values, the even values of x have
 * the transform E[k] = (Z[k] + conj Z[m - k]) / 2 and the odd ones O[k] = (Z[k] - conj Z[m - k]) /
 * 2i; then X[k] = E[k] + e^(-2 pi i k / n) O[k].
 */
void npu_fft_power(struct npu_fft *fft, const double *x, double *power)
{
	size_t m = fft->n / 2;

	load(fft, x);
	transform(fft);
	power[0] = fft->work[0] + fft->work[1];
	power[m] = fft->work[0] - fft->work[1];
	power[0] *= power[0];
	power[m] *= power[m];
	for (size_t k = 1; k < m; k++) {
		const double *z = &fft->work[2 * k], *mirror = &fft->work[2 * (m - k)];
		const double *w = &fft->twiddle[2 * k];
		double even_re = (z[0] + mirror[0]) / 2, even_im = (z[1] - mirror[1]) / 2;
		double odd_re = (z[1] + mirror[1]) / 2, odd_im = (mirror[0] - z[0]) / 2;
		double re = even_re + odd_re * w[0] - odd_im * w[1];
		double im = even_im + odd_re * w[1] + odd_im * w[0];

		power[k] = re * re + im * im;
	}
}
