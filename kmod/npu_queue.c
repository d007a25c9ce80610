// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: jobs in order, cancelled one by one or all at once.
 */
#include <linux/capability.h>
#include <linux/dma-fence.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <drm/drm_print.h>

#include "npu_drv.h"

/* ---------------------------------------------------------------- scratch */

static void npu_scratch_free_work(struct work_struct *work)
{
	struct npu_scratch *scratch = container_of(work, struct npu_scratch, work);

	vfree(scratch->memory);
	npu_user_uncharge(scratch->user, scratch->bytes);
	npu_user_put(scratch->user);
	kfree(scratch);
}

static void npu_scratch_release(struct kref *kref)
{
	struct npu_scratch *scratch = container_of(kref, struct npu_scratch, kref);

	queue_work(npu_release_queue, &scratch->work);
}

void npu_scratch_put(struct npu_scratch *scratch)
{
	kref_put(&scratch->kref, npu_scratch_release);
}

static struct npu_scratch *npu_scratch_create(struct npu_user *user, u64 bytes)
{
	struct npu_scratch *scratch;

	scratch = kzalloc(sizeof(*scratch), GFP_KERNEL_ACCOUNT);
	if (!scratch)
		return NULL;
	if (npu_user_charge(user, bytes))
		goto err_free;
	scratch->memory = __vmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!scratch->memory)
		goto err_uncharge;
	scratch->user = npu_user_ref(user);
	kref_init(&scratch->kref);
	INIT_WORK(&scratch->work, npu_scratch_free_work);
	scratch->bytes = bytes;
	return scratch;

err_uncharge:
	npu_user_uncharge(user, bytes);
err_free:
	kfree(scratch);
	return NULL;
}

/*
 * Scratch memory of at least @bytes, referenced. Jobs of a queue run one after another, so one
 * piece serves them all; one that is too small is replaced, and goes with its last job.
 */
struct npu_scratch *npu_scratch_get(struct npu_queue *queue, u64 bytes, bool nonblock)
{
	struct npu_scratch *scratch, *old;

	mutex_lock(&queue->scratch_lock);
	old = queue->scratch;
	scratch = old;
	if (!old || old->bytes < bytes) {
		scratch = ERR_PTR(-EAGAIN);
		if (!nonblock)
			scratch = npu_scratch_create(queue->client->user, bytes);
		if (!scratch)
			scratch = ERR_PTR(-ENOMEM);
		if (IS_ERR(scratch))
			goto out;
		queue->scratch = scratch;
		if (old)
			npu_scratch_put(old);
	}
	kref_get(&scratch->kref);
out:
	mutex_unlock(&queue->scratch_lock);
	return scratch;
}

/* ------------------------------------------------------------------ queue */

static void npu_queue_release_work(struct work_struct *work)
{
	struct npu_queue *queue = container_of(work, struct npu_queue, work);
	struct npu_device *npu = queue->npu;

	if (queue->scratch)
		npu_scratch_put(queue->scratch);
	mutex_destroy(&queue->scratch_lock);
	atomic_dec(&npu->counts.queues);
	npu_client_put(queue->client);
	kfree(queue);
}

static void npu_queue_release(struct kref *kref)
{
	struct npu_queue *queue = container_of(kref, struct npu_queue, kref);
	struct npu_device *npu = queue->npu;
	unsigned long flags;

	spin_lock_irqsave(&npu->lock, flags);
	list_del(&queue->link);
	spin_unlock_irqrestore(&npu->lock, flags);
	queue_work(npu_release_queue, &queue->work);
}

void npu_queue_put(struct npu_queue *queue)
{
	kref_put(&queue->kref, npu_queue_release);
}

struct npu_queue *npu_queue_find(struct npu_client *client, u32 handle)
{
	struct npu_queue *queue;

	xa_lock(&client->queues);
	queue = xa_load(&client->queues, handle);
	if (queue)
		kref_get(&queue->kref);
	xa_unlock(&client->queues);
	return queue;
}

/*
 * Abort @job with @error. One that has not started and has no fence ends here and now, on @ended.
 * The others end in order: a fence may not overtake those before it, and a step that runs must be
 * over before the job's buffers are used again.
 */
static void npu_queue_abort(struct npu_job *job, int error, struct list_head *ended)
{
	struct npu_queue *queue = job->queue;

	if (!job->abort)
		WRITE_ONCE(job->abort, error);
	if (job->state != NPU_JOB_QUEUED || job->fence)
		return;
	job->state = NPU_JOB_DONE;
	job->result = job->abort;
	list_move_tail(&job->node, ended);
	queue->queued--;
	queue->backlog_ns -= job->launch->cost_ns;
	queue->client->jobs_failed++;
	queue->npu->active--;
}

