// SPDX-License-Identifier: MIT
/*
 * A program run instruction by instruction. Memory is used again and again, so what a node makes is
 * read right behind its last instruction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/lower.h"
#include "train/compile/machine.h"
#include "train/compile/report.h"
#include "train/nn/model.h"
#include "train/nn/reference.h"

#define LEAST_REPETITIONS 20
#define MOST_REPETITIONS 2000
#define MEASURED_US 100000.0

/* ------------------------------------------------------------------- memory */

static int make_slots(struct npu_trial *trial, struct npu_error *err)
{
	const struct npu_program *program = trial->program;
	uint32_t i;

	for (i = 0; i < program->slot_count; i++) {
		size_t bytes = npu_align(program->slots[i].bytes, 64);

		trial->slot_bytes[i] = bytes;
		/* the kernels only read them */
		if (program->slots[i].kind == NPU_FILE_SLOT_WEIGHTS)
			trial->exec.slot[i] = (uint8_t *)program->weights;
		else
			trial->exec.slot[i] = aligned_alloc(64, bytes);
		if (!trial->exec.slot[i])
			return npu_error_set(err, -ENOMEM, "no memory to try a program");
		if (program->slots[i].kind != NPU_FILE_SLOT_WEIGHTS)
			memset(trial->exec.slot[i], 0, bytes);
	}
	trial->exec.workspace = aligned_alloc(NPU_WORKSPACE_ALIGN, NPU_WORKSPACE_BYTES);
	if (!trial->exec.workspace)
		return npu_error_set(err, -ENOMEM, "no memory to try a program");
	return 0;
}

int npu_trial_open(struct npu_trial *trial, const struct npu_graph *graph, const void *image,
		   size_t bytes, struct npu_error *err)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_device_info info;
	int ret;

	memset(trial, 0, sizeof(*trial));
	trial->graph = graph;
	ret = npu_program_load_memory(&trial->program, image, bytes, err);
	if (!ret)
		ret = npu_device_open(&trial->device, &options, err);
	if (!ret)
		ret = npu_session_open(&trial->session, trial->device, trial->program, NULL, err);
	if (ret)
		return ret;
	npu_device_info(trial->device, &info);
	memcpy(trial->variant_name, info.variant, sizeof(trial->variant_name));
	/* the device has checked that this CPU runs it */
	trial->variant = npu_variant_find(info.variant, UINT32_MAX);
	trial->exec.insns = trial->program->insns;
	trial->exec.insn_count = trial->program->insn_count;
	trial->exec.consts = trial->program->consts;
	return make_slots(trial, err);
}

void npu_trial_close(struct npu_trial *trial)
{
	uint32_t i;

	for (i = 0; trial->program && i < trial->program->slot_count; i++)
		if (trial->program->slots[i].kind != NPU_FILE_SLOT_WEIGHTS)
			free(trial->exec.slot[i]);
	free(trial->exec.workspace);
	npu_session_close(trial->session);
	npu_device_close(trial->device);
	npu_program_free(trial->program);
	memset(trial, 0, sizeof(*trial));
}

static void run_insn(struct npu_trial *trial, uint32_t i)
{
	npu_insn_run(trial->variant, &trial->exec, i, 0, npu_insn_units(&trial->exec.insns[i]));
}

/* ------------------------------------------------------------------- errors */

/**
 * struct comparison - one request's worth of samples
 * @made: [nodes], of each what it made, as real numbers; NULL where that isn't compared
 * @used: samples that count; those after them repeat the last
 * @lengths: of them, or NULL
 * @at: the one with which the reference begins
 */
struct comparison {
	struct npu_trial *trial;
	float **made;
	size_t used;
	const uint32_t *lengths;
	size_t at;
	struct npu_closeness *closeness;
};

/* Does the reference show what @node makes? */
static bool is_compared(const struct npu_graph *graph, const struct npu_graph_node *node)
{
	const struct npu_graph_value *value = &graph->value[node->output];
	uint32_t dim[3];

	if (!node->insns || value->partial || value->index || value->layer == NPU_NO_LAYER ||
	    npu_model_layer_dim(graph->model, value->layer, dim))
		return false;
	return (uint64_t)dim[0] * dim[1] * dim[2] ==
	       (uint64_t)value->dim[1] * value->dim[2] * value->dim[3];
}

