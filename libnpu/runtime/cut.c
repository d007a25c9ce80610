// SPDX-License-Identifier: MIT
/*
 * How an instruction is cut for a crew.
 *
 * What an instruction takes is measured: the first runs of a program are computed by one thread,
 * which notes the time of each instruction. The cost that validation knows is an upper bound, which
 * is too coarse to tell whether half of a microsecond is worth a phase.
 */
#include "cut.h"
#include "band.h"

/* What is shorter is not shared: a phase costs a quarter of it. */
#define SHARE_NS 800
/* Work to take at once, so that a kernel's preparation and the taking itself do not count. */
#define CLAIM_NS 2000
/* Rows of a strip, see the engine. */
#define STRIP 64
/* Chunks of a phase at most; fits the words that they are counted in. */
#define MOST_CHUNKS 8192

/* Time of what can be shared at once. */
static uint64_t wave_ns(const struct npu_insn *insn, uint32_t ns)
{
	return (uint64_t)ns * npu_insn_wave(insn) / npu_insn_units(insn);
}

uint32_t npu_cut_note(struct npu_cut *cut, const struct npu_insn *insn, uint64_t ns)
{
	uint32_t known = atomic_load_explicit(&cut->ns, memory_order_relaxed);

	if (known && known <= ns)
		return known;
	known = ns < UINT32_MAX ? ns : UINT32_MAX;
	atomic_store_explicit(&cut->ns, known, memory_order_relaxed);
	atomic_store_explicit(&cut->worth, wave_ns(insn, known) >= SHARE_NS, memory_order_relaxed);
	return known;
}

/*
 * Units between which a cut costs a kernel little. Units of products and windows are blocks of
 * rows of a strip: whole strips where there are several, else blocks.
 */
static uint32_t grain_of(const struct npu_insn *insn)
{
	const uint32_t *dim = insn->t[0].dim;
	uint32_t rows;

	switch (insn->opcode) {
	case NPU_OP_FULLY_CONNECTED:
		rows = dim[2];
		break;
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		rows = dim[0] * dim[1] * dim[2];
		break;
	default:
		return 1;
	}
	return rows < STRIP ? rows : STRIP;
}

/* Do @parts equal parts keep @n threads as busy as @others do? */
static bool divides_better(uint32_t parts, uint32_t others, unsigned int n)
{
	return (uint64_t)((parts - 1) / n + 1) * others <= (uint64_t)((others - 1) / n + 1) * parts;
}

void npu_cut_for(struct npu_cut *cut, const struct npu_insn *insn, unsigned int n)
{
	uint64_t ns = wave_ns(insn, atomic_load_explicit(&cut->ns, memory_order_relaxed));
	uint32_t bands = npu_bands(insn), grain = grain_of(insn), most, chunks, claim;

	cut->units = npu_insn_units(insn);
	cut->wave = npu_insn_wave(insn);
	cut->band_units = 0;
	if (bands > 1 && divides_better(bands, (cut->wave - 1) / grain + 1, n))
		cut->band_units = cut->units / bands;
	cut->count = cut->band_units ? bands : cut->wave;
	most = (cut->count - 1) / MOST_CHUNKS + 1;
	cut->chunk = cut->band_units ? 1 : grain;
	if (cut->chunk < most)
		cut->chunk = most;
	chunks = npu_cut_chunks(cut, cut->count);
	claim = ns ? (CLAIM_NS * chunks - 1) / ns + 1 : chunks;
	cut->claim = claim < MOST_CHUNKS ? claim : MOST_CHUNKS;
}
