// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exported buffers. DRM's own operations, plus what they lack: the pages are cached, and a device
 * that is not coherent with the caches has to be told before and after the CPU touches them.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "npu_drv.h"

/* Devices to which the buffer is mapped now; their mappings are kept while they are attached. */
static int npu_dmabuf_sync(struct dma_buf *dmabuf, enum dma_data_direction direction,
			   void (*sync)(struct device *dev, struct sg_table *sgt,
					enum dma_data_direction direction))
{
	struct dma_buf_attachment *attach;

	/* not interruptible: an end that is skipped would leave stale lines */
	dma_resv_lock(dmabuf->resv, NULL);
	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (attach->sgt)
			sync(attach->dev, attach->sgt, direction);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static int npu_dmabuf_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	return npu_dmabuf_sync(dmabuf, direction, dma_sync_sgtable_for_cpu);
}

static int npu_dmabuf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	return npu_dmabuf_sync(dmabuf, direction, dma_sync_sgtable_for_device);
}

static const struct dma_buf_ops npu_dmabuf_ops = {
	.cache_sgt_mapping = true,
	.attach = drm_gem_map_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.begin_cpu_access = npu_dmabuf_begin_cpu_access,
	.end_cpu_access = npu_dmabuf_end_cpu_access,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

struct dma_buf *npu_dmabuf_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = obj->dev->driver->fops->owner,
		.ops = &npu_dmabuf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};

	return drm_gem_dmabuf_export(obj->dev, &info);
}

/* One of our own comes back as the buffer that it is. */
struct drm_gem_object *npu_dmabuf_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj;

	if (dmabuf->ops == &npu_dmabuf_ops) {
		obj = dmabuf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}
	return drm_gem_prime_import(drm, dmabuf);
}
