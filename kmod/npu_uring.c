// SPDX-License-Identifier: GPL-2.0-only
/*
 * The io_uring face: IORING_OP_URING_CMD on the device file.
 *
 * DOC: who may touch a command when
 *
 * A command is marked cancelable before its job is published, and from then on it is completed
 * exactly once: by task work when a core has ended the job, or here when io_uring cancels a job
 * that has not started. The job is freed after io_uring_cmd_done(), which takes the command off
 * io_uring's list of cancelable ones under the ring's lock; io_uring cancels under that lock, so
 * a command that it cancels still has its job. A job that runs is only flagged: its command
 * completes after the step, by task work; until then io_uring asks again, at most for one step.
 */
#include <linux/io_uring/cmd.h>
#include <linux/string.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "npu_drv.h"

/*
 * In io_uring_cmd.flags, whose top byte is the kernel's own and cleared when a command is prepared:
 * its payload was kept, because it will be issued again.
 */
#define NPU_URING_KEPT	BIT(24)

/**
 * struct npu_uring_pdu - what a command keeps
 * @job: once it is made
 * @desc: its payload: when io_uring issues a command again after -EAGAIN, the SQE may be another's
 */
struct npu_uring_pdu {
	struct npu_job *job;
	struct drm_npu_job desc;
};

/* queued µs in the high half, device ns in the low half, for rings with big CQEs */
static u64 npu_uring_times(const struct npu_job *job)
{
	u64 queued = job->started_ns ? (job->started_ns - job->submitted_ns) / NSEC_PER_USEC : 0;

	return min_t(u64, job->device_ns, U32_MAX) | min_t(u64, queued, U32_MAX) << 32;
}

static void npu_uring_done(struct npu_job *job, unsigned int issue_flags)
{
	io_uring_cmd_done(job->cmd, job->result, npu_uring_times(job), issue_flags);
	npu_job_free(job);
}

static void npu_uring_task_work(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	npu_uring_done(io_uring_cmd_to_pdu(cmd, struct npu_uring_pdu)->job, issue_flags);
}

/* A job with a command has ended. */
void npu_uring_complete(struct npu_job *job)
{
	io_uring_cmd_do_in_task_lazy(job->cmd, npu_uring_task_work);
}

/* io_uring wants the command back: the ring or its task goes away. */
static void npu_uring_cancel_issued(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct npu_job *job = io_uring_cmd_to_pdu(cmd, struct npu_uring_pdu)->job;

	switch (npu_queue_withdraw(job, -ECANCELED)) {
	case NPU_WITHDRAWN_JOB:
		npu_uring_done(job, issue_flags);
		break;
	case NPU_WITHDRAWN_COMMAND:
		io_uring_cmd_done(cmd, -ECANCELED, 0, issue_flags);
		break;
	case NPU_WITHDRAWN_NOTHING:
		break;
	}
}

/* All that a command does not use is 0: its payload is 16 bytes, of which a 128-byte SQE has 80. */
static bool npu_uring_sqe_is_plain(const struct io_uring_sqe *sqe, unsigned int issue_flags)
{
	if (issue_flags & IO_URING_F_SQE128 && memchr_inv(sqe + 1, 0, sizeof(*sqe)))
		return false;
	/* addr overlaps nothing that a command uses; the flags were read by io_uring itself */
	return !READ_ONCE(sqe->ioprio) && !READ_ONCE(sqe->addr) && !READ_ONCE(sqe->len) &&
	       !READ_ONCE(sqe->buf_index) && !READ_ONCE(sqe->splice_fd_in);
}

/* Read each field of the SQE once. */
static void npu_uring_read(struct io_uring_cmd *cmd)
{
	const struct drm_npu_job *payload = io_uring_sqe_cmd(cmd->sqe);

	io_uring_cmd_to_pdu(cmd, struct npu_uring_pdu)->desc = (struct drm_npu_job){
		.queue = READ_ONCE(payload->queue),
		.launch = READ_ONCE(payload->launch),
		.index = READ_ONCE(payload->index),
		.cookie = READ_ONCE(payload->cookie),
	};
}

