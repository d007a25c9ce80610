/* SPDX-License-Identifier: MIT */
/* npu train: what the command works on, and how it is shown. */
#ifndef NPU_TOOL_TRAIN_H
#define NPU_TOOL_TRAIN_H

#include "dataset_file.h"
#include "npu_train.h"

/* One run of the command: the options, then what comes of them. */
struct training {
	struct dataset_file file;
	const char *output;
	const char *hidden;
	const char *layers;
	unsigned int activation, optimizer, loss, scale;
	unsigned int epochs, batch, patience, threads;
	float rate, momentum, validation, test_fraction;
	uint64_t seed;
	bool quiet, json;

	struct npu_dataset train, test;
	struct npu_model *model;
	struct npu_history history;
	struct npu_metrics metrics;
	double seconds;
};

/* The callback of npu_model_fit(); @user is the struct training. */
int train_progress(const struct npu_epoch *epoch, void *user);

void train_print_plan(const struct training *job);
void train_print_result(const struct training *job);
void train_print_json(const struct training *job);

#endif
