/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzer of the engine is given: one instruction, its constants, and a number from which
 * contents of the slots and the cuts are made. Files of the corpus are this structure and then the
 * constant section.
 */
#ifndef FUZZ_ENGINE_INPUT_H
#define FUZZ_ENGINE_INPUT_H

#include <stdint.h>
#include <string.h>

#include "npu_engine.h"

/**
 * struct engine_input - head of an input
 * @seed: of contents and cuts
 * @slots: of the program
 */
struct engine_input {
	uint32_t seed;
	uint32_t slots;
	struct npu_insn insn;
};

static inline uint32_t fuzz_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

#endif
