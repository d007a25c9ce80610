/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks in process. A row is declared once; it is printed as `make bench` promises, or in the
 * form of the peers' suite, so that both come from one measurement.
 */
#ifndef NPU_BENCH_H
#define NPU_BENCH_H

#include <stdbool.h>
#include <stddef.h>

struct bench;
struct npu_error;
struct npu_model;

/**
 * struct bench_row - a measurement
 * @name: "infer/mlp-int8"
 * @unit: "us", "ms": lower is better; "GB/s", "GOP/s": higher is
 * @workload: its name in the peers' suite; NULL if that has none
 * @peer: only this peer is the reference; NULL for the fastest of them
 * @threads: more than one thread makes a difference
 * @measure: returns the value in @unit, negative after bench_fail()
 * @subject: for measure, which finds it in struct bench; or NULL
 */
struct bench_row {
	const char *name;
	const char *unit;
	const char *workload;
	const char *peer;
	bool threads;
	double (*measure)(struct bench *bench);
	const void *subject;
};

/* Ends with a row whose name is NULL. */
extern const struct bench_row bench_train_rows[];
extern const struct bench_row bench_infer_rows[];
extern const struct bench_row bench_engine_rows[];
extern const struct bench_row bench_gemm_rows[];
/* Likewise: a row for each case of the layers' table; the memory is static. */
const struct bench_row *bench_layer_rows(void);
/* For each instruction of the table of tests, by each variant. */
const struct bench_row *bench_insn_rows(void);

/**
 * struct bench - what a measurement is told, and what it tells beside its value
 * @threads: to use
 * @budget: seconds for one point
 * @subject: of the row
 * @reference: measured beside the value, if that is what it should be compared with; else 0
 * @note: for the reader, filled by bench_time()
 */
struct bench {
	unsigned int threads;
	double budget;
	const void *subject;
	double reference;
	char note[160];
};

enum bench_clock {
	BENCH_WALL,
	BENCH_CPU, /* of the process: does not move with other load */
};

/*
 * Seconds of one call of @run: the minimum over many repetitions until the budget is used. A
 * repetition is as many calls as take about 0.2 ms, so that the clock does not matter. The
 * median goes into the note.
 */
double bench_time(struct bench *bench, enum bench_clock clock, void (*run)(void *context),
		  void *context);

/* Add the layers of a network to an empty model; negative, with a sentence, where that fails. */
int bench_mlp(struct npu_model *model, struct npu_error *err);
int bench_cnn(struct npu_model *model, struct npu_error *err);
int bench_resnet8(struct npu_model *model, struct npu_error *err);
int bench_mobilenet(struct npu_model *model, struct npu_error *err);
int bench_lstm(struct npu_model *model, struct npu_error *err);

/* Say why there is no value, and return -1. */
double bench_fail(struct bench *bench, const char *why);

/* Memory for @count floats between -1 and 1, the same at every run. Ends the program if none. */
float *bench_floats(size_t count);

#endif
