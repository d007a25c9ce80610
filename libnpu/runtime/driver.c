// SPDX-License-Identifier: MIT
/* The driver backend: a session's objects in npu.ko, whichever way its jobs are submitted. */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "driver.h"
#include "error.h"
#include "failover.h"

int npu_driver_error(struct npu_error *err, const struct npu_device *device, int code,
		     const char *doing)
{
	const char *path = device->info.path;

	switch (code) {
	case -ENODEV:
		return npu_error_set(err, code,
				     "%s: %s: the device was removed; open it again when "
				     "it is back",
				     path, doing);
	case -ENOMEM:
		return npu_error_set(err, code,
				     "%s: %s: not enough memory, or more than the %" PRIu64
				     " bytes that a user may have bound; close sessions, ask for "
				     "fewer requests, or load npu.ko with a larger pinned_mb=",
				     path, doing, (uint64_t)device->driver.max_pinned);
	case -EINVAL:
		return npu_error_set(err, code,
				     "%s: %s: refused as malformed; install the npu.ko "
				     "and libnpu that belong together (drm.debug=0x2 logs the "
				     "field)",
				     path, doing);
	default:
		return npu_error_set(err, code, "%s: %s: %s", path, doing, strerror(-code));
	}
}

static int check_limits(const struct npu_device *device, const struct npu_program *program,
			struct npu_error *err)
{
	const struct drm_npu_device_info *info = &device->driver;
	const char *path = device->info.path;

	if (program->isa_version > info->isa_version)
		return npu_error_set(err, -EPROTO,
				     "%s: the program has instruction set version %u, "
				     "the device runs up to %u: install a newer npu.ko or open "
				     "NPU_BACKEND_EMBEDDED",
				     path, program->isa_version, info->isa_version);
	if (program->insn_count > info->max_insns || program->const_size > info->max_consts ||
	    program->slot_count > info->max_slots)
		return npu_error_set(
			err, -E2BIG,
			"%s: the program has %u instructions, %u bytes of "
			"constants and %u slots, the device takes %u, %u and %u: use a "
			"smaller model or open NPU_BACKEND_EMBEDDED",
			path, program->insn_count, program->const_size, program->slot_count,
			info->max_insns, info->max_consts, info->max_slots);
	return 0;
}

/* As many queues as cores, but one for a program whose requests run one after another. */
static unsigned int queues_of(const struct npu_device *device, const struct npu_plan *plan,
			      bool ordered)
{
	unsigned int queues = ordered ? 1 : device->driver.cores;

	if (queues > NPU_DRIVER_QUEUES)
		queues = NPU_DRIVER_QUEUES;
	return queues < plan->requests ? queues : plan->requests;
}

int npu_driver_plan(struct npu_plan *plan, const struct npu_device *device,
		    const struct npu_program *program, struct npu_error *err)
{
	bool ordered = npu_program_slot(program, NPU_FILE_SLOT_STATE) != NPU_NO_SLOT;
	uint64_t most = (uint64_t)device->driver.max_queued * queues_of(device, plan, ordered);

	if (plan->requests > most)
		return npu_error_set(err, -EINVAL,
				     "%s: options.requests is %u, at most %" PRIu64
				     " fit the device's queues; open more sessions",
				     device->info.path, plan->requests, most);
	plan->backend_offset =
		npu_plan_add(&plan->heap_bytes, sizeof(struct npu_driver), NPU_SLOT_ALIGN);
	return plan->failover ? npu_failover_plan(plan, program, err) : 0;
}

int npu_driver_plan_binding(struct npu_binding_plan *bound, const struct npu_plan *plan,
			    const struct npu_device *device, const struct npu_program *program,
			    struct npu_error *err)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	int ret = check_limits(device, program, err);

	if (!ret && plan->failover)
		ret = npu_failover_plan_binding(bound, program, err);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < program->slot_count; i++) {
		uint32_t kind = program->slots[i].kind;

		if (kind == NPU_FILE_SLOT_WEIGHTS || kind == NPU_FILE_SLOT_STATE)
			bound->slot_offset[i] = npu_plan_add(
				&bound->device_bytes, program->slots[i].bytes, NPU_PAGE_BYTES);
	}
	npu_binding_plan_io(bound, plan, program, &bound->device_bytes);
	/* The driver's buffers are whole pages. */
	bound->device_bytes = (bound->device_bytes + page - 1) / page * page;
	return 0;
}

