/* SPDX-License-Identifier: MIT */
/* npu train: what the command works on. */
#ifndef NPU_TOOL_TRAIN_H
#define NPU_TOOL_TRAIN_H

#include "cli.h"
#include "dataset_file.h"
#include "npu_train.h"

#define TRAIN_NO_PRESET UINT32_MAX
#define TRAIN_USUAL_MOMENTUM (-1.0f)

enum train_scale {
	TRAIN_SCALE_AUTO,
	TRAIN_SCALE_STANDARD,
	TRAIN_SCALE_MIN_MAX,
	TRAIN_SCALE_NONE
};

enum train_balance {
	TRAIN_BALANCE_NONE,
	TRAIN_BALANCE_WEIGHTS,
	TRAIN_BALANCE_REPEAT
};

/**
 * struct training - one run of the command: the options, then what comes of them
 * @file: the data
 * @test_path: a file of its own to test on, NULL for a part of the data
 * @test_labels: its answers, as @file.labels those of the data
 * @test_match: the same, of a folder's files
 * @output: the model to write
 * @hidden: units of hidden layers, "64,32"; NULL for 64, where nothing else says what the network is
 * @activation: of those
 * @layers: text, or @file
 * @preset: number in presets, or TRAIN_NO_PRESET
 * @from: model to go on from
 * @freeze: of that: how many layers, or their names
 * @head: of that: text of the layers that take the place of the last one
 * @optimizer: number in the words of the option
 * @momentum: as given, or TRAIN_USUAL_MOMENTUM
 * @loss: enum npu_loss
 * @scale: enum train_scale
 * @scale_targets: train on targets of mean 0 and variance 1, then undo it in the last layer
 * @balance: enum train_balance
 * @class_weight: "cat=2,dog=0.5"
 * @augment: as text
 * @checkpoint: file or folder
 * @resume: go on from there
 * @history_path: where to write the history, NULL for nowhere
 * @plot_path: likewise its curves
 * @fit: what goes to the library as it is
 * @measure: of the test
 *
 * @train: what is trained on
 * @validation: what is watched, where it is not a share that the library takes
 * @test: what the final figures are measured on
 * @weight: [classes], NULL for none
 * @augmentation: what @augment says
 * @checkpoint_path: the checkpoint's file, owned
 * @naive: of a forecast, figures of saying that the last value stays
 * @target_mean: [targets], what @scale_targets took away, NULL without it
 * @target_factor: likewise, what it multiplied by
 */
struct training {
	struct dataset_file file;
	const char *test_path, *test_labels, *test_match;
	const char *output;
	const char *hidden;
	const char *layers;
	unsigned int preset;
	const char *from, *freeze, *head;
	unsigned int activation, optimizer, loss, scale, balance, schedule;
	float momentum;
	float test_fraction;
	bool scale_targets;
	const char *class_weight;
	const char *augment;
	const char *checkpoint;
	bool resume;
	const char *history_path, *plot_path;
	struct npu_fit_options fit;
	struct npu_metrics_options measure;
	uint64_t seed;
	bool dry_run, quiet, json;

	struct npu_dataset train, validation, test;
	float *weight;
	struct npu_augmentation augmentation;
	char *checkpoint_path;
	float *target_mean, *target_factor;
	struct npu_model *model;
	struct npu_fit_quote quote;
	struct npu_history history;
	struct npu_metrics metrics, naive;
	double seconds;
};

extern const char *const train_activations[]; /* words of --activation */

/* The steps, each an enum cli_exit, the failure already said. */

/* Options into @job; CLI_GO_ON or what to end with. */
enum cli_next train_parse(struct training *job, int argc, char **argv);
/* The model that --from names, before the data, which has to suit it. */
int train_load_model(struct training *job);
int train_read_data(struct training *job);
/* The model as text says, or the loaded one, with preprocessing, class names and frozen layers. */
int train_build_model(struct training *job);

/* Targets to mean 0 and variance 1, of training and validation data alike. */
int train_scale_targets(struct training *job);
/* The model's last layer gives targets as they were. */
void train_unscale_model(struct training *job);

/* Figures of the test; of a forecast, also of the naive one. */
int train_test(struct training *job);

/* Frees what the steps made. */
void train_free(struct training *job);

/* The callback of npu_model_fit(); @user is the struct training. */
int train_progress(const struct npu_epoch *epoch, void *user);

void train_print_plan(const struct training *job);
void train_print_result(const struct training *job);
void train_print_json(const struct training *job);

#endif
