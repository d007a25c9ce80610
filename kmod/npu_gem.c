// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects: cached pages of shmem.
 *
 * A native buffer is mapped into user space through its shmem file, not by a driver's fault
 * handler, because only such pages can be pinned: O_DIRECT reads and registered io_uring buffers
 * then work on it. A buffer without DRM_NPU_BO_SHAREABLE cannot leave the file, so nobody else
 * can put a fence on it and its reservation object stays out of the submit path.
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "npu_drv.h"

/**
 * struct npu_bo - a buffer
 * @base: shmem object
 * @shareable: DRM_NPU_BO_SHAREABLE; constant
 * @pin_lock: guards @pins and @user
 * @pins: bindings of launches that have it mapped
 * @user: charged with its size while there are pins, referenced
 */
struct npu_bo {
	struct drm_gem_shmem_object base;
	bool shareable;
	struct mutex pin_lock;
	u32 pins;
	struct npu_user *user;
};

static struct npu_bo *to_npu_bo(const struct drm_gem_object *obj)
{
	return container_of(obj, struct npu_bo, base.base);
}

bool npu_gem_is_shared(const struct drm_gem_object *obj)
{
	return obj->import_attach || to_npu_bo(obj)->shareable;
}

static void npu_gem_free(struct drm_gem_object *obj)
{
	atomic_dec(&to_npu(obj->dev)->counts.buffers);
	mutex_destroy(&to_npu_bo(obj)->pin_lock);
	drm_gem_shmem_object_free(obj);
}

/*
 * Pin and map a buffer for a launch of @user, who is charged with it; however many bindings it
 * has, it is charged once.
 */
int npu_gem_pin(struct drm_gem_object *obj, struct npu_user *user, struct iosys_map *map)
{
	struct npu_bo *bo = to_npu_bo(obj);
	int ret = 0;

	mutex_lock(&bo->pin_lock);
	if (!bo->pins) {
		ret = npu_user_charge(user, obj->size);
		if (ret) {
			drm_dbg(obj->dev, "launch_create: over the limit of pinned memory\n");
			goto out;
		}
	}
	ret = drm_gem_vmap_unlocked(obj, map);
	if (ret) {
		if (!bo->pins)
			npu_user_uncharge(user, obj->size);
		goto out;
	}
	if (!bo->pins++)
		bo->user = npu_user_ref(user);
out:
	mutex_unlock(&bo->pin_lock);
	return ret;
}

void npu_gem_unpin(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct npu_bo *bo = to_npu_bo(obj);
	struct npu_user *user = NULL;

	mutex_lock(&bo->pin_lock);
	drm_gem_vunmap_unlocked(obj, map);
	if (!--bo->pins)
		swap(user, bo->user);
	mutex_unlock(&bo->pin_lock);
	if (user) {
		npu_user_uncharge(user, obj->size);
		npu_user_put(user);
	}
}

static int npu_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret;

	/* an imported buffer is mapped by its exporter; a private mapping would be a copy */
	if (obj->import_attach || is_cow_mapping(vma->vm_flags))
		return -EINVAL;

	/* the fake offset becomes an offset into the shmem file, which the mapping now refers to */
	vma->vm_pgoff -= drm_vma_node_start(&obj->vma_node);
	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	vma_set_file(vma, obj->filp);
	ret = obj->filp->f_op->mmap(obj->filp, vma);
	if (ret)
		return ret;
	vm_flags_set(vma, VM_DONTEXPAND);
	/* the pages live by the file; the reference that drm_gem_mmap_obj() took has no close */
	drm_gem_object_put(obj);
	return 0;
}

static struct dma_buf *npu_gem_export(struct drm_gem_object *obj, int flags)
{
	if (!to_npu_bo(obj)->shareable) {
		drm_dbg(obj->dev, "export: the buffer was not created with DRM_NPU_BO_SHAREABLE\n");
		return ERR_PTR(-EPERM);
	}
	return npu_dmabuf_export(obj, flags);
}

/* Pages that user space has touched count as much as those that a launch has pinned. */
static size_t npu_gem_rss(struct drm_gem_object *obj)
{
	if (obj->import_attach)
		return obj->size;
	return READ_ONCE(obj->filp->f_mapping->nrpages) << PAGE_SHIFT;
}

static enum drm_gem_object_status npu_gem_status(struct drm_gem_object *obj)
{
	return npu_gem_rss(obj) ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs npu_gem_funcs = {
	.free = npu_gem_free,
	.export = npu_gem_export,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = npu_gem_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
	.status = npu_gem_status,
	.rss = npu_gem_rss,
};

struct drm_gem_object *npu_gem_create_object(struct drm_device *drm, size_t size)
{
	struct npu_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->base.base.funcs = &npu_gem_funcs;
	mutex_init(&bo->pin_lock);
	return &bo->base.base;
}

/* A buffer around the pages of somebody else's dma-buf. */
struct drm_gem_object *npu_gem_import_sg_table(struct drm_device *drm,
					       struct dma_buf_attachment *attach,
					       struct sg_table *sgt)
{
	struct drm_gem_object *obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);

	if (!IS_ERR(obj))
		atomic_inc(&to_npu(drm)->counts.buffers);
	return obj;
}

int npu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_create *args = data;
	struct drm_gem_shmem_object *shmem;
	int ret;

	if (args->flags & ~DRM_NPU_BO_SHAREABLE) {
		drm_dbg(drm, "bo_create: unknown flags 0x%x\n", args->flags);
		return -EINVAL;
	}
	if (args->handle) {
		drm_dbg(drm, "bo_create: handle is not zero\n");
		return -EINVAL;
	}
	if (!args->size || args->size > (u64)totalram_pages() << PAGE_SHIFT) {
		drm_dbg(drm, "bo_create: size %llu is 0 or exceeds RAM\n", args->size);
		return args->size ? -ENOMEM : -EINVAL;
	}

	shmem = drm_gem_shmem_create(drm, PAGE_ALIGN(args->size));
	if (IS_ERR(shmem))
		return PTR_ERR(shmem);
	atomic_inc(&to_npu(drm)->counts.buffers);
	to_npu_bo(&shmem->base)->shareable = args->flags & DRM_NPU_BO_SHAREABLE;

	args->size = shmem->base.size;
	ret = drm_gem_handle_create(file, &shmem->base, &args->handle);
	drm_gem_object_put(&shmem->base);
	return ret;
}

int npu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (args->pad || args->offset) {
		drm_dbg(drm, "bo_mmap_offset: pad or offset is not zero\n");
		return -EINVAL;
	}
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj) {
		drm_dbg(drm, "bo_mmap_offset: no buffer %u\n", args->handle);
		return -ENOENT;
	}
	if (obj->import_attach) {
		drm_dbg(drm, "bo_mmap_offset: buffer %u is imported\n", args->handle);
		ret = -EINVAL;
		goto out;
	}
	ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
out:
	drm_gem_object_put(obj);
	return ret;
}