static int npu_uring_submit(struct npu_client *client, struct io_uring_cmd *cmd,
			    unsigned int issue_flags)
{
	struct npu_uring_pdu *pdu = io_uring_cmd_to_pdu(cmd, struct npu_uring_pdu);
	struct dma_fence *fence = NULL;
	struct npu_job *job;
	int ret;

	job = npu_job_create(client, &pdu->desc, issue_flags & IO_URING_F_NONBLOCK);
	if (IS_ERR(job)) {
		ret = PTR_ERR(job);
		if (ret == -EAGAIN)
			cmd->flags |= NPU_URING_KEPT;
		return ret;
	}
	if (job->launch->shared) {
		ret = -EAGAIN;
		if (issue_flags & IO_URING_F_NONBLOCK) {
			cmd->flags |= NPU_URING_KEPT;
			goto err_free;
		}
		if (!job->launch->imported_write) {
			job->fence = npu_fence_alloc();
			ret = -ENOMEM;
			if (!job->fence)
				goto err_free;
		}
	}
	job->cmd = cmd;
	pdu->job = job;
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	if (job->launch->shared)
		ret = npu_access_publish(&job, 1, &fence);
	else
		ret = npu_job_publish(&job, 1, NULL);
	dma_fence_put(fence);
	if (!ret)
		return -EIOCBQUEUED;

	/* once marked, a result goes by io_uring_cmd_done() */
	job->result = ret == -EAGAIN ? -EBUSY : ret == -ERESTARTSYS ? -EINTR : ret;
	npu_uring_done(job, issue_flags);
	return -EIOCBQUEUED;

err_free:
	npu_job_free(job);
	return ret;
}

static int npu_uring_cancel(struct npu_client *client, struct io_uring_cmd *cmd)
{
	const struct drm_npu_cancel *payload = io_uring_sqe_cmd(cmd->sqe);
	struct npu_queue *queue;
	int ret;

	if (READ_ONCE(payload->count) || READ_ONCE(payload->pad))
		return -EINVAL;
	queue = npu_queue_find(client, READ_ONCE(payload->queue));
	if (!queue)
		return -ENOENT;
	ret = npu_queue_cancel(queue, READ_ONCE(payload->cookie));
	npu_queue_put(queue);
	return ret;
}

int npu_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct drm_file *file = cmd->file->private_data;
	struct drm_device *drm = file->minor->dev;
	int ret;

	if (issue_flags & IO_URING_F_CANCEL) {
		npu_uring_cancel_issued(cmd, issue_flags);
		return 0;
	}
	/*
	 * Not inside drm_dev_enter(): a submission may wait for fences of others, and unplug would
	 * wait for it. What matters is decided under the scheduler's lock.
	 */
	if (READ_ONCE(to_npu(drm)->gone))
		return -ENODEV;
	if (cmd->flags & NPU_URING_KEPT)
		return npu_uring_submit(file->driver_priv, cmd, issue_flags);
	if (cmd->flags & IORING_URING_CMD_FIXED ||
	    !npu_uring_sqe_is_plain(cmd->sqe, issue_flags)) {
		drm_dbg(drm, "uring: a field of the SQE that the command does not use is not 0\n");
		return -EINVAL;
	}
	switch (cmd->cmd_op) {
	case NPU_URING_CMD_SUBMIT:
		npu_uring_read(cmd);
		ret = npu_uring_submit(file->driver_priv, cmd, issue_flags);
		break;
	case NPU_URING_CMD_CANCEL:
		ret = npu_uring_cancel(file->driver_priv, cmd);
		break;
	default:
		drm_dbg(drm, "uring: unknown command 0x%x\n", cmd->cmd_op);
		ret = -EOPNOTSUPP;
	}
	return ret;
}
