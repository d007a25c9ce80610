/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_EMBEDDED_H
#define NPU_RUNTIME_EMBEDDED_H

#include "crew.h"
#include "session.h"

/**
 * struct npu_seat - what a thread that computes works with
 * @index: 0 is the calling thread's, those behind it are the workers'
 * @workspace: the engine's memory, NPU_WORKSPACE_BYTES
 */
struct npu_seat {
	pthread_t thread;
	struct npu_session *session;
	unsigned int index;
	uint8_t *workspace;
};

/**
 * struct npu_embedded - the embedded backend's part of a session
 * @crew: threads that share a job
 * @doorbell: pipe of struct npu_token, in order of submission: written by npu_submit() and by
 *	the application's rings, read by the workers
 * @help: of an ordered session with several workers: pipe that calls those who do not lead
 * @started: workers that run
 * @seat: one for the calling thread, and one for each worker
 */
struct npu_embedded {
	struct npu_crew crew;
	int doorbell[2];
	int help[2];
	unsigned int started;
	struct npu_seat seat[];
};

/* Run a request that this thread has moved to NPU_PHASE_RUNNING, to its end. */
void npu_embedded_serve(struct npu_seat *seat, struct npu_request *request);

/* Pipes and workers of a session with threads. Stopping waits for what they compute. */
int npu_embedded_start(struct npu_session *session, struct npu_error *err);
void npu_embedded_stop(struct npu_session *session);
/* Hand requests to the workers. */
void npu_embedded_ring(struct npu_session *session, struct npu_request *const *requests,
		       unsigned int count);
/* Wake @count workers, who have no job, to help. */
void npu_embedded_call(struct npu_session *session, unsigned int count);
/* Is there a job that nobody has taken, for the worker in @seat? */
bool npu_embedded_rang(const struct npu_seat *seat);

/* The application's ring, see struct npu_backend_ops. */
struct io_uring_sqe *npu_embedded_prep(struct io_uring *ring, struct npu_request *request,
				       uint64_t user_data);
int npu_embedded_result(struct npu_request *request, const struct io_uring_cqe *cqe);

#endif