static void free_made(struct comparison *c)
{
	uint32_t i;

	for (i = 0; c->made && i < c->trial->graph->nodes; i++)
		free(c->made[i]);
	free(c->made);
}

static int make_room(struct comparison *c, struct npu_error *err)
{
	const struct npu_graph *graph = c->trial->graph;
	uint32_t i;

	c->made = calloc(graph->nodes, sizeof(*c->made));
	for (i = 0; c->made && i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		if (!is_compared(graph, node))
			continue;
		c->made[i] = malloc(npu_graph_value_elements(&graph->value[node->output]) *
				    sizeof(float));
		if (!c->made[i])
			break;
	}
	if (!c->made || i < graph->nodes)
		return npu_error_set(err, -ENOMEM, "no memory to compare a program with f32");
	return 0;
}

/* The next request: @first and up to batch - 1 more samples. */
static int write_inputs(struct comparison *c, const float *samples, size_t first, size_t count,
			const uint32_t *lengths)
{
	struct npu_trial *trial = c->trial;
	const struct npu_graph *graph = trial->graph;
	struct npu_request *request = npu_session_request(trial->session, 0);
	const struct npu_io *input = npu_program_input(trial->program, 0);
	const struct npu_file_tensor *t = trial->program->tensors;
	size_t features = graph->model->features, batch = graph->batch, i;
	float *x = malloc(batch * features * sizeof(*x));
	int32_t *steps;
	int ret;

	if (!x)
		return -ENOMEM;
	c->used = count - first < batch ? count - first : batch;
	for (i = 0; i < batch; i++)
		memcpy(x + i * features,
		       samples + (first + (i < c->used ? i : c->used - 1)) * features,
		       features * sizeof(*x));
	ret = npu_request_write_f32(request, 0, x);
	free(x);
	memcpy(trial->exec.slot[t[0].slot] + t[0].offset, npu_request_input(request, 0),
	       input->bytes);
	if (graph->lengths == NPU_NO_INDEX)
		return ret;
	steps = (int32_t *)(trial->exec.slot[t[1].slot] + t[1].offset);
	c->lengths = lengths ? lengths + first : NULL;
	for (i = 0; i < batch; i++)
		steps[i] = lengths && i < c->used ? (int32_t)lengths[first + i]
						  : (int32_t)graph->model->dim[1];
	return ret;
}

static float real_of(const struct npu_graph_value *value, const uint8_t *base, uint64_t element)
{
	int32_t q = value->type == NPU_TYPE_INT8 ? ((const int8_t *)base)[element]
						 : ((const int16_t *)base)[element];

	return value->scale * (float)(q - value->zero_point);
}

/* What node @i has made, dense. */
static void read_value(struct comparison *c, uint32_t i)
{
	const struct npu_graph *graph = c->trial->graph;
	const struct npu_graph_value *value = &graph->value[graph->node[i].output];
	const uint8_t *base =
		c->trial->exec.slot[npu_graph_slot(graph, value->kind)] + value->offset;
	float *to = c->made[i];
	uint64_t n, h, w, k;

	for (n = 0; n < value->dim[0]; n++)
		for (h = 0; h < value->dim[1]; h++)
			for (w = 0; w < value->dim[2]; w++)
				for (k = 0; k < value->dim[3]; k++)
					*to++ = real_of(value, base,
							n * value->stride[0] +
								h * value->stride[1] +
								w * value->stride[2] + k);
}

static void run_request(struct comparison *c)
{
	struct npu_trial *trial = c->trial;
	const struct npu_graph *graph = trial->graph;
	uint32_t i, insn;

	for (i = 0; i < trial->program->slot_count; i++)
		if (trial->program->slots[i].kind == NPU_FILE_SLOT_STATE)
			memset(trial->exec.slot[i], 0, trial->slot_bytes[i]);
	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		for (insn = 0; insn < node->insns; insn++)
			run_insn(trial, node->first_insn + insn);
		if (c->made[i])
			read_value(c, i);
	}
}

