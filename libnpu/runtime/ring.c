// SPDX-License-Identifier: MIT
/* Requests in the application's own io_uring: the face of it; how is the backend's. */
#include "error.h"
#include "session.h"

struct io_uring_sqe *npu_prep_infer(struct io_uring *ring, struct npu_request *request,
				    uint64_t user_data)
{
	struct io_uring_sqe *sqe;

	if (npu_request_claim(request, NPU_WAITER_RING))
		return NULL;
	sqe = request->session->ops->prep(ring, request, user_data);
	if (!sqe)
		npu_request_release(request, NPU_PHASE_QUEUED);
	return sqe;
}

int npu_infer_result(struct npu_request *request, const struct io_uring_cqe *cqe)
{
	if (npu_request_phase(request) == NPU_PHASE_IDLE || request->waiter != NPU_WAITER_RING)
		return -ENOENT;
	return request->session->ops->result(request, cqe);
}
