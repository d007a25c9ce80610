// SPDX-License-Identifier: MIT
/*
 * The embedded backend's threads.
 *
 * Jobs reach the workers through a pipe, the doorbell. A pipe, because an application's ring
 * can write to it too: there is one queue, in the order in which jobs became ready, and a worker
 * waits in one place. What the pipe carries is a token; the job itself is the request. A job
 * that is cancelled before it starts ends at once and leaves its token behind, which the worker
 * that finds it drops, because its generation or phase no longer fits.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "embedded.h"
#include "error.h"

/* The tokens that end a worker, and that call it to help. */
#define TOKEN_EXIT UINT32_MAX
#define TOKEN_HELP (UINT32_MAX - 1)
/* Enough for the kernels, whose working memory is in slots and in the workspace. */
#define STACK_BYTES (256 * 1024)

/* Start the job of @token, unless it was cancelled and the token is stale. */
static bool start_job(struct npu_request *request, const struct npu_token *token)
{
	uint64_t queued = (uint64_t)token->generation << NPU_PHASE_BITS | NPU_PHASE_QUEUED;

	return atomic_compare_exchange_strong(&request->state, &queued,
					      (queued & ~NPU_PHASE_MASK) | NPU_PHASE_RUNNING);
}

/* In an ordered session one worker leads, and the others wait for its calls. */
static bool only_helps(const struct npu_seat *seat)
{
	return seat->session->ordered && seat->index > 1;
}

/* The pipe that workers are called by. */
static const int *call_pipe(const struct npu_session *session)
{
	const struct npu_embedded *embedded = session->backend;

	return session->ordered ? embedded->help : embedded->doorbell;
}

bool npu_embedded_rang(const struct npu_seat *seat)
{
	const struct npu_embedded *embedded = seat->session->backend;
	struct pollfd doorbell = { .fd = embedded->doorbell[0], .events = POLLIN };

	return !only_helps(seat) && poll(&doorbell, 1, 0) > 0;
}

static bool next_token(const struct npu_seat *seat, struct npu_token *token)
{
	struct npu_embedded *embedded = seat->session->backend;
	const int *fds = only_helps(seat) ? embedded->help : embedded->doorbell;
	unsigned int callable = fds == call_pipe(seat->session);
	ssize_t n;

	atomic_fetch_add_explicit(&embedded->crew.sleeping, callable, memory_order_relaxed);
	n = read(fds[0], token, sizeof(*token));
	atomic_fetch_sub_explicit(&embedded->crew.sleeping, callable, memory_order_relaxed);
	return n == sizeof(*token) && token->index != TOKEN_EXIT;
}

static void *worker_main(void *argument)
{
	struct npu_seat *seat = argument;
	struct npu_session *session = seat->session;
	struct npu_token token;

	while (next_token(seat, &token)) {
		/* A ring's token comes from memory that the application can write. */
		if (token.index < session->plan.requests &&
		    start_job(&session->requests[token.index], &token))
			npu_embedded_serve(seat, &session->requests[token.index]);
		npu_crew_stand_by(seat);
	}
	return NULL;
}

/* Write tokens; blocks only while the pipe is full of stale ones. */
static void write_tokens(const int *fds, const struct npu_token *tokens, size_t count)
{
	const uint8_t *from = (const uint8_t *)tokens;
	size_t left = count * sizeof(*tokens);

	while (left) {
		ssize_t n = write(fds[1], from, left);

		/* Whole tokens: no more than PIPE_BUF is written at once. */
		if (n > 0) {
			from += n;
			left -= n;
		}
	}
}

void npu_embedded_ring(struct npu_session *session, struct npu_request *const *requests,
		       unsigned int count)
{
	const struct npu_embedded *embedded = session->backend;
	struct npu_token tokens[PIPE_BUF / sizeof(struct npu_token)];
	size_t n = 0;

	for (unsigned int i = 0; i < count; i++) {
		tokens[n++] = requests[i]->token;
		if (n == sizeof(tokens) / sizeof(tokens[0]) || i + 1 == count) {
			write_tokens(embedded->doorbell, tokens, n);
			n = 0;
		}
	}
}

void npu_embedded_call(struct npu_session *session, unsigned int count)
{
	struct npu_token tokens[NPU_CREW_MOST];

	for (unsigned int i = 0; i < count; i++)
		tokens[i] = (struct npu_token){ .index = TOKEN_HELP };
	write_tokens(call_pipe(session), tokens, count);
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
	close_pipe(embedded->help);
}

/* One doorbell, and a completion for each request, so that a ring can wait for just that one. */
static int open_pipes(struct npu_session *session, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	int need = session->plan.requests * sizeof(struct npu_token);
	int ret;

	if (pipe2(embedded->doorbell, O_CLOEXEC))
		goto fail;
	if (session->ordered && pipe2(embedded->help, O_CLOEXEC))
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
		write_tokens(only_helps(&embedded->seat[i + 1]) ? embedded->help
								: embedded->doorbell,
			     &token, 1);
	for (unsigned int i = 0; i < embedded->started; i++)
		pthread_join(embedded->seat[i + 1].thread, NULL);
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
		struct npu_seat *seat = &embedded->seat[embedded->started + 1];

		ret = pthread_create(&seat->thread, &attr, worker_main, seat);
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

int npu_embedded_start(struct npu_session *session, struct npu_error *err)
{
	struct npu_embedded *embedded = session->backend;
	int ret;

	embedded->doorbell[0] = -1;
	embedded->doorbell[1] = -1;
	embedded->help[0] = -1;
	embedded->help[1] = -1;
	ret = open_pipes(session, err);
	if (!ret)
		ret = start_workers(session, err);
	if (ret)
		close_pipes(session);
	return ret;
}

void npu_embedded_stop(struct npu_session *session)
{
	stop_workers(session->backend);
	close_pipes(session);
}
