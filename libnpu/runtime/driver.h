/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_DRIVER_H
#define NPU_RUNTIME_DRIVER_H

#include <liburing.h>

#include "session.h"

/* The jobs of one queue run one after another: as many queues as cores, up to this. */
#define NPU_DRIVER_QUEUES 8

/**
 * struct npu_driver - the driver's part of a session
 * @queues: how many queues; one if requests run in order
 * @ring: with io_uring: one fixed file, the device
 * @fences: without: epoll of the fences in flight
 * @watched: without: how many those are
 * @event: without: epoll of @fences and of the session's eventfd
 * @jobs: without: of one npu_submit()
 * @syncs: without: @jobs' out_syncs
 */
struct npu_driver {
	unsigned int queues;
	uint32_t queue[NPU_DRIVER_QUEUES];

	struct io_uring ring;

	int fences;
	unsigned int watched;
	int event;
	struct drm_npu_submit_job *jobs;
	struct drm_npu_sync *syncs;
};

int npu_driver_plan(struct npu_plan *plan, const struct npu_device *device,
		    const struct npu_program *program, struct npu_error *err);
int npu_driver_plan_binding(struct npu_binding_plan *bound, const struct npu_plan *plan,
			    const struct npu_device *device, const struct npu_program *program,
			    struct npu_error *err);
/* Buffer, program and launch. */
int npu_driver_bind(struct npu_session *session, struct npu_binding *binding,
		    struct npu_error *err);
void npu_driver_unbind(struct npu_session *session, struct npu_binding *binding);
/* Queues of a session. */
int npu_driver_open(struct npu_session *session, struct npu_error *err);
void npu_driver_close(struct npu_session *session);
/* Destroy the queues, which cancels their jobs; then wait for all that npu_submit() started. */
void npu_driver_drain(struct npu_session *session);
int npu_driver_cancel(struct npu_request *request);

/* The sentence of a call of the driver that failed with @code. */
int npu_driver_error(struct npu_error *err, const struct npu_device *device, int code,
		     const char *doing);

/* The application's ring, see struct npu_backend_ops. */
struct io_uring_sqe *npu_driver_prep(struct io_uring *ring, struct npu_request *request,
				     uint64_t user_data);
int npu_driver_result(struct npu_request *request, const struct io_uring_cqe *cqe);
/* The command of @request in @sqe, @bytes long; the file is the caller's to set. */
void npu_driver_fill_sqe(struct io_uring_sqe *sqe, size_t bytes, const struct npu_request *request,
			 uint64_t user_data);
/* Device and queueing time, of a CQE of 32 bytes. */
void npu_driver_read_times(struct npu_request *request, const struct io_uring_cqe *cqe);

#endif
