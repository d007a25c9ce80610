// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: idle cores help
 *
 * The units of one wave of an instruction do not depend on each other (npu_insn_wave()). A core
 * that comes to a large one therefore offers its units to cores that have nothing to do: all of
 * them, itself included, take pieces of at most one step until none is left, and it goes on when
 * the last piece is done. So a job is always at an (instruction, unit), whoever ran what is before
 * it: abort, time limit and preemption are as without help, at most one step late.
 *
 * Helping has the lowest priority of all: between two pieces a helper looks whether a job waits
 * for a core, and is that core if so. Where it finds no piece it looks on for a moment, since the
 * next instruction often has one and waking a core costs as much as a piece; then it sleeps.
 *
 * What is offered (struct npu_share) is guarded by npu_device.lock, held for the moment of taking
 * or giving back a piece. A helper looks at the owner's job only while it has a piece, which the
 * owner waits for, so nobody counts references. Nothing here allocates.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>

#include "backend/npu_backend.h"
#include "npu_drv.h"

/* validated cost of what is worth waking a core for */
#define SHARE_NS	(20 * NSEC_PER_USEC)
#define PIECE_LEAST_NS	(10 * NSEC_PER_USEC)	/* of a piece, unless less is left */
#define PIECE_MOST_NS	(50 * NSEC_PER_USEC)	/* as a step */
#define PIECE_ALIGN	64	/* rows of a strip, which kernels prepare together */
#define LOOK_NS		(20 * NSEC_PER_USEC)	/* a helper without a piece, before it sleeps */

static u64 npu_share_cost_ns(struct npu_device *npu, const struct npu_insn *insn, u32 units)
{
	return npu->backend->cost_ns(npu, (u64)units * npu_insn_unit_cost(insn));
}

/* Has the instruction waves that are worth sharing? */
bool npu_share_large(struct npu_device *npu, const struct npu_insn *insn)
{
	u32 units = min(npu_insn_wave(insn), npu_insn_units(insn));

	return units > 1 && npu_share_cost_ns(npu, insn, units) >= SHARE_NS;
}

/* Could anybody help with a job, and with nothing better to do? It is a hint, and may be wrong. */
bool npu_share_possible(const struct npu_device *npu)
{
	return READ_ONCE(npu->busy) < npu->core_count && !READ_ONCE(npu->ready_mask);
}

static u32 npu_share_piece(struct npu_device *npu, const struct npu_share *share)
{
	u32 left = share->end - share->next, count = left / (2 * npu->core_count);
	u32 most = max_t(u64, div_u64(PIECE_MOST_NS, share->unit_ns), 1);
	u32 least = min_t(u64, div_u64(PIECE_LEAST_NS, share->unit_ns) + 1, most);

	count = clamp(count, least, most);
	if (count >= PIECE_ALIGN)
		count = round_down(share->next + count, PIECE_ALIGN) - share->next;
	return min(count, left);
}

static void npu_share_close(struct npu_core *owner)
{
	owner->share.end = owner->share.next;
	list_del_init(&owner->share.link);
}

/* The next piece, [*first, *first + the result); 0 if there is none. */
static u32 npu_share_take(struct npu_core *owner, u32 *first)
{
	struct npu_share *share = &owner->share;
	u32 count;

	lockdep_assert_held(&owner->npu->lock);
	if (share->next == share->end)
		return 0;
	*first = share->next;
	count = npu_share_piece(owner->npu, share);
	share->next += count;
	if (share->next == share->end)
		npu_share_close(owner);
	return count;
}

static void npu_share_open(struct npu_core *owner, const struct npu_job *job)
{
	const struct npu_insn *insn = &job->exec.insns[job->exec.insn];
	u32 units = npu_insn_units(insn), wave = npu_insn_wave(insn);
	struct npu_device *npu = owner->npu;
	struct npu_share *share = &owner->share;
	u32 behind = job->exec.unit % wave, helpers;

	share->next = job->exec.unit;
	share->end = share->next + min(wave - behind, units - share->next);
	share->unit_ns = max(npu_share_cost_ns(npu, insn, 1), 1);
	spin_lock_irq(&npu->lock);
	list_add_tail(&share->link, &npu->shared);
	for (helpers = npu->core_count - 1; helpers && !list_empty(&npu->idle); helpers--)
		npu_core_wake(npu);
	spin_unlock_irq(&npu->lock);
}

