// SPDX-License-Identifier: MIT
/*
 * Checkpoints: the model as ONNX, for everyone, and a file of state, from which alone a run goes
 * on. That has the parameters too, since no two files can be replaced at once: a run that is killed
 * in between leaves a model and a state of different epochs, each of them good.
 *
 * The state is a header, numbers in the byte order of the machine, and arrays without gaps: f32
 * values [values], first and second moments [moments], best and anchor [values], ranges and those
 * at the best [layers + 1][4], as far as there are such; u64 order of the samples [indices];
 * records of the epochs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fit.h"
#include "runtime/error.h"
#include "train/data/file.h"

#define MAGIC "npustate"
#define VERSION 1
#define BYTE_ORDER_MARK 0x01020304u

/**
 * struct header - of a state
 * @checksum: CRC-32 of all behind it
 * @layout: which parameters the model has, and which of them learn
 * @rng, @random, @seed: what is random
 */
struct header {
	char magic[8];
	uint32_t byte_order, version;
	uint32_t checksum, size;
	uint32_t has_first, has_second, has_best, has_anchor;
	uint32_t kind, loss, batch, epochs, best_epoch, waited, stopped_early, plateau_waited;
	uint64_t layout, values, moments, indices, trained;
	uint64_t seed, random, step;
	uint64_t rng[4];
	double lowered, seconds;
	float watched;
	uint32_t has_ranges;
};

/* The figures of an epoch. */
struct record {
	float loss, accuracy, val_loss, val_accuracy, rate;
	uint32_t zero;
	double seconds;
};

/* Arrays behind the header, at most. */
#define ARRAYS 9

/**
 * struct arrays - what is behind the header
 * @count: arrays
 * @order: [indices], as in the file; likewise @record
 */
struct arrays {
	struct npu_file_part part[1 + ARRAYS];
	size_t count;
	uint64_t *order;
	struct record *record;
};

/* FNV-1a. */
static uint64_t hash(uint64_t state, const void *bytes, size_t count)
{
	const unsigned char *p = bytes;

	while (count--)
		state = (state ^ *p++) * 0x100000001b3;
	return state;
}

static uint64_t layout_of(const struct npu_model *model)
{
	uint64_t state = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < model->parameters; i++) {
		const struct npu_model_parameter *p = &model->parameter[i];
		bool trains = npu_model_trains(model, p);

		state = hash(state, p->name, strlen(p->name) + 1);
		state = hash(state, p->dim, sizeof(p->dim));
		state = hash(state, &trains, sizeof(trains));
	}
	return state;
}

/* What is not known before the arrays: @checksum. */
static struct header header_of(const struct npu_fit *fit)
{
	const struct npu_optimization *opt = &fit->optimization;
	const struct npu_model *model = fit->model;
	struct header header = {
		.magic = MAGIC,
		.byte_order = BYTE_ORDER_MARK,
		.version = VERSION,
		.size = sizeof(header),
		.has_first = opt->first != NULL,
		.has_second = opt->second != NULL,
		.has_best = fit->best != NULL,
		.has_anchor = opt->anchor != NULL,
		.kind = opt->how.kind,
		.loss = fit->objective.loss,
		.batch = (uint32_t)fit->capacity,
		.epochs = fit->history->epochs,
		.best_epoch = fit->history->best_epoch,
		.waited = fit->waited,
		.stopped_early = fit->history->stopped_early,
		.plateau_waited = fit->rate.waited,
		.layout = layout_of(model),
		.values = model->values,
		.moments = opt->moments,
		.indices = fit->indices,
		.trained = fit->train.count,
		.seed = model->seed,
		.random = fit->random,
		.step = opt->step,
		.lowered = fit->rate.lowered,
		.seconds = npu_fit_seconds(fit),
		.watched = fit->watched,
		.has_ranges = fit->fake.tracked != NULL,
	};

	memcpy(header.rng, model->rng.state, sizeof(header.rng));
	return header;
}

static void add_array(struct arrays *arrays, const void *bytes, size_t size)
{
	if (bytes)
		arrays->part[++arrays->count] = (struct npu_file_part){ bytes, size };
}

