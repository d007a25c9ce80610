// SPDX-License-Identifier: MIT
/*
 * An embedded job in the application's ring: a write of its token to the doorbell, linked to a
 * read of its completion. A job that failed sends fewer bytes than the read asks for, which
 * breaks a chain as a failed command does.
 */
#include "embedded.h"
#include "error.h"

#include <liburing.h>
#include <unistd.h>

/*
 * Where completions are read to. Their length is the message; nobody looks at the bytes. Not part
 * of the session, so that a ring that outlives it has no address in freed memory.
 */
static uint64_t ignored;

struct io_uring_sqe *npu_embedded_prep(struct io_uring *ring, struct npu_request *request,
				       uint64_t user_data)
{
	const struct npu_session *session = request->session;
	const struct npu_embedded *embedded = session->backend;
	struct io_uring_sqe *sqe;

	if (!session->plan.threads || !(ring->features & IORING_FEAT_CQE_SKIP) ||
	    io_uring_sq_space_left(ring) < NPU_PREP_SQES)
		return NULL;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_write(sqe, embedded->doorbell[1], &request->token, sizeof(request->token),
			    -1);
	sqe->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = NPU_USER_DATA_IGNORE;

	sqe = io_uring_get_sqe(ring);
	io_uring_prep_read(sqe, request->completion[0], &ignored, sizeof(ignored), -1);
	sqe->user_data = user_data;
	return sqe;
}

/* The read was not done, the job may be: end it, and leave the pipe empty. */
static void withdraw(struct npu_request *request)
{
	struct npu_session *session = request->session;
	uint64_t message;
	ssize_t n;

	/* Its token was never sent, or is stale from here on. */
	if (npu_request_move(request, NPU_PHASE_QUEUED, NPU_PHASE_DONE))
		return;
	atomic_store_explicit(&request->abort, true, memory_order_relaxed);
	pthread_mutex_lock(&session->lock);
	while (npu_request_phase(request) != NPU_PHASE_DONE)
		pthread_cond_wait(&session->finished, &session->lock);
	pthread_mutex_unlock(&session->lock);
	n = read(request->completion[0], &message, sizeof(message));
	(void)n;
}

int npu_embedded_result(struct npu_request *request, const struct io_uring_cqe *cqe)
{
	if (cqe->res < 0) {
		withdraw(request);
		request->result = cqe->res;
	}
	npu_request_release(request, NPU_PHASE_DONE);
	return request->result;
}
