// SPDX-License-Identifier: MIT
/* npu bench: how long a program takes, one at a time and many at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inference.h"
#include "terminal.h"

#define MAX_LATENCIES 1000000
#define WARM_UP 20

struct benchmark {
	struct inference_options options;
	float seconds;
	bool json;
	struct inference run;
	/* one at a time, seconds */
	size_t count;
	double *latency;
	double device_ns; /* mean, 0 where the device does not say */
	/* many at a time */
	unsigned int threads;
	double rate; /* requests a second */
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In µs, of the sorted latencies. */
static double percentile(const struct benchmark *bench, double share)
{
	size_t at = (size_t)(share * (double)(bench->count - 1) + 0.5);

	return bench->latency[at] * 1e6;
}

/* Any input will do: the time does not depend on it. Half the range, so that nothing is zero. */
static void fill_input(const struct inference *run, struct npu_request *request)
{
	memset(npu_request_input(request, 0), 0x40, run->input->bytes);
}

static int measure_latency(struct benchmark *bench, struct npu_error *err)
{
	struct npu_session_options options = { .requests = 1 };
	struct npu_session *session;
	struct npu_request *request;
	double began, until, device = 0;
	int ret;

	ret = npu_session_open(&session, bench->run.device, bench->run.program, &options, err);
	if (ret < 0)
		return ret;
	request = npu_session_request(session, 0);
	fill_input(&bench->run, request);
	for (int i = 0; i < WARM_UP && ret == 0; i++)
		ret = npu_infer(request, err);
	terminal_progress_begin("latency");
	began = terminal_clock();
	until = began + bench->seconds;
	for (double now = began; ret == 0 && now < until && bench->count < MAX_LATENCIES;) {
		double after;

		ret = npu_infer(request, err);
		after = terminal_clock();
		bench->latency[bench->count++] = after - now;
		device += (double)npu_request_device_ns(request);
		terminal_progress((after - began) / bench->seconds, "");
		now = terminal_clock();
	}
	terminal_progress_end();
	npu_session_close(session);
	if (ret < 0)
		return ret;
	bench->device_ns = device / (double)bench->count;
	qsort(bench->latency, bench->count, sizeof(*bench->latency), by_size);
	return 0;
}

static int check_results(struct npu_request **requests, int count, struct npu_error *err)
{
	for (int i = 0; i < count; i++) {
		int result = npu_request_result(requests[i]);

		if (result < 0) {
			err->code = result;
			snprintf(err->message, sizeof(err->message),
				 "a request ended with: %s; see `npu info` and the kernel log",
				 strerror(-result));
			return result;
		}
	}
	return count;
}

/* Keep all requests flying until @seconds are up, then wait for the last. */
static int fly(struct npu_session *session, struct npu_request **requests, unsigned int count,
	       double seconds, double *rate, struct npu_error *err)
{
	double began = terminal_clock(), now = began;
	unsigned int flying = count;
	size_t done = 0;
	int ret = npu_submit(session, requests, count, err);

	while (ret >= 0 && flying) {
		ret = npu_reap(session, requests, count, -1, err);
		if (ret > 0)
			ret = check_results(requests, ret, err);
		if (ret <= 0)
			break;
		flying -= (unsigned int)ret;
		done += (size_t)ret;
		now = terminal_clock();
		terminal_progress((now - began) / seconds, "");
		if (now - began < seconds) {
			unsigned int again = (unsigned int)ret;

			ret = npu_submit(session, requests, again, err);
			flying += again;
		}
	}
	*rate = (double)done / (now - began);
	return ret < 0 ? ret : 0;
}

/* Requests a second with @threads workers; keeps the better of what was measured. */
static int measure_with(struct benchmark *bench, unsigned int threads, double seconds,
			struct npu_error *err)
{
	unsigned int count = bench->options.in_flight;
	struct npu_session_options options = { .requests = count, .threads = threads };
	struct npu_request **requests;
	struct npu_session *session;
	double rate;
	int ret;

	ret = npu_session_open(&session, bench->run.device, bench->run.program, &options, err);
	if (ret < 0)
		return ret;
	requests = calloc(count, sizeof(*requests));
	if (!requests) {
		npu_session_close(session);
		snprintf(err->message, sizeof(err->message), "no memory for %u requests", count);
		return err->code = -ENOMEM;
	}
	for (unsigned int i = 0; i < count; i++) {
		requests[i] = npu_session_request(session, i);
		fill_input(&bench->run, requests[i]);
	}
	terminal_progress_begin("throughput");
	ret = fly(session, requests, count, seconds, &rate, err);
	terminal_progress_end();
	free(requests);
	npu_session_close(session);
	if (ret == 0 && rate > bench->rate) {
		bench->rate = rate;
		bench->threads = threads;
	}
	return ret;
}

/*
 * In process, unless --threads decides, workers and the calling thread are both tried: waking a
 * worker takes longer than a small network does.
 */
static int measure_throughput(struct benchmark *bench, struct npu_error *err)
{
	unsigned int threads = inference_threads(&bench->run, &bench->options);
	int ret;

	if (!threads || bench->options.threads != INFERENCE_THREADS_AUTO)
		return measure_with(bench, threads, bench->seconds, err);
	ret = measure_with(bench, threads, bench->seconds / 2, err);
	return ret < 0 ? ret : measure_with(bench, 0, bench->seconds / 2, err);
}