static void add_numbers(struct npu_closeness *closeness, const float *want, const float *got,
			size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		double w = want[i], g = got[i];

		closeness->signal += w * w;
		closeness->noise += (w - g) * (w - g);
		closeness->product += w * g;
		closeness->made += g * g;
	}
	closeness->count += count;
}

/* Sample @s of the value that node @i made; of sequences, the steps that there are. */
static void add_sample(struct comparison *c, uint32_t i, size_t s, const float *want,
		       const float *got)
{
	const struct npu_graph *graph = c->trial->graph;
	const struct npu_graph_value *value = &graph->value[graph->node[i].output];
	size_t row = (size_t)value->dim[2] * value->dim[3], rows = value->dim[1], h;
	bool timed = c->lengths && npu_model_value_is_timed(graph->model, (int)value->layer);
	size_t length = timed ? (size_t)c->lengths[s] * value->dim[3] : row;

	for (h = 0; h < rows; h++)
		add_numbers(&c->closeness[i], want + h * row, got + h * row, length);
}

static int visit(void *context, size_t layer, size_t first, size_t n, const float *pre,
		 const float *post)
{
	struct comparison *c = context;
	const struct npu_graph *graph = c->trial->graph;
	uint32_t i;
	size_t s;

	first += c->at;
	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_value *value = &graph->value[graph->node[i].output];
		size_t size = (size_t)value->dim[1] * value->dim[2] * value->dim[3];

		if (!c->made[i] || value->layer != layer)
			continue;
		for (s = 0; s < n; s++)
			add_sample(c, i, first + s, (value->before ? pre : post) + s * size,
				   c->made[i] + (first + s) * size);
	}
	return 0;
}

/*
 * What the model makes of the same samples, @x. The reference takes them for one stream where the
 * model remembers, each row of a request begins one of its own.
 */
static int run_reference(struct comparison *c, const float *x, struct npu_error *err)
{
	const struct npu_model *model = c->trial->graph->model;
	size_t together = model->states ? 1 : c->used;
	int ret = 0;

	for (c->at = 0; !ret && c->at < c->used; c->at += together)
		ret = npu_reference_forward(model, x + c->at * model->features,
					    c->lengths ? c->lengths + c->at : NULL, together, visit,
					    c, err);
	return ret;
}

int npu_trial_compare(struct npu_trial *trial, const float *samples, size_t count,
		      const uint32_t *lengths, struct npu_closeness *closeness,
		      struct npu_error *err)
{
	const struct npu_model *model = trial->graph->model;
	struct comparison c = { .trial = trial, .closeness = closeness };
	size_t first;
	int ret = make_room(&c, err);

	for (first = 0; !ret && first < count; first += c.used) {
		if (write_inputs(&c, samples, first, count, lengths)) {
			ret = npu_error_set(err, -ENOMEM, "no memory to compare with f32");
			break;
		}
		run_request(&c);
		ret = run_reference(&c, samples + first * model->features, err);
	}
	free_made(&c);
	return ret;
}

/* -------------------------------------------------------------------- times */

void npu_trial_measure(struct npu_trial *trial, double *us)
{
	uint32_t count = trial->exec.insn_count, i;
	double until = npu_machine_now() + MEASURED_US, empty = 1e6;
	unsigned int r;

	for (r = 0; r < MOST_REPETITIONS && (r < LEAST_REPETITIONS || npu_machine_now() < until);
	     r++) {
		double began = npu_machine_now(), after = npu_machine_now();

		empty = after - began < empty ? after - began : empty;
		for (i = 0; i < count; i++) {
			began = npu_machine_now();
			run_insn(trial, i);
			after = npu_machine_now();
			us[i] = r && us[i] < after - began ? us[i] : after - began;
		}
	}
	/* less what it takes to read the clock */
	for (i = 0; i < count; i++)
		us[i] = us[i] > empty ? us[i] - empty : 0;
}
