// SPDX-License-Identifier: MIT
/*
 * Several threads share one job.
 *
 * The leader goes through the program. Where an instruction is long enough it cuts the units into
 * chunks and publishes them as a *phase*; otherwise it computes alone. Each member of the crew has
 * a part of the chunks from the start, the same part of every instruction, so that what it wrote
 * is in its cache when it is read; and who has nothing left takes from the others. So a member that
 * the system does not run costs nothing but the chunk it is in, and nobody needs to arrive.
 *
 * A part is never written by the leader: that a member's range is of an earlier phase means that
 * its part is untouched. What remains for a phase are two cache lines: the state, which goes from
 * the leader to the members and back with the count of chunks done, and each member's own range.
 *
 * A member reads the leader's words as a reader of a sequence lock does. It acts on them only by a
 * compare-and-swap of a range: while one of a phase's chunks is not taken that phase is not over,
 * and once it is over all its ranges have changed.
 */
#include <sched.h>
#include <string.h>

#include "crew.h"
#include "crew_phase.h"
#include "embedded.h"
#include "band.h"

/* How long a member waits for the next phase, of this job or the next, before it sleeps. */
#define STAND_BY_NS 50000
/* How often it looks meanwhile whether the doorbell rang. */
#define LOOK_NS 20000
/* Looks at the state without a pause, and until the clock is read. */
#define SPINS_AT_ONCE 200
#define SPINS_PER_CLOCK 64
/* Looks until the leader lets others have its CPU, which may be what a member waits for. */
#define SPINS_BEFORE_YIELD 20000

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static uint32_t phase_of(uint64_t state)
{
	return state >> 32;
}

static uint32_t members_of(uint64_t state)
{
	return state >> 16 & 0xffff;
}

/* The chunks that @member has from the start; the leader's are the first. */
static void initial_part(const struct npu_phase_work *work, unsigned int member, uint32_t *next,
			 uint32_t *end)
{
	uint32_t others = work->members & ~(1u << work->leader);
	uint32_t rest = work->chunks - work->lead;
	uint32_t n = __builtin_popcount(others);
	uint32_t rank = __builtin_popcount(others & ((1u << member) - 1));

	if (member == work->leader) {
		*next = 0;
		*end = work->lead;
	} else {
		*next = work->lead + rest * rank / n;
		*end = work->lead + rest * (rank + 1) / n;
	}
}

/*
 * Take chunks of @victim's part, from its front if it is the caller's own, else from its end.
 * Returns how many, and in @at the first.
 */
static uint32_t take(struct npu_crew *crew, const struct npu_phase_work *work, unsigned int victim,
		     unsigned int self, uint32_t *at)
{
	_Atomic uint64_t *range = &crew->member[victim].range;
	uint64_t word = atomic_load_explicit(range, memory_order_acquire);

	for (;;) {
		uint32_t next = word >> 16 & 0xffff, end = word & 0xffff, left, n;

		if (phase_of(word) != work->phase) {
			initial_part(work, victim, &next, &end);
			/* Untouched, or of a later phase than the caller believes to be in. */
			if (phase_of(atomic_load_explicit(&crew->state, memory_order_acquire)) !=
			    work->phase)
				return 0;
		}
		left = end - next;
		if (!left)
			return 0;
		n = victim == self ? left - left / 4 : (left + 1) / 2;
		if (n < work->claim)
			n = work->claim;
		if (n + work->claim > left)
			n = left;
		*at = victim == self ? next : end - n;
		if (victim == self)
			next += n;
		else
			end -= n;
		if (atomic_compare_exchange_weak_explicit(
			    range, &word, (uint64_t)work->phase << 32 | next << 16 | end,
			    memory_order_acq_rel, memory_order_acquire))
			return n;
	}
}

