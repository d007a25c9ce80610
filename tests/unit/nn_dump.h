/* SPDX-License-Identifier: MIT */
/*
 * The cases of nn_case_table.h with what the library makes of them, for torch-compare.py: a folder
 * a case, with case.json (layers, inputs, options) and an .npy file for each array.
 */
#ifndef NN_DUMP_H
#define NN_DUMP_H

#include <stdio.h>
#include <sys/stat.h>

#include "nn_cases.h"

/**
 * struct nn_dump - a case that is being written
 * @folder: of the case
 * @json: case.json
 */
struct nn_dump {
	const char *folder;
	const struct nn_case *c;
	struct npu_model *model;
	struct npu_dataset data;
	FILE *json;
	struct npu_error err;
};

/* "@name.npy" */
static inline int nn_dump_array(struct nn_dump *dump, const char *name, const float *values,
				size_t rows, size_t columns)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.npy", dump->folder, name);
	return npu_write_npy(path, values, rows, columns, &dump->err);
}

static inline int nn_dump_whole_numbers(struct nn_dump *dump, const char *name, const void *values,
					size_t count)
{
	const uint32_t *from = values;
	float *to = npu_floats_alloc(count);
	size_t i;
	int ret;

	for (i = 0; i < count; i++)
		to[i] = (float)from[i];
	ret = nn_dump_array(dump, name, to, count, 1);
	free(to);
	return ret;
}

static inline void nn_dump_list(struct nn_dump *dump, const char *name, const uint32_t *values,
				size_t count)
{
	size_t i;

	fprintf(dump->json, ", \"%s\": [", name);
	for (i = 0; i < count; i++)
		fprintf(dump->json, "%s%u", i ? ", " : "", values[i]);
	fprintf(dump->json, "]");
}

static inline void nn_dump_layer(struct nn_dump *dump, const struct npu_node *node)
{
	const struct npu_layer *l = &node->layer;
	FILE *json = dump->json;
	size_t k;

	fprintf(json, "{\"name\": \"%s\", \"kind\": %d, \"activation\": %d, \"input\": [", l->name,
		l->kind, l->activation);
	for (k = 0; k < node->inputs; k++)
		fprintf(json, "%s%d", k ? ", " : "", node->input[k]);
	fprintf(json, "], \"alpha\": %.9g, \"epsilon\": %.9g", (double)l->alpha,
		(double)l->epsilon);
	nn_dump_list(dump, "in", node->in_dim, 3);
	nn_dump_list(dump, "out", node->out_dim, 3);
	nn_dump_list(dump, "kernel", l->kernel, 2);
	nn_dump_list(dump, "stride", l->stride, 2);
	nn_dump_list(dump, "dilation", l->dilation, 2);
	nn_dump_list(dump, "pad", l->pad, 4);
	fprintf(json,
		", \"units\": %u, \"groups\": %u, \"padding\": %d, \"axis\": %u, "
		"\"vocabulary\": %u, \"frozen\": %d, \"sequences\": %d, \"backwards\": %d, "
		"\"bidirectional\": %d, \"reset_after\": %d}",
		l->units, l->groups, l->padding, npu_concat_dimension(l), l->vocabulary, l->frozen,
		l->sequences, l->backwards, l->bidirectional, l->reset_after);
}

/* Values and gradients; those that are not trained have none. */
static inline int nn_dump_parameters(struct nn_dump *dump)
{
	size_t i;
	int ret = 0;

	fprintf(dump->json, "], \"parameters\": [");
	for (i = 0; !ret && i < npu_model_parameters(dump->model); i++) {
		struct npu_parameter p;
		char name[128];

		npu_model_parameter(dump->model, i, &p);
		fprintf(dump->json, "%s{\"name\": \"%s\", \"trained\": %d", i ? ", " : "", p.name,
			p.trained);
		nn_dump_list(dump, "dim", p.dim, 4);
		fprintf(dump->json, "}");
		ret = nn_dump_array(dump, p.name, p.value, p.count, 1);
		snprintf(name, sizeof(name), "gradient.%s", p.name);
		if (!ret && p.trained)
			ret = nn_dump_array(dump, name, p.gradient, p.count, 1);
	}
	fprintf(dump->json, "]");
	return ret;
}

static inline int nn_dump_samples(struct nn_dump *dump)
{
	const struct npu_dataset *data = &dump->data;
	int ret = nn_dump_array(dump, "x", data->x, data->samples, data->features);

	if (!ret && data->y)
		ret = nn_dump_array(dump, "targets", data->y, data->samples, data->targets);
	if (!ret && data->labels)
		ret = nn_dump_whole_numbers(dump, "labels", data->labels, data->samples);
	if (!ret && data->lengths)
		ret = nn_dump_whole_numbers(dump, "lengths", data->lengths, data->samples);
	return ret;
}

/* Outputs as at inference; loss and gradients as in training. */
static inline int nn_dump_results(struct nn_dump *dump)
{
	size_t outputs = npu_model_outputs(dump->model);
	float *y = npu_floats_alloc(dump->data.samples * outputs), loss;
	int ret = npu_model_backward(dump->model, &dump->data, nn_case_loss(dump->c), &loss,
				     &dump->err);

	if (!ret)
		ret = npu_model_predict_data(dump->model, &dump->data, 1, y, &dump->err);
	if (!ret)
		ret = nn_dump_array(dump, "y", y, dump->data.samples, outputs);
	fprintf(dump->json, "\"loss\": %.9g", (double)loss);
	free(y);
	return ret;
}

static inline int nn_dump_case(struct nn_dump *dump)
{
	size_t i;
	int ret = nn_case_data(dump->c, dump->model, &dump->data, &dump->err);

	if (ret)
		return ret;
	fprintf(dump->json, "{\"name\": \"%s\", \"loss_kind\": %d, ", dump->c->name,
		nn_case_loss(dump->c));
	ret = nn_dump_results(dump);
	nn_dump_list(dump, "dim", dump->model->dim, 3);
	fprintf(dump->json, ", \"layers\": [");
	for (i = 0; i < dump->model->nodes; i++) {
		fputs(i ? ", " : "", dump->json);
		nn_dump_layer(dump, &dump->model->node[i]);
	}
	if (!ret)
		ret = nn_dump_parameters(dump);
	if (!ret)
		ret = nn_dump_samples(dump);
	fprintf(dump->json, "}\n");
	npu_dataset_free(&dump->data);
	return ret;
}

/* Case @i into a folder of @folder. */
static inline int nn_dump_into(const char *folder, size_t i)
{
	struct nn_dump dump = { .c = &nn_cases[i] };
	char own[256], path[300];
	int ret;

	snprintf(own, sizeof(own), "%s/%03zu", folder, i);
	snprintf(path, sizeof(path), "%s/case.json", own);
	dump.folder = own;
	ret = nn_case_model(dump.c, &dump.model, &dump.err);
	if (!ret) {
		mkdir(own, 0777);
		dump.json = fopen(path, "w");
		ret = dump.json ? nn_dump_case(&dump) : -errno;
		if (dump.json)
			fclose(dump.json);
		npu_model_free(dump.model);
	}
	if (ret)
		fprintf(stderr, "%s: %s\n", dump.c->name, dump.err.message);
	return ret;
}

/* All of them into folders of @folder, which exists; the exit status of main. */
static inline int nn_dump_all(const char *folder)
{
	int failed = 0;
	size_t i;

	for (i = 0; i < NN_CASES; i++)
		failed |= nn_dump_into(folder, i);
	return failed ? 1 : 0;
}

#endif /* NN_DUMP_H */
