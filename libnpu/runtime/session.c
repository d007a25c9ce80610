// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "session.h"

uint64_t npu_plan_add(uint64_t *end, uint64_t bytes, uint64_t align)
{
	uint64_t offset = (*end + align - 1) & ~(align - 1);

	*end = offset + bytes;
	return offset;
}

/* A state is of a queue of its own, and jobs of a ring may overtake each other on their way. */
static const struct npu_backend_ops *ops_for(const struct npu_device *device,
					     const struct npu_program *program)
{
	if (device->info.backend == NPU_BACKEND_DRIVER &&
	    npu_program_slot(program, NPU_FILE_SLOT_STATE) != NPU_NO_SLOT)
		return &npu_driver_ioctl_ops;
	return device->ops;
}

static int make_plan(struct npu_plan *plan, const struct npu_device *device,
		     const struct npu_program *program, const struct npu_session_options *options,
		     struct npu_error *err)
{
	const struct npu_backend_ops *ops = ops_for(device, program);
	int ret;

	memset(plan, 0, sizeof(*plan));
	plan->requests = options && options->requests ? options->requests : 1;
	plan->threads = options ? options->threads : 0;
	plan->failover = options && options->failover;
	if (plan->requests > NPU_MAX_REQUESTS)
		return npu_error_set(err, -EINVAL,
				     "options.requests is %u, at most %d can be in "
				     "flight in a session; open more sessions",
				     plan->requests, NPU_MAX_REQUESTS);
	if (plan->threads > NPU_MAX_THREADS)
		return npu_error_set(err, -EINVAL,
				     "options.threads is %u, a session has at most "
				     "%d",
				     plan->threads, NPU_MAX_THREADS);
	npu_plan_add(&plan->heap_bytes, sizeof(struct npu_session), NPU_SLOT_ALIGN);
	plan->request_offset = npu_plan_add(
		&plan->heap_bytes, plan->requests * sizeof(struct npu_request), NPU_SLOT_ALIGN);
	ret = ops->plan(plan, device, program, err);
	if (ret)
		return ret;
	plan->bound.heap_bytes = plan->heap_bytes;
	return npu_session_plan_binding(ops, plan, &plan->bound, device, program, err);
}

int npu_session_plan_binding(const struct npu_backend_ops *ops, const struct npu_plan *plan,
			     struct npu_binding_plan *bound, const struct npu_device *device,
			     const struct npu_program *program, struct npu_error *err)
{
	int ret = ops->plan_binding(bound, plan, device, program, err);

	if (ret)
		return ret;
	if (bound->heap_bytes > SIZE_MAX / 2 || bound->device_bytes > SIZE_MAX / 2)
		return npu_error_set(err, -ENOMEM,
				     "%u requests of this program need %" PRIu64
				     " bytes, more than this process can address; ask for fewer",
				     plan->requests, bound->heap_bytes + bound->device_bytes);
	return 0;
}

int npu_session_quote(struct npu_device *device, const struct npu_program *program,
		      const struct npu_session_options *options, struct npu_memory_quote *quote,
		      struct npu_error *err)
{
	struct npu_plan plan;
	int ret = make_plan(&plan, device, program, options, err);

	if (ret)
		return ret;
	quote->heap_bytes = plan.bound.heap_bytes;
	quote->device_bytes = plan.bound.device_bytes;
	return 0;
}

/* The block that everything lies in: the caller's, or from the device's allocator. */
static int take_block(const struct npu_device *device, const struct npu_plan *plan,
		      const struct npu_session_options *options, void **block,
		      struct npu_error *err)
{
	const struct npu_allocator *allocator = &device->allocator;

	if (!options || !options->memory) {
		*block = allocator->alloc(allocator->context, plan->bound.heap_bytes,
					  NPU_PAGE_BYTES);
		if (!*block)
			return npu_error_set(err, -ENOMEM,
					     "no memory for the session's %" PRIu64
					     " bytes; ask for fewer requests",
					     plan->bound.heap_bytes);
		return 0;
	}
	if ((uintptr_t)options->memory % NPU_SLOT_ALIGN)
		return npu_error_set(err, -EINVAL, "options.memory is not aligned to %d bytes",
				     NPU_SLOT_ALIGN);
	if (options->memory_bytes < plan->bound.heap_bytes)
		return npu_error_set(err, -ENOSPC,
				     "options.memory has %zu bytes, the session needs "
				     "%" PRIu64 ", as npu_session_quote() says",
				     options->memory_bytes, plan->bound.heap_bytes);
	*block = options->memory;
	return 0;
}

