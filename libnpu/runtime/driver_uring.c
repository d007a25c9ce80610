// SPDX-License-Identifier: MIT
/*
 * Submission by a ring of the session's own: a batch is one system call, the device a fixed file.
 *
 * Not IORING_SETUP_SINGLE_ISSUER and so not DEFER_TASKRUN: a session may move between threads.
 */
#include "driver.h"
#include "error.h"
#include "failover.h"

#include <string.h>
#include <sys/eventfd.h>

/* How often a submission that the kernel had no memory for is tried. */
#define SUBMIT_TRIES 100

bool npu_uring_works(const struct drm_npu_device_info *info)
{
	struct io_uring ring;

	if (!(info->features & DRM_NPU_FEATURE_URING))
		return false;
	if (io_uring_queue_init(1, &ring, IORING_SETUP_CQE32))
		return false;
	io_uring_queue_exit(&ring);
	return true;
}

static int open_ring(struct npu_session *session, struct npu_error *err)
{
	struct npu_driver *driver = session->backend;
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQE32 | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
	};
	int ret;

	ret = io_uring_queue_init_params(session->plan.requests, &driver->ring, &params);
	if (ret)
		return npu_error_set(err, ret,
				     "no ring for %u requests: %s; raise `ulimit -l`, or "
				     "set options.no_uring",
				     session->plan.requests, strerror(-ret));
	ret = io_uring_register_files(&driver->ring, &session->device->fd, 1);
	if (!ret)
		ret = io_uring_register_eventfd(&driver->ring, session->event);
	if (ret) {
		io_uring_queue_exit(&driver->ring);
		return npu_error_set(err, ret,
				     "the ring does not take the device's file: %s; set "
				     "options.no_uring",
				     strerror(-ret));
	}
	/* Until npu_session_eventfd() is called nobody looks. */
	io_uring_cq_eventfd_toggle(&driver->ring, false);
	return 0;
}

static int uring_open(struct npu_session *session, struct npu_error *err)
{
	int ret = npu_driver_open(session, err);

	if (ret)
		return ret;
	ret = open_ring(session, err);
	if (ret)
		npu_driver_close(session);
	return ret;
}

static void uring_close(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;

	npu_driver_drain(session);
	io_uring_queue_exit(&driver->ring);
}

/*
 * Take back what the kernel did not take, so that the next submission does not start with it.
 * Without IORING_SETUP_SQPOLL it looks at the tail only while we submit.
 */
static void withdraw(struct io_uring *ring, unsigned int left)
{
	struct io_uring_sq *sq = &ring->sq;

	sq->sqe_tail -= left;
	sq->sqe_head = sq->sqe_tail;
	io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
}

static int uring_submit(struct npu_session *session, struct npu_request *const *requests,
			unsigned int count, struct npu_error *err)
{
	struct npu_driver *driver = session->backend;
	unsigned int left, tries = 0;
	int ret = 0;

	if (session->lost) {
		pthread_mutex_lock(&session->lock);
		npu_failover_all(requests, count);
		pthread_mutex_unlock(&session->lock);
		return 0;
	}
	for (unsigned int i = 0; i < count; i++) {
		/* There is room: the ring is as large as the session, and was emptied. */
		struct io_uring_sqe *sqe = io_uring_get_sqe(&driver->ring);

		npu_driver_fill_sqe(sqe, sizeof(*sqe), requests[i], (uintptr_t)requests[i]);
		sqe->fd = 0;
		sqe->flags = IOSQE_FIXED_FILE;
	}
	do {
		ret = io_uring_submit(&driver->ring);
		left = io_uring_sq_ready(&driver->ring);
	} while (left && (ret >= 0 || ret == -EINTR || ret == -EAGAIN) && ++tries < SUBMIT_TRIES);
	if (!left)
		return 0;
	withdraw(&driver->ring, left);
	for (unsigned int i = count - left; i < count; i++)
		npu_request_release(requests[i], NPU_PHASE_QUEUED);
	return npu_driver_error(err, session->device, ret < 0 ? ret : -EAGAIN, "submitting");
}

/* Finish what the ring says has finished; the lock is held. */
static unsigned int take_cqes(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	/* Lets the kernel post what it holds back, see IORING_SETUP_TASKRUN_FLAG. */
	if (io_uring_peek_cqe(&driver->ring, &cqe))
		return 0;
	io_uring_for_each_cqe (&driver->ring, head, cqe) {
		struct npu_request *request = (void *)(uintptr_t)cqe->user_data;

		npu_driver_read_times(request, cqe);
		npu_request_finish_locked(request, npu_failover_finish(request, cqe->res));
		n++;
	}
	io_uring_cq_advance(&driver->ring, n);
	return n;
}

static int uring_wait(struct npu_session *session, uint64_t deadline_ns)
{
	struct npu_driver *driver = session->backend;
	struct __kernel_timespec timeout;
	struct io_uring_cqe *cqe;
	uint64_t now;
	int ret;

	if (take_cqes(session))
		return 0;
	if (deadline_ns == UINT64_MAX) {
		ret = io_uring_wait_cqe(&driver->ring, &cqe);
	} else {
		now = deadline_ns ? npu_now_ns() : 0;
		if (now >= deadline_ns)
			return -ETIME;
		timeout.tv_sec = (deadline_ns - now) / 1000000000;
		timeout.tv_nsec = (deadline_ns - now) % 1000000000;
		ret = io_uring_wait_cqe_timeout(&driver->ring, &cqe, &timeout);
	}
	if (ret && ret != -EINTR && ret != -EAGAIN)
		return ret;
	take_cqes(session);
	return 0;
}

static void uring_settle(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;

	if (io_uring_cq_ready(&driver->ring))
		eventfd_write(session->event, 1);
}

static int uring_event(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;

	if (session->event_armed)
		return session->event;
	session->event_armed = true;
	io_uring_cq_eventfd_toggle(&driver->ring, true);
	if (session->head || io_uring_cq_ready(&driver->ring))
		eventfd_write(session->event, 1);
	return session->event;
}

const struct npu_backend_ops npu_driver_uring_ops = {
	.plan = npu_driver_plan,
	.plan_binding = npu_driver_plan_binding,
	.bind = npu_driver_bind,
	.unbind = npu_driver_unbind,
	.open = uring_open,
	.close = uring_close,
	.submit = uring_submit,
	.wait = uring_wait,
	.cancel = npu_driver_cancel,
	.event = uring_event,
	.settle = uring_settle,
	.prep = npu_driver_prep,
	.result = npu_driver_result,
};
