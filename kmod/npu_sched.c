// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: which job runs next
 *
 * Higher level first; among equals, the client that has had the least device time. A queue's level
 * is its priority, but three rules keep fences bounded in time: the low level gets a step of each
 * millisecond whatever else is ready; a queue that has been ready for a second without a turn is
 * raised by a level until its job ends; and a job that is only to be told that it was aborted,
 * which takes no device time, comes first.
 *
 * Everything here runs under npu_device.lock except npu_sched_should_yield(), which a core asks
 * between two steps and which may be wrong by one step.
 */
#include <linux/ktime.h>

#include "npu_drv.h"

#define SLICE_NS	(1 * NSEC_PER_MSEC)	/* before an equal gets its turn */
#define LOW_PERIOD_NS	(1 * NSEC_PER_MSEC)	/* the low level gets a step of each */
#define STARVED_NS	(1ull * NSEC_PER_SEC)

void npu_sched_init(struct npu_device *npu)
{
	int p;

	spin_lock_init(&npu->lock);
	for (p = 0; p < NPU_PRIORITIES; p++)
		INIT_LIST_HEAD(&npu->ready[p]);
	INIT_LIST_HEAD(&npu->idle);
	INIT_LIST_HEAD(&npu->shared);
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
	if (list_empty(&npu->ready[queue->ready_level]))
		__clear_bit(queue->ready_level, &npu->ready_mask);
}

static void npu_queue_make_ready(struct npu_queue *queue, u32 level, u64 now)
{
	struct npu_device *npu = queue->npu;

	list_add_tail(&queue->ready, &npu->ready[level]);
	__set_bit(level, &npu->ready_mask);
	queue->ready_level = level;
	queue->ready_since = now;
}

/*
 * Put the queue among the ready ones, or take it out, as its first job has it. A core that is
 * about to pick calls this; everybody else wakes a core, too, by npu_queue_update().
 */
bool npu_queue_sort(struct npu_queue *queue)
{
	struct npu_device *npu = queue->npu;
	bool ready = !list_empty(&queue->ready);
	u32 level;

	lockdep_assert_held(&npu->lock);
	if (!npu_queue_runnable(queue)) {
		if (ready)
			npu_queue_unready(queue);
		return false;
	}
	level = queue->level;
	if (list_first_entry(&queue->jobs, struct npu_job, node)->abort)
		level = DRM_NPU_PRIORITY_REALTIME;
	if (ready) {
		if (queue->ready_level == level)
			return false;
		npu_queue_unready(queue);
	}
	npu_queue_make_ready(queue, level, ktime_get_ns());
	/* time not used while idle is not saved up */
	if (queue->client->virtual_ns < npu->virtual_ns)
		queue->client->virtual_ns = npu->virtual_ns;
	return true;
}

void npu_queue_update(struct npu_queue *queue)
{
	if (npu_queue_sort(queue))
		npu_core_wake(queue->npu);
}

static struct npu_queue *npu_sched_fairest(struct list_head *ready)
{
	struct npu_queue *queue, *best = NULL;

	list_for_each_entry(queue, ready, ready)
		if (!best || queue->client->virtual_ns < best->client->virtual_ns)
			best = queue;
	return best;
}

/* Raise those that have waited too long below @top. */
static void npu_sched_raise(struct npu_device *npu, int top, u64 now)
{
	struct npu_queue *oldest;
	int level;

	for (level = top - 1; level >= 0; level--) {
		oldest = list_first_entry_or_null(&npu->ready[level], struct npu_queue, ready);
		if (!oldest || now < oldest->ready_since + STARVED_NS)
			continue;
		npu_queue_unready(oldest);
		oldest->level = level + 1;
		npu_queue_make_ready(oldest, level + 1, now);
	}
}

static struct npu_queue *npu_sched_choose(struct npu_device *npu, u64 now)
{
	int top;

	if (!npu->ready_mask)
		return NULL;
	top = __fls(npu->ready_mask);
	npu_sched_raise(npu, top, now);
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

	lockdep_assert_held(&npu->lock);
	queue = npu_sched_choose(npu, now);
	if (!queue)
		return NULL;
	npu_queue_unready(queue);
	npu->virtual_ns = max(npu->virtual_ns, queue->client->virtual_ns);
	job = list_first_entry(&queue->jobs, struct npu_job, node);
	list_del_init(&job->node);
	queue->queued--;
	queue->backlog_ns -= job->launch->cost_ns;
	queue->running = job;
	job->state = NPU_JOB_RUNNING;
	return job;
}

bool npu_sched_should_yield(struct npu_device *npu, const struct npu_job *job, u64 ran_ns)
{
	unsigned long ready = READ_ONCE(npu->ready_mask);

	if (!ready)
		return false;
	return __fls(ready) > job->queue->level || ran_ns > SLICE_NS;
}

void npu_sched_charge(struct npu_job *job, u64 ran_ns)
{
	struct npu_client *client = job->queue->client;

	lockdep_assert_held(&client->npu->lock);
	job->device_ns += ran_ns;
	client->device_ns += ran_ns;
	client->virtual_ns += ran_ns;
}