/* The arrays of @fit, as many and as large as the header's. */
static void list_arrays(struct arrays *arrays, const struct npu_fit *fit)
{
	const struct npu_optimization *opt = &fit->optimization;
	size_t ranges = (1 + fit->model->nodes) * sizeof(struct npu_tracked);
	size_t flat = fit->model->values * sizeof(float), moments = opt->moments * sizeof(float);

	arrays->count = 0;
	add_array(arrays, fit->model->value, flat);
	add_array(arrays, opt->first, moments);
	add_array(arrays, opt->second, moments);
	add_array(arrays, fit->best, flat);
	add_array(arrays, opt->anchor, flat);
	add_array(arrays, fit->fake.tracked, ranges);
	add_array(arrays, fit->best_tracked, ranges);
	add_array(arrays, arrays->order, fit->indices * sizeof(*arrays->order));
	add_array(arrays, arrays->record, fit->history->epochs * sizeof(*arrays->record));
}

static int convert(struct arrays *arrays, const struct npu_fit *fit)
{
	const struct npu_history *history = fit->history;
	size_t i;

	arrays->order = malloc(fit->indices * sizeof(*arrays->order));
	arrays->record = calloc(history->epochs + 1, sizeof(*arrays->record));
	if (!arrays->order || !arrays->record)
		return npu_error_set(fit->err, -ENOMEM, "%s: out of memory for the checkpoint",
				     fit->options.checkpoint);
	for (i = 0; i < fit->indices; i++)
		arrays->order[i] = fit->index[i];
	for (i = 0; i < history->epochs; i++) {
		const struct npu_epoch *e = &history->epoch[i];

		arrays->record[i] = (struct record){
			e->loss, e->accuracy, e->val_loss, e->val_accuracy, e->rate, 0, e->seconds,
		};
	}
	return 0;
}

static uint32_t checksum(uint32_t sum, const void *bytes, size_t size)
{
	return (uint32_t)crc32_z(sum, bytes, size);
}

/* Of what is behind the checksum in the header, to begin with. */
static uint32_t header_checksum(const struct header *header)
{
	const size_t behind = offsetof(struct header, size);

	return checksum(0, (const char *)header + behind, sizeof(*header) - behind);
}

static char *state_path(const char *path)
{
	size_t length = strlen(path);
	char *state = malloc(length + sizeof(".state"));

	if (state)
		sprintf(state, "%s.state", path);
	return state;
}

static int write_state(struct npu_fit *fit, const char *path)
{
	struct header header = header_of(fit);
	struct arrays arrays = { 0 };
	int ret = convert(&arrays, fit);
	size_t i;

	if (!ret) {
		list_arrays(&arrays, fit);
		header.checksum = header_checksum(&header);
		for (i = 1; i <= arrays.count; i++)
			header.checksum = checksum(header.checksum, arrays.part[i].bytes,
						   arrays.part[i].size);
		arrays.part[0] = (struct npu_file_part){ &header, sizeof(header) };
		ret = npu_file_write(path, arrays.part, 1 + arrays.count, fit->err);
	}
	free(arrays.order);
	free(arrays.record);
	return ret;
}

int npu_fit_write_checkpoint(struct npu_fit *fit)
{
	char *path = state_path(fit->options.checkpoint);
	int ret;

	if (!path)
		return npu_error_set(fit->err, -ENOMEM, "%s: out of memory for its name",
				     fit->options.checkpoint);
	/* In this order, where there is a model there is a state. */
	ret = write_state(fit, path);
	if (!ret)
		ret = npu_model_save(fit->model, fit->options.checkpoint, fit->err);
	free(path);
	return ret;
}