/* Until no helper has a piece any more: soon, unless one lost its CPU. */
static void npu_share_wait(struct npu_core *owner)
{
	struct npu_share *share = &owner->share;
	struct npu_device *npu = owner->npu;
	u64 end = ktime_get_ns() + PIECE_MOST_NS;

	while (READ_ONCE(share->helped) && !need_resched() && ktime_get_ns() < end)
		cpu_relax();
	spin_lock_irq(&npu->lock);
	while (share->helped) {
		share->waiting = true;
		set_current_state(TASK_IDLE);
		spin_unlock_irq(&npu->lock);
		schedule();
		spin_lock_irq(&npu->lock);
	}
	share->waiting = false;
	__set_current_state(TASK_RUNNING);
	spin_unlock_irq(&npu->lock);
}

/*
 * Run the rest of the current wave of @job with whoever helps, or as much of it as goes before
 * something else is due. Afterwards @job is behind all that was run.
 */
void npu_share_run(struct npu_core *owner, struct npu_job *job)
{
	const struct npu_insn *insn = &job->exec.insns[job->exec.insn];
	struct npu_share *share = &owner->share;
	struct npu_device *npu = owner->npu;
	u32 first, count;

	npu_share_open(owner, job);
	for (;;) {
		spin_lock_irq(&npu->lock);
		count = npu_share_take(owner, &first);
		spin_unlock_irq(&npu->lock);
		if (!count)
			break;
		npu->backend->run(npu, &job->exec, first, count);
		if (npu_core_interrupted(owner, job))
			break;
		cond_resched();
	}
	spin_lock_irq(&npu->lock);
	npu_share_close(owner);
	spin_unlock_irq(&npu->lock);
	npu_share_wait(owner);

	job->exec.unit = share->next;
	if (job->exec.unit == npu_insn_units(insn)) {
		job->exec.insn++;
		job->exec.unit = 0;
	}
}

/* Run a piece of somebody; false if nobody offers one. */
static bool npu_share_help_once(struct npu_core *core)
{
	struct npu_device *npu = core->npu;
	struct npu_core *owner;
	u64 began, runtime;
	u32 first, count;

	spin_lock_irq(&npu->lock);
	owner = list_first_entry_or_null(&npu->shared, struct npu_core, share.link);
	if (!owner || npu->ready_mask) {
		spin_unlock_irq(&npu->lock);
		return false;
	}
	count = npu_share_take(owner, &first);
	owner->share.helped++;
	core->exec = owner->job->exec;
	core->exec.workspace = core->workspace;
	spin_unlock_irq(&npu->lock);

	began = ktime_get_ns();
	runtime = npu_core_runtime();
	npu->backend->run(npu, &core->exec, first, count);

	spin_lock_irq(&npu->lock);
	npu_sched_charge(owner->job, ktime_get_ns() - began);
	owner->job->helped_ns += npu_core_runtime() - runtime;
	npu->pieces_helped++;
	if (!--owner->share.helped && owner->share.waiting)
		wake_up_process(owner->task);
	spin_unlock_irq(&npu->lock);
	return true;
}

/* For a core that has no job: help until there is one, or nothing to help with. */
void npu_share_help(struct npu_core *core)
{
	struct npu_device *npu = core->npu;
	bool more = true;
	u64 end;

	while (more) {
		if (!npu_share_help_once(core))
			return;
		cond_resched();
		end = ktime_get_ns() + LOOK_NS;
		while (list_empty(&npu->shared) && more) {
			more = READ_ONCE(npu->busy) && !READ_ONCE(npu->ready_mask) &&
			       !need_resched() && ktime_get_ns() < end;
			cpu_relax();
		}
	}
}
