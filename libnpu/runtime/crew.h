/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_CREW_H
#define NPU_RUNTIME_CREW_H

#include <stdatomic.h>
#include <stdint.h>

#include "npu_engine.h"

/* Threads that share one job at most: a bit each in a mask. */
#define NPU_CREW_MOST 16

struct npu_request;
struct npu_seat;

/**
 * struct npu_crew_member - one thread of the crew; each line is written by few and read by few
 * @range: phase << 32 | next chunk << 16 | end of its chunks. Of an earlier phase: none of its
 *	chunks has been taken yet
 * @visiting: number of the job whose program it reads, 0 for none
 * @done: phase << 32 | chunks that it has done of it, its own and others'
 */
struct npu_crew_member {
	_Alignas(64) _Atomic uint64_t range;
	_Atomic uint32_t visiting;
	_Alignas(64) _Atomic uint64_t done;
};

/**
 * struct npu_crew_notice - a phase as it is announced, see struct npu_phase_work
 * @phase: that of another place while the rest is written
 * @split: chunks of the leader << 16 | all chunks
 */
struct npu_crew_notice {
	_Alignas(64) _Atomic uint64_t job;
	_Atomic uint32_t phase;
	_Atomic uint32_t members;
	_Atomic uint32_t insn;
	_Atomic uint32_t band_units;
	_Atomic uint32_t first;
	_Atomic uint32_t count;
	_Atomic uint32_t chunk;
	_Atomic uint32_t split;
	_Atomic uint32_t claim;
};

/**
 * struct npu_crew - the threads of a session that share one job
 * @open: the last phase that was announced, which starts when the one before is over
 * @job: NPU_JOB() that is led, 0 for none
 * @notice: of the last two phases
 * @present: members that wait for a phase
 * @sleeping: workers that wait for a call
 * @busy: the crew has a leader
 * @jobs: number of the last job, the leader's
 * @width: threads of one job at most, its leader included
 */
struct npu_crew {
	_Alignas(64) _Atomic uint32_t open;
	_Atomic uint64_t job;
	struct npu_crew_notice notice[2];

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
