/* SPDX-License-Identifier: MIT */
/* Eight rows and four columns of a matrix, transposed; both vector headers of x86 have it so. */
#ifndef NPU_NN_TRANSPOSE_X86_H
#define NPU_NN_TRANSPOSE_X86_H

#include <immintrin.h>
#include <stddef.h>

#define TRANSPOSED 8

/* Four floats of each of two rows that lie 4 apart. */
static inline __m256 load_halves(const float *x, size_t ldx)
{
	return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)),
				    _mm_loadu_ps(x + 4 * ldx), 1);
}

/* y[k][j] = x[j][k], for j below TRANSPOSED and k below 4 */
static inline void v_transpose(const float *x, size_t ldx, float *y, size_t ldy)
{
	__m256 r0 = load_halves(x, ldx), r1 = load_halves(x + ldx, ldx);
	__m256 r2 = load_halves(x + 2 * ldx, ldx), r3 = load_halves(x + 3 * ldx, ldx);
	__m256 low01 = _mm256_unpacklo_ps(r0, r1), high01 = _mm256_unpackhi_ps(r0, r1);
	__m256 low23 = _mm256_unpacklo_ps(r2, r3), high23 = _mm256_unpackhi_ps(r2, r3);

	_mm256_storeu_ps(y, _mm256_shuffle_ps(low01, low23, 0x44));
	_mm256_storeu_ps(y + ldy, _mm256_shuffle_ps(low01, low23, 0xee));
	_mm256_storeu_ps(y + 2 * ldy, _mm256_shuffle_ps(high01, high23, 0x44));
	_mm256_storeu_ps(y + 3 * ldy, _mm256_shuffle_ps(high01, high23, 0xee));
}

#endif /* NPU_NN_TRANSPOSE_X86_H */
