// SPDX-License-Identifier: MIT
#include <string.h>

#include "npu_engine.h"
#include "train/compile/image.h"

#define SECTION_ALIGN 64
#define WEIGHTS_ALIGN 4096 /* a page: they are mapped as they are */

static size_t class_count(const struct npu_model *model)
{
	size_t count = 0;

	while (npu_model_class_name(model, count))
		count++;
	return count;
}

static uint32_t inputs_of(const struct npu_graph *graph)
{
	return graph->lengths == NPU_NO_INDEX ? 1 : 2;
}

/* Nodes of a layer stand together: is @i the first of its layer? */
static bool begins_layer(const struct npu_graph *graph, uint32_t i)
{
	return !i || graph->node[i].layer != graph->node[i - 1].layer;
}

static uint64_t string_bytes(const struct npu_graph *graph)
{
	uint64_t bytes = 1 + sizeof(NPU_INPUT_NAME) + sizeof(NPU_OUTPUT_NAME);
	const char *name;
	size_t i;
	uint32_t k;

	if (inputs_of(graph) > 1)
		bytes += sizeof(NPU_LENGTHS_NAME);

	for (i = 0; (name = npu_model_class_name(graph->model, i)); i++)
		bytes += strlen(name) + 1;
	for (k = 0; k < graph->nodes; k++)
		if (begins_layer(graph, k))
			bytes += strlen(npu_graph_node_name(graph, &graph->node[k])) + 1;
	return bytes;
}

/* The next place in the file for a section of @bytes, behind *@at, which moves to its end. */
static struct npu_file_span place(uint64_t *at, uint64_t bytes, uint64_t align)
{
	struct npu_file_span span = { 0, 0 };

	if (bytes) {
		span.offset = npu_align(*at, align);
		span.bytes = bytes;
		*at = span.offset + bytes;
	}
	return span;
}

void npu_image_measure(const struct npu_graph *graph, struct npu_image_layout *layout)
{
	const struct npu_scaler *scaler = npu_model_scaler(graph->model);
	const uint64_t bytes[NPU_SECTIONS] = {
		[NPU_SECTION_INSNS] = (uint64_t)graph->insns * NPU_INSN_SIZE,
		[NPU_SECTION_CONSTS] = graph->const_bytes,
		[NPU_SECTION_SLOTS] = npu_graph_slots(graph) * sizeof(struct npu_file_slot),
		[NPU_SECTION_TENSORS] = (inputs_of(graph) + 1) * sizeof(struct npu_file_tensor),
		[NPU_SECTION_FLOATS] = scaler ? 2 * scaler->count * sizeof(float) : 0,
		[NPU_SECTION_STRINGS] = string_bytes(graph),
		[NPU_SECTION_LABELS] = class_count(graph->model) * sizeof(uint32_t),
		[NPU_SECTION_WEIGHTS] = graph->weight_bytes,
	};
	uint64_t at = sizeof(struct npu_file_header);
	int i;

	memset(layout, 0, sizeof(*layout));
	for (i = 0; i < NPU_SECTION_WEIGHTS; i++)
		layout->section[i] = place(&at, bytes[i], SECTION_ALIGN);
	layout->names = place(&at, graph->insns * sizeof(uint32_t), SECTION_ALIGN);
	layout->section[i] = place(&at, bytes[i], WEIGHTS_ALIGN);
	layout->file_bytes = npu_align(at, SECTION_ALIGN);
}

/* The oldest version that has all instructions: older drivers run them, too. */
static uint32_t isa_version(const struct npu_graph *graph, const struct npu_insn *insns)
{
	uint32_t newest = 1, i;

	for (i = 0; i < graph->insns; i++)
		if (npu_insn_version(&insns[i]) > newest)
			newest = npu_insn_version(&insns[i]);
	return newest;
}

static void write_header(const struct npu_graph *graph, const struct npu_image_layout *layout,
			 uint8_t *image)
{
	struct npu_file_header *header = (struct npu_file_header *)image;

	memcpy(header->magic, NPU_FILE_MAGIC, sizeof(header->magic));
	header->version = NPU_FILE_VERSION;
	header->file_bytes = layout->file_bytes;
	header->inputs = inputs_of(graph);
	header->outputs = 1;
	header->names = layout->names;
	memcpy(header->section, layout->section, sizeof(header->section));
}

