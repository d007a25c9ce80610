/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_CREW_H
#define NPU_RUNTIME_CREW_H

#include <stdatomic.h>
#include <stdint.h>

#include "npu_engine.h"

/* Threads that share one job at most: a bit each in the state word. */
#define NPU_CREW_MOST 16

struct npu_request;
struct npu_seat;

/**
 * struct npu_crew_member - what one thread of the crew has to do, in a cache line of its own
 * @range: phase << 32 | next chunk << 16 | end of its chunks. Of an earlier phase: none of its
 *	chunks has been taken yet
 * @visiting: number of the job whose program it reads, 0 for none
 */
struct npu_crew_member {
	_Alignas(64) _Atomic uint64_t range;
	_Atomic uint32_t visiting;
};

/**
 * struct npu_crew - the threads of a session that share one job
 * @state: phase << 32 | members of this phase << 16 | chunks that they have done. No member: what
 *	follows is being written
 * @job: number << 32 | binding << 28 | seat of the leader << 16 | request
 * @insn: the instruction of this phase << 1 | its units are bands
 * @first: its first unit
 * @count: its units
 * @chunk: units in a chunk
 * @split: chunks of the leader << 16 | all chunks
 * @claim: chunks to take at once, at least
 * @present: members that wait for a phase
 * @sleeping: workers that wait for the doorbell
 * @busy: the crew has a leader
 * @jobs: number of the last job, the leader's
 * @width: threads of one job at most, its leader included
 */
struct npu_crew {
	_Alignas(64) _Atomic uint64_t state;
	_Atomic uint64_t job;
	_Atomic uint32_t insn;
	_Atomic uint32_t first;
	_Atomic uint32_t count;
	_Atomic uint32_t chunk;
	_Atomic uint32_t split;
	_Atomic uint32_t claim;

	_Alignas(64) atomic_uint present;
	atomic_uint sleeping;
	atomic_bool busy;
	uint32_t jobs;
	unsigned int width;

	struct npu_crew_member member[NPU_CREW_MOST];
};

/* Run @request's program from the calling thread, which has @seat; 0 or -ECANCELED. */
int npu_crew_run(struct npu_seat *seat, struct npu_request *request);

/* Help whoever leads, until the doorbell rings or there was nothing to do for a while. */
void npu_crew_stand_by(struct npu_seat *seat);

/* Wait until no thread reads a program of a job that has ended. */
void npu_crew_quiesce(struct npu_crew *crew);

#endif
