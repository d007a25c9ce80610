/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_BAND_H
#define NPU_RUNTIME_BAND_H

#include <stdbool.h>

#include "npu_engine.h"

/*
 * Rows of the output that an instruction can be cut into, each an instruction of its own; 1 if it
 * can't be cut so. Not the order of the engine's units: a thread that has the same rows of every
 * instruction finds in its cache what it reads.
 */
__u32 npu_bands(const struct npu_insn *insn);

/* Rows [@first, @first + @count) of @insn, which is validated, as an instruction. */
void npu_band(const struct npu_insn *insn, __u32 first, __u32 count, struct npu_insn *band);

#endif
