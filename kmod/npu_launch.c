// SPDX-License-Identifier: GPL-2.0-only
/*
 * Launches: a program bound to memory. Pages are pinned and mapped here, so that a job needs
 * only additions to find its data.
 */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "backend/npu_backend.h"
#include "npu_drv.h"

static void npu_launch_unbind(struct npu_launch *launch)
{
	u32 i;

	for (i = 0; i < launch->program->slot_count; i++) {
		struct npu_binding *binding = &launch->bindings[i];

		if (!binding->obj)
			continue;
		if (binding->base)
			npu_gem_unpin(binding->obj, &binding->map);
		drm_gem_object_put(binding->obj);
		*binding = (struct npu_binding){};
	}
	launch->scratch_bytes = 0;
	launch->shared = false;
	launch->imported_write = false;
}

static void npu_launch_release_work(struct work_struct *work)
{
	struct npu_launch *launch = container_of(work, struct npu_launch, work);

	npu_launch_unbind(launch);
	npu_program_put(launch->program);
	atomic_dec(&launch->npu->counts.launches);
	drm_dev_put(&launch->npu->drm);
	kvfree(launch);
}

static void npu_launch_release(struct kref *kref)
{
	struct npu_launch *launch = container_of(kref, struct npu_launch, kref);

	queue_work(npu_release_queue, &launch->work);
}

void npu_launch_put(struct npu_launch *launch)
{
	kref_put(&launch->kref, npu_launch_release);
}

struct npu_launch *npu_launch_find(struct npu_client *client, u32 handle)
{
	struct npu_launch *launch;

	xa_lock(&client->launches);
	launch = xa_load(&client->launches, handle);
	if (launch)
		kref_get(&launch->kref);
	xa_unlock(&client->launches);
	return launch;
}

static int npu_launch_bind_scratch(struct drm_device *drm, struct npu_launch *launch, u32 i,
				   const struct drm_npu_slot *slot)
{
	u64 bytes = ALIGN(launch->program->needs[i].bytes, (u64)NPU_SLOT_ALIGN);

	if (slot->bo || slot->offset || slot->stride) {
		drm_dbg(drm, "launch_create: slot %u is scratch, bo, offset and stride must be 0\n",
			i);
		return -EINVAL;
	}
	launch->bindings[i].scratch_offset = launch->scratch_bytes;
	launch->scratch_bytes += bytes;
	return 0;
}

/* The furthest byte that any index reaches, plus one; false if it cannot be. */
static bool npu_launch_extent(const struct npu_launch *launch, u32 i,
			      const struct drm_npu_slot *slot, u64 *end)
{
	u64 last;

	if (check_mul_overflow(slot->stride, (u64)launch->count - 1, &last) ||
	    check_add_overflow(last, slot->offset, &last) ||
	    check_add_overflow(last, launch->program->needs[i].bytes, end))
		return false;
	return true;
}

static int npu_launch_bind_buffer(struct drm_device *drm, struct drm_file *file,
				  struct npu_launch *launch, u32 i, const struct drm_npu_slot *slot)
{
	const struct npu_slot_need *need = &launch->program->needs[i];
	struct npu_binding *binding = &launch->bindings[i];
	struct npu_client *client = file->driver_priv;
	bool written = need->access & NPU_SLOT_WRITE;
	u64 end;
	int ret;

	if (!IS_ALIGNED(slot->offset | slot->stride, NPU_SLOT_ALIGN)) {
		drm_dbg(drm, "launch_create: slot %u: offset or stride not a multiple of %u\n", i,
			NPU_SLOT_ALIGN);
		return -EINVAL;
	}
	if (slot->kind == DRM_NPU_SLOT_FIXED && slot->stride) {
		drm_dbg(drm, "launch_create: slot %u is fixed, stride must be 0\n", i);
		return -EINVAL;
	}
	if (slot->kind == DRM_NPU_SLOT_INDEXED && written && launch->count > 1 &&
	    slot->stride < need->bytes) {
		drm_dbg(drm, "launch_create: slot %u is written, indices overlap\n", i);
		return -EINVAL;
	}
	binding->obj = drm_gem_object_lookup(file, slot->bo);
	if (!binding->obj) {
		drm_dbg(drm, "launch_create: slot %u: no buffer %u\n", i, slot->bo);
		return -ENOENT;
	}
	if (!npu_launch_extent(launch, i, slot, &end) || end > binding->obj->size) {
		drm_dbg(drm, "launch_create: slot %u ends outside its buffer of %zu bytes\n", i,
			binding->obj->size);
		return -ENOSPC;
	}
	ret = npu_gem_pin(binding->obj, client->user, &binding->map);
	if (ret)
		return ret;
	binding->base = (u8 *)binding->map.vaddr + slot->offset;
	binding->stride = slot->stride;
	launch->shared |= npu_gem_is_shared(binding->obj);
	launch->imported_write |= written && binding->obj->import_attach;
	return 0;
}

