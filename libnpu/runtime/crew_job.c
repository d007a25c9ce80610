// SPDX-License-Identifier: MIT
/*
 * The leader's way through a program: alone, or with the crew where an instruction is long enough.
 * The first runs are made alone, to know how long each takes.
 */
#include <errno.h>

#include "crew.h"
#include "crew_phase.h"
#include "cut.h"
#include "embedded.h"

/* Runs that are measured, of which the fastest counts. */
#define MEASURED_RUNS 3
/* A job of less than this does not wake those who sleep. */
#define WAKE_NS 40000
/* Between two steps of a job that can be cancelled. */
#define STEP_US 250

/**
 * struct run - a job on its way
 * @members: who may help, besides the leader
 * @leading: the crew is the leader's, under @job
 */
struct run {
	struct npu_seat *seat;
	struct npu_request *request;
	struct npu_binding *binding;
	const struct npu_variant *variant;
	struct npu_crew *crew;
	struct npu_exec exec;
	uint32_t budget;
	bool leading;
	uint64_t job;
};

/* A place in the program: an instruction, and its first unit that is not done. */
struct piece {
	uint32_t insn;
	uint32_t first;
};

static bool aborted(const struct run *run)
{
	return atomic_load_explicit(&run->request->abort, memory_order_relaxed);
}

/* Alone, up to instruction @end. */
static int run_alone(struct run *run, uint32_t end)
{
	uint32_t insn_count = run->exec.insn_count;

	run->exec.insn_count = end;
	while (!npu_exec_done(&run->exec)) {
		if (aborted(run))
			return -ECANCELED;
		npu_exec_step(run->variant, &run->exec, run->budget);
	}
	run->exec.insn_count = insn_count;
	return 0;
}

/* Alone, and note what each instruction took. */
static int run_measured(struct run *run)
{
	struct npu_binding *binding = run->binding;
	uint64_t before = npu_now_ns(), sum = 0;

	for (uint32_t i = 0; i < run->exec.insn_count; i++) {
		int ret = run_alone(run, i + 1);
		uint64_t now = npu_now_ns();

		if (ret)
			return ret;
		sum += npu_cut_note(&binding->cuts[i], &run->exec.insns[i], now - before);
		before = now;
	}
	atomic_store_explicit(&binding->total_ns, sum, memory_order_relaxed);
	atomic_fetch_add_explicit(&binding->measured, 1, memory_order_release);
	return 0;
}

static bool worth_sharing(const struct run *run, uint32_t insn)
{
	return atomic_load_explicit(&run->binding->cuts[insn].worth, memory_order_relaxed);
}

/* The cuts of a program for @n threads, which seldom change. */
static void cut_for(const struct run *run, unsigned int n)
{
	struct npu_binding *binding = run->binding;

	if (binding->cut_for == n)
		return;
	for (uint32_t i = 0; i < run->exec.insn_count; i++)
		npu_cut_for(&binding->cuts[i], &run->exec.insns[i], n);
	binding->cut_for = n;
}

/* Who helps with the next phase: a bit each. */
static uint32_t helpers(const struct run *run)
{
	uint32_t present = atomic_load_explicit(&run->crew->present, memory_order_relaxed);

	while ((unsigned int)__builtin_popcount(present) >= run->crew->width)
		present &= present - 1;
	return present;
}

static void wake(const struct run *run)
{
	unsigned int sleeping = atomic_load_explicit(&run->crew->sleeping, memory_order_relaxed);
	unsigned int wanted = run->crew->width - 1;
	unsigned int have = __builtin_popcount(helpers(run));

	if (wanted <= have ||
	    atomic_load_explicit(&run->binding->total_ns, memory_order_relaxed) < WAKE_NS)
		return;
	wanted -= have;
	npu_embedded_call(run->seat->session, wanted < sleeping ? wanted : sleeping);
}

