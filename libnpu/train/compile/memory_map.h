/* SPDX-License-Identifier: MIT */
/* What lies where in the slots of a program, and when. */
#ifndef NPU_COMPILE_MEMORY_MAP_H
#define NPU_COMPILE_MEMORY_MAP_H

#include "runtime/program.h"

#define NPU_FROM_START UINT32_MAX

/**
 * struct npu_region - bytes of a slot that mean one thing
 * @slot: number of it
 * @tensor: of instruction @insn: the first whose tensor it is
 * @insn: see @tensor
 * @begin: first byte
 * @end: the last, plus one
 * @made: the instruction that writes it, NPU_FROM_START if none does
 * @last: the last instruction that reads it, or @made; the number of instructions where it is
 *	part of an output
 */
struct npu_region {
	uint32_t slot, tensor, insn;
	uint64_t begin, end;
	uint32_t made, last;
};

/**
 * npu_program_regions - follow a program through its memory
 * @regions: out, by slot, then by the instruction that makes them; for free()
 * @count: out
 *
 * A region ends where an instruction overwrites all of it. Returns 0 or -ENOMEM.
 */
int npu_program_regions(const struct npu_program *program, struct npu_region **regions,
			size_t *count, struct npu_error *err);

#endif
