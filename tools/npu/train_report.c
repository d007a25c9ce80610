// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "layer_text.h"
#include "layer_words.h"
#include "metrics_report.h"
#include "terminal.h"
#include "train.h"

#define EPOCH_LINES 20 /* about as many, however many epochs there are */

/* "loss 0.1234" and, where they are known, accuracy and the figures of validation. */
static void figures(const struct npu_epoch *epoch, char *text, size_t bytes)
{
	size_t at = (size_t)snprintf(text, bytes, "loss %.4f", (double)epoch->loss);

	if (isfinite(epoch->accuracy))
		at += (size_t)snprintf(text + at, bytes - at, "  accuracy %6.2f %%",
				       (double)epoch->accuracy * 100);
	if (isfinite(epoch->val_loss))
		at += (size_t)snprintf(text + at, bytes - at, "  validation loss %.4f",
				       (double)epoch->val_loss);
	if (isfinite(epoch->val_accuracy))
		snprintf(text + at, bytes - at, "  accuracy %6.2f %%",
			 (double)epoch->val_accuracy * 100);
}

int train_progress(const struct npu_epoch *epoch, void *user)
{
	const struct training *job = user;
	unsigned int every = (epoch->epochs + EPOCH_LINES - 1) / EPOCH_LINES;
	double done = epoch->epoch - 1 + (double)epoch->batch / (double)epoch->batches;
	bool complete = epoch->batch == epoch->batches;
	char text[160];

	figures(epoch, text, sizeof(text));
	if (complete && !job->quiet && !job->json &&
	    (epoch->epoch == 1 || epoch->epoch % every == 0 || epoch->epoch == epoch->epochs)) {
		terminal_progress_end();
		printf("  epoch %4u/%u  %s  %s%.2f s%s\n", epoch->epoch, epoch->epochs, text,
		       terminal_style(stdout, STYLE_DIM), epoch->seconds,
		       terminal_style(stdout, STYLE_NONE));
		fflush(stdout);
	} else {
		terminal_progress(done / epoch->epochs, text);
	}
	return 0;
}

/* "28 x 28 x 16", or one number. */
static void shape_text(const struct npu_model *model, size_t i, char *text, size_t bytes)
{
	uint32_t dim[3];

	npu_model_layer_dim(model, i, dim);
	if (dim[0] == 1 && dim[1] == 1)
		snprintf(text, bytes, "%u", dim[2]);
	else if (dim[0] == 1)
		snprintf(text, bytes, "%u x %u", dim[1], dim[2]);
	else
		snprintf(text, bytes, "%u x %u x %u", dim[0], dim[1], dim[2]);
}

static void print_layers(const struct npu_model *model)
{
	struct table *table = table_create(5);
	char text[96];

	for (size_t column = 1; column < 5; column++)
		table_left(table, column);
	for (size_t i = 0; i < npu_model_layers(model); i++) {
		const struct npu_layer *layer = npu_model_layer(model, i);

		table_cell(table, "%s", layer->name);
		table_cell(table, "%s", layer_text_kind(layer));
		layer_text_details(layer, text, sizeof(text));
		table_cell(table, "%s", text);
		table_cell(table, "%s",
			   layer->activation ? layer_activation_word(layer->activation) : "");
		shape_text(model, i, text, sizeof(text));
		table_cell(table, "%s", text);
	}
	table_print(table, false);
}

/* Bytes as a person reads them. */
static void print_size(size_t bytes)
{
	if (bytes < 1 << 20)
		printf("%.1f KiB", (double)bytes / 1024);
	else
		printf("%.1f MiB", (double)bytes / (1 << 20));
}

/* Samples of a batch if memory were no matter: there may be fewer samples than were asked for. */
static unsigned int unlimited_batch(const struct training *job)
{
	struct npu_fit_options options = job->fit;
	struct npu_fit_quote quote = { 0 };

	options.memory_limit = 0;
	npu_model_fit_quote(job->model, &job->train, &options, &quote, NULL);
	return quote.batch;
}

/* Samples for validation, as npu_model_fit() rounds their share. */
static size_t watched(const struct training *job)
{
	if (job->fit.validation)
		return job->fit.validation->samples;
	return (size_t)((double)job->fit.validation_fraction * (double)job->train.samples + 0.5);
}

