/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_EXACT_SUM_H
#define NPU_NN_EXACT_SUM_H

#include <stdint.h>

/* Digits of 32 bits from 2^-1088, below the smallest double, to above 2^31 of the largest. */
#define NPU_EXACT_DIGITS 68

/**
 * struct npu_exact_sum - a sum of doubles without rounding; all zero is the sum of none
 * @digit: the sum is that of digit[i] * 2^(32 i - 1088); each has room to carry
 * @pending: numbers added since the carries were last made
 *
 * A long fixed-point number that every double fits into (Kulisch 1981). What was added in any
 * order, or in any parts, gives the same bits.
 */
struct npu_exact_sum {
	int64_t digit[NPU_EXACT_DIGITS];
	uint32_t pending;
};

/* Add a finite number. */
void npu_exact_add(struct npu_exact_sum *sum, double number);

/* Add a * b without rounding; the last bit of the product must be no subnormal. */
void npu_exact_add_product(struct npu_exact_sum *sum, double a, double b);

/* The sum, correctly rounded; @rest, unless NULL, gets what rounding took away, rounded too. */
double npu_exact_value(const struct npu_exact_sum *sum, double *rest);

#endif /* NPU_NN_EXACT_SUM_H */
