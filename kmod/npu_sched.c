// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: which job runs next
 *
 * Higher priority first; among equals, the client that has had the least device time. Two rules
 * keep fences bounded in time: the low priority gets a slice now and then whatever else is ready,
 * and a queue that has been ready for a second goes first.
 *
 * Everything here runs under npu_device.lock except npu_sched_should_yield(), which a core asks
 * between two steps and which may be wrong by one step.
 */
#include <linux/ktime.h>

#include "npu_drv.h"

#define SLICE_NS	(1 * NSEC_PER_MSEC)	/* before an equal gets its turn */
#define LOW_PERIOD_NS	(20 * NSEC_PER_MSEC)	/* the low priority gets a slice of each */
#define STARVED_NS	(1ull * NSEC_PER_SEC)

void npu_sched_init(struct npu_device *npu)
{
	int p;

	spin_lock_init(&npu->lock);
	for (p = 0; p < NPU_PRIORITIES; p++)
		INIT_LIST_HEAD(&npu->ready[p]);
	INIT_LIST_HEAD(&npu->idle);
	INIT_LIST_HEAD(&npu->queues);
	init_waitqueue_head(&npu->drained);
}

static bool npu_queue_runnable(const struct npu_queue *queue)
{
	const struct npu_job *job;

	if (queue->running || queue->completing || list_empty(&queue->jobs))
		return false;
	job = list_first_entry(&queue->jobs, struct npu_job, node);
	return job->abort || !atomic_read(&job->unsignalled);
}

static void npu_queue_unready(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;

	list_del_init(&queue->ready);
	if (list_empty(&npu->ready[queue->priority]))
		__clear_bit(queue->priority, &npu->ready_mask);
}

/* Put the queue among the ready ones, or take it out, as its first job has it. */
void npu_queue_update(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	bool runnable = npu_queue_runnable(queue);

	lockdep_assert_held(&npu->lock);
	if (runnable == !list_empty(&queue->ready))
		return;
	if (!runnable) {
		npu_queue_unready(queue);
		return;
	}
	list_add_tail(&queue->ready, &npu->ready[queue->priority]);
	__set_bit(queue->priority, &npu->ready_mask);
	queue->ready_since = ktime_get_ns();
	/* time not used while idle is not saved up */
	if (queue->client->virtual_ns < npu->virtual_ns)
		queue->client->virtual_ns = npu->virtual_ns;
	npu_core_wake(npu);
}

static struct npu_queue *npu_sched_fairest(struct list_head *ready)
{
	struct npu_queue *queue, *best = NULL;

	list_for_each_entry(queue, ready, ready)
		if (!best || queue->client->virtual_ns < best->client->virtual_ns)
			best = queue;
	return best;
}

static struct npu_queue *npu_sched_choose(struct npu_device *npu, u64 now)
{
	struct npu_queue *oldest;
	int p, top;

	if (!npu->ready_mask)
		return NULL;
	top = __fls(npu->ready_mask);
	for (p = 0; p < top; p++) {
		if (list_empty(&npu->ready[p]))
			continue;
		oldest = list_first_entry(&npu->ready[p], struct npu_queue, ready);
		if (now - oldest->ready_since > STARVED_NS)
			return oldest;
	}
	if (top != DRM_NPU_PRIORITY_LOW && !list_empty(&npu->ready[DRM_NPU_PRIORITY_LOW]) &&
	    now >= npu->low_due) {
		npu->low_due = now + LOW_PERIOD_NS;
		top = DRM_NPU_PRIORITY_LOW;
	}
	return npu_sched_fairest(&npu->ready[top]);
}

/* Take the next job off its queue, or NULL. */
struct npu_job *npu_sched_pick(struct npu_device *npu, u64 now)
{
	struct npu_queue *queue;
	struct npu_job *job;
	bool granted;

	lockdep_assert_held(&npu->lock);
	queue = npu_sched_choose(npu, now);
	if (!queue)
		return NULL;
	npu_queue_unready(queue);
	granted = npu->ready_mask && __fls(npu->ready_mask) > queue->priority;
	npu->virtual_ns = max(npu->virtual_ns, queue->client->virtual_ns);
	job = list_first_entry(&queue->jobs, struct npu_job, node);
	list_del_init(&job->node);
	queue->queued--;
	queue->backlog_ns -= job->launch->cost_ns;
	queue->running = job;
	job->state = NPU_JOB_RUNNING;
	job->granted = granted;
	return job;
}

bool npu_sched_should_yield(struct npu_device *npu, const struct npu_job *job, u64 ran_ns)
{
	unsigned long ready = READ_ONCE(npu->ready_mask);

	if (!ready)
		return false;
	if (ran_ns > SLICE_NS)
		return true;
	return __fls(ready) > job->queue->priority && !job->granted;
}

void npu_sched_charge(struct npu_job *job, u64 ran_ns)
{
	struct npu_client *client = job->queue->client;

	lockdep_assert_held(&client->npu->lock);
	job->device_ns += ran_ns;
	client->device_ns += ran_ns;
	client->virtual_ns += ran_ns;
}
