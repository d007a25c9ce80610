/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_FFT_H
#define NPU_DATA_FFT_H

#include <stddef.h>

/* sin(2 pi x) and cos(2 pi x), of IEEE operations alone: the same on every machine. */
double npu_sin_turn(double x);
double npu_cos_turn(double x);

/**
 * struct npu_fft - the Fourier transform of so many real values
 * @n: how many, a power of two, 4 or more
 * @twiddle: [n / 2][2], cos and -sin of 2 pi k / n
 * @work: [n], real and imaginary parts of half as many complex values
 */
struct npu_fft {
	size_t n;
	double *twiddle;
	double *work;
};

/* -ENOMEM. Free with npu_fft_free(). */
int npu_fft_create(struct npu_fft *fft, size_t n);
void npu_fft_free(struct npu_fft *fft);

/* @power[k] = |sum_j x[j] e^(-2 pi i j k / n)|^2, k = 0 ... n / 2 */
void npu_fft_power(struct npu_fft *fft, const double *x, double *power);

#endif /* NPU_DATA_FFT_H */