static int init_lock(struct npu_session *session)
{
	pthread_condattr_t attr;
	int ret;

	ret = pthread_condattr_init(&attr);
	if (ret)
		return -ret;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	ret = pthread_cond_init(&session->finished, &attr);
	pthread_condattr_destroy(&attr);
	if (ret)
		return -ret;
	ret = pthread_mutex_init(&session->lock, NULL);
	if (ret)
		pthread_cond_destroy(&session->finished);
	return -ret;
}

static void init_bindings(struct npu_session *session, const struct npu_program *program)
{
	for (unsigned int i = 0; i < NPU_BINDINGS; i++)
		session->bindings[i].index = i;
	session->current = &session->bindings[0];
	session->current->program = program;
	session->current->block = session->block;
	session->current->plan = session->plan.bound;
}

static void init_requests(struct npu_session *session)
{
	session->requests = (void *)((uint8_t *)session->block + session->plan.request_offset);
	for (unsigned int i = 0; i < session->plan.requests; i++) {
		struct npu_request *request = &session->requests[i];

		request->session = session;
		request->binding = session->current;
		request->index = i;
		request->completion[0] = -1;
		request->completion[1] = -1;
		request->fence = -1;
		atomic_init(&request->state, NPU_PHASE_IDLE);
		atomic_init(&request->abort, false);
	}
}

int npu_session_open(struct npu_session **out, struct npu_device *device,
		     const struct npu_program *program, const struct npu_session_options *options,
		     struct npu_error *err)
{
	struct npu_session *session;
	struct npu_plan plan;
	void *block;
	int ret;

	ret = make_plan(&plan, device, program, options, err);
	if (ret)
		return ret;
	ret = take_block(device, &plan, options, &block, err);
	if (ret)
		return ret;
	memset(block, 0, plan.bound.heap_bytes);
	session = block;
	session->device = device;
	session->ops = ops_for(device, program);
	session->ordered = npu_program_slot(program, NPU_FILE_SLOT_STATE) != NPU_NO_SLOT;
	session->block = block;
	session->block_owned = !(options && options->memory);
	session->plan = plan;
	session->backend = (uint8_t *)block + plan.backend_offset;
	session->fixed_file = -1;
	init_bindings(session, program);
	init_requests(session);
	ret = init_lock(session);
	if (ret) {
		npu_error_set(err, ret, "no lock for the session: %s", strerror(-ret));
		goto err_block;
	}
	session->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->event < 0) {
		ret = npu_error_set(err, -errno,
				    "no eventfd for the session: %s; raise `ulimit -n`",
				    strerror(errno));
		goto err_lock;
	}
	ret = session->ops->open(session, err);
	if (ret)
		goto err_event;
	ret = session->ops->bind(session, session->current, err);
	if (ret)
		goto err_close;
	*out = session;
	return 0;

err_close:
	session->ops->close(session);
err_event:
	close(session->event);
err_lock:
	pthread_mutex_destroy(&session->lock);
	pthread_cond_destroy(&session->finished);
err_block:
	if (session->block_owned)
		device->allocator.free(device->allocator.context, block);
	return ret;
}

void npu_session_close(struct npu_session *session)
{
	const struct npu_allocator *allocator;

	if (!session)
		return;
	session->ops->close(session);
	for (unsigned int i = NPU_BINDINGS; i--;)
		if (session->bindings[i].program)
			npu_session_unbind(session, &session->bindings[i]);
	close(session->event);
	pthread_mutex_destroy(&session->lock);
	pthread_cond_destroy(&session->finished);
	allocator = &session->device->allocator;
	if (session->block_owned)
		allocator->free(allocator->context, session->block);
}

int npu_session_eventfd(struct npu_session *session)
{
	return session->ops->event(session);
}

void npu_session_use_fixed_file(struct npu_session *session, int index)
{
	session->fixed_file = index < 0 ? -1 : index;
}

struct npu_request *npu_session_request(struct npu_session *session, unsigned int i)
{
	return i < session->plan.requests ? &session->requests[i] : NULL;
}
