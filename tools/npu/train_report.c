// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "layer_text.h"
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

static void print_layers(const struct npu_model *model)
{
	struct table *table = table_create(4);

	table_left(table, 1);
	table_left(table, 3);
	for (size_t i = 0; i < npu_model_layers(model); i++) {
		const struct npu_layer *layer = npu_model_layer(model, i);

		table_cell(table, "%s", layer->name);
		if (layer->kind == NPU_LAYER_DENSE) {
			table_cell(table, "dense");
			table_cell(table, "%u units", layer->units);
		} else {
			table_cell(table, "activation");
			table_cell(table, "%s", "");
		}
		table_cell(table, "%s", layer_text_activation(layer->activation));
	}
	table_print(table, false);
}

void train_print_plan(const struct training *job)
{
	if (job->quiet)
		return;
	printf("%zu samples of %zu values to train on", job->train.samples, job->train.features);
	if (job->test.samples)
		printf(", %zu set aside to test", job->test.samples);
	if (job->train.classes)
		printf(", %zu classes", job->train.classes);
	printf("; %zu parameters\n", npu_model_parameter_count(job->model));
	print_layers(job->model);
}

void train_print_result(const struct training *job)
{
	const struct npu_history *history = &job->history;

	if (history->stopped_early)
		printf("stopped after %u epochs without gain; kept those of epoch %u\n",
		       job->patience, history->best_epoch);
	if (job->test.samples)
		metrics_print_line("test", &job->metrics);
	printf("wrote %s after %u epochs in %.2f s\n", job->output, history->epochs, job->seconds);
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
		json_object_array_add(list, entry);
	}
	return list;
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
	json_object_object_add(object, "epochs", json_count(history->epochs));
	json_object_object_add(object, "best_epoch", json_count(history->best_epoch));
	json_object_object_add(object, "stopped_early", json_truth(history->stopped_early));
	json_object_object_add(object, "seconds", json_number(job->seconds));
	json_object_object_add(object, "history", history_json(history));
	json_object_object_add(object, "test",
			       job->test.samples ? metrics_json(&job->metrics, names) : NULL);
	json_report_print(object);
}
