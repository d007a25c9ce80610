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

/*
 * How a request's slot is aligned: at pages or disk blocks where that costs less than half of it,
 * so that O_DIRECT can read into an input that is large enough to be worth it.
 */
static uint64_t io_align(uint64_t bytes)
{
	if (bytes >= NPU_PAGE_BYTES)
		return NPU_PAGE_BYTES;
	return bytes >= 512 ? 512 : NPU_SLOT_ALIGN;
}

/* A slot is below 4 GiB, there are at most 32 and 4096 requests: 64 bits never wrap. */
void npu_plan_io(struct npu_plan *plan, const struct npu_program *program, uint64_t *end)
{
	for (uint32_t i = 0; i < program->slot_count; i++) {
		uint64_t bytes = program->slots[i].bytes;
		uint64_t align = io_align(bytes);

		if (program->slots[i].kind != NPU_FILE_SLOT_IO)
			continue;
		plan->slot_stride[i] = (bytes + align - 1) & ~(align - 1);
		plan->slot_offset[i] =
			npu_plan_add(end, plan->slot_stride[i] * plan->requests, align);
	}
}

static int make_plan(struct npu_plan *plan, const struct npu_device *device,
		     const struct npu_program *program, const struct npu_session_options *options,
		     struct npu_error *err)
{
	int ret;

	memset(plan, 0, sizeof(*plan));
	plan->requests = options && options->requests ? options->requests : 1;
	plan->threads = options ? options->threads : 0;
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
	ret = device->ops->plan(plan, device, program, err);
	if (ret)
		return ret;
	if (plan->heap_bytes > SIZE_MAX / 2 || plan->device_bytes > SIZE_MAX / 2)
		return npu_error_set(err, -ENOMEM,
				     "%u requests of this program need %" PRIu64
				     " bytes, more than this process can address; ask for fewer",
				     plan->requests, plan->heap_bytes + plan->device_bytes);
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
	quote->heap_bytes = plan.heap_bytes;
	quote->device_bytes = plan.device_bytes;
	return 0;
}

/* The block that everything lies in: the caller's, or from the device's allocator. */
static int take_block(const struct npu_device *device, const struct npu_plan *plan,
		      const struct npu_session_options *options, void **block,
		      struct npu_error *err)
{
	const struct npu_allocator *allocator = &device->allocator;

	if (!options || !options->memory) {
		*block = allocator->alloc(allocator->context, plan->heap_bytes, NPU_PAGE_BYTES);
		if (!*block)
			return npu_error_set(err, -ENOMEM,
					     "no memory for the session's %" PRIu64
					     " bytes; ask for fewer requests",
					     plan->heap_bytes);
		return 0;
	}
	if ((uintptr_t)options->memory % NPU_SLOT_ALIGN)
		return npu_error_set(err, -EINVAL, "options.memory is not aligned to %d bytes",
				     NPU_SLOT_ALIGN);
	if (options->memory_bytes < plan->heap_bytes)
		return npu_error_set(err, -ENOSPC,
				     "options.memory has %zu bytes, the session needs "
				     "%" PRIu64 ", as npu_session_quote() says",
				     options->memory_bytes, plan->heap_bytes);
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
	memcpy(session->current->slot_stride, session->plan.slot_stride,
	       sizeof(session->current->slot_stride));
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
	memset(block, 0, plan.heap_bytes);
	session = block;
	session->device = device;
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
	ret = device->ops->open(session, err);
	if (ret)
		goto err_event;
	*out = session;
	return 0;

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
	session->device->ops->close(session);
	close(session->event);
	pthread_mutex_destroy(&session->lock);
	pthread_cond_destroy(&session->finished);
	allocator = &session->device->allocator;
	if (session->block_owned)
		allocator->free(allocator->context, session->block);
}

int npu_session_eventfd(struct npu_session *session)
{
	return session->device->ops->event(session);
}

void npu_session_use_fixed_file(struct npu_session *session, int index)
{
	session->fixed_file = index < 0 ? -1 : index;
}

struct npu_request *npu_session_request(struct npu_session *session, unsigned int i)
{
	return i < session->plan.requests ? &session->requests[i] : NULL;
}
