// SPDX-License-Identifier: MIT
/* Blocking inference, and many in flight: the same for every backend. */
#include <string.h>
#include <sys/eventfd.h>

#include "error.h"
#include "session.h"

/* The list was taken or looked at: the descriptor says again what is in it. The lock is held. */
static void update_event(struct npu_session *session)
{
	eventfd_t count;

	if (!session->event_armed || session->head)
		return;
	eventfd_read(session->event, &count);
	if (session->ops->settle)
		session->ops->settle(session);
}

/* The sentence of a job that ended with @result. */
static int job_error(struct npu_error *err, int result)
{
	switch (result) {
	case -ECANCELED:
		return npu_error_set(err, result, "the inference was cancelled");
	case -ETIMEDOUT:
		return npu_error_set(err, result,
				     "the device stopped the inference at its time "
				     "limit: it is much slower than expected; see the kernel log");
	case -ENODEV:
		return npu_error_set(err, result,
				     "the device was removed; open it again when it is "
				     "back, or open NPU_BACKEND_EMBEDDED");
	default:
		return npu_error_set(err, result, "the inference failed: %s", strerror(-result));
	}
}

static int wait_error(struct npu_error *err, int ret)
{
	return npu_error_set(err, ret, "waiting for the device failed: %s; close the session",
			     strerror(-ret));
}

/* The sentence of a request that can't be started: "request 3" or "requests[3]". */
static int claim_error(struct npu_error *err, int ret, const char *before, unsigned int i,
		       const char *behind)
{
	if (ret == -ESTALE)
		return npu_error_set(err, ret,
				     "%s%u%s: its inputs were converted for the program before "
				     "npu_session_swap(): write them again",
				     before, i, behind);
	return npu_error_set(err, ret, "%s%u%s is in flight already: reap it first", before, i,
			     behind);
}

int npu_infer(struct npu_request *request, struct npu_error *err)
{
	struct npu_session *session = request->session;
	int ret;

	ret = npu_request_claim(request, NPU_WAITER_INFER);
	if (ret)
		return claim_error(err, ret, "request ", request->index, "");
	ret = session->ops->submit(session, &request, 1, err);
	if (ret)
		return ret;
	if (npu_request_phase(request) != NPU_PHASE_DONE) {
		pthread_mutex_lock(&session->lock);
		while (!ret && npu_request_phase(request) != NPU_PHASE_DONE)
			ret = session->ops->wait(session, UINT64_MAX);
		update_event(session);
		pthread_mutex_unlock(&session->lock);
		if (ret)
			return wait_error(err, ret);
	}
	npu_request_release(request, NPU_PHASE_DONE);
	return request->result ? job_error(err, request->result) : 0;
}

int npu_infer_f32(struct npu_session *session, const float *input, float *output,
		  struct npu_error *err)
{
	const struct npu_program *program = session->current->program;
	struct npu_request *request = &session->requests[0];
	int ret;

	if (program->inputs != 1 || program->outputs != 1)
		return npu_error_set(err, -EINVAL,
				     "the program has %u inputs and %u outputs, not "
				     "one each: use npu_request_write_f32() and npu_infer()",
				     program->inputs, program->outputs);
	if (npu_request_phase(request) != NPU_PHASE_IDLE)
		return npu_error_set(err, -EBUSY, "request 0 is in flight already: reap it first");
	npu_request_write_f32(request, 0, input);
	ret = npu_infer(request, err);
	if (ret)
		return ret;
	return npu_request_read_f32(request, 0, output);
}

/* Mark all of them, or none. */
static int claim_all(struct npu_session *session, struct npu_request *const *requests,
		     unsigned int count, struct npu_error *err)
{
	for (unsigned int i = 0; i < count; i++) {
		int ret = 0;

		if (requests[i]->session != session)
			ret = npu_error_set(err, -EINVAL, "requests[%u] belongs to another session",
					    i);
		else
			ret = npu_request_claim(requests[i], NPU_WAITER_REAP);
		if (!ret)
			continue;
		if (ret != -EINVAL)
			claim_error(err, ret, "requests[", i, "]");
		while (i--)
			npu_request_release(requests[i], NPU_PHASE_QUEUED);
		return ret;
	}
	return 0;
}

int npu_submit(struct npu_session *session, struct npu_request *const *requests, unsigned int count,
	       struct npu_error *err)
{
	int ret = claim_all(session, requests, count, err);

	if (ret || !count)
		return ret;
	session->reapable += count;
	ret = session->ops->submit(session, requests, count, err);
	if (!ret)
		return 0;
	for (unsigned int i = 0; i < count; i++)
		if (npu_request_phase(requests[i]) == NPU_PHASE_IDLE)
			session->reapable--;
	return ret;
}

/* Up to @max finished requests off the list; the lock is held. */
static unsigned int take(struct npu_session *session, struct npu_request **requests,
			 unsigned int max)
{
	unsigned int n = 0;

	while (n < max && session->head) {
		struct npu_request *request = session->head;

		session->head = request->next;
		npu_request_release(request, NPU_PHASE_DONE);
		requests[n++] = request;
	}
	session->reapable -= n;
	update_event(session);
	return n;
}

static uint64_t deadline_of(int timeout_ms)
{
	if (timeout_ms < 0)
		return UINT64_MAX;
	return timeout_ms ? npu_now_ns() + (uint64_t)timeout_ms * 1000000 : 0;
}

int npu_reap(struct npu_session *session, struct npu_request **requests, unsigned int max,
	     int timeout_ms, struct npu_error *err)
{
	uint64_t deadline = deadline_of(timeout_ms);
	unsigned int n;
	int ret = 0;

	if (!max)
		return 0;
	pthread_mutex_lock(&session->lock);
	while (!session->head && session->reapable && !ret)
		ret = session->ops->wait(session, deadline);
	n = take(session, requests, max);
	pthread_mutex_unlock(&session->lock);
	if (n || !ret || ret == -ETIME)
		return n;
	return wait_error(err, ret);
}

int npu_cancel(struct npu_request *request)
{
	return request->session->ops->cancel(request);
}
