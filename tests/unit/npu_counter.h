/* SPDX-License-Identifier: MIT */
/*
 * A program that keeps a state: each element's is clamp(input - state), which is the output, too.
 * So it depends on the order of all inputs.
 */
#ifndef NPU_COUNTER_H
#define NPU_COUNTER_H

#include "npu_image.h"

static inline struct npu_tensor npu_counter_row(uint8_t slot, uint32_t offset, uint32_t length)
{
	return npu_mlp_vector(slot, NPU_TYPE_INT8, offset, length);
}

/* @length elements. */
static inline struct npu_image npu_counter_image(uint32_t length)
{
	static const char strings[] = "\0in\0out";
	/* Of inputs a half, each shifted left by 20, so of the difference 2^-19: exact. */
	static const struct npu_scale scales[] = { { 1 << 30, 0 },
						   { 1 << 30, 0 },
						   { 1 << 30, -18 } };
	uint32_t bytes = npu_mlp_round(length, 64);
	const struct npu_insn insns[] = {
		{ .opcode = NPU_OP_SUB,
		  .t = { npu_counter_row(1, 0, length), npu_counter_row(0, 0, length),
			 npu_counter_row(1, 0, length) },
		  .binary = { .scales = 0, .act_min = -128, .act_max = 127 } },
		{ .opcode = NPU_OP_COPY,
		  .t = { npu_counter_row(0, bytes, length), npu_counter_row(1, 0, length) } },
	};
	const struct npu_file_slot slots[] = {
		{ NPU_FILE_SLOT_IO, 0, 2 * bytes },
		{ NPU_FILE_SLOT_STATE, 0, bytes },
	};
	const struct npu_file_tensor tensors[] = {
		{ .name = 1, .type = NPU_TYPE_INT8, .dim = { 1, 1, 1, length }, .scale = 1 },
		{ .name = 4,
		  .offset = bytes,
		  .type = NPU_TYPE_INT8,
		  .dim = { 1, 1, 1, length },
		  .scale = 1 },
	};
	struct npu_image_parts parts = {
		.inputs = 1,
		.outputs = 1,
		.section = {
			[NPU_SECTION_INSNS] = { insns, sizeof(insns) },
			[NPU_SECTION_CONSTS] = { scales, sizeof(scales) },
			[NPU_SECTION_SLOTS] = { slots, sizeof(slots) },
			[NPU_SECTION_TENSORS] = { tensors, sizeof(tensors) },
			[NPU_SECTION_STRINGS] = { strings, sizeof(strings) },
		},
	};

	return npu_image_make(&parts);
}

/* What a step does to @state. */
static inline void npu_counter_step(int8_t *state, const int8_t *input, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		int value = input[i] - state[i];

		state[i] = (int8_t)(value > 127 ? 127 : value < -128 ? -128 : value);
	}
}

#endif /* NPU_COUNTER_H */
