// SPDX-License-Identifier: MIT
/*
 * The embedded backend: programs run in this process.
 *
 * Jobs reach the workers through a pipe, the doorbell. A pipe, because an application's ring
 * can write to it too: there is one queue, in the order in which jobs became ready, and a worker
 * waits in one place. What the pipe carries is a token; the job itself is the request. A job
 * that is cancelled before it starts ends at once and leaves its token behind, which the worker
 * that finds it drops, because its generation or phase no longer fits.
 *
 * Without threads npu_submit() computes in the calling thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "embedded.h"
#include "error.h"

/* Between two steps a worker looks whether its job was cancelled. */
#define STEP_US 50
/* The token that ends a worker. */
#define TOKEN_EXIT UINT32_MAX
/* Enough for the kernels, whose working memory is in slots and in the workspace. */
#define STACK_BYTES (256 * 1024)

static int embedded_plan(struct npu_plan *plan, const struct npu_device *device,
			 const struct npu_program *program, struct npu_error *err)
{
	unsigned int workers = plan->threads ? plan->threads : 1;

	(void)device;
	(void)err;
	plan->backend_offset = npu_plan_add(
		&plan->heap_bytes,
		sizeof(struct npu_embedded) + workers * sizeof(struct npu_worker), NPU_SLOT_ALIGN);
	plan->workspace_offset = npu_plan_add(
		&plan->heap_bytes, (uint64_t)workers * NPU_WORKSPACE_BYTES, NPU_WORKSPACE_ALIGN);
	for (uint32_t i = 0; i < program->slot_count; i++) {
		if (program->slots[i].kind != NPU_FILE_SLOT_SCRATCH)
			continue;
		plan->scratch_stride = (program->slots[i].bytes + NPU_SLOT_ALIGN - 1) &
				       ~(uint64_t)(NPU_SLOT_ALIGN - 1);
		plan->scratch_offset = npu_plan_add(&plan->heap_bytes,
						    plan->scratch_stride * workers, NPU_SLOT_ALIGN);
	}
	npu_plan_io(plan, program, &plan->heap_bytes);
	return 0;
}

static int run_job(const struct npu_worker *worker, struct npu_request *request, uint32_t budget)
{
	const struct npu_session *session = worker->session;
	const struct npu_program *program = session->program;
	struct npu_exec exec = {
		.insns = program->insns,
		.insn_count = program->insn_count,
		.consts = program->consts,
		.workspace = worker->workspace,
	};

	for (uint32_t i = 0; i < program->slot_count; i++) {
		if (program->slots[i].kind == NPU_FILE_SLOT_SCRATCH)
			exec.slot[i] = worker->scratch;
		else
			exec.slot[i] = session->slot_base[i] +
				       request->index * session->plan.slot_stride[i];
	}
	while (!npu_exec_done(&exec)) {
		if (atomic_load_explicit(&request->abort, memory_order_relaxed))
			return -ECANCELED;
		npu_exec_step(session->device->variant, &exec, budget);
	}
	return 0;
}

/* Run a request that this thread has moved to NPU_PHASE_RUNNING. */
static void serve(const struct npu_worker *worker, struct npu_request *request, uint32_t budget)
{
	uint64_t start = npu_now_ns();
	int result;

	if (request->submitted_ns)
		request->queued_ns = start - request->submitted_ns;
	result = run_job(worker, request, budget);
	request->device_ns = npu_now_ns() - start;
	npu_request_finish(request, result);
}

/* Start the job of @token, unless it was cancelled and the token is stale. */
static bool start_job(struct npu_request *request, const struct npu_token *token)
{
	uint64_t queued = (uint64_t)token->generation << NPU_PHASE_BITS | NPU_PHASE_QUEUED;

	return atomic_compare_exchange_strong(&request->state, &queued,
					      (queued & ~NPU_PHASE_MASK) | NPU_PHASE_RUNNING);
}

static void *worker_main(void *argument)
{
	const struct npu_worker *worker = argument;
	struct npu_session *session = worker->session;
	const struct npu_embedded *embedded = session->backend;
	uint32_t budget = STEP_US * npu_variant_units_per_us(session->device->variant);
	struct npu_token token;

	while (read(embedded->doorbell[0], &token, sizeof(token)) == sizeof(token)) {
		if (token.index == TOKEN_EXIT)
			break;
		/* A ring's token comes from memory that the application can write. */
		if (token.index < session->plan.requests &&
		    start_job(&session->requests[token.index], &token))
			serve(worker, &session->requests[token.index], budget);
	}
	return NULL;
}

/* Write tokens; blocks only while the pipe is full of stale ones. */
static void ring_doorbell(const struct npu_embedded *embedded, const struct npu_token *tokens,
			  size_t count)
{
	const uint8_t *from = (const uint8_t *)tokens;
	size_t left = count * sizeof(*tokens);

	while (left) {
		ssize_t n = write(embedded->doorbell[1], from, left);

		/* Whole tokens: no more than PIPE_BUF is written at once. */
		if (n > 0) {
			from += n;
			left -= n;
		}
	}
}