static int driver_ioctl(const struct npu_device *device, unsigned long call, void *argument,
			const char *doing, struct npu_error *err)
{
	if (drmIoctl(device->fd, call, argument))
		return npu_driver_error(err, device, -errno, doing);
	return 0;
}

static int create_buffer(struct npu_session *session, struct npu_binding *binding,
			 struct npu_error *err)
{
	const struct npu_device *device = session->device;
	struct drm_npu_bo_create create = { .size = binding->plan.device_bytes };
	struct drm_npu_bo_mmap_offset where = { 0 };
	void *map;
	int ret;

	/* A program without weights and state, whose inputs and outputs are another's. */
	if (!create.size)
		return 0;
	ret = driver_ioctl(device, DRM_IOCTL_NPU_BO_CREATE, &create, "creating the buffer", err);
	if (ret)
		return ret;
	binding->bo = create.handle;
	where.handle = create.handle;
	ret = driver_ioctl(device, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &where, "mapping the buffer", err);
	if (ret)
		return ret;
	map = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, where.offset);
	if (map == MAP_FAILED)
		return npu_driver_error(err, device, -errno, "mapping the buffer");
	binding->map = map;
	return 0;
}

/* Buffers are zero at first, as a state has to be. */
static void fill_buffer(struct npu_session *session, struct npu_binding *binding)
{
	const struct npu_program *program = binding->program;

	npu_binding_place(session, binding, binding->map);
	for (uint32_t i = 0; i < program->slot_count; i++) {
		uint32_t kind = program->slots[i].kind;

		if (kind != NPU_FILE_SLOT_WEIGHTS && kind != NPU_FILE_SLOT_STATE)
			continue;
		binding->slot_base[i] = binding->map + binding->plan.slot_offset[i];
		if (kind == NPU_FILE_SLOT_WEIGHTS)
			memcpy(binding->slot_base[i], program->weights, program->slots[i].bytes);
	}
}

static int create_program(struct npu_session *session, struct npu_binding *binding,
			  struct npu_error *err)
{
	const struct npu_program *program = binding->program;
	struct drm_npu_program_create create = {
		.insns = (uintptr_t)program->insns,
		.consts = (uintptr_t)program->consts,
		.insn_count = program->insn_count,
		.const_size = program->const_size,
		.slot_count = program->slot_count,
		.isa_version = program->isa_version,
	};
	int ret = driver_ioctl(session->device, DRM_IOCTL_NPU_PROGRAM_CREATE, &create,
			       "creating the program", err);

	binding->handle = ret ? 0 : create.handle;
	return ret;
}

static int create_launch(struct npu_session *session, struct npu_binding *binding,
			 struct npu_error *err)
{
	static const uint32_t kind[] = {
		[NPU_FILE_SLOT_WEIGHTS] = DRM_NPU_SLOT_FIXED,
		[NPU_FILE_SLOT_IO] = DRM_NPU_SLOT_INDEXED,
		[NPU_FILE_SLOT_SCRATCH] = DRM_NPU_SLOT_SCRATCH,
		[NPU_FILE_SLOT_STATE] = DRM_NPU_SLOT_FIXED,
	};
	const struct npu_program *program = binding->program;
	struct drm_npu_slot slots[NPU_MAX_SLOTS] = { 0 };
	struct drm_npu_launch_create create = {
		.slots = (uintptr_t)slots,
		.slot_count = program->slot_count,
		.program = binding->handle,
		.count = session->plan.requests,
	};
	int ret;

