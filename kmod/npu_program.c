// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs: copied in once, validated once, then constant.
 *
 * After validation nothing that user space can write decides an address, a loop count or a
 * branch, so a job needs no check while it runs.
 */
#include <linux/bitmap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <drm/drm_print.h>

#include "npu_drv.h"

static void npu_program_release(struct kref *kref)
{
	struct npu_program *program = container_of(kref, struct npu_program, kref);

	atomic_dec(&program->npu->counts.programs);
	kvfree(program->insns);
	kvfree(program->consts);
	kfree(program->needs);
	bitmap_free(program->large);
	npu_user_uncharge(program->user, program->charged);
	npu_user_put(program->user);
	kfree(program);
}

void npu_program_put(struct npu_program *program)
{
	kref_put(&program->kref, npu_program_release);
}

struct npu_program *npu_program_find(struct npu_client *client, u32 handle)
{
	struct npu_program *program;

	xa_lock(&client->programs);
	program = xa_load(&client->programs, handle);
	if (program)
		kref_get(&program->kref);
	xa_unlock(&client->programs);
	return program;
}

static int npu_program_check_args(struct drm_device *drm,
				  const struct drm_npu_program_create *args)
{
	const char *field = NULL;

	if (args->flags)
		field = "flags";
	else if (args->handle)
		field = "handle";
	else if (!args->isa_version || args->isa_version > NPU_ISA_VERSION)
		field = "isa_version";
	else if (!args->insn_count || args->insn_count > NPU_MAX_INSNS)
		field = "insn_count";
	else if (args->const_size > NPU_MAX_CONSTS)
		field = "const_size";
	else if (!args->const_size && args->consts)
		field = "consts";
	else if (args->slot_count > NPU_MAX_SLOTS)
		field = "slot_count";
	if (!field)
		return 0;
	drm_dbg(drm, "program_create: %s is out of range\n", field);
	return -EINVAL;
}

/* Memory that cannot be swapped out: it counts against the user's limit and the memory cgroup. */
static void *npu_program_copy(struct npu_program *program, u64 address, size_t bytes)
{
	void *copy;

	if (npu_user_charge(program->user, bytes))
		return ERR_PTR(-ENOMEM);
	program->charged += bytes;
	copy = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, u64_to_user_ptr(address), bytes)) {
		kvfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}

/* What a program claims to need is what older drivers go by, so it has to be true. */
static int npu_program_validate(struct drm_device *drm, struct npu_program *program, u32 const_size,
				u32 isa_version)
{
	struct npu_fault fault;
	u32 i;

	for (i = 0; i < program->insn_count; i++) {
		if (!npu_insn_validate(&program->insns[i], program->consts, const_size,
				       program->slot_count, program->needs, &program->cost,
				       &fault)) {
			drm_dbg(drm, "program_create: instruction %u: %s %s\n", i, fault.field,
				fault.reason);
			return -EINVAL;
		}
		if (npu_insn_version(&program->insns[i]) > isa_version) {
			drm_dbg(drm, "program_create: instruction %u is newer than isa_version %u\n",
				i, isa_version);
			return -EINVAL;
		}
		if (i % 64 == 63) {
			if (fatal_signal_pending(current))
				return -EINTR;
			cond_resched();
		}
	}
	for (i = 0; i < program->slot_count; i++) {
		if (!program->needs[i].bytes) {
			drm_dbg(drm, "program_create: slot %u is not used\n", i);
			return -EINVAL;
		}
	}
	return 0;
}

/* Mark what is worth sharing, once, so that a core finds the next at no cost. */
static int npu_program_mark(struct npu_program *program)
{
	struct npu_device *npu = program->npu;
	u32 i;

	if (npu->core_count < 2)
		return 0;
	program->large = bitmap_zalloc(program->insn_count, GFP_KERNEL_ACCOUNT);
	if (!program->large)
		return -ENOMEM;
	for (i = 0; i < program->insn_count; i++)
		if (npu_share_large(npu, &program->insns[i]))
			__set_bit(i, program->large);
	return 0;
}

int npu_ioctl_program_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_program_create *args = data;
	struct npu_client *client = file->driver_priv;
	struct npu_program *program;
	void *copy;
	int ret;

	ret = npu_program_check_args(drm, args);
	if (ret)
		return ret;

	program = kzalloc(sizeof(*program), GFP_KERNEL_ACCOUNT);
	if (!program)
		return -ENOMEM;
	kref_init(&program->kref);
	program->npu = client->npu;
	program->user = npu_user_ref(client->user);
	program->insn_count = args->insn_count;
	program->slot_count = args->slot_count;
	atomic_inc(&client->npu->counts.programs);

	copy = npu_program_copy(program, args->insns, (size_t)args->insn_count * NPU_INSN_SIZE);
	if (IS_ERR(copy)) {
		ret = PTR_ERR(copy);
		goto err_put;
	}
	program->insns = copy;
	if (args->const_size) {
		copy = npu_program_copy(program, args->consts, args->const_size);
		if (IS_ERR(copy)) {
			ret = PTR_ERR(copy);
			goto err_put;
		}
		program->consts = copy;
	}
	program->needs = kcalloc(max(args->slot_count, 1u), sizeof(*program->needs),
				 GFP_KERNEL_ACCOUNT);
	if (!program->needs) {
		ret = -ENOMEM;
		goto err_put;
	}
	ret = npu_program_validate(drm, program, args->const_size, args->isa_version);
	if (ret)
		goto err_put;
	ret = npu_program_mark(program);
	if (ret)
		goto err_put;

	ret = xa_alloc(&client->programs, &args->handle, program, XA_LIMIT(1, NPU_MAX_OBJECTS),
		       GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_put;
	return 0;

err_put:
	npu_program_put(program);
	return ret == -EBUSY ? -ENOSPC : ret;
}

int npu_ioctl_program_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_npu_destroy *args = data;
	struct npu_client *client = file->driver_priv;
	struct npu_program *program;

	if (args->pad) {
		drm_dbg(drm, "program_destroy: pad is not zero\n");
		return -EINVAL;
	}
	program = xa_erase(&client->programs, args->handle);
	if (!program) {
		drm_dbg(drm, "program_destroy: no program %u\n", args->handle);
		return -ENOENT;
	}
	npu_program_put(program);
	return 0;
}
