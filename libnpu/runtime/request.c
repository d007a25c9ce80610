// SPDX-License-Identifier: MIT
/* A request: its memory, and its way from idle to finished and back. */
#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

uint64_t npu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool npu_request_move(struct npu_request *request, enum npu_phase from, enum npu_phase to)
{
	uint64_t state = atomic_load_explicit(&request->state, memory_order_relaxed);

	if ((state & NPU_PHASE_MASK) != from)
		return false;
	return atomic_compare_exchange_strong(&request->state, &state,
					      (state & ~NPU_PHASE_MASK) | to);
}

int npu_request_claim(struct npu_request *request, enum npu_waiter waiter)
{
	struct npu_session *session = request->session;
	uint64_t state = atomic_load_explicit(&request->state, memory_order_acquire);
	uint32_t generation = (uint32_t)(state >> NPU_PHASE_BITS) + 1;

	if ((state & NPU_PHASE_MASK) != NPU_PHASE_IDLE)
		return -EBUSY;
	if (request->stale)
		return -ESTALE;
	request->waiter = waiter;
	request->written = 0;
	request->binding = session->current;
	request->binding->in_flight++;
	request->backend = session->device->info.backend;
	request->reason = "";
	request->device_ns = 0;
	request->queued_ns = 0;
	request->submitted_ns = waiter == NPU_WAITER_RING ? 0 : npu_now_ns();
	request->token = (struct npu_token){ request->index, generation };
	atomic_store_explicit(&request->abort, false, memory_order_relaxed);
	/* Release: a worker that sees the phase sees the inputs too. */
	atomic_store_explicit(&request->state,
			      (uint64_t)generation << NPU_PHASE_BITS | NPU_PHASE_QUEUED,
			      memory_order_release);
	return 0;
}

void npu_request_release(struct npu_request *request, enum npu_phase from)
{
	struct npu_session *session = request->session;

	if (!npu_request_move(request, from, NPU_PHASE_IDLE))
		return;
	/* The application may free a program of which nothing is in flight any more. */
	if (!--request->binding->in_flight && request->binding != session->current &&
	    session->ops->retire)
		session->ops->retire(session);
}

/* Bytes that the application's ring reads: all of them, or fewer to break its chain. */
static void ring_completion(int fd, int result)
{
	static const uint64_t message;
	ssize_t written;

	/* The pipe is empty: this can't block or fail. */
	written = write(fd, &message, result ? sizeof(message) / 2 : sizeof(message));
	(void)written;
}

void npu_request_finish_locked(struct npu_request *request, int result)
{
	struct npu_session *session = request->session;
	enum npu_waiter waiter = request->waiter;
	int completion = request->completion[1];
	uint64_t state = atomic_load_explicit(&request->state, memory_order_relaxed);

	request->result = result;
	if (waiter == NPU_WAITER_REAP) {
		request->next = NULL;
		if (session->head)
			session->tail->next = request;
		else
			session->head = request;
		session->tail = request;
		if (session->event_armed)
			eventfd_write(session->event, 1);
	}
	atomic_store_explicit(&request->state, (state & ~NPU_PHASE_MASK) | NPU_PHASE_DONE,
			      memory_order_release);
	pthread_cond_broadcast(&session->finished);
	/* Last: from here on the application may use the request again. */
	if (waiter == NPU_WAITER_RING && completion >= 0)
		ring_completion(completion, result);
}

void npu_request_finish(struct npu_request *request, int result)
{
	struct npu_session *session = request->session;

	pthread_mutex_lock(&session->lock);
	npu_request_finish_locked(request, result);
	pthread_mutex_unlock(&session->lock);
}

const struct npu_binding *npu_request_writes(const struct npu_request *request)
{
	return npu_request_phase(request) == NPU_PHASE_IDLE ? request->session->current
							    : request->binding;
}

void npu_request_set_user(struct npu_request *request, void *user)
{
	request->user = user;
}

void *npu_request_user(const struct npu_request *request)
{
	return request->user;
}

static uint8_t *tensor_memory(const struct npu_binding *binding, const struct npu_request *request,
			      uint32_t tensor)
{
	const struct npu_file_tensor *t = &binding->program->tensors[tensor];

	return binding->slot_base[t->slot] + request->index * binding->slot_stride[t->slot] +
	       t->offset;
}

void *npu_request_input(struct npu_request *request, unsigned int i)
{
	const struct npu_binding *binding = npu_request_writes(request);

	return i < binding->program->inputs ? tensor_memory(binding, request, i) : NULL;
}

const void *npu_request_output(const struct npu_request *request, unsigned int i)
{
	const struct npu_binding *binding = request->binding;
	const struct npu_program *program = binding->program;

	return i < program->outputs ? tensor_memory(binding, request, program->inputs + i) : NULL;
}

int npu_request_result(const struct npu_request *request)
{
	return request->result;
}

enum npu_backend npu_request_backend(const struct npu_request *request)
{
	return request->backend;
}

const char *npu_request_reason(const struct npu_request *request)
{
	return request->reason;
}

const struct npu_program *npu_request_program(const struct npu_request *request)
{
	return request->binding->program;
}

uint64_t npu_request_device_ns(const struct npu_request *request)
{
	return request->device_ns;
}

uint64_t npu_request_queued_ns(const struct npu_request *request)
{
	return request->queued_ns;
}
