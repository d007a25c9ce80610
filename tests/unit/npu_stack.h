/* SPDX-License-Identifier: MIT */
/*
 * A program of int8 dense layers of equal width over many rows: as long as one likes, and each
 * instruction with enough units to be shared. Layers alternate between the halves of the scratch
 * slot; the input may be of several rows.
 */
#ifndef NPU_STACK_H
#define NPU_STACK_H

#include "npu_image.h"

/**
 * struct npu_stack - what to make
 * @rows: of input and output
 * @width: of every row
 * @layers: at least 2
 * @seed: of the weights
 * @gap: bytes between input and output, a multiple of 64
 * @scale: of input and output; 0 for 1
 */
struct npu_stack {
	uint32_t rows;
	uint32_t width;
	uint32_t layers;
	uint32_t seed;
	uint32_t gap;
	float scale;
};

static inline struct npu_tensor npu_stack_rows(const struct npu_stack *stack, uint8_t slot,
					       uint32_t offset)
{
	return (struct npu_tensor){
		.slot = slot,
		.type = NPU_TYPE_INT8,
		.offset = offset,
		.dim = { 1, 1, stack->rows, stack->width },
		.stride = { 0, 0, stack->width },
	};
}

static inline struct npu_image npu_stack_image(const struct npu_stack *stack)
{
	static const char strings[] = "\0in\0out";
	static const struct npu_scale scale = { 1 << 30, -NPU_MLP_SHIFT };
	uint32_t bytes = npu_mlp_round(stack->rows * stack->width, 64);
	uint32_t weights = npu_mlp_round(stack->width, 16) * npu_mlp_round(stack->width, 4);
	uint32_t out = bytes + stack->gap;
	float real = stack->scale ? stack->scale : 1;
	uint32_t layer = weights + npu_mlp_round(npu_mlp_round(stack->width, 16) * 4, 64);
	struct npu_insn *insns = calloc(stack->layers, sizeof(*insns));
	uint8_t *data = calloc(stack->layers, layer);
	uint64_t state = stack->seed;
	struct npu_image image;

	if (!insns || !data)
		abort();
	for (uint32_t l = 0; l < stack->layers; l++) {
		struct npu_insn *insn = &insns[l];

		for (uint32_t i = 0; i < weights; i++)
			data[(size_t)l * layer + i] = (uint8_t)npu_mlp_random(&state);
		insn->opcode = NPU_OP_FULLY_CONNECTED;
		insn->t[0] = l + 1 == stack->layers ? npu_stack_rows(stack, 0, out)
						    : npu_stack_rows(stack, 2, l % 2 * bytes);
		insn->t[1] = l ? npu_stack_rows(stack, 2, (l - 1) % 2 * bytes)
			       : npu_stack_rows(stack, 0, 0);
		insn->t[2] = (struct npu_tensor){
			.slot = 1,
			.type = NPU_TYPE_INT8,
			.layout = NPU_LAYOUT_BLOCK16X4,
			.offset = l * layer,
			.dim = { stack->width, 1, 1, stack->width },
		};
		insn->t[3] = npu_mlp_vector(1, NPU_TYPE_INT32, l * layer + weights,
					    npu_mlp_round(stack->width, 16));
		insn->fc.scale_count = 1;
		insn->fc.act_min = -128;
		insn->fc.act_max = 127;
	}

	const struct npu_file_slot slots[] = {
		{ NPU_FILE_SLOT_IO, 0, out + bytes },
		{ NPU_FILE_SLOT_WEIGHTS, 0, (uint64_t)stack->layers * layer },
		{ NPU_FILE_SLOT_SCRATCH, 0, 2 * bytes },
	};
	const struct npu_file_tensor tensors[] = {
		{ .name = 1,
		  .type = NPU_TYPE_INT8,
		  .dim = { 1, 1, stack->rows, stack->width },
		  .scale = real },
		{ .name = 4,
		  .offset = out,
		  .type = NPU_TYPE_INT8,
		  .dim = { 1, 1, stack->rows, stack->width },
		  .scale = real },
	};
	struct npu_image_parts parts = {
		.inputs = 1,
		.outputs = 1,
		.section = {
			[NPU_SECTION_INSNS] = { insns, stack->layers * sizeof(*insns) },
			[NPU_SECTION_CONSTS] = { &scale, sizeof(scale) },
			[NPU_SECTION_SLOTS] = { slots, sizeof(slots) },
			[NPU_SECTION_TENSORS] = { tensors, sizeof(tensors) },
			[NPU_SECTION_STRINGS] = { strings, sizeof(strings) },
			[NPU_SECTION_WEIGHTS] = { data, (size_t)stack->layers * layer },
		},
	};

	image = npu_image_make(&parts);
	free(data);
	free(insns);
	return image;
}

#endif /* NPU_STACK_H */
