// SPDX-License-Identifier: MIT
/*
 * The loader of .npu files: whatever it accepts can be printed as text, and run; whatever it refuses
 * it refuses with a sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_input.h"
#include "runtime/format.h"
#include "train/compile/program_text.h"

#define MOST_BYTES (1u << 20)
#define MOST_COST 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Words of the header, of slots, tensors and instructions; not weights, whose bytes mean nothing.
 */
static uint8_t *pick_word(uint8_t *data, size_t size, uint64_t *random)
{
	const struct npu_file_header *header = (const struct npu_file_header *)data;
	static const enum npu_file_section table[] = { NPU_SECTION_INSNS, NPU_SECTION_SLOTS,
						       NPU_SECTION_TENSORS, NPU_SECTION_LABELS };
	struct npu_file_span span = { 0, sizeof(*header) };

	if (size < sizeof(*header))
		return NULL;
	if (fuzz_random(random) % 3)
		span = header->section[table[fuzz_random(random) % 4]];
	if (span.bytes < 4 || span.offset > size || span.bytes > size - span.offset)
		return NULL;
	return data + span.offset + fuzz_random(random) % (span.bytes / 4) * 4;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t random = seed;
	uint8_t *place = pick_word(data, size, &random);
	uint32_t word;

	if (!place || fuzz_random(&random) % 4 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(&word, place, sizeof(word));
	switch (fuzz_random(&random) % 5) {
	case 0:
		word += fuzz_random(&random) % 2 ? 1 : -1;
		break;
	case 1:
		word += fuzz_random(&random) % 2 ? 64 : -64;
		break;
	case 2:
		word = fuzz_random(&random) % 70;
		break;
	case 3:
		word = (1u << fuzz_random(&random) % 32) + fuzz_random(&random) % 3 - 1;
		break;
	default:
		word ^= 1u << fuzz_random(&random) % 32;
		break;
	}
	memcpy(place, &word, sizeof(word));
	return size;
}

static void print(const struct npu_program *program)
{
	static FILE *nowhere;
	struct npu_error err;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (nowhere)
		npu_program_write_text(program, true, nowhere, &err);
}

/* Small enough to be run often. */
static bool is_small(const struct npu_program *program)
{
	uint64_t bytes = 0, cost = 0;
	uint32_t i;

	for (i = 0; i < program->slot_count; i++)
		bytes += program->slots[i].bytes;
	for (i = 0; i < program->insn_count; i++)
		cost += (uint64_t)npu_insn_units(&program->insns[i]) *
			npu_insn_unit_cost(&program->insns[i]);
	return bytes <= MOST_BYTES && cost <= MOST_COST;
}

static void run(struct npu_program *program)
{
	const struct npu_device_options options = { .backend = NPU_BACKEND_EMBEDDED };
	struct npu_session *session = NULL;
	static struct npu_device *device;
	struct npu_error err;
	unsigned int i;

	if (!device && npu_device_open(&device, &options, &err))
		abort();
	if (npu_session_open(&session, device, program, NULL, &err))
		return;
	for (i = 0; i < npu_program_inputs(program); i++)
		memset(npu_request_input(npu_session_request(session, 0), i), 7,
		       npu_program_input(program, i)->bytes);
	npu_infer(npu_session_request(session, 0), &err);
	npu_session_close(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct npu_program *program;
	struct npu_error err = { 0 };
	void *aligned;

	/* as long as the file, to the byte */
	if (posix_memalign(&aligned, 4096, size ? size : 1))
		abort();
	memcpy(aligned, data, size);
	if (!npu_program_load_memory(&program, aligned, size, &err)) {
		print(program);
		if (is_small(program))
			run(program);
		npu_program_free(program);
	} else if (err.code >= 0 || !strlen(err.message)) {
		fprintf(stderr, "a file was refused without a reason\n");
		abort();
	}
	free(aligned);
	return 0;
}
