// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: fences that outlive the driver's objects
 *
 * A sync_file, a syncobj or a foreign reservation keeps a fence for as long as it likes, and may
 * ask it for its names after the file, the queue and the device are gone. So a fence owns all
 * that its operations touch: its lock, its name. It also holds a reference to the module, whose
 * code its operations are: rmmod answers EAGAIN while a fence lives. The reference is dropped
 * last of all, in an RCU callback, and module exit waits for callbacks to have returned.
 */
#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "npu_drv.h"

struct npu_fence {
	struct dma_fence base;
	spinlock_t lock;
	char timeline[32];
};

static atomic_t npu_fence_count = ATOMIC_INIT(0);

int npu_fences_alive(void)
{
	return atomic_read(&npu_fence_count);
}

static const char *npu_fence_driver_name(struct dma_fence *fence)
{
	return "npu";
}

static const char *npu_fence_timeline_name(struct dma_fence *fence)
{
	return container_of(fence, struct npu_fence, base)->timeline;
}

static void npu_fence_free_rcu(struct rcu_head *head)
{
	struct dma_fence *fence = container_of(head, struct dma_fence, rcu);

	kfree(container_of(fence, struct npu_fence, base));
	atomic_dec(&npu_fence_count);
	module_put(THIS_MODULE);
}

static void npu_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, npu_fence_free_rcu);
}

static const struct dma_fence_ops npu_fence_ops = {
	.get_driver_name = npu_fence_driver_name,
	.get_timeline_name = npu_fence_timeline_name,
	.release = npu_fence_release,
};

/* Memory for a fence, before a job is published; npu_fence_init() makes it one. */
struct dma_fence *npu_fence_alloc(void)
{
	struct npu_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);

	return fence ? &fence->base : NULL;
}

/* Of one that was not initialised. */
void npu_fence_free(struct dma_fence *base)
{
	if (base)
		kfree(container_of(base, struct npu_fence, base));
}

void npu_fence_init(struct dma_fence *base, u64 context, u64 seqno)
{
	struct npu_fence *fence = container_of(base, struct npu_fence, base);

	spin_lock_init(&fence->lock);
	snprintf(fence->timeline, sizeof(fence->timeline), "queue %llu", context);
	/* the caller is in a file operation of this module, which therefore is referenced */
	__module_get(THIS_MODULE);
	atomic_inc(&npu_fence_count);
	dma_fence_init(base, &npu_fence_ops, &fence->lock, context, seqno);
}
