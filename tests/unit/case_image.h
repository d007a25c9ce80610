/* SPDX-License-Identifier: MIT */
/* A .npu file of one instruction. */
#ifndef CASE_IMAGE_H
#define CASE_IMAGE_H

#include "engine_case.h"
#include "npu_image.h"

/* A file with the one instruction of a case; all of its slots are for inputs and outputs. */
static inline struct npu_image image_of_case(const struct engine_case *c)
{
	static const char strings[] = "\0in \"1\"\\\n\0out\0\0\xc3\xa9";
	struct npu_file_slot slots[8] = { 0 };
	struct npu_file_tensor tensors[2] = {
		{ .name = 1, .slot = c->slots > 1, .type = NPU_TYPE_INT8, .dim = { 1, 1, 1, 1 } },
		{ .name = 10, .slot = 0, .type = NPU_TYPE_INT16, .dim = { 1, 1, 1, 1 } },
	};
	const struct npu_image_parts parts = {
		.inputs = 1,
		.outputs = 1,
		.section = {
			[NPU_SECTION_INSNS] = { &c->insn, sizeof(c->insn) },
			[NPU_SECTION_CONSTS] = { c->exec.consts, c->consts.bytes },
			[NPU_SECTION_SLOTS] = { slots, c->slots * sizeof(*slots) },
			[NPU_SECTION_TENSORS] = { tensors, sizeof(tensors) },
			[NPU_SECTION_STRINGS] = { strings, sizeof(strings) },
		},
	};
	unsigned int i;

	tensors[0].scale = 0.1f;
	tensors[0].zero_point = -3;
	tensors[1].scale = 1e-30f;
	for (i = 0; i < c->slots; i++) {
		slots[i].kind = NPU_FILE_SLOT_IO;
		slots[i].bytes = c->slot[i].offset + c->slot[i].bytes + 2;
	}
	return npu_image_make(&parts);
}

#endif /* CASE_IMAGE_H */