/* Is it a state of ours at all, and whole? */
static int check_file(const char *path, const struct header *header, size_t size,
		      struct npu_error *err)
{
	if (size < sizeof(*header) || memcmp(header->magic, MAGIC, sizeof(header->magic)))
		return npu_error_set(
			err, -EINVAL,
			"%s: no state of training; resume takes the name that checkpoint "
			"was given",
			path);
	if (header->byte_order != BYTE_ORDER_MARK)
		return npu_error_set(
			err, -EINVAL,
			"%s: written on a machine of the other byte order; go on there", path);
	if (header->version != VERSION || header->size != sizeof(*header))
		return npu_error_set(
			err, -EINVAL,
			"%s: a state of version %u, but this library reads version %d; "
			"go on with the library that wrote it, or load the model beside "
			"it and train anew",
			path, header->version, VERSION);
	return 0;
}

static int check_options(const char *path, const struct header *h, const struct header *wanted,
			 struct npu_error *err)
{
	const struct {
		const char *what;
		uint32_t has, wants;
	} flags[] = {
		{ "momentum", h->has_first, wanted->has_first },
		{ "patience", h->has_best, wanted->has_best },
		{ "proximal", h->has_anchor, wanted->has_anchor },
		{ "quantise_from", h->has_ranges, wanted->has_ranges },
	};
	size_t i;

	if (h->kind != wanted->kind || h->loss != wanted->loss)
		return npu_error_set(err, -EINVAL,
				     "%s: the checkpoint is of another %s; resume with the same "
				     "options",
				     path, h->kind != wanted->kind ? "optimiser" : "loss");
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].has != flags[i].wants)
			return npu_error_set(
				err, -EINVAL,
				"%s: the checkpoint was written with%s %s, this run is "
				"with%s; resume with the same options",
				path, flags[i].has ? "" : "out", flags[i].what,
				flags[i].wants ? "" : "out");
	return 0;
}

static int check_data(const char *path, const struct header *h, const struct header *wanted,
		      struct npu_error *err)
{
	const struct {
		const char *what;
		uint64_t has, wants;
	} figures[] = {
		{ "samples", h->indices, wanted->indices },
		{ "samples to train on", h->trained, wanted->trained },
		{ "samples in a batch", h->batch, wanted->batch },
	};
	size_t i;

	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (figures[i].has != figures[i].wants)
			return npu_error_set(
				err, -EINVAL,
				"%s: the checkpoint has %llu %s, this run %llu; resume "
				"with the same data and options",
				path, (unsigned long long)figures[i].has, figures[i].what,
				(unsigned long long)figures[i].wants);
	return 0;
}

/* Is it of the same run as the one that @wanted would be written for? */
static int check_run(const char *path, const struct header *h, const struct header *wanted,
		     unsigned int epochs, struct npu_error *err)
{
	int ret = check_options(path, h, wanted, err);

	if (ret)
		return ret;
	if (h->layout != wanted->layout || h->values != wanted->values ||
	    h->moments != wanted->moments || h->has_second != wanted->has_second)
		return npu_error_set(
			err, -EINVAL,
			"%s: the checkpoint is of a model with other layers, or others "
			"frozen; build the same one",
			path);
	ret = check_data(path, h, wanted, err);
	if (ret || h->epochs <= epochs)
		return ret;
	return npu_error_set(err, -EINVAL,
			     "%s: the checkpoint is of epoch %u, but %u are asked for; ask for "
			     "more",
			     path, h->epochs, epochs);
}

/* The order, which is before the records, is of samples that there are. */
static bool order_is_sane(const struct header *header, const struct arrays *arrays,
			  const char *bytes, size_t size)
{
	const char *at = bytes + size - arrays->part[arrays->count].size -
			 arrays->part[arrays->count - 1].size;
	uint64_t i, sample;

	for (i = 0; i < header->indices; i++, at += sizeof(sample)) {
		memcpy(&sample, at, sizeof(sample));
		if (sample >= header->indices)
			return false;
	}
	return true;
}

