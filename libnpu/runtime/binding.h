/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_BINDING_H
#define NPU_RUNTIME_BINDING_H

#include <stdatomic.h>

#include "program.h"

/* Programs that a session has at once: the one in use, and those that requests still run. */
#define NPU_BINDINGS 4

/**
 * struct npu_binding - a program in a session's memory
 * @index: in the session
 * @slot_base: address of each slot, of request 0 for IO; NULL where the process has none
 * @slot_stride: of each IO slot: from one request to the next
 * @scratch: embedded: scratch memory of seat 0, NULL if the program has none
 * @scratch_stride: from one seat's to the next
 * @times: embedded with threads: ns of each instruction, on one thread
 * @total_ns: their sum
 * @measured: runs that @times are of
 */
struct npu_binding {
	const struct npu_program *program;
	unsigned int index;
	uint8_t *slot_base[NPU_MAX_SLOTS];
	uint64_t slot_stride[NPU_MAX_SLOTS];

	uint8_t *scratch;
	uint64_t scratch_stride;
	_Atomic uint32_t *times;
	_Atomic uint64_t total_ns;
	atomic_uint measured;
};

#endif
