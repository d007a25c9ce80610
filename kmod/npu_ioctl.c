// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl face: QUERY and SUBMIT. What makes and destroys an object stands with the object.
 */
#include <linux/dma-fence-chain.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_print.h>
#include <drm/drm_syncobj.h>

#include "backend/npu_backend.h"
#include "npu_drv.h"

static void npu_query_device(struct npu_device *npu, struct drm_npu_device_info *info)
{
	*info = (struct drm_npu_device_info){
		.uapi_major = NPU_UAPI_VERSION_MAJOR,
		.uapi_minor = NPU_UAPI_VERSION_MINOR,
		.isa_version = NPU_ISA_VERSION,
		.isa_features = npu->isa_features,
		.features = IS_ENABLED(CONFIG_IO_URING) ?
				DRM_NPU_FEATURE_URING | DRM_NPU_FEATURE_URING_CANCEL : 0,
		.cores = npu->core_count,
		.max_insns = NPU_MAX_INSNS,
		.max_consts = NPU_MAX_CONSTS,
		.max_slots = NPU_MAX_SLOTS,
		.max_jobs = NPU_MAX_JOBS,
		.max_queued = NPU_MAX_QUEUED,
		.max_syncs = NPU_MAX_SYNCS,
		.max_pinned = npu_user_limit(),
		.backlog_ns = NPU_BACKLOG_NS,
	};
	strscpy(info->backend, npu->backend->name);
	strscpy(info->variant, npu_variant_name(npu->variant));
}

int npu_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_query *args = data;
	struct drm_npu_device_info info;

	if (args->type != DRM_NPU_QUERY_DEVICE) {
		drm_dbg(drm, "query: unknown type %u\n", args->type);
		return -EINVAL;
	}
	if (args->data) {
		npu_query_device(to_npu(drm), &info);
		if (copy_to_user(u64_to_user_ptr(args->data), &info,
				 min_t(size_t, args->size, sizeof(info))))
			return -EFAULT;
	}
	args->size = sizeof(info);
	return 0;
}

/**
 * struct npu_signal - a point that gets a job's fence
 * @syncobj: referenced
 * @chain: allocated beforehand; NULL for a binary syncobj
 * @point: on the timeline
 */
struct npu_signal {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
};

/**
 * struct npu_submission - a job of one SUBMIT, until it is published
 * @desc: as user space wrote it
 * @signals: [desc.out_count]
 * @signal_count: how many of them are filled
 */
struct npu_submission {
	struct drm_npu_submit_job desc;
	struct npu_signal *signals;
	u32 signal_count;
};

static struct drm_npu_sync *npu_copy_syncs(struct drm_device *drm, u64 address, u32 count)
{
	struct drm_npu_sync *syncs;
	u32 i;

	syncs = memdup_array_user(u64_to_user_ptr(address), count, sizeof(*syncs));
	if (IS_ERR(syncs))
		return syncs;
	for (i = 0; i < count; i++) {
		if (syncs[i].pad) {
			drm_dbg(drm, "submit: pad of sync %u is not zero\n", i);
			kfree(syncs);
			return ERR_PTR(-EINVAL);
		}
	}
	return syncs;
}

static int npu_submit_waits(struct drm_file *file, const struct drm_npu_submit_job *desc,
			    struct npu_job *job)
{
	struct drm_device *drm = file->minor->dev;
	struct drm_npu_sync *syncs;
	struct dma_fence *fence;
	int ret = 0;
	u32 i;

	if (!desc->in_count)
		return 0;
	syncs = npu_copy_syncs(drm, desc->in_syncs, desc->in_count);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	job->waits = kcalloc(desc->in_count, sizeof(*job->waits), GFP_KERNEL_ACCOUNT);
	if (!job->waits)
		ret = -ENOMEM;
	for (i = 0; !ret && i < desc->in_count; i++) {
		ret = drm_syncobj_find_fence(file, syncs[i].handle, syncs[i].point, 0, &fence);
		if (ret) {
			drm_dbg(drm, "submit: in_syncs[%u]: no such syncobj, or no fence yet\n", i);
			break;
		}
		ret = npu_job_add_wait(job, fence);
	}
	kfree(syncs);
	return ret;
}

static int npu_submit_signal(struct drm_file *file, const struct drm_npu_sync *sync,
			     struct npu_signal *signal)
{
	signal->point = sync->point;
	if (sync->point) {
		signal->chain = dma_fence_chain_alloc();
		if (!signal->chain)
			return -ENOMEM;
	}
	signal->syncobj = drm_syncobj_find(file, sync->handle);
	if (!signal->syncobj) {
		dma_fence_chain_free(signal->chain);
		signal->chain = NULL;
		return -ENOENT;
	}
	return 0;
}

static int npu_submit_signals(struct drm_file *file, struct npu_submission *submission,
			      struct npu_job *job)
{
	const struct drm_npu_submit_job *desc = &submission->desc;
	struct drm_device *drm = file->minor->dev;
	struct drm_npu_sync *syncs;
	int ret = 0;