static int embedded_submit(struct npu_session *session, struct npu_request *const *requests,
			   unsigned int count, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	struct npu_token tokens[PIPE_BUF / sizeof(struct npu_token)];
	size_t n = 0;

	(void)err;
	if (!session->plan.threads) {
		for (unsigned int i = 0; i < count; i++) {
			npu_request_move(requests[i], NPU_PHASE_QUEUED, NPU_PHASE_RUNNING);
			serve(&embedded->worker[0], requests[i], UINT32_MAX);
		}
		return 0;
	}
	for (unsigned int i = 0; i < count; i++) {
		tokens[n++] = requests[i]->token;
		if (n == sizeof(tokens) / sizeof(tokens[0]) || i + 1 == count) {
			ring_doorbell(embedded, tokens, n);
			n = 0;
		}
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

static void place_slots(struct npu_session *session)
{
	const struct npu_program *program = session->program;

	for (uint32_t i = 0; i < program->slot_count; i++) {
		if (program->slots[i].kind == NPU_FILE_SLOT_WEIGHTS)
			/* Read only, as the check of the program made sure. */
			session->slot_base[i] = (uint8_t *)program->weights;
		else if (program->slots[i].kind == NPU_FILE_SLOT_IO)
			session->slot_base[i] =
				(uint8_t *)session->block + session->plan.slot_offset[i];
	}
}

static void close_pipe(int pipe_fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (pipe_fds[i] >= 0)
			close(pipe_fds[i]);
		pipe_fds[i] = -1;
	}
}

static void close_pipes(struct npu_session *session)
{
	struct npu_embedded *embedded = session->backend;

	for (unsigned int i = 0; i < session->plan.requests; i++)
		close_pipe(session->requests[i].completion);
	close_pipe(embedded->doorbell);
}

/* One doorbell, and a completion for each request, so that a ring can wait for just that one. */
static int open_pipes(struct npu_session *session, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	int need = session->plan.requests * sizeof(struct npu_token);
	int ret;

	if (pipe2(embedded->doorbell, O_CLOEXEC))
		goto fail;
	/* Once a user has many pipes, new ones are small. */
	if (fcntl(embedded->doorbell[0], F_GETPIPE_SZ) < need &&
	    fcntl(embedded->doorbell[0], F_SETPIPE_SZ, need) < need)
		goto fail;
	for (unsigned int i = 0; i < session->plan.requests; i++)
		if (pipe2(session->requests[i].completion, O_CLOEXEC))
			goto fail;
	return 0;
fail:
	ret = -errno;
	return npu_error_set(err, ret,
			     "no pipes for %u requests: %s; raise `ulimit -n` or ask for "
			     "fewer",
			     session->plan.requests, strerror(-ret));
}

static void stop_workers(struct npu_embedded *embedded)
{
	struct npu_token token = { .index = TOKEN_EXIT };

	for (unsigned int i = 0; i < embedded->started; i++)
		ring_doorbell(embedded, &token, 1);
	for (unsigned int i = 0; i < embedded->started; i++)
		pthread_join(embedded->worker[i].thread, NULL);
	embedded->started = 0;
}

static int start_workers(struct npu_session *session, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	sigset_t all, before;
	pthread_attr_t attr;
	int ret;

	ret = pthread_attr_init(&attr);
	if (ret)
		return npu_error_set(err, -ret, "no worker threads: %s", strerror(ret));
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* The application's signal handlers must not run in our threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!ret && embedded->started < session->plan.threads) {
		struct npu_worker *worker = &embedded->worker[embedded->started];

		ret = pthread_create(&worker->thread, &attr, worker_main, worker);
		if (!ret)
			embedded->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!ret)
		return 0;
	npu_error_set(err, -ret, "worker thread %u of %u: %s; ask for fewer threads",
		      embedded->started + 1, session->plan.threads, strerror(ret));
	stop_workers(embedded);
	return -ret;
}

static int embedded_open(struct npu_session *session, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	const struct npu_plan *plan = &session->plan;
	unsigned int workers = plan->threads ? plan->threads : 1;
	int ret;

	place_slots(session);
	embedded->doorbell[0] = -1;
	embedded->doorbell[1] = -1;
	for (unsigned int i = 0; i < workers; i++) {
		embedded->worker[i].session = session;
		embedded->worker[i].workspace = (uint8_t *)session->block + plan->workspace_offset +
						(size_t)i * NPU_WORKSPACE_BYTES;
		if (plan->scratch_stride)
			embedded->worker[i].scratch = (uint8_t *)session->block +
						      plan->scratch_offset +
						      i * plan->scratch_stride;
	}
	if (!plan->threads)
		return 0;
	ret = open_pipes(session, err);
	if (!ret)
		ret = start_workers(session, err);
	if (ret)
		close_pipes(session);
	return ret;
}

static void embedded_close(struct npu_session *session)
{
	if (!session->plan.threads)
		return;
	for (unsigned int i = 0; i < session->plan.requests; i++)
		embedded_cancel(&session->requests[i]);
	stop_workers(session->backend);
	close_pipes(session);
}

const struct npu_backend_ops npu_embedded_ops = {
	.plan = embedded_plan,
	.open = embedded_open,
	.close = embedded_close,
	.submit = embedded_submit,
	.wait = embedded_wait,
	.cancel = embedded_cancel,
	.event = embedded_event,
	.prep = npu_embedded_prep,
	.result = npu_embedded_result,
};
