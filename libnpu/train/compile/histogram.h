/* SPDX-License-Identifier: MIT */
/* How often a value of the network had which size, and the ranges that follow from that. */
#ifndef NPU_COMPILE_HISTOGRAM_H
#define NPU_COMPILE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define NPU_HISTOGRAM_BINS 2048

/**
 * struct npu_range - of real numbers
 * @low: 0 or less
 * @high: 0 or more
 */
struct npu_range {
	float low, high;
};

/**
 * struct npu_histogram - counts over a range
 * @range: what was seen, all of it
 * @zeros: numbers that were 0: every quantisation holds them exactly
 * @count: all others, in bins of equal width from @range.low on
 *
 * Counts are whole numbers, and each number's bin follows from its bits alone, so that the same
 * samples give the same histogram on every CPU, in whatever order they come.
 */
struct npu_histogram {
	struct npu_range range;
	uint64_t zeros;
	uint64_t count[NPU_HISTOGRAM_BINS];
};

/* Count @numbers [@count], all within the range; what is not goes to the bin at its end. */
void npu_histogram_add(struct npu_histogram *histogram, const float *numbers, size_t count);

/*
 * The range that leaves (100 - @percent) % of all numbers outside, at most half of them on either
 * side; linear within a bin.
 */
struct npu_range npu_histogram_percentile(const struct npu_histogram *histogram, double percent);

/*
 * The range whose quantisation into @levels keeps most of the distribution: the one of least
 * Kullback-Leibler divergence between the clipped histogram and itself merged into @levels bins
 * (Migacz 2017, "8-bit inference with TensorRT"). There the histogram is of absolute values; here
 * one limit cuts both sides, and what no number reaches costs no level. Zeros, which are exact and
 * after a relu most of all, are left out.
 */
struct npu_range npu_histogram_entropy(const struct npu_histogram *histogram, unsigned int levels);

/*
 * The range whose quantisation into @levels has the least sum of squared errors: step^2 / 12 for
 * each number within (Widrow 1956), the square of its distance from the range for each one outside.
 */
struct npu_range npu_histogram_mse(const struct npu_histogram *histogram, unsigned int levels);

#endif