static int npu_queue_abort_all(struct npu_queue *queue, int error, bool all, u32 cookie)
{
	struct npu_device *npu = queue->npu;
	struct npu_job *job, *next;
	LIST_HEAD(ended);
	int count = 0;

	spin_lock_irq(&npu->lock);
	if (all)
		queue->dead = true;
	if (queue->running && (all || queue->running->cookie == cookie)) {
		npu_queue_abort(queue->running, error, &ended);
		count++;
	}
	list_for_each_entry_safe(job, next, &queue->jobs, node) {
		if (!all && job->cookie != cookie)
			continue;
		npu_queue_abort(job, error, &ended);
		count++;
	}
	npu_queue_update(queue);
	if (!npu->active)
		wake_up_all(&npu->drained);
	spin_unlock_irq(&npu->lock);

	list_for_each_entry_safe(job, next, &ended, node) {
		list_del_init(&job->node);
		npu_job_complete(job);
	}
	return count;
}

/*
 * Take back one job whose submitter goes away. One that has not started is the caller's to
 * complete; if its fence must stay in order, only its command is. Otherwise it ends by itself,
 * soon if not already.
 */
enum npu_withdrawn npu_queue_withdraw(struct npu_job *job, int error)
{
	struct npu_queue *queue = job->queue;
	struct npu_device *npu = queue->npu;
	LIST_HEAD(ended);
	enum npu_withdrawn withdrawn = NPU_WITHDRAWN_NOTHING;
	bool queued;

	spin_lock_irq(&npu->lock);
	if (job->state == NPU_JOB_NEW || job->state == NPU_JOB_DONE) {
		spin_unlock_irq(&npu->lock);
		return NPU_WITHDRAWN_NOTHING;
	}
	queued = job->state == NPU_JOB_QUEUED;
	npu_queue_abort(job, error, &ended);
	if (!list_empty(&ended)) {
		list_del_init(&job->node);
		withdrawn = NPU_WITHDRAWN_JOB;
	} else if (queued) {
		job->cmd = NULL;
		withdrawn = NPU_WITHDRAWN_COMMAND;
	}
	npu_queue_update(queue);
	if (!npu->active)
		wake_up_all(&npu->drained);
	spin_unlock_irq(&npu->lock);
	return withdrawn;
}

/* No more submissions; all its jobs end with @error, without waiting for them. */
void npu_queue_kill(struct npu_queue *queue, int error)
{
	npu_queue_abort_all(queue, error, true, 0);
}

/* The number of jobs with @cookie that were told to end, or -ENOENT. */
int npu_queue_cancel(struct npu_queue *queue, u32 cookie)
{
	int count = npu_queue_abort_all(queue, -ECANCELED, false, cookie);

	return count ? count : -ENOENT;
}

int npu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_queue_create *args = data;
	struct npu_client *client = file->driver_priv;
	struct npu_device *npu = client->npu;
	struct npu_queue *queue;
	int ret;

	if (args->flags || args->handle || args->pad || args->priority >= NPU_PRIORITIES) {
		drm_dbg(drm, "queue_create: priority is unknown, or flags, handle or pad not zero\n");
		return -EINVAL;
	}
	if (args->priority >= DRM_NPU_PRIORITY_HIGH && !capable(CAP_SYS_NICE)) {
		drm_dbg(drm, "queue_create: priority %u needs CAP_SYS_NICE\n", args->priority);
		return -EACCES;
	}
	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return -ENOMEM;
	kref_init(&queue->kref);
	queue->npu = npu;
	queue->client = npu_client_get(client);
	queue->priority = args->priority;
	queue->level = args->priority;
	queue->context = dma_fence_context_alloc(1);
	INIT_WORK(&queue->work, npu_queue_release_work);
	mutex_init(&queue->scratch_lock);
	INIT_LIST_HEAD(&queue->ready);
	INIT_LIST_HEAD(&queue->jobs);
	atomic_inc(&npu->counts.queues);

	spin_lock_irq(&npu->lock);
	list_add_tail(&queue->link, &npu->queues);
	queue->dead = npu->gone;
	spin_unlock_irq(&npu->lock);

	ret = xa_alloc(&client->queues, &args->handle, queue, XA_LIMIT(1, NPU_MAX_OBJECTS),
		       GFP_KERNEL_ACCOUNT);
	if (ret)
		npu_queue_put(queue);
	return ret == -EBUSY ? -ENOSPC : ret;
}

int npu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_destroy *args = data;
	struct npu_client *client = file->driver_priv;
	struct npu_queue *queue;

	if (args->pad) {
		drm_dbg(drm, "queue_destroy: pad is not zero\n");
		return -EINVAL;
	}
	queue = xa_erase(&client->queues, args->handle);
	if (!queue) {
		drm_dbg(drm, "queue_destroy: no queue %u\n", args->handle);
		return -ENOENT;
	}
	npu_queue_kill(queue, -ECANCELED);
	npu_queue_put(queue);
	return 0;
}

int npu_ioctl_cancel(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_cancel *args = data;
	struct npu_queue *queue;
	int ret;

	if (args->pad || args->count) {
		drm_dbg(drm, "cancel: pad or count is not zero\n");
		return -EINVAL;
	}
	queue = npu_queue_find(file->driver_priv, args->queue);
	if (!queue) {
		drm_dbg(drm, "cancel: no queue %u\n", args->queue);
		return -ENOENT;
	}
	ret = npu_queue_cancel(queue, args->cookie);
	npu_queue_put(queue);
	if (ret < 0)
		return ret;
	args->count = ret;
	return 0;
}