void train_print_plan(const struct training *job)
{
	size_t held_out = job->fit.validation ? 0 : watched(job);
	unsigned int wanted = unlimited_batch(job);

	if (job->quiet)
		return;
	printf("%zu samples of %zu values to train on", job->train.samples - held_out,
	       job->train.features);
	if (watched(job))
		printf(", %zu to watch", watched(job));
	if (job->test.samples)
		printf(", %zu set aside to test", job->test.samples);
	if (job->train.classes)
		printf(", %zu classes", job->train.classes);
	printf("; %zu parameters\n", npu_model_parameter_count(job->model));
	print_layers(job->model);
	printf("training takes ");
	print_size(job->quote.total);
	printf(" beside the data, in batches of %u", job->quote.batch);
	if (job->quote.batch < wanted)
		printf(" (not %u, to stay below the limit)", wanted);
	putchar('\n');
	if (job->fit.resume)
		printf("going on from %s\n", job->fit.resume);
}

void train_print_result(const struct training *job)
{
	const struct npu_history *history = &job->history;

	if (history->stopped_early)
		printf("stopped after %u epochs without gain; kept those of epoch %u\n",
		       job->fit.patience, history->best_epoch);
	if (job->test.samples)
		metrics_print_line("test", &job->metrics);
	if (job->naive.samples)
		metrics_print_line("saying that the last value stays", &job->naive);
	if (job->train.targets && !job->train.classes && !job->scale_targets && !job->from &&
	    job->metrics.samples && job->metrics.r2 < 0)
		printf("an R2 below 0 is worse than always saying the mean; --scale-targets learns "
		       "targets far from 0 and 1\n");
	printf("wrote %s after %u epoch%s in %.2f s\n", job->output, history->epochs,
	       history->epochs == 1 ? "" : "s", job->seconds);
}

static struct json_object *history_json(const struct npu_history *history)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < history->epochs; i++) {
		const struct npu_epoch *epoch = &history->epoch[i];
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "epoch", json_count(epoch->epoch));
		json_object_object_add(entry, "loss", json_number(epoch->loss));
		json_object_object_add(entry, "accuracy", json_number(epoch->accuracy));
		json_object_object_add(entry, "val_loss", json_number(epoch->val_loss));
		json_object_object_add(entry, "val_accuracy", json_number(epoch->val_accuracy));
		json_object_object_add(entry, "rate", json_number(epoch->rate));
		json_object_object_add(entry, "seconds", json_number(epoch->seconds));
		json_object_array_add(list, entry);
	}
	return list;
}

static struct json_object *quote_json(const struct npu_fit_quote *quote)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "batch", json_count(quote->batch));
	json_object_object_add(object, "weights", json_count(quote->weights));
	json_object_object_add(object, "gradients", json_count(quote->gradients));
	json_object_object_add(object, "optimizer", json_count(quote->optimizer));
	json_object_object_add(object, "activations", json_count(quote->activations));
	json_object_object_add(object, "batches", json_count(quote->batches));
	json_object_object_add(object, "other", json_count(quote->other));
	json_object_object_add(object, "total", json_count(quote->total));
	return object;
}

void train_print_json(const struct training *job)
{
	struct metrics_names names = { metrics_model_class, job->model };
	const struct npu_history *history = &job->history;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "output", json_text(job->output));
	json_object_object_add(object, "samples", json_count(job->train.samples));
	json_object_object_add(object, "features", json_count(job->train.features));
	json_object_object_add(object, "parameters",
			       json_count(npu_model_parameter_count(job->model)));
	json_object_object_add(object, "memory", quote_json(&job->quote));
	json_object_object_add(object, "epochs", json_count(history->epochs));
	json_object_object_add(object, "best_epoch", json_count(history->best_epoch));
	json_object_object_add(object, "stopped_early", json_truth(history->stopped_early));
	json_object_object_add(object, "seconds", json_number(job->seconds));
	json_object_object_add(object, "history", history_json(history));
	json_object_object_add(object, "test",
			       job->metrics.samples ? metrics_json(&job->metrics, names) : NULL);
	if (job->naive.samples)
		json_object_object_add(object, "naive", metrics_json(&job->naive, names));
	json_report_print(object);
}