static int npu_launch_bind(struct drm_device *drm, struct drm_file *file,
			   struct npu_launch *launch, const struct drm_npu_slot *slots)
{
	int ret;
	u32 i;

	for (i = 0; i < launch->program->slot_count; i++) {
		switch (slots[i].kind) {
		case DRM_NPU_SLOT_FIXED:
		case DRM_NPU_SLOT_INDEXED:
			ret = npu_launch_bind_buffer(drm, file, launch, i, &slots[i]);
			break;
		case DRM_NPU_SLOT_SCRATCH:
			ret = npu_launch_bind_scratch(drm, launch, i, &slots[i]);
			break;
		default:
			drm_dbg(drm, "launch_create: slot %u: unknown kind %u\n", i, slots[i].kind);
			ret = -EINVAL;
		}
		if (ret)
			return ret;
	}
	if (launch->scratch_bytes > npu_user_limit())
		return -ENOMEM;
	return 0;
}

int npu_ioctl_launch_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_launch_create *args = data;
	struct npu_client *client = file->driver_priv;
	struct drm_npu_slot *slots = NULL;
	struct npu_program *program;
	struct npu_launch *launch;
	int ret;

	if (args->flags || args->handle || args->pad || !args->count) {
		drm_dbg(drm, "launch_create: flags, handle or pad is not zero, or count is\n");
		return -EINVAL;
	}
	program = npu_program_find(client, args->program);
	if (!program) {
		drm_dbg(drm, "launch_create: no program %u\n", args->program);
		return -ENOENT;
	}
	if (args->slot_count != program->slot_count || (!args->slot_count && args->slots)) {
		drm_dbg(drm, "launch_create: slot_count is %u, the program has %u\n",
			args->slot_count, program->slot_count);
		ret = -EINVAL;
		goto err_program;
	}
	if (args->slot_count) {
		slots = memdup_array_user(u64_to_user_ptr(args->slots), args->slot_count,
					  sizeof(*slots));
		if (IS_ERR(slots)) {
			ret = PTR_ERR(slots);
			goto err_program;
		}
	}

	launch = kvzalloc(struct_size(launch, bindings, args->slot_count), GFP_KERNEL_ACCOUNT);
	if (!launch) {
		ret = -ENOMEM;
		goto err_slots;
	}
	kref_init(&launch->kref);
	INIT_WORK(&launch->work, npu_launch_release_work);
	launch->npu = client->npu;
	launch->program = program;
	launch->count = args->count;
	/* a full queue of the costliest jobs must not wrap its backlog */
	launch->cost_ns = min_t(u64, client->npu->backend->cost_ns(client->npu, program->cost),
				U64_MAX / (2 * NPU_MAX_QUEUED));
	drm_dev_get(drm);
	atomic_inc(&client->npu->counts.launches);

	ret = npu_launch_bind(drm, file, launch, slots);
	if (ret == -ENOMEM) {
		/* what was destroyed a moment ago may still count */
		npu_launch_unbind(launch);
		flush_workqueue(npu_release_queue);
		ret = npu_launch_bind(drm, file, launch, slots);
	}
	kfree(slots);
	if (!ret)
		ret = xa_alloc(&client->launches, &args->handle, launch,
			       XA_LIMIT(1, NPU_MAX_OBJECTS), GFP_KERNEL_ACCOUNT);
	if (ret)
		npu_launch_put(launch);
	return ret == -EBUSY ? -ENOSPC : ret;

err_slots:
	kfree(slots);
err_program:
	npu_program_put(program);
	return ret;
}

int npu_ioctl_launch_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_destroy *args = data;
	struct npu_client *client = file->driver_priv;
	struct npu_launch *launch;

	if (args->pad) {
		drm_dbg(drm, "launch_destroy: pad is not zero\n");
		return -EINVAL;
	}
	launch = xa_erase(&client->launches, args->handle);
	if (!launch) {
		drm_dbg(drm, "launch_destroy: no launch %u\n", args->handle);
		return -ENOENT;
	}
	npu_launch_put(launch);
	return 0;
}
