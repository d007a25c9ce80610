// SPDX-License-Identifier: MIT
/*
 * bench [--peers] [PATTERN]: one line a measurement.
 *
 * Without an option: tab-separated, name value unit reference ratio; ratio is value / reference.
 * One thread, which is pinned; where more make a difference a second row, NAME-2threads, has the
 * value of one thread as its reference.
 * The reference is measured beside the value, or a peer's value out of the results file of the
 * peers' suite that NPU_PEERS_TSV names, else "-". With --peers: the suite's own form,
 * workload|peer|threads|value|unit|note, and only what it has workloads for; PEERS_THREADS and
 * PEERS_BUDGET are obeyed.
 */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"


static bool lower_is_better(const struct bench_row *row)
{
	return !strcmp(row->unit, "us") || !strcmp(row->unit, "ms");
}

/* One thread stays on the last of the @allowed CPUs: interrupts prefer the first. */
static void pin(const cpu_set_t *allowed, unsigned int threads)
{
	cpu_set_t one;
	int cpu;

	if (threads > 1) {
		sched_setaffinity(0, sizeof(*allowed), allowed);
		return;
	}
	for (cpu = CPU_SETSIZE - 1; cpu > 0 && !CPU_ISSET(cpu, allowed); cpu--)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* ------------------------------------------------------------------ references */

/* One line of the results file; false if it is not a peer's for this row. */
static bool parse_result(char *line, const struct bench_row *row, unsigned int threads,
			 double *value)
{
	char *field[5], *save = NULL;
	int i;

	for (i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, "|", &save);
		if (!field[i])
			return false;
	}
	if (strcmp(field[0], row->workload) || strcmp(field[4], row->unit) ||
	    strtoul(field[2], NULL, 10) != threads)
		return false;
	/* Ourselves, and what does not do the same. */
	if (!strncmp(field[1], "npu", 3) || strstr(field[1], "not Adam"))
		return false;
	if (row->peer && strncmp(field[1], row->peer, strlen(row->peer)))
		return false;
	*value = strtod(field[3], NULL);
	return *value > 0;
}

/* The best value of the peers, 0 if there is none. */
static double reference_of(const struct bench_row *row, unsigned int threads)
{
	const char *path = getenv("NPU_PEERS_TSV");
	double best = 0, value;
	char line[1024];
	FILE *file;

	if (!path || !row->workload)
		return 0;
	file = fopen(path, "r");
	if (!file) {
		fprintf(stderr, "bench: NPU_PEERS_TSV: %s cannot be read\n", path);
		exit(1);
	}
	while (fgets(line, sizeof(line), file))
		if (parse_result(line, row, threads, &value) &&
		    (!best || (lower_is_better(row) ? value < best : value > best)))
			best = value;
	fclose(file);
	return best;
}

/* --------------------------------------------------------------------- printing */

static void print_row(const struct bench_row *row, double value, const struct bench *bench)
{
	const char *suffix = bench->threads > 1 ? "-2threads" : "";
	double reference = bench->reference;

	if (!reference)
		reference = reference_of(row, bench->threads);
	if (reference)
		printf("%s%s\t%.5g\t%s\t%.5g\t%.3g\n", row->name, suffix, value, row->unit,
		       reference, value / reference);
	else
		printf("%s%s\t%.5g\t%s\t-\t-\n", row->name, suffix, value, row->unit);
}

static bool selected(const struct bench_row *row, const char *pattern, bool peers,
		     unsigned int threads)
{
	char glob[128];

	if (peers && (!row->workload || (threads > 1 && !row->threads)))
		return false;
	if (!pattern)
		return true;
	snprintf(glob, sizeof(glob), "*%s*", pattern);
	return !fnmatch(glob, row->name, 0);
}

/* @value: out */
static bool run_row(const struct bench_row *row, bool peers, struct bench *bench, double *value)
{
	bench->note[0] = '\0';
	bench->subject = row->subject;
	*value = row->measure(bench);
	if (*value < 0) {
		fprintf(stderr, "bench: %s: %s\n", row->name, bench->note);
		return false;
	}
	if (peers)
		printf("%s|npu|%u|%.5g|%s|%s\n", row->workload, bench->threads, *value, row->unit,
		       bench->note);
	else
		print_row(row, *value, bench);
	fflush(stdout);
	return true;
}

/* The row with one thread, and where that makes a difference with two. */
static bool run_alone(const struct bench_row *row, struct bench *bench, const cpu_set_t *allowed)
{
	double one, two;
	bool good;

	bench->threads = 1;
	bench->reference = 0;
	pin(allowed, 1);
	good = run_row(row, false, bench, &one);
	if (!good || !row->threads || CPU_COUNT(allowed) < 2)
		return good;
	bench->threads = 2;
	bench->reference = one;
	pin(allowed, 2);
	return run_row(row, false, bench, &two);
}

static bool run_beside_peers(const struct bench_row *row, struct bench *bench,
			     const cpu_set_t *allowed)
{
	double value;

	pin(allowed, bench->threads);
	return run_row(row, true, bench, &value);
}

int main(int argc, char **argv)
{
	const char *threads = getenv("PEERS_THREADS"), *budget = getenv("PEERS_BUDGET");
	bool peers = argc > 1 && !strcmp(argv[1], "--peers"), good = true;
	const char *pattern = argc > 1 + peers ? argv[1 + peers] : NULL;
	struct bench bench = {
		.threads = peers && threads ? (unsigned int)strtoul(threads, NULL, 10) : 1,
		.budget = budget ? strtod(budget, NULL) : 0.5,
	};
	const struct bench_row *const groups[] = {
		bench_train_rows, bench_infer_rows,  bench_gemm_rows,
		bench_layer_rows(), bench_engine_rows, bench_insn_rows(),
	};
	const struct bench_row *row;
	cpu_set_t allowed;
	size_t group;

	if (argc > 2 + peers || bench.threads < 1) {
		fprintf(stderr, "usage: bench [--peers] [PATTERN]\n");
		return 2;
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed)) {
		perror("bench: sched_getaffinity");
		return 1;
	}
	for (group = 0; group < sizeof(groups) / sizeof(groups[0]); group++)
		for (row = groups[group]; row->name; row++) {
			if (!selected(row, pattern, peers, bench.threads))
				continue;
			good &= peers ? run_beside_peers(row, &bench, &allowed)
				      : run_alone(row, &bench, &allowed);
		}
	return good ? 0 : 1;
}
