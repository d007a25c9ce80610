/* SPDX-License-Identifier: MIT */
/* Axes of a plot: from values to pixels, and round numbers for the ticks. */
#ifndef NPU_PLOT_AXIS_H
#define NPU_PLOT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct plot_axis - where values lie
 * @low: value at the beginning
 * @high: value at the end
 * @from: pixel of @low
 * @to: pixel of @high
 * @logarithmic: whether equal ratios, not equal differences, are equally wide
 */
struct plot_axis {
	double low, high;
	double from, to;
	bool logarithmic;
};

#define PLOT_MAX_TICKS 12

/* Widen to round numbers around the values from @low to @high, which may be equal. */
void plot_axis_fit(struct plot_axis *axis, double low, double high);
double plot_axis_place(const struct plot_axis *axis, double value);
/* Round numbers on the axis, about @wanted or fewer; returns how many. */
size_t plot_axis_ticks(const struct plot_axis *axis, size_t wanted, double tick[PLOT_MAX_TICKS]);

#endif
