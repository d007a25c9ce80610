// SPDX-License-Identifier: MIT
#include <math.h>

#include "plot_axis.h"

/* The round number, 1, 2 or 5 times a power of ten, that is not below @step. */
static double round_step(double step)
{
	double power = pow(10, floor(log10(step))), digit = step / power;

	return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

void plot_axis_fit(struct plot_axis *axis, double low, double high)
{
	double step;

	if (axis->logarithmic) {
		axis->low = pow(10, floor(log10(low)));
		axis->high = pow(10, ceil(log10(high)));
		if (axis->low == axis->high)
			axis->high *= 10;
		return;
	}
	if (low == high) {
		double around = low == 0 ? 1 : fabs(low) / 2;

		low -= around;
		high += around;
	}
	step = round_step((high - low) / 5);
	axis->low = floor(low / step) * step;
	axis->high = ceil(high / step) * step;
}

double plot_axis_place(const struct plot_axis *axis, double value)
{
	double part;

	if (axis->logarithmic)
		part = log(value / axis->low) / log(axis->high / axis->low);
	else
		part = (value - axis->low) / (axis->high - axis->low);
	return axis->from + part * (axis->to - axis->from);
}

static size_t powers(const struct plot_axis *axis, size_t wanted, double *tick)
{
	double decades = log10(axis->high / axis->low);
	double every = ceil(decades / (double)wanted);
	size_t count = 0;

	for (double e = 0; e <= decades + 1e-9 && count < PLOT_MAX_TICKS; e += every)
		tick[count++] = axis->low * pow(10, e);
	return count;
}

size_t plot_axis_ticks(const struct plot_axis *axis, size_t wanted, double tick[PLOT_MAX_TICKS])
{
	double step, first;
	size_t count = 0;

	if (axis->logarithmic)
		return powers(axis, wanted, tick);
	step = round_step((axis->high - axis->low) / (double)wanted);
	first = ceil(axis->low / step - 1e-9);
	while (count < PLOT_MAX_TICKS &&
	       (first + (double)count) * step <= axis->high + step * 1e-9) {
		tick[count] = (first + (double)count) * step;
		count++;
	}
	return count;
}
