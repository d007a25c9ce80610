// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdbool.h>

#include "train/compile/histogram.h"
#include "train/nn/elementary.h"

#define BINS NPU_HISTOGRAM_BINS
#define CANDIDATES 256 /* limits that are tried */

static double width_of(const struct npu_histogram *h)
{
	return ((double)h->range.high - h->range.low) / BINS;
}

void npu_histogram_add(struct npu_histogram *histogram, const float *numbers, size_t count)
{
	double low = histogram->range.low, width = width_of(histogram);
	double inverse = width > 0 ? 1 / width : 0;
	size_t i;

	for (i = 0; i < count; i++) {
		double at = (numbers[i] - low) * inverse;

		if (numbers[i] == 0)
			histogram->zeros++;
		else
			histogram->count[at < 0 ? 0 : at < BINS - 1 ? (size_t)at : BINS - 1]++;
	}
}

static uint64_t total_of(const struct npu_histogram *h)
{
	uint64_t total = h->zeros;
	size_t i;

	for (i = 0; i < BINS; i++)
		total += h->count[i];
	return total;
}

/* The place, in bins from the end that @step leads away from, behind which @tail numbers lie. */
static double tail_at(const struct npu_histogram *h, double tail, size_t first, int step)
{
	double seen = 0;
	size_t i, at = first;

	for (i = 0; i < BINS; i++, at += (size_t)step) {
		double count = (double)h->count[at];

		if (seen + count > tail)
			return (double)i + (tail - seen) / count;
		seen += count;
	}
	return BINS;
}

/* 0 stays inside. */
static struct npu_range range_of(double low, double high)
{
	return (struct npu_range){ low < 0 ? (float)low : 0, high > 0 ? (float)high : 0 };
}

struct npu_range npu_histogram_percentile(const struct npu_histogram *histogram, double percent)
{
	double tail = (double)total_of(histogram) * (100 - percent) / 200;
	double width = width_of(histogram);

	return range_of(histogram->range.low + width * tail_at(histogram, tail, 0, 1),
			histogram->range.high - width * tail_at(histogram, tail, BINS - 1, -1));
}

/* ------------------------------------------------------------------------------ entropy */

/* The i-th of @candidates limits of absolute values: the last is the greatest that was seen. */
static double limit_of(const struct npu_histogram *h, int i)
{
	double low = -(double)h->range.low, high = h->range.high;

	return (low > high ? low : high) * (i + 1) / CANDIDATES;
}

static struct npu_range cut(const struct npu_histogram *h, double limit)
{
	return range_of(fmax(h->range.low, -limit), fmin(h->range.high, limit));
}

/* The bin that @number lies in. */
static size_t bin_of(const struct npu_histogram *h, double number)
{
	double at = (number - h->range.low) / width_of(h);

	return at < 0 ? 0 : at < BINS - 1 ? (size_t)at : BINS - 1;
}

/*
 * Sum of p log(p / q) over the bins [first, end) of one level, not yet divided by the total. p is
 * the count, with what was cut off at the ends; q that of the level without it, spread over the
 * bins that have any.
 */
static double divergence_of_level(const struct npu_histogram *h, size_t first, size_t end,
				  uint64_t below, uint64_t above)
{
	uint64_t sum = 0;
	double result = 0;
	size_t i, filled = 0;

	for (i = first; i < end; i++) {
		sum += h->count[i];
		filled += h->count[i] > 0;
	}
	for (i = first; i < end; i++) {
		uint64_t p = h->count[i] + (i == first ? below : 0) + (i == end - 1 ? above : 0);
		/* An empty bin that gets what was cut off: half a count stands in the place of 0.
		 */
		double q = h->count[i] ? (double)sum / (double)filled : 0.5;

		if (p)
			result += (double)p * npu_log((double)p / q);
	}
	return result;
}

static double divergence(const struct npu_histogram *h, double limit, unsigned int levels,
			 uint64_t total)
{
	struct npu_range range = cut(h, limit);
	size_t first = bin_of(h, range.low), end = bin_of(h, range.high) + 1, bins = end - first;
	uint64_t below = 0, above = 0;
	double result = 0;
	unsigned int k;
	size_t i;

	for (i = 0; i < first; i++)
		below += h->count[i];
	for (i = end; i < BINS; i++)
		above += h->count[i];
	for (k = 0; k < levels; k++) {
		size_t from = first + bins * k / levels, to = first + bins * (k + 1) / levels;

		if (from < to)
			result += divergence_of_level(h, from, to, k ? 0 : below,
						      k + 1 < levels ? 0 : above);
	}
	/* p and q are shares: of all, and of what is not cut off. */
	result /= (double)total;
	return total > below + above
		       ? result + npu_log((double)(total - below - above) / (double)total)
		       : INFINITY;
}

struct npu_range npu_histogram_entropy(const struct npu_histogram *histogram, unsigned int levels)
{
	uint64_t total = total_of(histogram) - histogram->zeros;
	double least = INFINITY, best = limit_of(histogram, CANDIDATES - 1);
	int i;

	if (!total)
		return histogram->range;
	/* From the whole range down, so that of equals the widest is taken. */
	for (i = CANDIDATES - 1; i >= 0; i--) {
		double limit = limit_of(histogram, i), d;
		struct npu_range range = cut(histogram, limit);

		/* With no more bins than levels there is nothing to tell. */
		if (bin_of(histogram, range.high) + 1 - bin_of(histogram, range.low) < levels)
			break;
		d = divergence(histogram, limit, levels, total);
		if (d < least) {
			least = d;
			best = limit;
		}
	}
	return cut(histogram, best);
}

/* ---------------------------------------------------------------------- squared error */

static double squared_error(const struct npu_histogram *h, double low, double high,
			    unsigned int levels)
{
	double width = width_of(h), step = (high - low) / (levels - 1), inside = 0, outside = 0;
	size_t i;

	for (i = 0; i < BINS; i++) {
		double middle = h->range.low + ((double)i + 0.5) * width;
		double over = middle < low ? low - middle : middle > high ? middle - high : 0;

		if (over > 0)
			outside += (double)h->count[i] * over * over;
		else
			inside += (double)h->count[i];
	}
	return inside * step * step / 12 + outside;
}

/* The best fraction of @of for one end of the range while the other stays. */
static double best_end(const struct npu_histogram *h, double of, double other, bool is_low,
		       unsigned int levels)
{
	double least = INFINITY, best = of;
	int i;

	for (i = CANDIDATES; i >= 1; i--) {
		double end = of * i / CANDIDATES;
		double error = squared_error(h, is_low ? end : other, is_low ? other : end, levels);

		if (error < least) {
			least = error;
			best = end;
		}
	}
	return best;
}

struct npu_range npu_histogram_mse(const struct npu_histogram *histogram, unsigned int levels)
{
	double least = INFINITY, low = histogram->range.low, high = histogram->range.high;
	int i;

	if (total_of(histogram) == histogram->zeros)
		return histogram->range;
	for (i = CANDIDATES - 1; i >= 0; i--) {
		struct npu_range range = cut(histogram, limit_of(histogram, i));
		double error = squared_error(histogram, range.low, range.high, levels);

		if (error < least) {
			least = error;
			low = range.low;
			high = range.high;
		}
	}
	/* Then each side alone: tails differ. */
	if (histogram->range.low < 0)
		low = best_end(histogram, histogram->range.low, high, true, levels);
	if (histogram->range.high > 0)
		high = best_end(histogram, histogram->range.high, low, false, levels);
	return range_of(low, high);
}
