/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_CREW_PHASE_H
#define NPU_RUNTIME_CREW_PHASE_H

#include <stdatomic.h>
#include <stdint.h>

#include "npu_engine.h"

struct npu_crew;

/* A job in one word: number, binding, the leader's seat, request. */
#define NPU_JOB(number, binding, seat, request) \
	((uint64_t)(number) << 32 | (uint64_t)(binding) << 28 | (uint64_t)(seat) << 16 | (request))
#define NPU_JOB_NUMBER(job) ((uint32_t)((job) >> 32))
#define NPU_JOB_BINDING(job) ((job) >> 28 & 0xf)
#define NPU_JOB_SEAT(job) ((job) >> 16 & 0xfff)
#define NPU_JOB_REQUEST(job) ((job)&0xffff)

/**
 * struct npu_phase_work - independent units of one instruction, for a crew
 * @phase: its number, from npu_crew_announce()
 * @members: a bit each, the leader's among them
 * @leader: seat
 * @job: NPU_JOB()
 * @insn: which instruction
 * @band_units: its units in one band, if @first and @count are of bands, see npu_bands(); else 0
 * @first: its first unit
 * @count: units
 * @chunk: units in a chunk, fewer in the last
 * @chunks: at most 0xffff
 * @lead: chunks that the leader has from the start
 * @claim: chunks to take at once, at least
 */
struct npu_phase_work {
	uint32_t phase;
	uint32_t members;
	uint32_t leader;
	uint64_t job;
	uint32_t insn;
	uint32_t band_units;
	uint32_t first;
	uint32_t count;
	uint32_t chunk;
	uint32_t chunks;
	uint32_t lead;
	uint32_t claim;
};

/*
 * Announce a phase, which gets its number: by the leader, when the one before the last is over. It
 * starts when the last one is over.
 */
void npu_crew_announce(struct npu_crew *crew, struct npu_phase_work *work);

/*
 * The leader's part in it, when it has started, and the wait for the others; with @abort set what
 * nobody has taken is not done. Meanwhile @next, unless it is NULL, is announced.
 */
void npu_crew_lead(struct npu_crew *crew, const struct npu_phase_work *work,
		   struct npu_phase_work *next, const struct npu_variant *variant,
		   struct npu_exec *exec, const atomic_bool *abort);

#endif
