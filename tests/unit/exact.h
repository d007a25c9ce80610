/* SPDX-License-Identifier: MIT */
/*
 * What fixed-point scaling means, in exact rational arithmetic of 128 bits: shares no code
 * with the engine.
 */
#ifndef EXACT_H
#define EXACT_H

#include "engine_case.h"

/*
 * Nearest integer to numerator / 2^shift; a tie goes up, or away from zero. Divides with
 * remainder where the engine adds and shifts.
 */
static inline int64_t nearest(__int128 numerator, unsigned int shift, bool away)
{
	__int128 unit = (__int128)1 << shift, quotient = numerator / unit;
	__int128 rest = numerator % unit;
	int up;

	if (rest < 0) {
		rest += unit;
		quotient--;
	}
	/* numerator = quotient * unit + rest, 0 <= rest < unit */
	if (2 * rest == unit)
		up = away ? quotient >= 0 : 1;
	else
		up = 2 * rest > unit;
	return (int64_t)(quotient + up);
}

/* Value times multiplier * 2^(shift - 31), rounded twice. */
static inline int64_t rescaled(int64_t x, struct npu_scale scale)
{
	unsigned int left = scale.shift > 0 ? scale.shift : 0;
	unsigned int right = scale.shift > 0 ? 0 : -scale.shift;
	int64_t high = nearest((__int128)x * ((int64_t)1 << left) * scale.multiplier, 31, false);

	return nearest(high, right, true);
}

static inline int64_t limited(int64_t x, int64_t min, int64_t max)
{
	return x < min ? min : x > max ? max : x;
}

static inline struct npu_scale scale_at(const struct engine_case *c, uint32_t offset, uint32_t i)
{
	return ((const struct npu_scale *)(guarded_data(&c->consts) + offset))[i];
}

/* One rounding, of a product with the multiplier in 16 bits. */
static inline int64_t rescaled_wide(int64_t x, struct npu_scale scale)
{
	int64_t reduced = nearest(scale.multiplier, 16, false);

	if (reduced > 32767)
		reduced = 32767;
	return nearest((__int128)x * reduced, 15 - scale.shift, false);
}

#endif /* EXACT_H */