static void print_table(const struct benchmark *bench)
{
	static const struct {
		const char *name;
		double share;
	} row[] = {
		{ "fastest", 0 }, { "median", 0.5 },  { "90 %", 0.9 },
		{ "99 %", 0.99 }, { "slowest", 1.0 },
	};
	struct table *table = table_create(3);
	char where[160];

	inference_where(&bench->run, where, sizeof(where));
	printf("ran %s\n\nlatency, one request at a time, %zu requests of batch %zu\n", where,
	       bench->count, bench->run.batch);
	table_left(table, 2);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		table_cell(table, "%s", row[i].name);
		table_cell(table, "%.2f", percentile(bench, row[i].share));
		table_cell(table, "µs");
	}
	if (bench->device_ns > 0) {
		table_cell(table, "computing, mean");
		table_cell(table, "%.2f", bench->device_ns / 1e3);
		table_cell(table, "µs");
	}
	table_print(table, false);
	printf("\nthroughput, %u requests in flight", bench->options.in_flight);
	if (bench->run.info.backend == NPU_BACKEND_EMBEDDED && !bench->threads)
		printf(", computed by the calling thread");
	else if (bench->threads)
		printf(", %u worker%s", bench->threads, bench->threads == 1 ? "" : "s");
	printf("\n  %.0f requests/s, %.0f samples/s\n", bench->rate,
	       bench->rate * (double)bench->run.batch);
}

static void print_json(const struct benchmark *bench, const char *path)
{
	struct json_object *object = json_object_new_object();
	struct json_object *latency = json_object_new_object();
	char where[160];

	inference_where(&bench->run, where, sizeof(where));
	json_object_object_add(latency, "requests", json_count(bench->count));
	json_object_object_add(latency, "min", json_number(percentile(bench, 0)));
	json_object_object_add(latency, "p50", json_number(percentile(bench, 0.5)));
	json_object_object_add(latency, "p90", json_number(percentile(bench, 0.9)));
	json_object_object_add(latency, "p99", json_number(percentile(bench, 0.99)));
	json_object_object_add(latency, "max", json_number(percentile(bench, 1.0)));
	json_object_object_add(latency, "device_mean",
			       bench->device_ns > 0 ? json_number(bench->device_ns / 1e3) : NULL);
	json_object_object_add(object, "program", json_text(path));
	json_object_object_add(object, "where", json_text(where));
	json_object_object_add(object, "device", inference_json(&bench->run));
	json_object_object_add(object, "batch", json_count(bench->run.batch));
	json_object_object_add(object, "latency_us", latency);
	json_object_object_add(object, "in_flight", json_count(bench->options.in_flight));
	json_object_object_add(object, "threads", json_count(bench->threads));
	json_object_object_add(object, "requests_per_second", json_number(bench->rate));
	json_object_object_add(object, "samples_per_second",
			       json_number(bench->rate * (double)bench->run.batch));
	json_report_print(object);
}

static int run_bench(int argc, char **argv)
{
	struct benchmark bench = {
		.options = { .in_flight = 32, .threads = INFERENCE_THREADS_AUTO }, .seconds = 1
	};
	const struct cli_option options[] = {
		INFERENCE_OPTIONS(&bench.options),
		{ 'n', "in-flight", "N", "requests at a time for the throughput; default 32",
		  CLI_UINT, &bench.options.in_flight, NULL, 1, NPU_MAX_REQUESTS },
		{ 's', "seconds", "X", "for each of the two measurements; default 1", CLI_REAL,
		  &bench.seconds, NULL, 0.01, 3600 },
		{ 0, "json", NULL, "print JSON", CLI_FLAG, &bench.json, NULL, 0, 0 },
		CLI_OPTIONS_END,
	};
	struct npu_error err = { 0 };
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_bench, options, argc, argv, &first, 1, 1);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	code = inference_open(&bench.run, argv[first], &bench.options);
	if (code != CLI_OK)
		return code;
	bench.latency = calloc(MAX_LATENCIES, sizeof(*bench.latency));
	if (!bench.latency)
		code = cli_fail(CLI_FAILED, "no memory for %d latencies", MAX_LATENCIES);
	else if (measure_latency(&bench, &err) < 0 || measure_throughput(&bench, &err) < 0)
		code = cli_fail_error(&err);
	else if (bench.json)
		print_json(&bench, argv[first]);
	else
		print_table(&bench);
	free(bench.latency);
	inference_close(&bench.run);
	return code;
}

const struct cli_command cli_bench = {
	.name = "bench",
	.summary = "measure latency and throughput of a program",
	.arguments = "PROGRAM.npu",
	.text = "First one request after the other: how long does one take, from submission\n"
		"to result? Then --in-flight requests at a time: how many get done in a\n"
		"second? In this process the first is computed by the calling thread, the\n"
		"second by workers or by the calling thread, whichever is faster, unless\n"
		"--threads says. The conversion from and to real numbers is not measured.\n",
	.examples = "  npu bench model.npu\n"
		    "  npu bench model.npu --device driver --in-flight 64\n"
		    "  npu bench model.npu --device embedded --threads 1 --variant scalar\n"
		    "  npu bench model.npu --json | jq .latency_us.p50\n",
	.run = run_bench,
};
