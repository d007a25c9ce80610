// SPDX-License-Identifier: MIT
/*
 * Submission by ioctl, where io_uring is switched off. A job's fence goes into the request's
 * syncobj and from there into a sync_file: that polls readable on every kernel, and it is what
 * says with which error a job ended.
 */
#include "driver.h"
#include "error.h"
#include "failover.h"

#include <linux/sync_file.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <xf86drm.h>

static int ioctl_plan(struct npu_plan *plan, const struct npu_device *device,
		      const struct npu_program *program, struct npu_error *err)
{
	int ret = npu_driver_plan(plan, device, program, err);

	if (ret)
		return ret;
	plan->job_offset = npu_plan_add(&plan->heap_bytes,
					plan->requests * sizeof(struct drm_npu_submit_job),
					NPU_SLOT_ALIGN);
	plan->sync_offset = npu_plan_add(
		&plan->heap_bytes, plan->requests * sizeof(struct drm_npu_sync), NPU_SLOT_ALIGN);
	return 0;
}

static void close_syncs(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;

	for (unsigned int i = 0; i < session->plan.requests; i++)
		if (session->requests[i].syncobj)
			drmSyncobjDestroy(session->device->fd, session->requests[i].syncobj);
	if (driver->event >= 0)
		close(driver->event);
	if (driver->fences >= 0)
		close(driver->fences);
}

static int open_epolls(struct npu_session *session)
{
	struct npu_driver *driver = session->backend;
	struct epoll_event readable = { .events = EPOLLIN };

	driver->fences = epoll_create1(EPOLL_CLOEXEC);
	driver->event = epoll_create1(EPOLL_CLOEXEC);
	if (driver->fences < 0 || driver->event < 0)
		return -errno;
	if (epoll_ctl(driver->event, EPOLL_CTL_ADD, driver->fences, &readable) ||
	    epoll_ctl(driver->event, EPOLL_CTL_ADD, session->event, &readable))
		return -errno;
	return 0;
}

static int open_syncs(struct npu_session *session, struct npu_error *err)
{
	int ret = open_epolls(session);

	for (unsigned int i = 0; !ret && i < session->plan.requests; i++)
		if (drmSyncobjCreate(session->device->fd, 0, &session->requests[i].syncobj))
			ret = -errno;
	if (!ret)
		return 0;
	close_syncs(session);
	return npu_driver_error(err, session->device, ret, "creating syncobjs");
}

static int ioctl_open(struct npu_session *session, struct npu_error *err)
{
	struct npu_driver *driver = session->backend;
	uint8_t *block = session->block;
	int ret;

	driver->jobs = (void *)(block + session->plan.job_offset);
	driver->syncs = (void *)(block + session->plan.sync_offset);
	ret = npu_driver_open(session, err);
	if (ret)
		return ret;
	ret = open_syncs(session, err);
	if (ret)
		npu_driver_close(session);
	return ret;
}

static void ioctl_close(struct npu_session *session)
{
	npu_driver_drain(session);
	close_syncs(session);
}

/* Make the fence of a job that was just submitted something that can be polled. */
static int watch(struct npu_request *request)
{
	struct npu_driver *driver = request->session->backend;
	struct epoll_event readable = { .events = EPOLLIN, .data.ptr = request };
	int fd = request->session->device->fd;

	if (drmSyncobjExportSyncFile(fd, request->syncobj, &request->fence)) {
		request->fence = -1;
		return -errno;
	}
	if (epoll_ctl(driver->fences, EPOLL_CTL_ADD, request->fence, &readable))
		return -errno;
	driver->watched++;
	return 0;
}

/* The job of @request has ended; the lock is held. */
static void take_result(struct npu_request *request)
{
	struct npu_driver *driver = request->session->backend;
	struct sync_file_info info = { 0 };
	int result = 0;

	if (ioctl(request->fence, SYNC_IOC_FILE_INFO, &info))
		result = -errno;
	else if (info.status < 0)
		result = info.status;
	close(request->fence);
	request->fence = -1;
	driver->watched--;
	npu_request_finish_locked(request, npu_failover_finish(request, result));
}

