// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: made, published, ended, completed.
 *
 * Everything that can fail happens in npu_job_create(); a published job needs no memory any more.
 * A job ends exactly once: whoever moves it to NPU_JOB_DONE under npu_device.lock completes it.
 */
#include <linux/dma-fence-chain.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "npu_drv.h"

static struct kmem_cache *npu_job_cache;
struct workqueue_struct *npu_release_queue;

int npu_job_init_cache(void)
{
	npu_job_cache = KMEM_CACHE(npu_job, SLAB_ACCOUNT);
	if (!npu_job_cache)
		return -ENOMEM;
	npu_release_queue = alloc_workqueue("npu_release", WQ_UNBOUND, 0);
	if (!npu_release_queue) {
		kmem_cache_destroy(npu_job_cache);
		return -ENOMEM;
	}
	return 0;
}

void npu_job_exit_cache(void)
{
	destroy_workqueue(npu_release_queue);
	kmem_cache_destroy(npu_job_cache);
}

/* The in-fences that still hold a callback lose it; after this none of them looks at the job. */
static void npu_job_drop_waits(struct npu_job *job)
{
	u32 i;

	for (i = 0; i < job->wait_count; i++) {
		if (job->waits[i].cb.func)
			dma_fence_remove_callback(job->waits[i].fence, &job->waits[i].cb);
		dma_fence_put(job->waits[i].fence);
	}
	kfree(job->waits);
}

/*
 * From a core, too: what it must not release itself is left to a worker by the put functions.
 */
void npu_job_free(struct npu_job *job)
{
	struct npu_device *npu = job->queue->npu;

	npu_job_drop_waits(job);
	npu_access_end(job);
	npu_fence_free(job->fence);
	if (job->scratch)
		npu_scratch_put(job->scratch);
	npu_launch_put(job->launch);
	atomic_dec(&npu->counts.jobs);
	npu_queue_put(job->queue);
	kmem_cache_free(npu_job_cache, job);
}

static void npu_job_resolve(struct npu_job *job, u32 index)
{
	const struct npu_launch *launch = job->launch;
	const struct npu_program *program = launch->program;
	u32 i;

	job->exec.insns = program->insns;
	job->exec.insn_count = program->insn_count;
	job->exec.insn = 0;
	job->exec.unit = 0;
	job->exec.consts = program->consts;
	for (i = 0; i < program->slot_count; i++) {
		const struct npu_binding *binding = &launch->bindings[i];

		if (binding->obj)
			job->exec.slot[i] = binding->base + binding->stride * index;
		else
			job->exec.slot[i] = (u8 *)job->scratch->memory + binding->scratch_offset;
	}
}

/*
 * A job that is not published, with references to its queue and launch; npu_job_free() undoes
 * it.
 */
struct npu_job *npu_job_create(struct npu_client *client, const struct drm_npu_job *desc,
			       bool nonblock)
{
	struct drm_device *drm = &client->npu->drm;
	struct npu_launch *launch;
	struct npu_queue *queue;
	struct npu_job *job;
	int ret;

	queue = npu_queue_find(client, desc->queue);
	if (!queue) {
		drm_dbg(drm, "submit: no queue %u\n", desc->queue);
		return ERR_PTR(-ENOENT);
	}
	launch = npu_launch_find(client, desc->launch);
	if (!launch) {
		drm_dbg(drm, "submit: no launch %u\n", desc->launch);
		ret = -ENOENT;
		goto err_queue;
	}
	if (desc->index >= launch->count) {
		drm_dbg(drm, "submit: index %u, the launch has %u\n", desc->index, launch->count);
		ret = -EINVAL;
		goto err_launch;
	}
	job = kmem_cache_zalloc(npu_job_cache, GFP_KERNEL);
	if (!job) {
		ret = -ENOMEM;
		goto err_launch;
	}
	INIT_LIST_HEAD(&job->node);
	job->queue = queue;
	job->launch = launch;
	job->cookie = desc->cookie;
	atomic_set(&job->unsignalled, 1);
	atomic_inc(&client->npu->counts.jobs);

	if (launch->scratch_bytes) {
		job->scratch = npu_scratch_get(queue, launch->scratch_bytes, nonblock);
		if (IS_ERR(job->scratch)) {
			ret = PTR_ERR(job->scratch);
			job->scratch = NULL;
			npu_job_free(job);
			return ERR_PTR(ret);
		}
	}
	npu_job_resolve(job, desc->index);
	return job;

err_launch:
	npu_launch_put(launch);
err_queue:
	npu_queue_put(queue);
	return ERR_PTR(ret);
}

/* One in-fence less; the last makes the job runnable. Called with the fence's lock held. */
static void npu_job_unblock(struct npu_job *job, int error)
{
	struct npu_device *npu = job->queue->npu;
	unsigned long flags;

	spin_lock_irqsave(&npu->lock, flags);
	if (error && !job->abort)
		WRITE_ONCE(job->abort, error);
	if ((atomic_dec_and_test(&job->unsignalled) || error) && job->state == NPU_JOB_QUEUED)
		npu_queue_update(job->queue);
	spin_unlock_irqrestore(&npu->lock, flags);
}

