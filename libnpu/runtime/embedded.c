// SPDX-License-Identifier: MIT
/*
 * The embedded backend: programs run in this process, by worker threads (embedded_worker.c) or in
 * the calling thread. Several of them may share a job (crew.c).
 *
 * A thread that waits for one job only, in npu_infer(), computes it: to wake a worker instead would
 * take longer than many a job.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/eventfd.h>
#include <time.h>

#include "embedded.h"
#include "error.h"

/* The calling thread's, and each worker's. */
static unsigned int seats(const struct npu_plan *plan)
{
	return plan->threads + 1;
}

/* Threads that may share a job. */
static unsigned int crew_width(const struct npu_plan *plan, const struct npu_device *device)
{
	unsigned int width = plan->threads;

	if (width > device->info.cores)
		width = device->info.cores;
	return width < NPU_CREW_MOST ? width : NPU_CREW_MOST;
}

static int embedded_plan(struct npu_plan *plan, const struct npu_device *device,
			 const struct npu_program *program, struct npu_error *err)
{
	(void)device;
	(void)program;
	(void)err;
	plan->backend_offset =
		npu_plan_add(&plan->heap_bytes,
			     sizeof(struct npu_embedded) + seats(plan) * sizeof(struct npu_seat),
			     NPU_SLOT_ALIGN);
	plan->workspace_offset = npu_plan_add(&plan->heap_bytes,
					      (uint64_t)seats(plan) * NPU_WORKSPACE_BYTES,
					      NPU_WORKSPACE_ALIGN);
	return 0;
}

static int embedded_plan_binding(struct npu_binding_plan *bound, const struct npu_plan *plan,
				 const struct npu_device *device, const struct npu_program *program,
				 struct npu_error *err)
{
	uint32_t state = npu_program_slot(program, NPU_FILE_SLOT_STATE);

	(void)err;
	if (crew_width(plan, device) > 1)
		bound->cuts_offset = npu_plan_add(&bound->heap_bytes,
						  program->insn_count * sizeof(struct npu_cut),
						  NPU_SLOT_ALIGN);
	npu_binding_plan_scratch(bound, program, seats(plan));
	if (state != NPU_NO_SLOT)
		bound->slot_offset[state] = npu_plan_add(
			&bound->heap_bytes, program->slots[state].bytes, NPU_SLOT_ALIGN);
	npu_binding_plan_io(bound, plan, program, &bound->heap_bytes);
	return 0;
}

static int embedded_bind(struct npu_session *session, struct npu_binding *binding,
			 struct npu_error *err)
{
	const struct npu_program *program = binding->program;
	uint32_t weights = npu_program_slot(program, NPU_FILE_SLOT_WEIGHTS);
	uint32_t state = npu_program_slot(program, NPU_FILE_SLOT_STATE);

	(void)err;
	npu_binding_place(session, binding, binding->block);
	/* Read only, as the check of the program made sure. */
	if (weights != NPU_NO_SLOT)
		binding->slot_base[weights] = (uint8_t *)program->weights;
	if (state != NPU_NO_SLOT)
		binding->slot_base[state] = binding->block + binding->plan.slot_offset[state];
	if (crew_width(&session->plan, session->device) > 1)
		binding->cuts = (void *)(binding->block + binding->plan.cuts_offset);
	return 0;
}

static void embedded_unbind(struct npu_session *session, struct npu_binding *binding)
{
	/* Nothing but memory, and that is the session's. */
	(void)session;
	(void)binding;
}

static void embedded_retire(struct npu_session *session)
{
	struct npu_embedded *embedded = session->backend;

	npu_crew_quiesce(&embedded->crew);
}

void npu_embedded_serve(struct npu_seat *seat, struct npu_request *request)
{
	uint64_t start = npu_now_ns();
	int result;

	if (request->submitted_ns)
		request->queued_ns = start - request->submitted_ns;
	result = npu_crew_run(seat, request);
	request->device_ns = npu_now_ns() - start;
	npu_request_finish(request, result);
}

/* A request that npu_infer() waits for, unless others have to come first. */
static bool computes_itself(const struct npu_session *session, const struct npu_request *request)
{
	unsigned int in_flight = 0;

	for (unsigned int i = 0; session->ordered && i < NPU_BINDINGS; i++)
		in_flight += session->bindings[i].in_flight;
	return request->waiter == NPU_WAITER_INFER && in_flight <= 1;
}

static int embedded_submit(struct npu_session *session, struct npu_request *const *requests,
			   unsigned int count, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;

	(void)err;
	if (session->plan.threads && !computes_itself(session, requests[0])) {
		npu_embedded_ring(session, requests, count);
		return 0;
	}
	for (unsigned int i = 0; i < count; i++) {
		npu_request_move(requests[i], NPU_PHASE_QUEUED, NPU_PHASE_RUNNING);
		npu_embedded_serve(&embedded->seat[0], requests[i]);
	}
	return 0;
}

static int embedded_wait(struct npu_session *session, uint64_t deadline_ns)
{
	struct timespec deadline = {
		.tv_sec = deadline_ns / 1000000000,
		.tv_nsec = deadline_ns % 1000000000,
	};

	if (!deadline_ns)
		return -ETIME;
	if (deadline_ns == UINT64_MAX)
		return -pthread_cond_wait(&session->finished, &session->lock);
	if (pthread_cond_timedwait(&session->finished, &session->lock, &deadline))
		return -ETIME;
	return 0;
}

static int embedded_cancel(struct npu_request *request)
{
	/* RUNNING first: nobody else takes it from the queue to its end then. */
	if (npu_request_move(request, NPU_PHASE_QUEUED, NPU_PHASE_RUNNING)) {
		npu_request_finish(request, -ECANCELED);
		return 0;
	}
	if (npu_request_phase(request) != NPU_PHASE_RUNNING)
		return -ENOENT;
	atomic_store_explicit(&request->abort, true, memory_order_relaxed);
	return 0;
}

static int embedded_event(struct npu_session *session)
{
	pthread_mutex_lock(&session->lock);
	if (!session->event_armed && session->head)
		eventfd_write(session->event, 1);
	session->event_armed = true;
	pthread_mutex_unlock(&session->lock);
	return session->event;
}

static int embedded_open(struct npu_session *session, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	const struct npu_plan *plan = &session->plan;

	for (unsigned int i = 0; i < seats(plan); i++) {
		embedded->seat[i].session = session;
		embedded->seat[i].index = i;
		embedded->seat[i].workspace = (uint8_t *)session->block + plan->workspace_offset +
					      (size_t)i * NPU_WORKSPACE_BYTES;
	}
	embedded->crew.width = crew_width(plan, session->device);
	return plan->threads ? npu_embedded_start(session, err) : 0;
}

static void embedded_close(struct npu_session *session)
{
	if (!session->plan.threads)
		return;
	for (unsigned int i = 0; i < session->plan.requests; i++)
		embedded_cancel(&session->requests[i]);
	npu_embedded_stop(session);
}

const struct npu_backend_ops npu_embedded_ops = {
	.plan = embedded_plan,
	.plan_binding = embedded_plan_binding,
	.bind = embedded_bind,
	.unbind = embedded_unbind,
	.retire = embedded_retire,
	.open = embedded_open,
	.close = embedded_close,
	.submit = embedded_submit,
	.wait = embedded_wait,
	.cancel = embedded_cancel,
	.event = embedded_event,
	.prep = npu_embedded_prep,
	.result = npu_embedded_result,
};
