// SPDX-License-Identifier: MIT
#include <string.h>

#include "train/compile/image.h"

#define SECTION_ALIGN 64
/* The oldest version that has all instructions which lower.c emits: older drivers run them, too. */
#define EMITTED_ISA_VERSION 1

#define WEIGHTS_ALIGN 4096 /* a page: they are mapped as they are */

static size_t class_count(const struct npu_model *model)
{
	size_t count = 0;

	while (npu_model_class_name(model, count))
		count++;
	return count;
}

static uint64_t string_bytes(const struct npu_model *model)
{
	uint64_t bytes = 1 + sizeof(NPU_INPUT_NAME) + sizeof(NPU_OUTPUT_NAME);
	const char *name;
	size_t i;

	for (i = 0; (name = npu_model_class_name(model, i)); i++)
		bytes += strlen(name) + 1;
	return bytes;
}

void npu_image_measure(const struct npu_graph *graph, struct npu_image_layout *layout)
{
	const struct npu_scaler *scaler = npu_model_scaler(graph->model);
	const uint64_t bytes[NPU_SECTIONS] = {
		[NPU_SECTION_INSNS] = (uint64_t)graph->insns * NPU_INSN_SIZE,
		[NPU_SECTION_CONSTS] = graph->const_bytes,
		[NPU_SECTION_SLOTS] = npu_graph_slots(graph) * sizeof(struct npu_file_slot),
		[NPU_SECTION_TENSORS] = 2 * sizeof(struct npu_file_tensor),
		[NPU_SECTION_FLOATS] = scaler ? 2 * scaler->count * sizeof(float) : 0,
		[NPU_SECTION_STRINGS] = string_bytes(graph->model),
		[NPU_SECTION_LABELS] = class_count(graph->model) * sizeof(uint32_t),
		[NPU_SECTION_WEIGHTS] = graph->weight_bytes,
	};
	uint64_t at = sizeof(struct npu_file_header);
	int i;

	memset(layout, 0, sizeof(*layout));
	for (i = 0; i < NPU_SECTIONS; i++) {
		if (!bytes[i])
			continue;
		at = npu_align(at, i == NPU_SECTION_WEIGHTS ? WEIGHTS_ALIGN : SECTION_ALIGN);
		layout->section[i].offset = at;
		layout->section[i].bytes = bytes[i];
		at += bytes[i];
	}
	layout->file_bytes = npu_align(at, SECTION_ALIGN);
}

static void write_header(const struct npu_image_layout *layout, uint8_t *image)
{
	struct npu_file_header *header = (struct npu_file_header *)image;

	memcpy(header->magic, NPU_FILE_MAGIC, sizeof(header->magic));
	header->version = NPU_FILE_VERSION;
	header->isa_version = EMITTED_ISA_VERSION;
	header->file_bytes = layout->file_bytes;
	header->inputs = header->outputs = 1;
	memcpy(header->section, layout->section, sizeof(header->section));
}

static void write_slots(const struct npu_graph *graph, struct npu_file_slot *slots)
{
	const uint64_t bytes[] = {
		[NPU_FILE_SLOT_WEIGHTS] = graph->weight_bytes,
		[NPU_FILE_SLOT_IO] = graph->io_bytes,
		[NPU_FILE_SLOT_SCRATCH] = graph->scratch_bytes,
	};
	uint32_t kind;

	for (kind = 0; kind < sizeof(bytes) / sizeof(bytes[0]); kind++) {
		uint32_t slot = npu_graph_slot(graph, kind);

		if (slot == NPU_NO_INDEX)
			continue;
		slots[slot].kind = kind;
		slots[slot].bytes = bytes[kind];
	}
}

static struct npu_file_tensor file_tensor(const struct npu_graph *graph, uint32_t index,
					  uint32_t name)
{
	const struct npu_graph_value *value = &graph->value[index];
	struct npu_file_tensor tensor = {
		.name = name,
		.slot = npu_graph_slot(graph, value->kind),
		.offset = (uint32_t)value->offset,
		.type = value->type,
		.scale = value->scale,
		.zero_point = value->zero_point,
	};

	memcpy(tensor.dim, value->dim, sizeof(tensor.dim));
	return tensor;
}

/* Strings, and where the labels are in them; returns the offset of the name of the input. */
static uint32_t write_strings(const struct npu_graph *graph, char *strings, uint32_t *labels)
{
	uint32_t at = 1 + sizeof(NPU_INPUT_NAME) + sizeof(NPU_OUTPUT_NAME);
	const char *name;
	size_t i;

	memcpy(strings + 1, NPU_INPUT_NAME, sizeof(NPU_INPUT_NAME));
	memcpy(strings + 1 + sizeof(NPU_INPUT_NAME), NPU_OUTPUT_NAME, sizeof(NPU_OUTPUT_NAME));
	for (i = 0; (name = npu_model_class_name(graph->model, i)); i++) {
		size_t bytes = strlen(name) + 1;

		labels[i] = at;
		memcpy(strings + at, name, bytes);
		at += (uint32_t)bytes;
	}
	return 1;
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
	uint32_t name;

	write_header(layout, image);
	write_slots(graph, (struct npu_file_slot *)(image + at[NPU_SECTION_SLOTS].offset));
	name = write_strings(graph, (char *)image + at[NPU_SECTION_STRINGS].offset,
			     (uint32_t *)(image + at[NPU_SECTION_LABELS].offset));
	tensors[0] = file_tensor(graph, graph->input, name);
	tensors[1] = file_tensor(graph, graph->output, name + sizeof(NPU_INPUT_NAME));
	write_preprocessing(graph, (float *)(image + at[NPU_SECTION_FLOATS].offset), &tensors[0]);
	return npu_graph_lower(graph, &sections, err);
}
