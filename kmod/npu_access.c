// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs that use shareable or imported buffers: others may be using those too.
 *
 * Such a job is published with the reservation locks of its buffers held, after the fences in
 * them have signalled, and leaves its own fence there. CPU access to an imported buffer begins
 * before and ends after the job. Since ending it may need the exporter's locks and memory, a job
 * that writes an imported buffer publishes no fence that anybody could wait for.
 *
 * Nobody waits with the locks held: a fence of somebody else may take its time, or never come,
 * and other users of the buffer would stand in line uninterruptibly. And exporters take the lock
 * to begin CPU access. So: wait, begin, lock, look whether a fence has come meanwhile, and if so
 * start again.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>

#include "npu_drv.h"

static bool npu_binding_written(const struct npu_launch *launch, u32 i)
{
	return launch->program->needs[i].access & NPU_SLOT_WRITE;
}

static bool npu_binding_shared(const struct npu_launch *launch, u32 i)
{
	return launch->bindings[i].obj && npu_gem_is_shared(launch->bindings[i].obj);
}

static struct dma_buf *npu_binding_imported(const struct npu_launch *launch, u32 i)
{
	struct drm_gem_object *obj = launch->bindings[i].obj;

	return obj && obj->import_attach ? obj->import_attach->dmabuf : NULL;
}

static enum dma_data_direction npu_binding_direction(const struct npu_launch *launch, u32 i)
{
	return npu_binding_written(launch, i) ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
}

static void npu_access_end_first(const struct npu_launch *launch, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct dma_buf *dmabuf = npu_binding_imported(launch, i);

		if (dmabuf)
			dma_buf_end_cpu_access(dmabuf, npu_binding_direction(launch, i));
	}
}

/* Begin CPU access to the imported buffers of a job that is not published. May sleep. */
static int npu_access_begin(struct npu_job *job)
{
	const struct npu_launch *launch = job->launch;
	u32 i;
	int ret;

	for (i = 0; i < launch->program->slot_count; i++) {
		struct dma_buf *dmabuf = npu_binding_imported(launch, i);

		if (!dmabuf)
			continue;
		ret = dma_buf_begin_cpu_access(dmabuf, npu_binding_direction(launch, i));
		if (ret) {
			npu_access_end_first(launch, i);
			job->end_access = false;
			return ret;
		}
		job->end_access = true;
	}
	return 0;
}

void npu_access_end(struct npu_job *job)
{
	if (!job->end_access)
		return;
	job->end_access = false;
	npu_access_end_first(job->launch, job->launch->program->slot_count);
}

/* Fences that the jobs may add to one buffer: as many as they have bindings to shared ones. */
static unsigned int npu_access_count(struct npu_job *const *jobs, unsigned int count)
{
	unsigned int j, bindings = 0;
	u32 i;

	for (j = 0; j < count; j++)
		for (i = 0; i < jobs[j]->launch->program->slot_count; i++)
			bindings += npu_binding_shared(jobs[j]->launch, i);
	return bindings;
}

static int npu_access_lock(struct drm_exec *exec, struct npu_job *const *jobs, unsigned int count)
{
	unsigned int j, fences = npu_access_count(jobs, count);
	u32 i;
	int ret;

	for (j = 0; j < count; j++) {
		const struct npu_launch *launch = jobs[j]->launch;

		for (i = 0; i < launch->program->slot_count; i++) {
			if (!npu_binding_shared(launch, i))
				continue;
			ret = drm_exec_prepare_obj(exec, launch->bindings[i].obj, fences);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static enum dma_resv_usage npu_binding_waits_for(const struct npu_launch *launch, u32 i)
{
	return dma_resv_usage_rw(npu_binding_written(launch, i));
}

/* Wait for what others do with the buffers of a job; no lock is held. */
static int npu_access_wait(const struct npu_launch *launch)
{
	long ret;
	u32 i;

	for (i = 0; i < launch->program->slot_count; i++) {
		if (!npu_binding_shared(launch, i))
			continue;
		ret = dma_resv_wait_timeout(launch->bindings[i].obj->resv,
					    npu_binding_waits_for(launch, i), true,
					    MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Has everybody else finished with the buffers of a job, whose locks are held? */
static bool npu_access_is_free(const struct npu_launch *launch)
{
	u32 i;

	for (i = 0; i < launch->program->slot_count; i++)
		if (npu_binding_shared(launch, i) &&
		    !dma_resv_test_signaled(launch->bindings[i].obj->resv,
					    npu_binding_waits_for(launch, i)))
			return false;
	return true;
}

/* Leave the fence of a job in its buffers, whose locks are held. */
static void npu_access_add_fence(const struct npu_launch *launch, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < launch->program->slot_count; i++)
		if (npu_binding_shared(launch, i))
			dma_resv_add_fence(launch->bindings[i].obj->resv, fence,
					   npu_binding_written(launch, i) ? DMA_RESV_USAGE_WRITE :
									    DMA_RESV_USAGE_READ);
}

/*
 * Publish with the locks held, or 1: somebody was faster. Fences are added after that, not under
 * the scheduler's lock: adding one may signal another, whose callback takes it. A published job
 * may be gone at once, so @launches keeps what is needed of it.
 */
static int npu_access_publish_locked(struct npu_job *const *jobs, unsigned int count,
				     struct npu_launch **launches, struct dma_fence **fences)
{
	unsigned int j;
	int ret;

	for (j = 0; j < count; j++) {
		if (!npu_access_is_free(jobs[j]->launch))
			return 1;
		launches[j] = jobs[j]->launch;
	}
	for (j = 0; j < count; j++)
		kref_get(&launches[j]->kref);
	ret = npu_job_publish(jobs, count, fences);
	for (j = 0; j < count; j++) {
		if (!ret && fences[j])
			npu_access_add_fence(launches[j], fences[j]);
		npu_launch_put(launches[j]);
	}
	return ret;
}

static int npu_access_lock_and_publish(struct npu_job *const *jobs, unsigned int count,
				       struct npu_launch **launches, struct dma_fence **fences)
{
	struct drm_exec exec;
	int ret = 0;

	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		ret = npu_access_lock(&exec, jobs, count);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;
	}
	if (!ret)
		ret = npu_access_publish_locked(jobs, count, launches, fences);
	drm_exec_fini(&exec);
	return ret;
}

/* npu_job_publish() for jobs of which some use shared buffers; @fences is not NULL. May sleep. */
int npu_access_publish(struct npu_job *const *jobs, unsigned int count, struct dma_fence **fences)
{
	struct npu_launch **launches;
	unsigned int j;
	int ret;

	launches = kcalloc(count, sizeof(*launches), GFP_KERNEL_ACCOUNT);
	if (!launches)
		return -ENOMEM;
	do {
		for (j = 0, ret = 0; !ret && j < count; j++)
			ret = npu_access_wait(jobs[j]->launch);
		for (j = 0; !ret && j < count; j++)
			ret = npu_access_begin(jobs[j]);
		if (!ret)
			ret = npu_access_lock_and_publish(jobs, count, launches, fences);
		for (j = 0; ret && j < count; j++)
			npu_access_end(jobs[j]);
	} while (ret > 0);
	kfree(launches);
	return ret;
}
