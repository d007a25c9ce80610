/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_CUT_H
#define NPU_RUNTIME_CUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "npu_engine.h"

/**
 * struct npu_cut - what an instruction takes, and how a crew cuts it
 * @ns: on one thread, measured; 0 until then
 * @worth: it is long enough to be shared
 * @band_units: units in a band, if it is cut into bands, see npu_bands(), not into units; else 0
 * @claim: chunks to take at once, at least
 * @units: of the instruction
 * @wave: units that can be shared at once
 * @count: the same, or all bands
 * @chunk: of those, in a chunk
 *
 * The first two are any thread's, the others belong to the leader of the crew.
 */
struct npu_cut {
	_Atomic uint32_t ns;
	atomic_bool worth;
	uint16_t claim;
	uint32_t band_units;
	uint32_t units;
	uint32_t wave;
	uint32_t count;
	uint32_t chunk;
};

/* @insn took @ns. Returns the shortest time so far. */
uint32_t npu_cut_note(struct npu_cut *cut, const struct npu_insn *insn, uint64_t ns);
/* Cut @insn for @n threads. */
void npu_cut_for(struct npu_cut *cut, const struct npu_insn *insn, unsigned int n);

static inline uint32_t npu_cut_chunks(const struct npu_cut *cut, uint32_t count)
{
	return (count - 1) / cut->chunk + 1;
}

#endif
