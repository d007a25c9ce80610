// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compute cores: kernel threads that run jobs in short steps. Between two steps a core looks for
 * an abort, the time limit and a more urgent job.
 *
 * All of it is inside dma_fence_begin_signalling(): others wait for the fences that a core
 * signals, so it allocates nothing and takes no lock under which anybody allocates.
 */
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "backend/npu_backend.h"
#include "npu_drv.h"

/*
 * The validated cost is close to what the backend does on hardware. An emulator on a busy host is
 * hundreds of times slower, and a job must not be killed for that: it ends in any case.
 */
#define LIMIT_FACTOR	512
#define LIMIT_FLOOR_NS	(10ull * NSEC_PER_SEC)

static uint timeout_ms;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "time limit of every job (default: by its validated cost, at least 10 s)");

static u64 npu_job_limit_ns(const struct npu_job *job)
{
	u64 cost = job->launch->cost_ns;

	if (timeout_ms)
		return (u64)timeout_ms * NSEC_PER_MSEC;
	if (cost > U64_MAX / LIMIT_FACTOR)
		return U64_MAX;
	return max(LIMIT_FLOOR_NS, cost * LIMIT_FACTOR);
}

/* Run time of this thread: a core that does not get the CPU does not hang. */
u64 npu_core_runtime(void)
{
	return READ_ONCE(current->se.sum_exec_runtime);
}

static bool npu_core_overdue(const struct npu_core *core, const struct npu_job *job)
{
	u64 run = job->run_ns + npu_core_runtime() - core->began_runtime;

	return run + READ_ONCE(job->helped_ns) > npu_job_limit_ns(job);
}

static bool npu_core_must_yield(const struct npu_core *core, const struct npu_job *job)
{
	return npu_sched_should_yield(core->npu, job, ktime_get_ns() - core->began_ns);
}

/* Between two steps: is something else due than the next step of the job that @core runs? */
bool npu_core_interrupted(const struct npu_core *core, const struct npu_job *job)
{
	return READ_ONCE(job->abort) || npu_core_overdue(core, job) ||
	       npu_core_must_yield(core, job);
}

/* With cores to help, a step ends where there is something to share. */
static void npu_core_step(struct npu_core *core, struct npu_job *job)
{
	const struct npu_program *program = job->launch->program;
	u32 until = program->insn_count;

	if (program->large && npu_share_possible(core->npu)) {
		if (test_bit(job->exec.insn, program->large)) {
			npu_share_run(core, job);
			return;
		}
		until = find_next_bit(program->large, until, job->exec.insn + 1);
	}
	core->npu->backend->step(core->npu, &job->exec, until);
}

/*
 * Run @job until it ends or must make room. True: it has ended, with *result.
 */
static bool npu_core_run(struct npu_core *core, struct npu_job *job, int *result)
{
	bool ended = true;

	core->began_runtime = npu_core_runtime();
	if (!job->started_ns)
		job->started_ns = core->began_ns;
	job->exec.workspace = core->workspace;
	for (;;) {
		*result = READ_ONCE(job->abort);
		if (*result)
			break;
		npu_core_step(core, job);
		if (npu_exec_done(&job->exec))
			break;
		if (npu_core_overdue(core, job)) {
			*result = -ETIMEDOUT;
			break;
		}
		if (npu_core_must_yield(core, job)) {
			ended = false;
			break;
		}
		cond_resched();
	}
	job->run_ns += npu_core_runtime() - core->began_runtime;
	return ended;
}

/* Put back a job that made room; it stays the first of its queue. */
static void npu_core_requeue(struct npu_job *job)
{
	struct npu_queue *queue = job->queue;

	list_add(&job->node, &queue->jobs);
	queue->queued++;
	queue->backlog_ns += job->launch->cost_ns;
	queue->running = NULL;
	npu_queue_sort(queue);
}

