// SPDX-License-Identifier: MIT
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

#define REPETITION 2e-4 /* seconds that the clock measures well */
#define MAX_REPETITIONS 20000
#define MIN_REPETITIONS 5

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double repetition(clockid_t clock, unsigned int calls, void (*run)(void *), void *context)
{
	double began = now(clock);
	unsigned int i;

	for (i = 0; i < calls; i++)
		run(context);
	return now(clock) - began;
}

/* Calls that fill one repetition; the measuring warms up. */
static unsigned int calls_needed(clockid_t clock, void (*run)(void *), void *context)
{
	unsigned int calls = 1;

	while (calls < 1u << 20) {
		double best = repetition(clock, calls, run, context);
		double again = repetition(clock, calls, run, context);

		if ((best < again ? best : again) >= REPETITION)
			break;
		calls *= 2;
	}
	return calls;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_time(struct bench *bench, enum bench_clock which, void (*run)(void *context),
		  void *context)
{
	static double seconds[MAX_REPETITIONS];
	clockid_t clock = which == BENCH_CPU ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
	unsigned int calls = calls_needed(clock, run, context);
	double until = now(CLOCK_MONOTONIC) + bench->budget;
	size_t count = 0;

	while (count < MAX_REPETITIONS && (count < MIN_REPETITIONS || now(CLOCK_MONOTONIC) < until))
		seconds[count++] = repetition(clock, calls, run, context) / calls;
	qsort(seconds, count, sizeof(seconds[0]), by_size);
	snprintf(bench->note, sizeof(bench->note), "%s time, median %.4g us, %zu repetitions of %u",
		 which == BENCH_CPU ? "cpu" : "wall", seconds[count / 2] * 1e6, count, calls);
	return seconds[0];
}

double bench_fail(struct bench *bench, const char *why)
{
	snprintf(bench->note, sizeof(bench->note), "%s", why);
	return -1;
}

float *bench_floats(size_t count)
{
	float *values = aligned_alloc(64, (count * sizeof(*values) + 63) / 64 * 64);
	uint32_t state = 1;
	size_t i;

	if (!values)
		abort();
	for (i = 0; i < count; i++) {
		state = state * 1664525 + 1013904223;
		values[i] = (float)(int32_t)state / 2147483648.0f;
	}
	return values;
}
