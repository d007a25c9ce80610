// SPDX-License-Identifier: MIT
/*
 * Several threads share one job.
 *
 * The leader goes through the program. Where an instruction is long enough it cuts the units into
 * chunks and announces them as a *phase*; otherwise it computes alone. Each member of the crew has
 * a part of the chunks from the start, the same part of every instruction, so that what it wrote
 * is in its cache when it is read; and who has nothing left takes from the others, after a moment.
 * So a member that the system does not run costs nothing but the chunk it is in, and nobody needs
 * to arrive.
 *
 * A phase is announced while the one before is computed, and starts for each member when it sees
 * that all chunks of that one are done. So all that goes between two CPUs from one phase to the
 * next is each member's count of chunks done: one cache line each way, at the same time.
 *
 * A member reads what the leader wrote as a reader of a sequence lock does. It acts on it only by a
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
/* Looks without a pause, and before taking what is another's; about half a microsecond. */
#define SPINS_AT_ONCE 200
/* Looks until the clock is read. */
#define SPINS_PER_CLOCK 64
/* Looks until others may have the CPU, which may be what a member waits for. */
#define SPINS_BEFORE_YIELD 20000

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static uint32_t phase_of(uint64_t word)
{
	return word >> 32;
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
 * Returns how many, and in @at the first, in @more if there were others.
 */
static uint32_t take(struct npu_crew *crew, const struct npu_phase_work *work, unsigned int victim,
		     unsigned int self, uint32_t *at, bool *more)
{
	_Atomic uint64_t *range = &crew->member[victim].range;
	uint64_t word = atomic_load_explicit(range, memory_order_acquire);

	for (;;) {
		uint32_t next = word >> 16 & 0xffff, end = word & 0xffff, left, n;

		if ((int32_t)(phase_of(word) - work->phase) > 0)
			return 0;
		if (phase_of(word) != work->phase)
			initial_part(work, victim, &next, &end);
		left = end - next;
		if (!left)
			return 0;
		n = victim == self ? left - left / 4 : (left + 1) / 2;
		if (n < work->claim)
			n = work->claim;
		if (n + work->claim > left)
			n = left;
		*more = n < left;
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
		       struct npu_exec *exec, uint32_t at, uint32_t n)
{
	uint64_t first = (uint64_t)at * work->chunk, end = first + (uint64_t)n * work->chunk;

	if (end > work->count)
		end = work->count;
	if (work->band_units) {
		const struct npu_insn *insns = exec->insns;
		struct npu_insn band;

		npu_band(&insns[work->insn], first, end - first, &band);
		exec->insns = &band;
		npu_insn_run(variant, exec, 0, 0, (end - first) * work->band_units);
		exec->insns = insns;
		return;
	}
	npu_insn_run(variant, exec, work->insn, work->first + first, end - first);
}

/* Is @work's phase over? Who has done something in a later one knows that it is. */
static bool is_over(struct npu_crew *crew, const struct npu_phase_work *work)
{
	uint32_t sum = 0;

	for (uint32_t left = work->members; left; left &= left - 1) {
		_Atomic uint64_t *done = &crew->member[__builtin_ctz(left)].done;
		uint64_t word = atomic_load_explicit(done, memory_order_acquire);

		if ((int32_t)(phase_of(word) - work->phase) > 0)
			return true;
		if (phase_of(word) == work->phase)
			sum += (uint32_t)word;
	}
	return sum == work->chunks;
}

/**
 * struct part - a member in a phase
 * @exec: NULL to take without computing
 * @done: chunks that it has done
 */
struct part {
	struct npu_crew *crew;
	const struct npu_phase_work *work;
	const struct npu_variant *variant;
	struct npu_exec *exec;
	unsigned int self;
	uint32_t done;
};

/**
 * struct hold - chunks that a member has taken
 * @victim: of whose part
 * @at: the first
 * @n: how many
 * @more: there were others
 */
struct hold {
	unsigned int victim;
	uint32_t at;
	uint32_t n;
	bool more;
};

static struct hold take_of(const struct part *part, unsigned int victim)
{
	struct hold hold = { .victim = victim };

	hold.n = take(part->crew, part->work, victim, part->self, &hold.at, &hold.more);
	return hold;
}

/* Do what was taken, and then what is left of the same part. */
static bool work_off(struct part *part, struct hold hold)
{
	_Atomic uint64_t *done = &part->crew->member[part->self].done;

	if (!hold.n)
		return false;
	while (hold.n) {
		if (part->exec)
			run_chunks(part->work, part->variant, part->exec, hold.at, hold.n);
		part->done += hold.n;
		if (!hold.more)
			break;
		hold = take_of(part, hold.victim);
	}
	atomic_store_explicit(done, (uint64_t)part->work->phase << 32 | part->done,
			      memory_order_release);
	return true;
}

static bool steal(struct part *part)
{
	bool stolen = false;

	for (uint32_t left = part->work->members & ~(1u << part->self); left; left &= left - 1)
		stolen |= work_off(part, take_of(part, __builtin_ctz(left)));
	return stolen;
}

void npu_crew_announce(struct npu_crew *crew, struct npu_phase_work *work)
{
	struct npu_crew_notice *notice;

	work->phase = atomic_load_explicit(&crew->open, memory_order_relaxed) + 1;
	notice = &crew->notice[work->phase & 1];
	/* Being written: no phase of this place, which are all even or all odd. */
	atomic_store_explicit(&notice->phase, work->phase - 1, memory_order_relaxed);
	atomic_store_explicit(&notice->job, work->job, memory_order_release);
	atomic_store_explicit(&notice->members, work->members, memory_order_release);
	atomic_store_explicit(&notice->insn, work->insn, memory_order_release);
	atomic_store_explicit(&notice->band_units, work->band_units, memory_order_release);
	atomic_store_explicit(&notice->first, work->first, memory_order_release);
	atomic_store_explicit(&notice->count, work->count, memory_order_release);
	atomic_store_explicit(&notice->chunk, work->chunk, memory_order_release);
	atomic_store_explicit(&notice->split, work->lead << 16 | work->chunks,
			      memory_order_release);
	atomic_store_explicit(&notice->claim, work->claim, memory_order_release);
	atomic_store_explicit(&notice->phase, work->phase, memory_order_release);
	atomic_store_explicit(&crew->open, work->phase, memory_order_release);
}

void npu_crew_lead(struct npu_crew *crew, const struct npu_phase_work *work,
		   struct npu_phase_work *next, const struct npu_variant *variant,
		   struct npu_exec *exec, const atomic_bool *abort)
{
	struct part part = { crew, work, variant, exec, work->leader, 0 };
	struct hold own = take_of(&part, part.self);
	unsigned int spins = 0;

	/* Behind the compare-and-swap, which would wait until the others have let go of its line.
	 */
	if (next)
		npu_crew_announce(crew, next);

	if (atomic_load_explicit(abort, memory_order_relaxed))
		part.exec = NULL;
	work_off(&part, own);
	while (!is_over(crew, work)) {
		if (++spins % SPINS_AT_ONCE == 0 && steal(&part))
			continue;
		if (spins > SPINS_AT_ONCE)
			pause_cpu();
		if (spins > SPINS_BEFORE_YIELD)
			sched_yield();
	}
}

/* What was announced as phase @phase; false if its notice is not there any more. */
static bool read_work(struct npu_crew *crew, uint32_t phase, struct npu_phase_work *work)
{
	struct npu_crew_notice *notice = &crew->notice[phase & 1];
	uint32_t split;

	if (atomic_load_explicit(&notice->phase, memory_order_acquire) != phase)
		return false;
	work->phase = phase;
	work->job = atomic_load_explicit(&notice->job, memory_order_acquire);
	work->leader = NPU_JOB_SEAT(work->job);
	work->members = atomic_load_explicit(&notice->members, memory_order_acquire);
	work->insn = atomic_load_explicit(&notice->insn, memory_order_acquire);
	work->band_units = atomic_load_explicit(&notice->band_units, memory_order_acquire);
	work->first = atomic_load_explicit(&notice->first, memory_order_acquire);
	work->count = atomic_load_explicit(&notice->count, memory_order_acquire);
	work->chunk = atomic_load_explicit(&notice->chunk, memory_order_acquire);
	split = atomic_load_explicit(&notice->split, memory_order_acquire);
	work->lead = split >> 16;
	work->chunks = split & 0xffff;
	work->claim = atomic_load_explicit(&notice->claim, memory_order_acquire);
	return atomic_load_explicit(&notice->phase, memory_order_acquire) == phase;
}

/* Make @exec that of the job; false if that has ended. */
static bool visit(struct npu_seat *seat, struct npu_crew *crew, const struct npu_phase_work *work,
		  struct npu_exec *exec, uint64_t *job)
{
	if (work->job == *job)
		return true;
	/* Either this is seen by npu_crew_quiesce(), or that the job has ended is seen here. */
	atomic_store_explicit(&crew->member[seat->index].visiting, NPU_JOB_NUMBER(work->job),
			      memory_order_seq_cst);
	if (atomic_load_explicit(&crew->job, memory_order_seq_cst) != work->job)
		return false;
	npu_binding_exec(&seat->session->bindings[NPU_JOB_BINDING(work->job)],
			 NPU_JOB_REQUEST(work->job), work->leader, seat->workspace, exec);
	*job = work->job;
	return true;
}

/*
 * The phase to work in, if there is one that has started and that is later than @seen: the last one
 * announced, or the one before.
 */
static bool find_work(struct npu_crew *crew, uint32_t seen, struct npu_phase_work *work)
{
	uint32_t open = atomic_load_explicit(&crew->open, memory_order_acquire);

	if (open == seen)
		return false;
	/* Without a notice it is over: that has been written over since. */
	if (read_work(crew, open - 1, work) && !is_over(crew, work))
		return open - 1 != seen;
	return read_work(crew, open, work);
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

/*
 * Wait until the phase of @part is over, or there is nothing left to take of it, and look meanwhile
 * at what was announced behind it. True if that has started then: it is @next.
 */
static bool follow(struct part *part, struct npu_phase_work *next)
{
	uint32_t phase = part->work->phase;
	bool found = false;

	for (unsigned int spins = 0; !is_over(part->crew, part->work); spins++) {
		if (!found &&
		    atomic_load_explicit(&part->crew->open, memory_order_acquire) != phase)
			found = read_work(part->crew, phase + 1, next);
		if (spins == SPINS_AT_ONCE && !steal(part))
			return false;
	}
	return found;
}

void npu_crew_stand_by(struct npu_seat *seat)
{
	struct npu_session *session = seat->session;
	struct npu_embedded *embedded = session->backend;
	struct npu_crew *crew = &embedded->crew;
	const struct npu_variant *variant = session->device->variant;
	struct npu_phase_work work, next;
	struct watch watch = { 0 };
	uint32_t bit, seen;
	struct npu_exec exec;
	bool found = false;
	uint64_t job = 0;

	if (seat->index >= NPU_CREW_MOST || crew->width < 2)
		return;
	bit = 1u << seat->index;
	seen = atomic_load_explicit(&crew->open, memory_order_relaxed);
	atomic_fetch_or_explicit(&crew->present, bit, memory_order_relaxed);
	while (found || !time_to_go(&watch, seat)) {
		struct part part = { crew, &work, variant, &exec, seat->index, 0 };

		if (found)
			work = next;
		else if (!find_work(crew, seen, &work))
			continue;
		found = false;
		seen = work.phase;
		if (!(work.members & bit) || !visit(seat, crew, &work, &exec, &job))
			continue;
		work_off(&part, take_of(&part, part.self));
		found = follow(&part, &next);
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
