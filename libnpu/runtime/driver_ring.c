// SPDX-License-Identifier: MIT
/* A job of the driver as an io_uring command, in whatever ring. */
#include "driver.h"
#include "error.h"
#include "failover.h"

#include <string.h>

void npu_driver_fill_sqe(struct io_uring_sqe *sqe, size_t bytes, const struct npu_request *request,
			 uint64_t user_data)
{
	struct drm_npu_job job = {
		.queue = request->queue,
		.launch = request->binding->launch,
		.index = request->index,
		.cookie = request->index,
	};

	memset(sqe, 0, bytes);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->cmd_op = NPU_URING_CMD_SUBMIT;
	sqe->user_data = user_data;
	memcpy(sqe->cmd, &job, sizeof(job));
}

void npu_driver_read_times(struct npu_request *request, const struct io_uring_cqe *cqe)
{
	request->device_ns = (uint32_t)cqe->big_cqe[0];
	request->queued_ns = (cqe->big_cqe[0] >> 32) * 1000;
}

/*
 * Kernels before 6.14 read a linked command's SQE when its turn comes, and the application may use
 * that for something else by then. Those that are forced to a worker are copied at once.
 */
static unsigned int flags_behind_link(const struct io_uring *ring)
{
	unsigned int before = (ring->sq.sqe_tail - 1) & ring->sq.ring_mask;
	unsigned int shift = ring->flags & IORING_SETUP_SQE128 ? 1 : 0;

	if (ring->sq.sqes[before << shift].flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK))
		return IOSQE_ASYNC;
	return 0;
}

struct io_uring_sqe *npu_driver_prep(struct io_uring *ring, struct npu_request *request,
				     uint64_t user_data)
{
	const struct npu_session *session = request->session;
	unsigned int flags = flags_behind_link(ring);
	struct io_uring_sqe *sqe;

	if (!(session->device->driver.features & DRM_NPU_FEATURE_URING))
		return NULL;
	sqe = io_uring_get_sqe(ring);
	if (!sqe)
		return NULL;
	npu_driver_fill_sqe(sqe, sizeof(*sqe) << !!(ring->flags & IORING_SETUP_SQE128), request,
			    user_data);
	if (session->fixed_file >= 0) {
		sqe->fd = session->fixed_file;
		flags |= IOSQE_FIXED_FILE;
	} else {
		sqe->fd = session->device->fd;
	}
	sqe->flags = flags;
	request->big_cqe = ring->flags & IORING_SETUP_CQE32;
	npu_failover_keep(request);
	return sqe;
}

int npu_driver_result(struct npu_request *request, const struct io_uring_cqe *cqe)
{
	if (request->big_cqe)
		npu_driver_read_times(request, cqe);
	request->result = npu_failover_finish(request, cqe->res < 0 ? cqe->res : 0);
	npu_request_release(request, NPU_PHASE_QUEUED);
	return request->result;
}
