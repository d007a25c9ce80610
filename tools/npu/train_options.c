// SPDX-License-Identifier: MIT
/* The options of npu train, and what they have to do with each other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "preset.h"
#include "train.h"

const char *const train_activations[] = { "relu", "leaky-relu", "sigmoid", "tanh",  "linear",
					  "elu",  "selu",	"gelu",	   "swish", NULL };
static const char *const optimizers[] = { "adam", "sgd", "rmsprop", "adagrad", "adamw", NULL };
static const enum npu_optimizer_kind optimizer_kinds[] = { NPU_ADAM, NPU_SGD, NPU_RMSPROP,
							   NPU_ADAGRAD, NPU_ADAMW };
static const char *const losses[] = {
	[NPU_LOSS_AUTO] = "auto",
	[NPU_LOSS_MSE] = "mse",
	[NPU_LOSS_CROSS_ENTROPY] = "cross-entropy",
	[NPU_LOSS_BINARY_CROSS_ENTROPY] = "binary-cross-entropy",
	[NPU_LOSS_MAE] = "mae",
	[NPU_LOSS_HUBER] = "huber",
	NULL,
};
static const char *const schedules[] = {
	[NPU_SCHEDULE_CONSTANT] = "constant",	    [NPU_SCHEDULE_STEP] = "step",
	[NPU_SCHEDULE_EXPONENTIAL] = "exponential", [NPU_SCHEDULE_COSINE] = "cosine",
	[NPU_SCHEDULE_PLATEAU] = "plateau",	    NULL,
};
static const char *const scales[] = {
	[TRAIN_SCALE_AUTO] = "auto",
	[TRAIN_SCALE_STANDARD] = "standard",
	[TRAIN_SCALE_MIN_MAX] = "minmax",
	[TRAIN_SCALE_NONE] = "none",
	NULL,
};
static const char *const balances[] = {
	[TRAIN_BALANCE_NONE] = "none",
	[TRAIN_BALANCE_WEIGHTS] = "weights",
	[TRAIN_BALANCE_REPEAT] = "repeat",
	NULL,
};

static int check_network(const struct training *job)
{
	int networks =
		!!job->hidden + !!job->layers + (job->preset != TRAIN_NO_PRESET) + !!job->from;

	if (networks > 1)
		return cli_fail(CLI_USAGE, "train: --hidden, --layers, --preset and --from each "
					   "say what the network is; give one of them");
	if (job->freeze && !job->from)
		return cli_fail(CLI_USAGE, "train: --freeze keeps layers of the model that --from "
					   "names; without it write `frozen` in --layers");
	if (job->head && !job->from)
		return cli_fail(CLI_USAGE, "train: --head gives the model of --from another end; "
					   "without it write the whole network in --layers");
	if (job->from && job->scale != TRAIN_SCALE_AUTO)
		return cli_fail(CLI_USAGE, "train: the model of --from has its own scaling; leave "
					   "--scale out");
	if (job->from && job->scale_targets)
		return cli_fail(CLI_USAGE, "train: the model of --from gives targets as they are; "
					   "leave --scale-targets out");
	return CLI_OK;
}

/* A name that promises another format is a slip. */
static int check_names(const struct training *job)
{
	if (job->output && cli_ends_with(job->output, ".npu"))
		return cli_fail(CLI_USAGE,
				"train: -o '%s' is wrong: a model is written as ONNX; "
				"then `npu compile` makes a program, FILE.npu, of it",
				job->output);
	if (job->plot_path && !cli_ends_with(job->plot_path, ".svg"))
		return cli_fail(CLI_USAGE,
				"train: --plot '%s' is wrong: it draws SVG; call it "
				"FILE.svg",
				job->plot_path);
	return CLI_OK;
}

