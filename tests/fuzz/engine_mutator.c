// SPDX-License-Identifier: MIT
/*
 * Changes an instruction field by field, by the table of instructions, so that many of the results
 * are still valid: bytes changed at random would nearly all be refused.
 */
#include <stdlib.h>

#include "engine_input.h"
#include "train/compile/instruction.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Places of all numbers of an instruction: words of tensors, and of parameters. */
#define TENSOR_WORDS 9 /* offset, zero point, dim[4], stride[3] */
#define MOST_NUMBERS (NPU_INSN_TENSORS * TENSOR_WORDS + 12)

static uint32_t *word_of(struct npu_insn *insn, unsigned int number)
{
	if (number >= NPU_INSN_TENSORS * TENSOR_WORDS)
		return &insn->raw[number - NPU_INSN_TENSORS * TENSOR_WORDS];
	return &insn->t[number / TENSOR_WORDS].offset + number % TENSOR_WORDS;
}

/* One that the instruction uses. */
static unsigned int pick_number(const struct npu_insn *insn, uint64_t *random)
{
	const struct npu_instruction *words = npu_instruction_of(insn->opcode);
	unsigned int tries;

	for (tries = 0; words && tries < 20; tries++) {
		unsigned int number = fuzz_random(random) % MOST_NUMBERS;
		unsigned int parameter = number - NPU_INSN_TENSORS * TENSOR_WORDS, i;

		if (number < NPU_INSN_TENSORS * TENSOR_WORDS) {
			if (insn->t[number / TENSOR_WORDS].type != NPU_TYPE_NONE)
				return number;
			continue;
		}
		for (i = 0; i < words->parameters; i++) {
			const struct npu_insn_parameter *p = &words->parameter[i];
			size_t at = offsetof(struct npu_insn, raw[parameter]);

			if (at + 4 > p->at && at < p->at + (size_t)p->bytes * p->count)
				return number;
		}
	}
	return fuzz_random(random) % MOST_NUMBERS;
}

static uint32_t changed(uint32_t old, struct npu_insn *insn, uint64_t *random)
{
	static const uint32_t limit[] = {
		NPU_MAX_DIM, NPU_MAX_DEPTH, NPU_MAX_REACH,  NPU_MAX_SOFTMAX,
		127,	     32767,	    (uint32_t)-128, (uint32_t)-32768
	};

	switch (fuzz_random(random) % 10) {
	case 0:
		return old + 1;
	case 1:
		return old - 1;
	case 2:
		return old * 2;
	case 3:
		return old / 2;
	case 4:
		return fuzz_random(random) % 3;
	case 5:
		return *word_of(insn, pick_number(insn, random));
	case 6:
		return limit[fuzz_random(random) % 8] + fuzz_random(random) % 3 - 1;
	case 7:
		return (1u << fuzz_random(random) % 32) + fuzz_random(random) % 3 - 1;
	case 8:
		return old + (fuzz_random(random) % 2 ? 16 : -16);
	default:
		return fuzz_random(random) % 70;
	}
}

/* A number, and often all that are equal to it: dimensions of several tensors belong together. */
static void change_number(struct npu_insn *insn, uint64_t *random)
{
	uint32_t *word = word_of(insn, pick_number(insn, random)), old = *word;
	uint32_t new = changed(old, insn, random);
	bool together = fuzz_random(random) % 3;
	unsigned int i;

	*word = new;
	for (i = 0; together && old && i < MOST_NUMBERS; i++)
		if (*word_of(insn, i) == old)
			*word_of(insn, i) = new;
}

/* Dense strides for all tensors, or for one. */
static void make_dense(struct npu_insn *insn, uint64_t *random)
{
	unsigned int only = fuzz_random(random) % (2 * NPU_INSN_TENSORS), i;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		struct npu_tensor *t = &insn->t[i];

		if (t->layout != NPU_LAYOUT_LINEAR || (only < NPU_INSN_TENSORS && only != i))
			continue;
		t->stride[2] = t->dim[3] * npu_element_bytes(t->type);
		t->stride[1] = t->dim[2] * t->stride[2];
		t->stride[0] = t->dim[1] * t->stride[1];
	}
}

static void change_tensor(struct npu_insn *insn, uint64_t *random)
{
	struct npu_tensor *t = &insn->t[fuzz_random(random) % NPU_INSN_TENSORS];

	switch (fuzz_random(random) % 4) {
	case 0:
		t->type = fuzz_random(random) % 5;
		break;
	case 1:
		t->slot = fuzz_random(random) % NPU_INSN_TENSORS;
		break;
	case 2:
		t->layout = fuzz_random(random) % 3;
		break;
	default:
		*t = insn->t[fuzz_random(random) % NPU_INSN_TENSORS];
		break;
	}
}

static void change_opcode(struct npu_insn *insn, uint64_t *random)
{
	size_t count = 0;

	while (npu_instruction_at(count))
		count++;
	insn->opcode = npu_instruction_at(fuzz_random(random) % count)->opcode;
}

/* Scales as they have to be, whatever bytes were there. */
static void mend_scales(const struct npu_insn *insn, uint8_t *consts, size_t size)
{
	uint32_t offset, i, count = npu_insn_scales(insn, &offset);
	struct npu_scale scale;

	for (i = 0; i < count; i++) {
		size_t at = offset + i * sizeof(scale);

		if (at + sizeof(scale) > size)
			return;
		memcpy(&scale, consts + at, sizeof(scale));
		scale.multiplier = (scale.multiplier & INT32_MAX) | 1 << 30;
		if (scale.shift < -31 || scale.shift > 7)
			scale.shift = -(int32_t)((uint32_t)scale.shift % 32);
		memcpy(consts + at, &scale, sizeof(scale));
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	unsigned int times = 1 + seed % 4, i;
	struct engine_input input;
	uint64_t random = seed;

	if (size < sizeof(input))
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(&input, data, sizeof(input));
	for (i = 0; i < times; i++)
		switch (fuzz_random(&random) % 12) {
		case 0:
			size = sizeof(input) + LLVMFuzzerMutate(data + sizeof(input),
								size - sizeof(input),
								max_size - sizeof(input));
			break;
		case 1:
			input.seed = fuzz_random(&random);
			break;
		case 2:
			change_opcode(&input.insn, &random);
			break;
		case 3:
		case 4:
			change_tensor(&input.insn, &random);
			break;
		case 5:
			input.slots = fuzz_random(&random) % 10;
			break;
		default:
			change_number(&input.insn, &random);
			break;
		}
	if (fuzz_random(&random) % 2)
		make_dense(&input.insn, &random);
	if (fuzz_random(&random) % 4)
		mend_scales(&input.insn, data + sizeof(input), size - sizeof(input));
	memcpy(data, &input, sizeof(input));
	return size;
}