/* Become the leader of the crew, if there is somebody to lead and no other does. */
static bool lead(struct run *run)
{
	struct npu_crew *crew = run->crew;

	if (run->leading)
		return true;
	if (!(atomic_load_explicit(&crew->present, memory_order_relaxed) |
	      atomic_load_explicit(&crew->sleeping, memory_order_relaxed)))
		return false;
	if (run->seat->index >= NPU_CREW_MOST || atomic_exchange(&crew->busy, true))
		return false;
	run->leading = true;
	/* Zero is no job's number. */
	crew->jobs += crew->jobs == UINT32_MAX ? 2 : 1;
	run->job = NPU_JOB(crew->jobs, run->binding->index, run->seat->index, run->request->index);
	atomic_store_explicit(&crew->job, run->job, memory_order_seq_cst);
	wake(run);
	return true;
}

/* What lies at @piece as a phase; false if that is not worth it, or nobody helps. */
static bool prepare(struct run *run, const struct piece *piece, struct npu_phase_work *work)
{
	const struct npu_cut *cut = &run->binding->cuts[piece->insn];
	uint32_t others, left;
	unsigned int n;

	if (piece->insn == run->exec.insn_count || aborted(run) ||
	    !worth_sharing(run, piece->insn) || !lead(run))
		return false;
	others = helpers(run);
	if (!others)
		return false;
	n = __builtin_popcount(others) + 1;
	cut_for(run, n);
	left = cut->units - piece->first;
	work->leader = run->seat->index;
	work->members = others | 1u << work->leader;
	work->job = run->job;
	work->insn = piece->insn;
	work->band_units = cut->band_units;
	work->first = piece->first;
	work->count = cut->band_units || cut->count < left ? cut->count : left;
	work->chunk = cut->chunk;
	work->chunks = npu_cut_chunks(cut, work->count);
	work->claim = cut->claim;
	work->lead = (work->chunks - 1) / n + 1;
	return work->lead < work->chunks;
}

/* Go on behind what @cut cuts at once. */
static void pass(const struct npu_cut *cut, struct piece *piece)
{
	piece->first += cut->wave;
	if (piece->first < cut->units)
		return;
	piece->first = 0;
	piece->insn++;
}

/* Alone, up to where help may be worth it. */
static int pass_alone(struct run *run, struct piece *piece)
{
	run->exec.insn = piece->insn;
	run->exec.unit = piece->first;
	do
		piece->insn++;
	while (piece->insn < run->exec.insn_count && !worth_sharing(run, piece->insn));
	piece->first = 0;
	return run_alone(run, piece->insn);
}

/*
 * With help wherever it is worth it. What comes next is announced first, so that the others go on
 * with it without waiting for the leader.
 */
static int run_together(struct run *run)
{
	struct piece here = { 0 }, next;
	struct npu_phase_work work[2];
	unsigned int now = 0;
	bool announced = false, more;
	int ret = 0;

	while (!ret && here.insn < run->exec.insn_count) {
		if (!announced) {
			if (!prepare(run, &here, &work[now])) {
				ret = pass_alone(run, &here);
				continue;
			}
			npu_crew_announce(run->crew, &work[now]);
		}
		next = here;
		pass(&run->binding->cuts[here.insn], &next);
		more = prepare(run, &next, &work[!now]);
		npu_crew_lead(run->crew, &work[now], more ? &work[!now] : NULL, run->variant,
			      &run->exec, &run->request->abort);
		announced = more;
		here = next;
		now = !now;
		if (!announced && aborted(run))
			ret = -ECANCELED;
	}
	if (run->leading) {
		atomic_store_explicit(&run->crew->job, 0, memory_order_seq_cst);
		atomic_store_explicit(&run->crew->busy, false, memory_order_release);
	}
	return ret;
}

int npu_crew_run(struct npu_seat *seat, struct npu_request *request)
{
	struct npu_session *session = seat->session;
	struct npu_embedded *embedded = session->backend;
	struct npu_binding *binding = request->binding;
	struct run run = {
		.seat = seat,
		.request = request,
		.binding = binding,
		.variant = session->device->variant,
		.crew = &embedded->crew,
		/* Nobody cancels what the calling thread computes. */
		.budget = seat->index ? STEP_US * npu_variant_units_per_us(session->device->variant)
				      : UINT32_MAX,
	};

	npu_binding_exec(binding, request->index, seat->index, seat->workspace, &run.exec);
	if (run.crew->width < 2)
		return run_alone(&run, run.exec.insn_count);
	if (atomic_load_explicit(&binding->measured, memory_order_acquire) < MEASURED_RUNS)
		return run_measured(&run);
	return run_together(&run);
}