	for (uint32_t i = 0; i < program->slot_count; i++) {
		const struct npu_binding *owner = binding;

		slots[i].kind = kind[program->slots[i].kind];
		if (slots[i].kind == DRM_NPU_SLOT_SCRATCH)
			continue;
		if (slots[i].kind == DRM_NPU_SLOT_INDEXED && binding->plan.shares_io)
			owner = &session->bindings[0];
		slots[i].bo = owner->bo;
		slots[i].offset = owner->plan.slot_offset[i];
		slots[i].stride = binding->slot_stride[i];
	}
	ret = driver_ioctl(session->device, DRM_IOCTL_NPU_LAUNCH_CREATE, &create,
			   "binding the program to its buffer", err);
	binding->launch = ret ? 0 : create.handle;
	return ret;
}

/* Destroying can only fail when the device is gone, and then there is nothing to destroy. */
static void destroy(const struct npu_device *device, unsigned long call, uint32_t handle)
{
	struct drm_npu_destroy argument = { .handle = handle };

	if (handle)
		drmIoctl(device->fd, call, &argument);
}

int npu_driver_bind(struct npu_session *session, struct npu_binding *binding, struct npu_error *err)
{
	int ret = create_buffer(session, binding, err);

	if (!ret) {
		fill_buffer(session, binding);
		ret = create_program(session, binding, err);
	}
	if (!ret)
		ret = create_launch(session, binding, err);
	if (ret)
		npu_driver_unbind(session, binding);
	return ret;
}

void npu_driver_unbind(struct npu_session *session, struct npu_binding *binding)
{
	const struct npu_device *device = session->device;

	destroy(device, DRM_IOCTL_NPU_LAUNCH_DESTROY, binding->launch);
	destroy(device, DRM_IOCTL_NPU_PROGRAM_DESTROY, binding->handle);
	if (binding->map)
		munmap(binding->map, binding->plan.device_bytes);
	if (binding->bo)
		drmCloseBufferHandle(device->fd, binding->bo);
	binding->launch = 0;
	binding->handle = 0;
	binding->map = NULL;
	binding->bo = 0;
}

int npu_driver_open(struct npu_session *session, struct npu_error *err)
{
	struct npu_driver *driver = session->backend;
	unsigned int wanted = queues_of(session->device, &session->plan, session->ordered);

	while (driver->queues < wanted) {
		struct drm_npu_queue_create create = { .priority = DRM_NPU_PRIORITY_NORMAL };
		int ret = driver_ioctl(session->device, DRM_IOCTL_NPU_QUEUE_CREATE, &create,
				       "creating a queue", err);

		if (ret) {
			npu_driver_close(session);
			return ret;
		}
		driver->queue[driver->queues++] = create.handle;
	}
	for (unsigned int i = 0; i < session->plan.requests; i++)
		session->requests[i].queue = driver->queue[i % driver->queues];
	return 0;
}

void npu_driver_close(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;

	while (driver->queues)
		destroy(session->device, DRM_IOCTL_NPU_QUEUE_DESTROY,
			driver->queue[--driver->queues]);
}

void npu_driver_drain(struct npu_session *session)
{
	int ret = 0;

	/* What ends now is not wanted any more. */
	session->plan.failover = false;
	npu_driver_close(session);
	pthread_mutex_lock(&session->lock);
	for (unsigned int i = 0; !ret && i < session->plan.requests; i++) {
		const struct npu_request *request = &session->requests[i];

		while (!ret && npu_request_phase(request) == NPU_PHASE_QUEUED &&
		       request->waiter != NPU_WAITER_RING)
			ret = session->ops->wait(session, UINT64_MAX);
	}
	pthread_mutex_unlock(&session->lock);
}

int npu_driver_cancel(struct npu_request *request)
{
	struct drm_npu_cancel cancel = { .queue = request->queue, .cookie = request->index };

	if (npu_request_phase(request) != NPU_PHASE_QUEUED)
		return -ENOENT;
	return drmIoctl(request->session->device->fd, DRM_IOCTL_NPU_CANCEL, &cancel) ? -errno : 0;
}