static void run_chunks(const struct npu_phase_work *work, const struct npu_variant *variant,
		       const struct npu_exec *exec, uint32_t at, uint32_t n)
{
	uint64_t first = (uint64_t)at * work->chunk, end = first + (uint64_t)n * work->chunk;

	if (end > work->count)
		end = work->count;
	if (work->banded) {
		struct npu_exec banded = *exec;
		struct npu_insn band;

		npu_band(&exec->insns[work->insn], first, end - first, &band);
		banded.insns = &band;
		npu_insn_run(variant, &banded, 0, 0, npu_insn_units(&band));
		return;
	}
	npu_insn_run(variant, exec, work->insn, work->first + first, end - first);
}

/* All that is left in the phase for member @self; returns how many chunks those were. */
static uint32_t work_off(struct npu_crew *crew, const struct npu_phase_work *work,
			 unsigned int self, const struct npu_variant *variant,
			 const struct npu_exec *exec)
{
	uint32_t done = 0, n, at;

	for (unsigned int i = 0; i < NPU_CREW_MOST; i++) {
		/* Its own part, then those behind it, round the crew. */
		unsigned int victim = (self + i) % NPU_CREW_MOST;

		if (!(work->members >> victim & 1))
			continue;
		while ((n = take(crew, work, victim, self, &at))) {
			if (exec)
				run_chunks(work, variant, exec, at, n);
			done += n;
		}
	}
	return done;
}

/* Wait until the others have done the rest of the phase. */
static void wait_for_others(struct npu_crew *crew, uint32_t rest)
{
	unsigned int spins = 0;

	while ((atomic_load_explicit(&crew->state, memory_order_acquire) & 0xffff) != rest) {
		if (++spins > SPINS_AT_ONCE)
			pause_cpu();
		if (spins > SPINS_BEFORE_YIELD)
			sched_yield();
	}
}

void npu_crew_publish(struct npu_crew *crew, struct npu_phase_work *work)
{
	uint64_t state = atomic_load_explicit(&crew->state, memory_order_relaxed);

	work->phase = phase_of(state) + 1;
	/* Nobody may take what follows for the phase that is over. */
	atomic_store_explicit(&crew->state, state & ~(uint64_t)UINT32_MAX, memory_order_relaxed);
	atomic_store_explicit(&crew->job, work->job, memory_order_release);
	atomic_store_explicit(&crew->insn, work->insn << 1 | work->banded, memory_order_release);
	atomic_store_explicit(&crew->first, work->first, memory_order_release);
	atomic_store_explicit(&crew->count, work->count, memory_order_release);
	atomic_store_explicit(&crew->chunk, work->chunk, memory_order_release);
	atomic_store_explicit(&crew->split, work->lead << 16 | work->chunks, memory_order_release);
	atomic_store_explicit(&crew->claim, work->claim, memory_order_release);
	atomic_store_explicit(&crew->state, (uint64_t)work->phase << 32 | work->members << 16,
			      memory_order_release);
}

void npu_crew_lead(struct npu_crew *crew, const struct npu_phase_work *work,
		   const struct npu_variant *variant, const struct npu_exec *exec,
		   const atomic_bool *abort)
{
	bool aborted = atomic_load_explicit(abort, memory_order_relaxed);
	uint32_t done = work_off(crew, work, work->leader, variant, aborted ? NULL : exec);

	wait_for_others(crew, work->chunks - done);
}

/* What is to be done in the phase of @state; false if it is over already. */
static bool read_work(struct npu_crew *crew, uint64_t state, struct npu_phase_work *work)
{
	uint32_t split;

	work->phase = phase_of(state);
	work->members = members_of(state);
	work->job = atomic_load_explicit(&crew->job, memory_order_acquire);
	work->leader = NPU_JOB_SEAT(work->job);
	work->insn = atomic_load_explicit(&crew->insn, memory_order_acquire);
	work->banded = work->insn & 1;
	work->insn >>= 1;
	work->first = atomic_load_explicit(&crew->first, memory_order_acquire);
	work->count = atomic_load_explicit(&crew->count, memory_order_acquire);
	work->chunk = atomic_load_explicit(&crew->chunk, memory_order_acquire);
	split = atomic_load_explicit(&crew->split, memory_order_acquire);
	work->lead = split >> 16;
	work->chunks = split & 0xffff;
	work->claim = atomic_load_explicit(&crew->claim, memory_order_acquire);
	state ^= atomic_load_explicit(&crew->state, memory_order_acquire);
	/* The count of chunks may have grown. */
	return state <= 0xffff;
}