static int check_arrays(const char *path, const struct header *header, const struct arrays *arrays,
			const char *bytes, size_t size, struct npu_error *err)
{
	const char *behind = bytes + sizeof(*header);
	size_t i, wanted = sizeof(*header);
	uint32_t sum = header_checksum(header);

	for (i = 1; i <= arrays->count; i++)
		wanted += arrays->part[i].size;
	if (size != wanted)
		return npu_error_set(
			err, -EINVAL,
			"%s: has %zu bytes, not %zu; the file is cut off or damaged, take "
			"an earlier one",
			path, size, wanted);
	if (checksum(sum, behind, size - sizeof(*header)) != header->checksum ||
	    !order_is_sane(header, arrays, bytes, size))
		return npu_error_set(
			err, -EINVAL,
			"%s: its checksum or order is wrong; the file is damaged, take an earlier "
			"one",
			path);
	return 0;
}

static void take_header(struct npu_fit *fit, const struct header *h)
{
	unsigned int patience = fit->options.patience;

	fit->model->seed = h->seed;
	memcpy(fit->model->rng.state, h->rng, sizeof(h->rng));
	fit->random = h->random;
	fit->optimization.step = h->step;
	fit->rate.lowered = h->lowered;
	fit->rate.waited = h->plateau_waited;
	fit->watched = h->watched;
	fit->waited = h->waited;
	fit->earlier = h->seconds;
	fit->written = h->epochs;
	fit->history->best_epoch = h->best_epoch;
	/* Who asks again with more patience wants to go on. */
	fit->history->stopped_early = h->stopped_early && h->waited >= patience;
}

static void take_epochs(struct npu_fit *fit, const struct arrays *arrays)
{
	struct npu_history *history = fit->history;
	size_t i;

	for (i = 0; i < fit->indices; i++)
		fit->index[i] = arrays->order[i];
	for (i = 0; i < history->epochs; i++) {
		const struct record *r = &arrays->record[i];
		size_t batches = npu_fit_batches(fit);

		history->epoch[i] = (struct npu_epoch){
			.epoch = (unsigned int)i + 1,
			.epochs = fit->options.epochs,
			.batch = batches,
			.batches = batches,
			.loss = r->loss,
			.accuracy = r->accuracy,
			.val_loss = r->val_loss,
			.val_accuracy = r->val_accuracy,
			.rate = r->rate,
			.seconds = r->seconds,
		};
	}
}

/* @bytes [@size] are the whole file. Nothing of @fit has changed where it fails. */
static int take_state(struct npu_fit *fit, const char *path, const char *bytes, size_t size)
{
	struct header header, wanted = header_of(fit);
	struct arrays arrays = { 0 };
	const char *at = bytes + sizeof(header);
	size_t i;
	int ret;

	memcpy(&header, bytes, size < sizeof(header) ? size : sizeof(header));
	ret = check_file(path, &header, size, fit->err);
	if (!ret)
		ret = check_run(path, &header, &wanted, fit->options.epochs, fit->err);
	if (ret)
		return ret;
	arrays.order = malloc(fit->indices * sizeof(*arrays.order));
	arrays.record = calloc((size_t)header.epochs + 1, sizeof(*arrays.record));
	if (!arrays.order || !arrays.record) {
		ret = npu_error_set(fit->err, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	fit->history->epochs = header.epochs;
	list_arrays(&arrays, fit);
	ret = check_arrays(path, &header, &arrays, bytes, size, fit->err);
	if (ret) {
		fit->history->epochs = 0;
		goto out;
	}
	for (i = 1; i <= arrays.count; i++) {
		memcpy((void *)arrays.part[i].bytes, at, arrays.part[i].size);
		at += arrays.part[i].size;
	}
	take_header(fit, &header);
	take_epochs(fit, &arrays);
out:
	free(arrays.order);
	free(arrays.record);
	return ret;
}

int npu_fit_read_checkpoint(struct npu_fit *fit)
{
	char *path = state_path(fit->options.resume), *bytes;
	size_t size;
	int ret;

	if (!path)
		return npu_error_set(fit->err, -ENOMEM, "%s: out of memory for its name",
				     fit->options.resume);
	ret = npu_file_read(path, SIZE_MAX / 2, &bytes, &size, fit->err);
	if (!ret) {
		ret = take_state(fit, path, bytes, size);
		free(bytes);
	}
	free(path);
	return ret;
}
