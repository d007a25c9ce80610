/* SPDX-License-Identifier: MIT */
/*
 * A panel of B from a B that lies transposed; included after a vector header, which has
 * v_transpose() for a block of TRANSPOSED columns and 4 steps of k.
 */
#ifndef NPU_NN_F32_SIMD_PACK_H
#define NPU_NN_F32_SIMD_PACK_H

#include <stddef.h>

/*
 * panel[k][j] = b[j][k] for k below @depth and j below @columns; a row of the panel is @width
 * floats, and what lies beyond the columns is not written.
 */
static void pack_panel(const float *b, size_t ldb, size_t depth, size_t columns, float *panel,
		       size_t width)
{
	size_t i, j, k, strip;

	for (j = 0; j < columns; j += strip, b += strip * ldb) {
		k = 0;
		strip = columns - j < TRANSPOSED ? columns - j : TRANSPOSED;
		if (strip == TRANSPOSED)
			for (; k + 4 <= depth; k += 4)
				v_transpose(b + k, ldb, panel + k * width + j, width);
		for (; k < depth; k++)
			for (i = 0; i < strip; i++)
				panel[k * width + j + i] = b[i * ldb + k];
	}
}

#endif /* NPU_NN_F32_SIMD_PACK_H */
