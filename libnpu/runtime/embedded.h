/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_EMBEDDED_H
#define NPU_RUNTIME_EMBEDDED_H

#include "session.h"

/**
 * struct npu_worker - a thread that computes
 * @scratch: its scratch memory, NULL if the program has none
 * @workspace: the engine's memory, NPU_WORKSPACE_BYTES
 */
struct npu_worker {
	pthread_t thread;
	struct npu_session *session;
	uint8_t *scratch;
	uint8_t *workspace;
};

/**
 * struct npu_embedded - the embedded backend's part of a session
 * @doorbell: pipe of struct npu_token, in order of submission: written by npu_submit() and by
 *	the application's rings, read by the workers
 * @started: workers that run
 * @worker: at least one, which serves the calling thread when there are no threads
 */
struct npu_embedded {
	int doorbell[2];
	unsigned int started;
	struct npu_worker worker[];
};

/* The application's ring, see struct npu_backend_ops. */
struct io_uring_sqe *npu_embedded_prep(struct io_uring *ring, struct npu_request *request,
				       uint64_t user_data);
int npu_embedded_result(struct npu_request *request, const struct io_uring_cqe *cqe);

#endif