static void npu_core_do(struct npu_core *core, struct npu_job *job)
{
	struct npu_device *npu = core->npu;
	struct npu_queue *queue = job->queue;
	int result;
	bool ended = npu_core_run(core, job, &result);
	u64 now = ktime_get_ns();

	spin_lock_irq(&npu->lock);
	core->job = NULL;
	npu->busy--;
	npu_sched_charge(job, now - core->began_ns);
	if (!ended) {
		npu_core_requeue(job);
		spin_unlock_irq(&npu->lock);
		return;
	}
	job->state = NPU_JOB_DONE;
	/* whoever cancelled it, even if after its last step, was told that it ends so */
	job->result = result ? result : job->abort;
	queue->level = queue->priority;
	queue->running = NULL;
	queue->completing = true;
	if (job->result)
		queue->client->jobs_failed++;
	else
		queue->client->jobs_done++;
	spin_unlock_irq(&npu->lock);

	/* the job is gone after this; its queue is not */
	kref_get(&queue->kref);
	npu_job_complete(job);

	spin_lock_irq(&npu->lock);
	queue->completing = false;
	npu_queue_sort(queue);
	if (!--npu->active)
		wake_up_all(&npu->drained);
	spin_unlock_irq(&npu->lock);
	npu_queue_put(queue);
}

static int npu_core_thread(void *data)
{
	struct npu_core *core = data;
	struct npu_device *npu = core->npu;
	bool cookie = dma_fence_begin_signalling();

	while (!kthread_should_stop()) {
		struct npu_job *job;
		bool help;
		u64 now;

		spin_lock_irq(&npu->lock);
		now = ktime_get_ns();
		job = npu_sched_pick(npu, now);
		core->job = job;
		core->began_ns = now;
		help = !list_empty(&npu->shared);
		if (job) {
			npu->busy++;
			if (npu->ready_mask)
				npu_core_wake(npu);
		} else if (!help) {
			list_add(&core->idle, &npu->idle);
			set_current_state(TASK_IDLE);
		}
		spin_unlock_irq(&npu->lock);
		if (job || help) {
			if (job)
				npu_core_do(core, job);
			else
				npu_share_help(core);
			/* a turn may be a single step, after which nobody else had the CPU yet */
			cond_resched();
			continue;
		}
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		spin_lock_irq(&npu->lock);
		list_del_init(&core->idle);
		spin_unlock_irq(&npu->lock);
	}
	dma_fence_end_signalling(cookie);
	return 0;
}

/* Wake a core that sleeps; those that run will look by themselves. */
void npu_core_wake(struct npu_device *npu)
{
	struct npu_core *core;

	lockdep_assert_held(&npu->lock);
	core = list_first_entry_or_null(&npu->idle, struct npu_core, idle);
	if (!core)
		return;
	list_del_init(&core->idle);
	wake_up_process(core->task);
}

int npu_cores_start(struct npu_device *npu, unsigned int count, int nice)
{
	unsigned int i;

	npu->cores = kcalloc(count, sizeof(*npu->cores), GFP_KERNEL);
	if (!npu->cores)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		struct npu_core *core = &npu->cores[i];

		core->npu = npu;
		core->index = i;
		INIT_LIST_HEAD(&core->idle);
		INIT_LIST_HEAD(&core->share.link);
		/* pages of its own, and so aligned to any NPU_WORKSPACE_ALIGN */
		core->workspace = kvmalloc(NPU_WORKSPACE_BYTES, GFP_KERNEL);
		if (!core->workspace) {
			npu_cores_stop(npu);
			return -ENOMEM;
		}
		core->task = kthread_create(npu_core_thread, core, "npu/%u", i);
		if (IS_ERR(core->task)) {
			int ret = PTR_ERR(core->task);

			kvfree(core->workspace);
			npu_cores_stop(npu);
			return ret;
		}
		set_user_nice(core->task, nice);
		npu->core_count++;
		wake_up_process(core->task);
	}
	return 0;
}

/* Wait for the jobs that are left, all of them aborted, and end the threads. */
void npu_cores_stop(struct npu_device *npu)
{
	unsigned int i, count = npu->core_count;

	wait_event(npu->drained, !READ_ONCE(npu->active));
	for (i = 0; i < count; i++)
		kthread_stop(npu->cores[i].task);
	for (i = 0; i < count; i++)
		kvfree(npu->cores[i].workspace);
	spin_lock_irq(&npu->lock);
	npu->core_count = 0;
	spin_unlock_irq(&npu->lock);
	kfree(npu->cores);
	npu->cores = NULL;
}