/* A point of a timeline is a link of a chain, whose own error stays 0. */
static int npu_job_wait_error(struct dma_fence *fence)
{
	return dma_fence_chain_contained(fence)->error;
}

static void npu_job_wait_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	npu_job_unblock(container_of(cb, struct npu_job_wait, cb)->job, npu_job_wait_error(fence));
}

/* Wait for @fence, whose reference is taken over, into the next of job->waits. */
int npu_job_add_wait(struct npu_job *job, struct dma_fence *fence)
{
	struct npu_job_wait *wait = &job->waits[job->wait_count++];
	int ret;

	wait->fence = fence;
	wait->job = job;
	atomic_inc(&job->unsignalled);
	ret = dma_fence_add_callback(fence, &wait->cb, npu_job_wait_signalled);
	if (ret) {
		wait->cb.func = NULL;
		npu_job_unblock(job, npu_job_wait_error(fence));
	}
	return ret == -ENOENT ? 0 : ret;
}

static int npu_job_may_publish(const struct npu_job *job)
{
	const struct npu_queue *queue = job->queue;

	if (queue->npu->gone)
		return -ENODEV;
	if (queue->dead)
		return -ENOENT;
	if (queue->queued >= NPU_MAX_QUEUED)
		return -EAGAIN;
	if (job->fence && queue->backlog_ns > NPU_BACKLOG_NS)
		return -EBUSY;
	return 0;
}

static void npu_job_enqueue(struct npu_job *job, u64 now)
{
	struct npu_queue *queue = job->queue;

	job->state = NPU_JOB_QUEUED;
	job->submitted_ns = now;
	list_add_tail(&job->node, &queue->jobs);
	queue->queued++;
	queue->backlog_ns += job->launch->cost_ns;
	queue->npu->active++;
}

/* Take back what npu_job_enqueue() did, in reverse order, before anybody could see it. */
static void npu_job_dequeue(struct npu_job *job)
{
	struct npu_queue *queue = job->queue;

	job->state = NPU_JOB_NEW;
	list_del_init(&job->node);
	queue->queued--;
	queue->backlog_ns -= job->launch->cost_ns;
	queue->npu->active--;
}

static void npu_job_publish_fence(struct npu_job *job, struct dma_fence **fence)
{
	if (job->fence)
		npu_fence_init(job->fence, job->queue->context, ++job->queue->seqno);
	if (fence)
		*fence = job->fence ? dma_fence_get(job->fence) : NULL;
}

/*
 * Publish all @count jobs of one client, or none. After success the jobs belong to their queues
 * and may have ended before this returns; @fences, unless it is NULL, gets a reference to the
 * fence of each, or NULL.
 */
int npu_job_publish(struct npu_job *const *jobs, unsigned int count, struct dma_fence **fences)
{
	struct npu_device *npu = jobs[0]->queue->npu;
	u64 now = ktime_get_ns();
	unsigned int i;
	int ret = 0;

	spin_lock_irq(&npu->lock);
	for (i = 0; i < count; i++) {
		ret = npu_job_may_publish(jobs[i]);
		if (ret)
			break;
		npu_job_enqueue(jobs[i], now);
	}
	if (ret) {
		while (i--)
			npu_job_dequeue(jobs[i]);
		spin_unlock_irq(&npu->lock);
		return ret;
	}
	for (i = 0; i < count; i++)
		npu_job_publish_fence(jobs[i], fences ? &fences[i] : NULL);
	for (i = 0; i < count; i++)
		if (atomic_dec_and_test(&jobs[i]->unsignalled))
			npu_queue_update(jobs[i]->queue);
	spin_unlock_irq(&npu->lock);
	return 0;
}

static void npu_job_tell(struct npu_job *job)
{
	if (job->cmd)
		npu_uring_complete(job);
	else
		npu_job_free(job);
}

static void npu_job_complete_work(struct work_struct *work)
{
	struct npu_job *job = container_of(work, struct npu_job, work);

	npu_access_end(job);
	npu_job_tell(job);
}

/*
 * Tell whoever waits, then free. The job is NPU_JOB_DONE and in no list. Giving up CPU access to
 * an imported buffer takes its exporter's locks, which a core must not; its result counts only
 * after that.
 */
void npu_job_complete(struct npu_job *job)
{
	struct dma_fence *fence = job->fence;

	if (fence) {
		job->fence = NULL;
		if (job->result)
			dma_fence_set_error(fence, job->result);
		dma_fence_signal(fence);
		dma_fence_put(fence);
	}
	if (job->end_access) {
		INIT_WORK(&job->work, npu_job_complete_work);
		queue_work(npu_release_queue, &job->work);
		return;
	}
	npu_job_tell(job);
}