static void write_slots(const struct npu_graph *graph, struct npu_file_slot *slots)
{
	uint32_t kind;

	for (kind = 0; kind <= NPU_FILE_SLOT_STATE; kind++) {
		uint32_t slot = npu_graph_slot(graph, kind);

		if (slot == NPU_NO_INDEX)
			continue;
		slots[slot].kind = kind;
		slots[slot].bytes = npu_graph_slot_bytes(graph, kind);
	}
}

static struct npu_file_tensor file_tensor(const struct npu_graph *graph, uint32_t index)
{
	const struct npu_graph_value *value = &graph->value[index];
	struct npu_file_tensor tensor = {
		.slot = npu_graph_slot(graph, value->kind),
		.offset = (uint32_t)value->offset,
		.type = value->type,
		.scale = value->scale,
		.zero_point = value->zero_point,
	};

	memcpy(tensor.dim, value->dim, sizeof(tensor.dim));
	return tensor;
}

/* Add @name to the strings, of which *@end bytes are written; returns its offset. */
static uint32_t write_string(char *strings, uint32_t *end, const char *name)
{
	uint32_t at = *end, bytes = (uint32_t)strlen(name) + 1;

	memcpy(strings + at, name, bytes);
	*end += bytes;
	return at;
}

/* Strings, and where those of labels and instructions are in them, and of the tensors. */
static void write_strings(const struct npu_graph *graph, char *strings, uint32_t *labels,
			  uint32_t *names, struct npu_file_tensor *tensors)
{
	uint32_t end = 1, k, insn, layer = 0;
	const char *name;
	size_t i;

	tensors[0].name = write_string(strings, &end, NPU_INPUT_NAME);
	if (inputs_of(graph) > 1)
		tensors[1].name = write_string(strings, &end, NPU_LENGTHS_NAME);
	tensors[inputs_of(graph)].name = write_string(strings, &end, NPU_OUTPUT_NAME);
	for (i = 0; (name = npu_model_class_name(graph->model, i)); i++)
		labels[i] = write_string(strings, &end, name);
	for (k = 0; k < graph->nodes; k++) {
		const struct npu_graph_node *node = &graph->node[k];

		if (begins_layer(graph, k))
			layer = write_string(strings, &end, npu_graph_node_name(graph, node));
		for (insn = 0; insn < node->insns; insn++)
			names[node->first_insn + insn] = layer;
	}
}

/* The scaler of the model, so that raw data goes in. */
static void write_preprocessing(const struct npu_graph *graph, float *floats,
				struct npu_file_tensor *input)
{
	const struct npu_scaler *scaler = npu_model_scaler(graph->model);

	if (!scaler)
		return;
	memcpy(floats, scaler->mean, scaler->count * sizeof(float));
	memcpy(floats + scaler->count, scaler->factor, scaler->count * sizeof(float));
	input->mean = 0;
	input->factor = (uint32_t)scaler->count;
	input->preprocess_count = (uint32_t)scaler->count;
}

int npu_image_write(const struct npu_graph *graph, const struct npu_image_layout *layout,
		    uint8_t *image, struct npu_error *err)
{
	const struct npu_file_span *at = layout->section;
	struct npu_sections sections = {
		.insns = (struct npu_insn *)(image + at[NPU_SECTION_INSNS].offset),
		.consts = image + at[NPU_SECTION_CONSTS].offset,
		.weights = image + at[NPU_SECTION_WEIGHTS].offset,
	};
	struct npu_file_tensor *tensors =
		(struct npu_file_tensor *)(image + at[NPU_SECTION_TENSORS].offset);
	int ret;

	write_header(graph, layout, image);
	write_slots(graph, (struct npu_file_slot *)(image + at[NPU_SECTION_SLOTS].offset));
	tensors[0] = file_tensor(graph, graph->input);
	if (inputs_of(graph) > 1)
		tensors[1] = file_tensor(graph, graph->lengths);
	tensors[inputs_of(graph)] = file_tensor(graph, graph->output);
	write_strings(graph, (char *)image + at[NPU_SECTION_STRINGS].offset,
		      (uint32_t *)(image + at[NPU_SECTION_LABELS].offset),
		      (uint32_t *)(image + layout->names.offset), tensors);
	write_preprocessing(graph, (float *)(image + at[NPU_SECTION_FLOATS].offset), &tensors[0]);
	ret = npu_graph_lower(graph, &sections, err);
	((struct npu_file_header *)image)->isa_version = isa_version(graph, sections.insns);
	return ret;
}