/* A folder gets a file of its own; what does not end in .onnx is one, too, to be made. */
static int place_checkpoint(struct training *job)
{
	size_t bytes;

	if (!job->checkpoint)
		return job->resume ? cli_fail(CLI_USAGE, "train: --resume goes on from a "
							 "checkpoint; name it by --checkpoint")
				   : CLI_OK;
	bytes = strlen(job->checkpoint) + sizeof("/checkpoint.onnx");
	job->checkpoint_path = malloc(bytes);
	if (!job->checkpoint_path)
		return cli_fail(CLI_FAILED, "no memory for the name of the checkpoint");
	if (cli_ends_with(job->checkpoint, ".onnx")) {
		strcpy(job->checkpoint_path, job->checkpoint);
		return CLI_OK;
	}
	if (mkdir(job->checkpoint, 0777) < 0 && errno != EEXIST)
		return cli_fail(CLI_USAGE, "train: --checkpoint %s: can't make this folder: %s",
				job->checkpoint, strerror(errno));
	snprintf(job->checkpoint_path, bytes, "%s/checkpoint.onnx", job->checkpoint);
	return CLI_OK;
}

static void settle(struct training *job)
{
	struct npu_optimizer *optimizer = &job->fit.optimizer;

	/* A network for images wants recordings as such. */
	if (job->preset != TRAIN_NO_PRESET && presets[job->preset].input == PRESET_IMAGE)
		job->file.spectrogram = true;
	optimizer->kind = optimizer_kinds[job->optimizer];
	optimizer->momentum = job->momentum;
	if (job->momentum == TRAIN_USUAL_MOMENTUM)
		optimizer->momentum = optimizer->kind == NPU_SGD ? 0.9f : 0;
	job->fit.schedule.kind = (enum npu_schedule_kind)job->schedule;
	job->fit.loss = (enum npu_loss)job->loss;
}