/* No descriptor for the fence: wait for the job, whose outcome nobody can tell then. */
static void give_up(struct npu_request *request, int error)
{
	drmSyncobjWait(request->session->device->fd, &request->syncobj, 1, INT64_MAX, 0, NULL);
	if (request->fence >= 0)
		close(request->fence);
	request->fence = -1;
	npu_request_finish_locked(request, npu_failover_finish(request, error));
}

static int ioctl_wait(struct npu_session *session, uint64_t deadline_ns)
{
	const struct npu_driver *driver = session->backend;
	struct epoll_event events[64];
	int timeout = -1, n;

	if (deadline_ns != UINT64_MAX) {
		uint64_t now = deadline_ns ? npu_now_ns() : 0;
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;

		timeout = (left + 999999) / 1000000;
	}
	n = epoll_wait(driver->fences, events, 64, timeout);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		take_result(events[i].data.ptr);
	return n ? 0 : -ETIME;
}

/* @count jobs in one call. */
static int submit_some(struct npu_session *session, struct npu_request *const *requests,
		       unsigned int count)
{
	struct npu_driver *driver = session->backend;
	struct drm_npu_submit submit = {
		.jobs = (uintptr_t)driver->jobs,
		.job_count = count,
	};

	if (session->lost)
		return -ENODEV;
	memset(driver->jobs, 0, count * sizeof(*driver->jobs));
	for (unsigned int i = 0; i < count; i++) {
		npu_failover_keep(requests[i]);
		driver->syncs[i] = (struct drm_npu_sync){ .handle = requests[i]->syncobj };
		driver->jobs[i].job = (struct drm_npu_job){
			.queue = requests[i]->queue,
			.launch = requests[i]->binding->launch,
			.index = requests[i]->index,
			.cookie = requests[i]->index,
		};
		driver->jobs[i].out_syncs = (uintptr_t)&driver->syncs[i];
		driver->jobs[i].out_count = 1;
	}
	if (drmIoctl(session->device->fd, DRM_IOCTL_NPU_SUBMIT, &submit))
		return -errno;
	for (unsigned int i = 0; i < count; i++) {
		int ret = watch(requests[i]);

		if (ret)
			give_up(requests[i], ret);
	}
	return 0;
}

static int ioctl_submit(struct npu_session *session, struct npu_request *const *requests,
			unsigned int count, struct npu_error *err)
{
	const struct npu_driver *driver = session->backend;
	unsigned int most = session->device->driver.max_jobs, done = 0;
	int ret = 0;

	pthread_mutex_lock(&session->lock);
	while (!ret && done < count) {
		unsigned int n = count - done < most ? count - done : most;

		ret = submit_some(session, requests + done, n);
		if (ret == -ENODEV && session->plan.failover)
			ret = npu_failover_all(requests + done, n);
		if (!ret) {
			done += n;
		} else if (ret == -EBUSY || ret == -EAGAIN) {
			/* The queues hold as much work as they may: fewer at once, or later. */
			most = n > 1 ? n / 2 : 1;
			if (n > 1)
				ret = 0;
			else if (driver->watched)
				ret = ioctl_wait(session, UINT64_MAX);
		}
	}
	for (unsigned int i = done; i < count; i++)
		npu_request_release(requests[i], NPU_PHASE_QUEUED);
	pthread_mutex_unlock(&session->lock);
	return ret ? npu_driver_error(err, session->device, ret, "submitting") : 0;
}

static int ioctl_event(struct npu_session *session)
{
	const struct npu_driver *driver = session->backend;

	if (!session->event_armed && session->head)
		eventfd_write(session->event, 1);
	session->event_armed = true;
	return driver->event;
}

const struct npu_backend_ops npu_driver_ioctl_ops = {
	.plan = ioctl_plan,
	.plan_binding = npu_driver_plan_binding,
	.bind = npu_driver_bind,
	.unbind = npu_driver_unbind,
	.open = ioctl_open,
	.close = ioctl_close,
	.submit = ioctl_submit,
	.wait = ioctl_wait,
	.cancel = npu_driver_cancel,
	.event = ioctl_event,
	.prep = npu_driver_prep,
	.result = npu_driver_result,
};
