// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "exact_sum.h"

#define LOWEST (-1088)
/* A digit gains less than 2^32 by an addition, and so stays far from 2^63 for as many. */
#define MOST_PENDING (1u << 30)

/* Bring all digits but the highest into [0, 2^32); the highest keeps the sign. */
static void carry(struct npu_exact_sum *sum)
{
	int64_t over = 0;

	for (size_t i = 0; i + 1 < NPU_EXACT_DIGITS; i++) {
		int64_t digit = sum->digit[i] + over;
		int64_t low = digit & 0xffffffff;

		over = (digit - low) / ((int64_t)1 << 32);
		sum->digit[i] = low;
	}
	sum->digit[NPU_EXACT_DIGITS - 1] += over;
	sum->pending = 0;
}

void npu_exact_add(struct npu_exact_sum *sum, double number)
{
	uint64_t bits, fraction, low, high;
	int exponent, at, shift;
	int64_t *digit;

	if (number == 0)
		return;
	memcpy(&bits, &number, sizeof(bits));
	exponent = (int)(bits >> 52 & 0x7ff);
	fraction = bits & 0xfffffffffffff;
	if (exponent)
		fraction |= (uint64_t)1 << 52;
	else
		exponent = 1; /* a subnormal */
	at = exponent - 1075 - LOWEST;
	shift = at % 32;
	digit = &sum->digit[at / 32];
	/* 53 bits, shifted by less than 32, reach over three digits. */
	low = (fraction & 0xffffffff) << shift;
	high = (fraction >> 32 << shift) + (low >> 32);
	if (bits >> 63) {
		digit[0] -= (int64_t)(low & 0xffffffff);
		digit[1] -= (int64_t)(high & 0xffffffff);
		digit[2] -= (int64_t)(high >> 32);
	} else {
		digit[0] += (int64_t)(low & 0xffffffff);
		digit[1] += (int64_t)(high & 0xffffffff);
		digit[2] += (int64_t)(high >> 32);
	}
	if (++sum->pending == MOST_PENDING)
		carry(sum);
}

void npu_exact_add_product(struct npu_exact_sum *sum, double a, double b)
{
	double product = a * b;

	npu_exact_add(sum, product);
	npu_exact_add(sum, fma(a, b, -product));
}

/* Magnitude of the digits, all in [0, 2^32), rounded to nearest, ties to even. */
static double round_digits(const int64_t *digit)
{
	int top = NPU_EXACT_DIGITS - 1, zeros;
	uint64_t first, rest = 0;

	while (top > 2 && digit[top] == 0)
		top--;
	first = (uint64_t)digit[top] << 32 | (uint64_t)digit[top - 1];
	if (!first)
		return ldexp((double)digit[top - 2], LOWEST);
	/* 64 bits that begin with a one; whether more follow is all that rounding needs to know. */
	zeros = __builtin_clzll(first);
	rest = (uint64_t)digit[top - 2] << 32;
	for (int i = top - 3; i >= 0 && !(rest & 1); i--)
		rest |= digit[i] != 0;
	if (zeros) {
		first = first << zeros | rest >> (64 - zeros);
		rest <<= zeros;
	}
	first |= rest != 0;
	return ldexp((double)first, LOWEST + 32 * (top - 1) - zeros);
}

double npu_exact_value(const struct npu_exact_sum *sum, double *rest)
{
	struct npu_exact_sum exact = *sum;
	bool negative;
	double value;

	carry(&exact);
	negative = exact.digit[NPU_EXACT_DIGITS - 1] < 0;
	if (negative) {
		for (size_t i = 0; i < NPU_EXACT_DIGITS; i++)
			exact.digit[i] = -exact.digit[i];
		carry(&exact);
	}
	value = round_digits(exact.digit);
	if (rest) {
		npu_exact_add(&exact, -value);
		*rest = npu_exact_value(&exact, NULL);
		if (negative)
			*rest = -*rest;
	}
	return negative ? -value : value;
}