enum cli_next train_parse(struct training *job, int argc, char **argv)
{
	struct npu_fit_options *fit = &job->fit;
	struct npu_optimizer *optimizer = &fit->optimizer;
	struct npu_schedule *schedule = &fit->schedule;
	const struct cli_option options[] = {
		{ 'o', "output", "FILE", "the ONNX model to write; required", CLI_TEXT,
		  &job->output, NULL, 0, 0 },
		{ 0, "seed", "N", "of everything random; default 1", CLI_SEED, &job->seed, NULL, 0,
		  0 },
		{ 0, "threads", "N", "default one a CPU; the result does not depend on it",
		  CLI_UINT, &fit->threads, NULL, 1, NPU_MAX_THREADS },
		{ 0, "dry-run", NULL, "show network and memory, and do nothing", CLI_FLAG,
		  &job->dry_run, NULL, 0, 0 },
		{ 'q', "quiet", NULL, "print the final figures only", CLI_FLAG, &job->quiet, NULL,
		  0, 0 },
		{ 0, "json", NULL, "print JSON, with every epoch", CLI_FLAG, &job->json, NULL, 0,
		  0 },
		CLI_HEADING("The data"),
		DATASET_FILE_OPTIONS(&job->file),
		{ 0, "test", "X", "share set aside for the final figures; default 0.2", CLI_REAL,
		  &job->test_fraction, NULL, 0, 0.9 },
		{ 0, "test-data", "DATA", "a file or folder of its own for them", CLI_TEXT,
		  &job->test_path, NULL, 0, 0 },
		{ 0, "test-labels", "FILE", "IDX, NPY: the answers of --test-data", CLI_TEXT,
		  &job->test_labels, NULL, 0, 0 },
		{ 0, "test-match", "PATTERN", "folder: files for them, as --match for training",
		  CLI_TEXT, &job->test_match, NULL, 0, 0 },
		{ 0, "validation", "X", "share of the rest to watch while learning; default 0.1",
		  CLI_REAL, &fit->validation_fraction, NULL, 0, 0.9 },
		{ 0, "scale", "NAME",
		  "of the inputs: standard, minmax, none; default auto: "
		  "standard, but none before an embedding",
		  CLI_CHOICE, &job->scale, scales, 0, 0 },
		{ 0, "scale-targets", NULL,
		  "regression: learn targets of mean 0 and variance 1; "
		  "the model gives them as they are",
		  CLI_FLAG, &job->scale_targets, NULL, 0, 0 },
		{ 0, "balance", "HOW",
		  "count classes alike: by weights, or repeat samples of the "
		  "smaller ones; default none",
		  CLI_CHOICE, &job->balance, balances, 0, 0 },
		{ 0, "class-weight", "LIST", "weights of some classes, such as cat=2,dog=0.5",
		  CLI_TEXT, &job->class_weight, NULL, 0, 0 },
		{ 0, "augment", "LIST",
		  "vary the samples: shift N or RxC, crop N or RxC, flip, "
		  "flip-rows, noise X, fill X, such as \"shift 2, flip\"",
		  CLI_TEXT, &job->augment, NULL, 0, 0 },
		CLI_HEADING("The network"),
		{ 'H', "hidden", "N,N,...", "units of the hidden layers, or none; default 64",
		  CLI_TEXT, &job->hidden, NULL, 0, 0 },
		{ 'a', "activation", "NAME",
		  "of those: relu, leaky-relu, sigmoid, tanh, linear, "
		  "elu, selu, gelu, swish",
		  CLI_CHOICE, &job->activation, train_activations, 0, 0 },
		{ 0, "layers", "TEXT",
		  "all layers, such as \"dense 64 relu; output\", or @FILE "
		  "that has them",
		  CLI_TEXT, &job->layers, NULL, 0, 0 },
		{ 0, "preset", "NAME", "a network that has a name; see below", CLI_CHOICE,
		  &job->preset, preset_names, 0, 0 },
		{ 0, "from", "MODEL.onnx", "go on from a model that has been trained", CLI_TEXT,
		  &job->from, NULL, 0, 0 },
		{ 0, "head", "TEXT",
		  "of that, other layers in place of the last one, such as output", CLI_TEXT,
		  &job->head, NULL, 0, 0 },
		{ 0, "freeze", "N|NAME,...", "of that, keep the first N layers, or these", CLI_TEXT,
		  &job->freeze, NULL, 0, 0 },
		CLI_HEADING("Learning"),
		{ 'e', "epochs", "N", "passes over the data; default 50", CLI_UINT, &fit->epochs,
		  NULL, 1, 1e6 },
		{ 'b', "batch", "N", "samples of a step; default 32", CLI_UINT, &fit->batch, NULL,
		  1, 1e6 },
		{ 0, "loss", "NAME",
		  "auto, mse, cross-entropy, binary-cross-entropy, mae, huber; "
		  "default auto",
		  CLI_CHOICE, &job->loss, losses, 0, 0 },
		{ 0, "delta", "X", "huber: where it turns straight; default 1", CLI_REAL,
		  &fit->delta, NULL, 1e-6, 1e6 },
		{ 0, "label-smoothing", "X", "cross-entropies; default 0", CLI_REAL,
		  &fit->label_smoothing, NULL, 0, 0.99 },
		{ 0, "optimizer", "NAME", "adam, sgd, rmsprop, adagrad or adamw; default adam",
		  CLI_CHOICE, &job->optimizer, optimizers, 0, 0 },
		{ 'r', "rate", "X", "learning rate; default 0.01 for sgd and adagrad, 0.001 else",
		  CLI_REAL, &optimizer->rate, NULL, 1e-9, 100 },
		{ 0, "momentum", "X", "sgd, rmsprop; default 0.9 and 0", CLI_REAL, &job->momentum,
		  NULL, 0, 1 },
		{ 0, "nesterov", NULL, "sgd: look ahead along the momentum", CLI_FLAG,
		  &optimizer->nesterov, NULL, 0, 0 },
		{ 0, "l1", "X", "penalty on the size of weights; default 0", CLI_REAL,
		  &optimizer->l1, NULL, 0, 100 },
		{ 0, "l2", "X", "penalty on their squares; default 0", CLI_REAL, &optimizer->l2,
		  NULL, 0, 100 },
		{ 0, "decay", "X", "of weights, apart from the gradient; default 0, adamw 0.01",
		  CLI_REAL, &optimizer->decay, NULL, 0, 100 },
		{ 0, "clip-norm", "X", "scale gradients down to this norm", CLI_REAL,
		  &optimizer->clip_norm, NULL, 1e-9, 1e9 },
		{ 0, "clip-value", "X", "clamp each to this", CLI_REAL, &optimizer->clip_value,
		  NULL, 1e-9, 1e9 },
		{ 0, "schedule", "NAME",
		  "of the rate: constant, step, exponential, cosine or "
		  "plateau; default constant",
		  CLI_CHOICE, &job->schedule, schedules, 0, 0 },
		{ 0, "schedule-factor", "X", "what the rate is multiplied by; default 0.1",
		  CLI_REAL, &schedule->factor, NULL, 1e-6, 0.999999 },
		{ 0, "schedule-every", "N", "epochs; default step 10, exponential 1, cosine all",
		  CLI_UINT, &schedule->every, NULL, 1, 1e6 },
		{ 0, "schedule-patience", "N", "plateau: epochs without gain; default 5", CLI_UINT,
		  &schedule->patience, NULL, 1, 1e6 },
		{ 0, "min-rate", "X", "lowest rate of the schedule; default 0", CLI_REAL,
		  &schedule->min_rate, NULL, 0, 100 },
		{ 0, "warmup", "X", "epochs over which the rate rises from 0; default 0", CLI_REAL,
		  &schedule->warmup, NULL, 0, 1e6 },
		{ 0, "patience", "N", "stop N epochs after the best and restore it; default never",
		  CLI_UINT, &fit->patience, NULL, 0, 1e6 },
		{ 0, "min-delta", "X", "what counts as better; default anything", CLI_REAL,
		  &fit->min_delta, NULL, 0, 1e6 },
		{ 0, "qat", "N",
		  "from epoch N on, round as an int8 program does, to learn to live with it",
		  CLI_UINT, &fit->quantise_from, NULL, 1, 1e6 },
		{ 0, "memory-limit", "BYTES", "halve the batch until training fits; 64M", CLI_BYTES,
		  &fit->memory_limit, NULL, 0, 0 },
		CLI_HEADING("What is written"),
		{ 0, "checkpoint", "DIR",
		  "keep the state of training here after every epoch; or "
		  "FILE.onnx",
		  CLI_TEXT, &job->checkpoint, NULL, 0, 0 },
		{ 0, "checkpoint-every", "N", "epochs; default 1", CLI_UINT, &fit->checkpoint_every,
		  NULL, 1, 1e6 },
		{ 0, "resume", NULL, "go on from the checkpoint, if there is one yet", CLI_FLAG,
		  &job->resume, NULL, 0, 0 },
		{ 0, "history", "FILE", "figures of every epoch, as .json or CSV", CLI_TEXT,
		  &job->history_path, NULL, 0, 0 },
		{ 0, "plot", "FILE.svg", "draw them", CLI_TEXT, &job->plot_path, NULL, 0, 0 },
		{ 'k', "top-k", "N", "test: also count samples whose class is among the first N",
		  CLI_UINT, &job->measure.top_k, NULL, 1, 1e6 },
		CLI_OPTIONS_END,
	};
	enum cli_next next;
	int first;

	next = cli_parse(&cli_train, options, argc, argv, &first, 1, 1);
	if (next != CLI_GO_ON)
		return next;
	job->file.path = argv[first];
	if (!job->output && !job->dry_run) {
		cli_fail(CLI_USAGE, "train: give -o FILE, where the model goes; see `npu train "
				    "--help`");
		return CLI_WRONG;
	}
	if (check_network(job) != CLI_OK || check_names(job) != CLI_OK ||
	    place_checkpoint(job) != CLI_OK)
		return CLI_WRONG;
	settle(job);
	return CLI_GO_ON;
}
