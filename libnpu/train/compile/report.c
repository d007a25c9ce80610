// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/instruction.h"
#include "train/compile/machine.h"
#include "train/compile/report.h"

#define MOST_SAMPLES 200

/**
 * struct findings - what was measured
 * @us: [insns]
 * @closeness: [nodes]
 */
struct findings {
	struct npu_trial trial;
	struct npu_machine machine;
	double *us;
	struct npu_closeness *closeness;
};

/* Bytes of packed weights, biases, scales and tables; of all other tensors. */
static void count_bytes(const struct npu_program *program, const struct npu_insn *insn,
			uint64_t *weights, uint64_t *activations)
{
	uint32_t offset, i;

	*weights = (uint64_t)npu_insn_scales(insn, &offset) * sizeof(struct npu_scale);
	*activations = 0;
	if (insn->opcode == NPU_OP_TABLE)
		*weights = insn->t[0].type == NPU_TYPE_INT8 ? 256 : 513 * 2;
	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		const struct npu_tensor *t = &insn->t[i];

		if (t->type == NPU_TYPE_NONE)
			continue;
		if (program->slots[t->slot].kind == NPU_FILE_SLOT_WEIGHTS)
			*weights += npu_insn_tensor_end(insn, i) - t->offset;
		else
			*activations += (uint64_t)t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3] *
					npu_element_bytes(t->type);
	}
}

/* "conv_2d, softmax"; one that is there already is not said again. */
static void add_mnemonic(struct npu_layer_report *row, const struct npu_insn *insn)
{
	const char *mnemonic = npu_instruction_of(insn->opcode)->mnemonic;
	size_t used = strlen(row->instructions), length = strlen(mnemonic);
	const char *before = used > length ? row->instructions + used - length : row->instructions;

	if (used && !strcmp(before, mnemonic))
		return;
	snprintf(row->instructions + used, sizeof(row->instructions) - used, "%s%s",
		 used ? ", " : "", mnemonic);
}

static void add_insn(const struct findings *found, struct npu_layer_report *row, uint32_t i)
{
	const struct npu_program *program = found->trial.program;
	const struct npu_insn *insn = &program->insns[i];
	uint64_t weights, activations;

	count_bytes(program, insn, &weights, &activations);
	add_mnemonic(row, insn);
	row->macs += npu_insn_macs(insn);
	row->weight_bytes += weights;
	row->activation_bytes += activations;
	row->measured_us += found->us[i];
	row->predicted_us += npu_machine_likely_us(&found->machine, insn, weights + activations);
	/* until all are there: microseconds */
	row->roofline += npu_machine_least_us(&found->machine, insn, weights + activations);
}

static void set_precision(const struct findings *found, struct npu_layer_report *row,
			  uint32_t first, uint32_t last)
{
	const struct npu_insn *insns = found->trial.program->insns;
	const char *in = npu_type_name(insns[first].t[1].type);
	const char *out = npu_type_name(insns[last].t[0].type);

	if (strcmp(in, out))
		snprintf(row->precision, sizeof(row->precision), "%s to %s", in, out);
	else
		snprintf(row->precision, sizeof(row->precision), "%s", in);
}

static void set_closeness(struct npu_layer_report *row, const struct npu_closeness *closeness)
{
	double both = sqrt(closeness->signal * closeness->made);

	if (!closeness->count)
		return;
	/* an error of nothing: as close as can be */
	row->sqnr_db = closeness->noise > 0 ? 10 * log10(closeness->signal / closeness->noise)
					    : INFINITY;
	row->cosine = both > 0 ? closeness->product / both : closeness->noise > 0 ? 0 : 1;
}

/* Nodes @from to the last of their layer, which become one row; returns the next. */
static uint32_t add_row(const struct findings *found, struct npu_compile_report *report,
			uint32_t from)
{
	const struct npu_graph *graph = found->trial.graph;
	struct npu_layer_report *row = &report->layer[report->layers];
	uint32_t i, insn, first = NPU_NO_INDEX, last = 0;

	memset(row, 0, sizeof(*row));
	row->sqnr_db = row->cosine = NAN;
	snprintf(row->name, sizeof(row->name), "%s",
		 npu_graph_node_name(graph, &graph->node[from]));
	for (i = from; i < graph->nodes && graph->node[i].layer == graph->node[from].layer; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		for (insn = node->first_insn; insn < node->first_insn + node->insns; insn++) {
			first = first == NPU_NO_INDEX ? insn : first;
			last = insn;
			add_insn(found, row, insn);
		}
		set_closeness(row, &found->closeness[i]);
	}
	if (first == NPU_NO_INDEX)
		return i;
	set_precision(found, row, first, last);
	report->layers++;
	report->macs += row->macs;
	report->predicted_us += row->predicted_us;
	report->measured_us += row->measured_us;
	return i;
}

static void write_report(const struct findings *found, struct npu_compile_report *report)
{
	const struct npu_graph *graph = found->trial.graph;
	uint32_t i = 0;
	size_t k;

	while (i < graph->nodes)
		i = add_row(found, report, i);
	for (k = 0; k < report->layers; k++) {
		struct npu_layer_report *row = &report->layer[k];

		row->share = report->measured_us > 0 ? row->measured_us / report->measured_us : 0;
		row->roofline = row->measured_us > 0 ? row->roofline / row->measured_us : 0;
	}
	memcpy(report->variant, found->trial.variant_name, sizeof(report->variant));
	report->macs_per_us = 1 / found->machine.mac;
	report->outputs_per_us = 1 / found->machine.output;
	report->bytes_per_us = 1 / found->machine.byte;
	report->peak_bytes = graph->weight_bytes + graph->const_bytes +
			     (uint64_t)graph->insns * NPU_INSN_SIZE + graph->io_bytes +
			     graph->scratch_bytes + graph->state_bytes;
}

int npu_graph_report(const struct npu_graph *graph, const void *image, size_t bytes,
		     const float *samples, size_t count, const struct npu_compile_options *options,
		     struct npu_compile_report *report, struct npu_error *err)
{
	struct findings found = { 0 };
	int ret = npu_trial_open(&found.trial, graph, image, bytes, err);

	memset(report, 0, sizeof(*report));
	if (!ret)
		ret = npu_machine_measure(found.trial.variant, &found.machine, err);
	if (ret)
		goto out;
	report->samples = count < MOST_SAMPLES ? count : MOST_SAMPLES;
	report->layer = calloc(graph->nodes, sizeof(*report->layer));
	found.us = calloc(graph->insns, sizeof(*found.us));
	found.closeness = calloc(graph->nodes, sizeof(*found.closeness));
	if (!report->layer || !found.us || !found.closeness)
		ret = npu_error_set(err, -ENOMEM, "no memory for a report");
	if (!ret)
		ret = npu_trial_compare(&found.trial, samples, report->samples,
					options ? options->lengths : NULL, found.closeness, err);
	if (ret)
		goto out;
	npu_trial_measure(&found.trial, found.us);
	write_report(&found, report);
out:
	if (ret)
		npu_compile_report_free(report);
	free(found.us);
	free(found.closeness);
	npu_trial_close(&found.trial);
	return ret;
}

void npu_compile_report_free(struct npu_compile_report *report)
{
	free(report->layer);
	memset(report, 0, sizeof(*report));
}