/* Make @exec that of the job; false if the phase ended before it could be looked at. */
static bool visit(struct npu_seat *seat, struct npu_crew *crew, const struct npu_phase_work *work,
		  struct npu_exec *exec, uint64_t *job)
{
	if (work->job == *job)
		return true;
	/* Seen by npu_crew_quiesce(), or that the phase is over is seen here. */
	atomic_store_explicit(&crew->member[seat->index].visiting, NPU_JOB_NUMBER(work->job),
			      memory_order_seq_cst);
	if (phase_of(atomic_load_explicit(&crew->state, memory_order_seq_cst)) != work->phase)
		return false;
	npu_binding_exec(&seat->session->bindings[NPU_JOB_BINDING(work->job)],
			 NPU_JOB_REQUEST(work->job), work->leader, seat->workspace, exec);
	*job = work->job;
	return true;
}

/**
 * struct watch - how a member waits
 * @spins: looks at the state since it last did something
 * @deadline: it gives up then
 * @look: it looks at the doorbell then
 */
struct watch {
	unsigned int spins;
	uint64_t deadline;
	uint64_t look;
};

/* Nothing to do at present: is it time to go? */
static bool time_to_go(struct watch *watch, const struct npu_seat *seat)
{
	uint64_t now;

	if (watch->spins++ == 0)
		watch->deadline = 0;
	if (watch->spins > SPINS_AT_ONCE)
		pause_cpu();
	if (watch->spins % SPINS_PER_CLOCK)
		return false;
	now = npu_now_ns();
	if (!watch->deadline)
		watch->deadline = now + STAND_BY_NS;
	if (now < watch->look)
		return now >= watch->deadline;
	watch->look = now + LOOK_NS;
	return now >= watch->deadline || npu_embedded_rang(seat);
}

void npu_crew_stand_by(struct npu_seat *seat)
{
	struct npu_session *session = seat->session;
	struct npu_embedded *embedded = session->backend;
	struct npu_crew *crew = &embedded->crew;
	const struct npu_variant *variant = session->device->variant;
	struct watch watch = { 0 };
	uint32_t bit, seen;
	struct npu_exec exec;
	uint64_t job = 0;

	if (seat->index >= NPU_CREW_MOST || crew->width < 2)
		return;
	bit = 1u << seat->index;
	seen = phase_of(atomic_load_explicit(&crew->state, memory_order_relaxed));
	atomic_fetch_or_explicit(&crew->present, bit, memory_order_relaxed);
	while (!time_to_go(&watch, seat)) {
		uint64_t state = atomic_load_explicit(&crew->state, memory_order_acquire);
		struct npu_phase_work work;
		uint32_t done;

		if (phase_of(state) == seen || !(members_of(state) & bit))
			continue;
		seen = phase_of(state);
		if (!read_work(crew, state, &work) || !visit(seat, crew, &work, &exec, &job))
			continue;
		done = work_off(crew, &work, seat->index, variant, &exec);
		if (done)
			atomic_fetch_add_explicit(&crew->state, done, memory_order_acq_rel);
		watch.spins = 0;
	}
	atomic_fetch_and_explicit(&crew->present, ~bit, memory_order_relaxed);
	atomic_store_explicit(&crew->member[seat->index].visiting, 0, memory_order_release);
}

void npu_crew_quiesce(struct npu_crew *crew)
{
	for (unsigned int i = 0; i < NPU_CREW_MOST; i++) {
		_Atomic uint32_t *visiting = &crew->member[i].visiting;
		uint32_t number = atomic_load_explicit(visiting, memory_order_seq_cst);

		while (number && atomic_load_explicit(visiting, memory_order_acquire) == number)
			sched_yield();
	}
}