	if (desc->out_count && job->launch->imported_write) {
		drm_dbg(drm, "submit: out_syncs: the job writes an imported buffer\n");
		return -EINVAL;
	}
	if (desc->out_count || (job->launch->shared && !job->launch->imported_write)) {
		job->fence = npu_fence_alloc();
		if (!job->fence)
			return -ENOMEM;
	}
	if (!desc->out_count)
		return 0;
	syncs = npu_copy_syncs(drm, desc->out_syncs, desc->out_count);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	submission->signals = kcalloc(desc->out_count, sizeof(*submission->signals),
				      GFP_KERNEL_ACCOUNT);
	if (!submission->signals)
		ret = -ENOMEM;
	while (!ret && submission->signal_count < desc->out_count) {
		u32 i = submission->signal_count;

		ret = npu_submit_signal(file, &syncs[i], &submission->signals[i]);
		if (ret)
			drm_dbg(drm, "submit: out_syncs[%u]: no syncobj %u\n", i, syncs[i].handle);
		else
			submission->signal_count++;
	}
	kfree(syncs);
	return ret;
}

static bool npu_submit_job_valid(struct drm_device *drm, const struct drm_npu_submit_job *desc)
{
	const char *field = NULL;

	if (desc->flags)
		field = "flags";
	else if (desc->pad)
		field = "pad";
	else if (desc->in_count > NPU_MAX_SYNCS || (!desc->in_count && desc->in_syncs))
		field = "in_count";
	else if (desc->out_count > NPU_MAX_SYNCS || (!desc->out_count && desc->out_syncs))
		field = "out_count";
	if (field)
		drm_dbg(drm, "submit: %s of a job is out of range\n", field);
	return !field;
}

static int npu_submit_prepare(struct drm_file *file, struct npu_submission *submission,
			      struct npu_job **out)
{
	struct npu_job *job;
	int ret;

	if (!npu_submit_job_valid(file->minor->dev, &submission->desc))
		return -EINVAL;
	job = npu_job_create(file->driver_priv, &submission->desc.job, false);
	if (IS_ERR(job))
		return PTR_ERR(job);
	ret = npu_submit_signals(file, submission, job);
	if (!ret)
		ret = npu_submit_waits(file, &submission->desc, job);
	if (ret) {
		npu_job_free(job);
		return ret;
	}
	*out = job;
	return 0;
}

/* Give the points their fence; takes the reference over. */
static void npu_submit_attach(struct npu_submission *submission, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < submission->signal_count; i++) {
		struct npu_signal *signal = &submission->signals[i];

		if (signal->chain)
			drm_syncobj_add_point(signal->syncobj, signal->chain, fence, signal->point);
		else
			drm_syncobj_replace_fence(signal->syncobj, fence);
		signal->chain = NULL;
	}
	dma_fence_put(fence);
}

static void npu_submission_free(struct npu_submission *submission)
{
	u32 i;

	for (i = 0; i < submission->signal_count; i++) {
		dma_fence_chain_free(submission->signals[i].chain);
		drm_syncobj_put(submission->signals[i].syncobj);
	}
	kfree(submission->signals);
}

static int npu_submit_publish(struct npu_job **jobs, u32 count, struct dma_fence **fences)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (jobs[i]->launch->shared)
			return npu_access_publish(jobs, count, fences);
	return npu_job_publish(jobs, count, fences);
}

static int npu_submit_all(struct drm_file *file, struct npu_submission *submissions, u32 count,
			  struct npu_job **jobs, struct dma_fence **fences)
{
	u32 i, made;
	int ret = 0;

	for (made = 0; made < count; made++) {
		ret = npu_submit_prepare(file, &submissions[made], &jobs[made]);
		if (ret)
			break;
	}
	if (!ret)
		ret = npu_submit_publish(jobs, count, fences);
	if (ret) {
		for (i = 0; i < made; i++)
			npu_job_free(jobs[i]);
		return ret;
	}
	for (i = 0; i < count; i++)
		npu_submit_attach(&submissions[i], fences[i]);
	return 0;
}

int npu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_submit *args = data;
	const struct drm_npu_submit_job __user *user = u64_to_user_ptr(args->jobs);
	struct npu_submission *submissions;
	struct dma_fence **fences;
	struct npu_job **jobs;
	int ret = 0;
	u32 i;

	if (args->flags || !args->job_count || args->job_count > NPU_MAX_JOBS) {
		drm_dbg(drm, "submit: flags is not zero, or job_count not in 1 to %u\n",
			NPU_MAX_JOBS);
		return -EINVAL;
	}
	submissions = kcalloc(args->job_count,
			      sizeof(*submissions) + sizeof(*jobs) + sizeof(*fences),
			      GFP_KERNEL_ACCOUNT);
	if (!submissions)
		return -ENOMEM;
	jobs = (void *)(submissions + args->job_count);
	fences = (void *)(jobs + args->job_count);
	for (i = 0; !ret && i < args->job_count; i++)
		if (copy_from_user(&submissions[i].desc, &user[i], sizeof(*user)))
			ret = -EFAULT;
	if (!ret)
		ret = npu_submit_all(file, submissions, args->job_count, jobs, fences);
	for (i = 0; i < args->job_count; i++)
		npu_submission_free(&submissions[i]);
	kfree(submissions);
	return ret;
}
