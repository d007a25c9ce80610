// SPDX-License-Identifier: MIT
/*
 * The leader's way through a program: what to share, and how to cut it.
 *
 * What an instruction takes is measured: the first runs of a program are computed by one thread,
 * which notes the time of each instruction. The cost that validation knows is an upper bound, which
 * is too coarse to tell whether half of a microsecond is worth a phase.
 */
#include <errno.h>

#include "crew.h"
#include "crew_phase.h"
#include "embedded.h"
#include "band.h"

/* Runs that are measured, of which the fastest counts. */
#define MEASURED_RUNS 3
/* What is shorter is not shared: a phase costs about a quarter of it. */
#define SHARE_NS 800
/* A job of less than this does not wake those who sleep. */
#define WAKE_NS 40000
/* A member starts that much later than the leader, and is that much later seen to have ended. */
#define LATE_NS 200
/* Work to take at once, so that a kernel's preparation and the taking itself do not count. */
#define CLAIM_NS 2000
/* Rows of a strip, see the engine. */
#define STRIP 64
/* Chunks of a phase at most; fits the words that they are counted in. */
#define MOST_CHUNKS 8192
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

static uint32_t time_of(const struct npu_binding *binding, uint32_t insn)
{
	return atomic_load_explicit(&binding->times[insn], memory_order_relaxed);
}

/* Alone, and note what each instruction took. */
static int run_measured(struct run *run)
{
	uint64_t before = npu_now_ns(), sum = 0;

	for (uint32_t i = 0; i < run->exec.insn_count; i++) {
		uint64_t now, known = time_of(run->binding, i);
		int ret = run_alone(run, i + 1);

		if (ret)
			return ret;
		now = npu_now_ns();
		if (!known || now - before < known)
			known = now - before < UINT32_MAX ? now - before : UINT32_MAX;
		atomic_store_explicit(&run->binding->times[i], known, memory_order_relaxed);
		sum += known;
		before = now;
	}
	atomic_store_explicit(&run->binding->total_ns, sum, memory_order_relaxed);
	atomic_fetch_add_explicit(&run->binding->measured, 1, memory_order_release);
	return 0;
}

/* Time of what can be shared at once. */
static uint64_t wave_ns(const struct run *run, const struct npu_insn *insn, uint32_t i)
{
	uint32_t units = npu_insn_units(insn), wave = npu_insn_wave(insn);

	return (uint64_t)time_of(run->binding, i) * wave / units;
}

static bool worth_sharing(const struct run *run, uint32_t i)
{
	return wave_ns(run, &run->exec.insns[i], i) >= SHARE_NS;
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

/* Cut units [@first, @first + @count) of instruction @i, which take @ns, for @n threads. */
static void cut(const struct run *run, struct npu_phase_work *work, uint32_t i, uint32_t first,
		uint32_t count, uint64_t ns, unsigned int n)
{
	const struct npu_insn *insn = &run->exec.insns[i];
	uint32_t most = (count - 1) / MOST_CHUNKS + 1, grain = grain_of(insn);
	uint32_t bands = npu_bands(insn);

	work->job = run->job;
	work->insn = i;
	work->banded = bands > 1 && divides_better(bands, (count - 1) / grain + 1, n);
	if (work->banded) {
		first = 0;
		count = bands;
		grain = 1;
		most = (count - 1) / MOST_CHUNKS + 1;
	}
	work->first = first;
	work->count = count;
	work->chunk = grain > most ? grain : most;
	work->chunks = (count - 1) / work->chunk + 1;
	work->claim = (CLAIM_NS * work->chunks - 1) / ns + 1;
	work->lead = (work->chunks * (ns + (n - 1) * LATE_NS) + ns * n / 2) / (ns * n);
	if (work->lead > work->chunks)
		work->lead = work->chunks;
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
	wake(run);
	return true;
}

/* Instruction @i with the crew's help; false if there is none. */
static bool run_shared(struct run *run, uint32_t i)
{
	const struct npu_insn *insn = &run->exec.insns[i];
	uint32_t units = npu_insn_units(insn), wave = npu_insn_wave(insn);
	uint64_t ns = wave_ns(run, insn, i);
	struct npu_phase_work work;

	if (!lead(run) || !helpers(run))
		return false;
	for (uint32_t first = 0; first < units && !aborted(run); first += wave) {
		uint32_t others = helpers(run);
		uint32_t count = units - first < wave ? units - first : wave;

		work.leader = run->seat->index;
		work.members = others | 1u << work.leader;
		cut(run, &work, i, first, count, ns, __builtin_popcount(work.members));
		if (others && work.lead < work.chunks) {
			npu_crew_publish(run->crew, &work);
			npu_crew_lead(run->crew, &work, run->variant, &run->exec,
				      &run->request->abort);
		} else {
			npu_insn_run(run->variant, &run->exec, i, first, count);
		}
	}
	run->exec.insn++;
	return true;
}

/* With help wherever it is worth it. */
static int run_together(struct run *run)
{
	int ret = 0;

	while (!ret && !npu_exec_done(&run->exec)) {
		uint32_t end = run->exec.insn;

		if (worth_sharing(run, end) && run_shared(run, end)) {
			ret = aborted(run) ? -ECANCELED : 0;
			continue;
		}
		do
			end++;
		while (end < run->exec.insn_count && !worth_sharing(run, end));
		ret = run_alone(run, end);
	}
	if (run->leading)
		atomic_store_explicit(&run->crew->busy, false, memory_order_release);
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
