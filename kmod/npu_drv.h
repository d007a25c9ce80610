/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of the driver and who guards what in them.
 *
 *	npu_device ── npu_core (a kernel thread each)
 *	    │
 *	npu_client (an open file) ── npu_program, npu_launch, npu_queue by handle
 *	                                  queue ── npu_job ── launch ── program, buffers
 *
 * References go one way: job -> queue, launch; launch -> program, buffers; queue -> client.
 * A handle holds a reference of its own, so an object lives until its handle is gone and the
 * last job that uses it has ended.
 *
 * Locks: npu_device.lock is the scheduler's and the only one taken by a core. It is taken in
 * fence callbacks, so with interrupts off; nothing is taken inside it but run-queue locks of
 * wake_up_process().
 */
#ifndef NPU_DRV_H
#define NPU_DRV_H

#include <linux/dma-fence.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>

#include "uapi/npu_accel.h"
#include "engine/npu_engine.h"

struct dma_buf;
struct dma_buf_attachment;
struct dma_fence_chain;
struct drm_printer;
struct drm_syncobj;
struct io_uring_cmd;
struct npu_backend;
struct sg_table;

#define NPU_MAX_JOBS		256	/* of one SUBMIT */
#define NPU_MAX_QUEUED		16384	/* jobs of one queue */
#define NPU_MAX_SYNCS		64	/* in- or out-points of one job */
#define NPU_MAX_OBJECTS		4096	/* programs, launches and queues of a file, each */
#define NPU_BACKLOG_NS		(2ull * NSEC_PER_SEC)
#define NPU_PRIORITIES		4

/**
 * struct npu_counts - live objects, for debugfs and the tests
 */
struct npu_counts {
	atomic_t clients, buffers, programs, launches, queues, jobs;
};

/**
 * struct npu_device - one NPU
 * @drm: the DRM device, embedded
 * @backend: what runs the steps; constant
 * @variant: engine kernels that the SIMD backend runs; constant
 * @isa_features: DRM_NPU_ISA_* found; constant
 * @counts: live objects, atomic
 * @lock: scheduler lock, taken with interrupts off; guards everything below it, and
 *	what struct npu_queue, npu_job, npu_client and npu_core say it guards
 * @ready: queues whose first job can run and is not running, by level
 * @ready_mask: bit p is set while @ready[p] is not empty; read without the lock by running
 *	cores, which only means that they look a step later
 * @idle: cores that sleep
 * @shared: cores that offer units of their job, by npu_core.share.link; looked at without the lock
 *	by cores that would help
 * @busy: cores that have a job of their own; read without the lock where it is only a hint
 * @pieces_helped: pieces that were run for other cores
 * @queues: every queue, for unplug
 * @gone: no more submissions: -ENODEV
 * @low_due: when, in ns, the low level gets a step whatever else is ready
 * @virtual_ns: of the client that was picked last: where one that was idle starts again
 * @active: jobs published and not yet ended
 * @drained: woken when @active becomes 0
 * @cores: @core_count of them
 * @core_count: constant
 */
struct npu_device {
	struct drm_device drm;
	const struct npu_backend *backend;
	const struct npu_variant *variant;
	u32 isa_features;
	struct npu_counts counts;

	spinlock_t lock;
	struct list_head ready[NPU_PRIORITIES];
	unsigned long ready_mask;
	struct list_head idle;
	struct list_head shared;
	u32 busy;
	u64 pieces_helped;
	struct list_head queues;
	bool gone;
	u64 low_due;
	u64 virtual_ns;
	u32 active;
	wait_queue_head_t drained;

	struct npu_core *cores;
	unsigned int core_count;
};

static inline struct npu_device *to_npu(struct drm_device *drm)
{
	return container_of(drm, struct npu_device, drm);
}

/**
 * struct npu_user - what the processes of one user have pinned; see npu_user.c
 */
struct npu_user;

/**
 * struct npu_client - an open file, and what outlives it for its jobs' sake
 * @kref: the file, and each queue
 * @npu: the device; the DRM device is referenced
 * @user: whose pinned memory it counts
 * @programs: struct npu_program by handle; the xarray's lock
 * @launches: likewise
 * @queues: likewise
 * @device_ns: time that its ended steps took; npu_device.lock for writing
 * @virtual_ns: device time, and what was let pass while idle, for fairness; npu_device.lock
 * @jobs_done: jobs ended without error; npu_device.lock
 * @jobs_failed: jobs ended otherwise; npu_device.lock
 */
struct npu_client {
	struct kref kref;
	struct npu_device *npu;
	struct npu_user *user;
	struct xarray programs;
	struct xarray launches;
	struct xarray queues;
	u64 device_ns;
	u64 virtual_ns;
	u64 jobs_done;
	u64 jobs_failed;
};

/**
 * struct npu_program - validated instructions; constant once created
 * @kref: its handle, and each launch
 * @npu: for the counters
 * @user: charged with @charged bytes, referenced
 * @charged: size of @insns and @consts
 * @insns: [@insn_count]
 * @consts: the constant section or NULL
 * @needs: [@slot_count]
 * @large: which instructions are worth sharing between cores; NULL if there is one core
 * @cost: in cost units of the engine
 * @insn_count: instructions
 * @slot_count: slots
 */
struct npu_program {
	struct kref kref;
	struct npu_device *npu;
	struct npu_user *user;
	u64 charged;
	struct npu_insn *insns;
	void *consts;
	struct npu_slot_need *needs;
	unsigned long *large;
	u64 cost;
	u32 insn_count;
	u32 slot_count;
};

/**
 * struct npu_binding - a slot of a launch
 * @obj: buffer, referenced and mapped; NULL for scratch
 * @map: its kernel mapping
 * @base: address of index 0
 * @stride: to the next index
 * @scratch_offset: scratch: into the queue's scratch memory
 */
struct npu_binding {
	struct drm_gem_object *obj;
	struct iosys_map map;
	u8 *base;
	u64 stride;
	u64 scratch_offset;
};

/**
 * struct npu_launch - a program bound to memory; constant once created
 * @kref: its handle, and each job
 * @work: releases it: unmapping takes reservation locks, which a core must not
 * @npu: for the counters
 * @program: referenced
 * @count: indices
 * @shared: some buffer is shareable or imported, so that jobs take the slow path
 * @imported_write: one that is imported is written: its jobs publish no fence
 * @scratch_bytes: that a job needs of the queue
 * @cost_ns: validated cost as time
 * @bindings: [program->slot_count]
 */
struct npu_launch {
	struct kref kref;
	struct work_struct work;
	struct npu_device *npu;
	struct npu_program *program;
	u32 count;
	bool shared;
	bool imported_write;
	u64 scratch_bytes;
	u64 cost_ns;
	struct npu_binding bindings[];
};

/**
 * struct npu_scratch - scratch memory of a queue; a job keeps what it was submitted with
 * @kref: the queue, and each job
 * @work: frees it: vfree() does not belong into a core
 * @user: charged with @bytes, referenced
 * @bytes: size
 * @memory: zeroed when it was allocated
 */
struct npu_scratch {
	struct kref kref;
	struct work_struct work;
	struct npu_user *user;
	u64 bytes;
	void *memory;
};

/**
 * struct npu_queue - jobs that run one after another
 * @kref: its handle, and each job
 * @npu: device
 * @client: referenced
 * @priority: enum drm_npu_priority; constant
 * @context: fence context; constant
 * @work: releases it: what it refers to must not be released by a core
 * @scratch_lock: guards @scratch
 * @scratch: of the next job, grown on demand
 * @seqno: of the last fence published; npu_device.lock
 * @link: in npu_device.queues; npu_device.lock
 * @ready: in npu_device.ready[]; npu_device.lock
 * @ready_level: of which level; npu_device.lock
 * @ready_since: when it got there, ns; npu_device.lock
 * @level: @priority, or higher since its first job had to wait too long; npu_device.lock, but a
 *	core that runs the job reads it without
 * @jobs: not started, in order, and the one that runs first of all; npu_device.lock
 * @running: the job that a core has; npu_device.lock
 * @completing: a job has ended and is being completed: the next must not overtake it, since
 *	fences signal in order; npu_device.lock
 * @queued: jobs in @jobs; npu_device.lock
 * @backlog_ns: validated time of them; npu_device.lock
 * @dead: destroyed: no more submissions; npu_device.lock
 */
struct npu_queue {
	struct kref kref;
	struct npu_device *npu;
	struct npu_client *client;
	u32 priority;
	u64 context;

	struct work_struct work;
	struct mutex scratch_lock;
	struct npu_scratch *scratch;
	u64 seqno;

	struct list_head link;
	struct list_head ready;
	u32 ready_level;
	u64 ready_since;
	u32 level;
	struct list_head jobs;
	struct npu_job *running;
	bool completing;
	u32 queued;
	u64 backlog_ns;
	bool dead;
};

/**
 * enum npu_job_state - where a job is; npu_device.lock
 * @NPU_JOB_NEW: not published
 * @NPU_JOB_QUEUED: in its queue, not started
 * @NPU_JOB_RUNNING: started; a core has it, or will go on with it
 * @NPU_JOB_DONE: ended; whoever set this completes it
 */
enum npu_job_state {
	NPU_JOB_NEW,
	NPU_JOB_QUEUED,
	NPU_JOB_RUNNING,
	NPU_JOB_DONE,
};

/**
 * struct npu_job_wait - an in-fence of a job
 * @cb: callback on @fence; its func is NULL where none had to be added
 * @fence: referenced
 * @job: back
 */
struct npu_job_wait {
	struct dma_fence_cb cb;
	struct dma_fence *fence;
	struct npu_job *job;
};

/**
 * struct npu_job - one submitted launch
 * @node: in npu_queue.jobs; npu_device.lock
 * @queue: referenced
 * @launch: referenced
 * @scratch: referenced, or NULL
 * @work: frees a job that holds what a core must not release
 * @cookie: the submitter's
 * @state: npu_device.lock
 * @abort: 0, or the error to end with; written under npu_device.lock, read between steps
 * @result: set by whoever makes it NPU_JOB_DONE, then constant
 * @exec: where it is in the program; the core that runs it
 * @run_ns: run time of core threads in it; the core that runs it
 * @helped_ns: run time of other cores' threads in it; npu_device.lock for writing
 * @device_ns: time that cores had it; npu_device.lock
 * @submitted_ns: when published
 * @started_ns: when its first step began, 0 before
 * @cmd: io_uring command to complete, or NULL; npu_device.lock while NPU_JOB_QUEUED
 * @fence: to signal, or NULL
 * @end_access: imported buffers were opened for CPU access
 * @unsignalled: in-fences still to come, plus one until it is published
 * @wait_count: entries of @waits
 * @waits: in-fences
 */
struct npu_job {
	struct list_head node;
	struct npu_queue *queue;
	struct npu_launch *launch;
	struct npu_scratch *scratch;
	struct work_struct work;
	u32 cookie;
	enum npu_job_state state;
	int abort;
	int result;
	struct npu_exec exec;
	u64 run_ns;
	u64 helped_ns;
	u64 device_ns;
	u64 submitted_ns;
	u64 started_ns;
	struct io_uring_cmd *cmd;
	struct dma_fence *fence;
	bool end_access;
	atomic_t unsignalled;
	u32 wait_count;
	struct npu_job_wait *waits;
};

/**
 * enum npu_withdrawn - what npu_queue_withdraw() gives to its caller to complete
 * @NPU_WITHDRAWN_NOTHING: the job has ended, or will end by itself
 * @NPU_WITHDRAWN_COMMAND: its io_uring command; the job itself ends in order
 * @NPU_WITHDRAWN_JOB: the job
 */
enum npu_withdrawn {
	NPU_WITHDRAWN_NOTHING,
	NPU_WITHDRAWN_COMMAND,
	NPU_WITHDRAWN_JOB,
};

/**
 * struct npu_share - units of its current instruction that a core offers to others
 * @link: in npu_device.shared while there are any; npu_device.lock
 * @next: first unit that nobody has taken; npu_device.lock
 * @end: after the last that is offered; npu_device.lock
 * @unit_ns: validated time of a unit; constant while there are any
 * @helped: pieces that others have and have not finished; npu_device.lock for writing
 * @waiting: the owner sleeps until @helped is 0; npu_device.lock
 */
struct npu_share {
	struct list_head link;
	u32 next;
	u32 end;
	u64 unit_ns;
	u32 helped;
	bool waiting;
};

/**
 * struct npu_core - a compute core
 * @npu: device
 * @index: its number
 * @task: the kernel thread
 * @idle: in npu_device.idle while it sleeps; npu_device.lock
 * @job: that it runs; npu_device.lock
 * @began_ns: when it took @job; npu_device.lock
 * @began_runtime: run time of its thread then; its thread
 * @share: of @job
 * @exec: copy of another's, of whose job it runs a piece; its thread
 * @workspace: the engine's memory, NPU_WORKSPACE_BYTES; its thread
 */
struct npu_core {
	struct npu_device *npu;
	unsigned int index;
	struct task_struct *task;
	struct list_head idle;
	struct npu_job *job;
	u64 began_ns;
	u64 began_runtime;
	struct npu_share share;
	struct npu_exec exec;
	void *workspace;
};

/* npu_gem.c */
struct drm_gem_object *npu_gem_create_object(struct drm_device *drm, size_t size);
struct drm_gem_object *npu_gem_import_sg_table(struct drm_device *drm,
					       struct dma_buf_attachment *attach,
					       struct sg_table *sgt);
bool npu_gem_is_shared(const struct drm_gem_object *obj);
int npu_gem_pin(struct drm_gem_object *obj, struct npu_user *user, struct iosys_map *map);
void npu_gem_unpin(struct drm_gem_object *obj, struct iosys_map *map);
int npu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);

/* npu_dmabuf.c */
struct dma_buf *npu_dmabuf_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *npu_dmabuf_import(struct drm_device *drm, struct dma_buf *dmabuf);

/* npu_user.c */
struct npu_user *npu_user_get(kuid_t uid);
struct npu_user *npu_user_ref(struct npu_user *user);
void npu_user_put(struct npu_user *user);
int npu_user_charge(struct npu_user *user, u64 bytes);
void npu_user_uncharge(struct npu_user *user, u64 bytes);
u64 npu_user_limit(void);

/* npu_program.c */
struct npu_program *npu_program_find(struct npu_client *client, u32 handle);
void npu_program_put(struct npu_program *program);
int npu_ioctl_program_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_program_destroy(struct drm_device *drm, void *data, struct drm_file *file);

/* npu_launch.c */
struct npu_launch *npu_launch_find(struct npu_client *client, u32 handle);
void npu_launch_put(struct npu_launch *launch);
int npu_ioctl_launch_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_launch_destroy(struct drm_device *drm, void *data, struct drm_file *file);

/* npu_queue.c */
struct npu_queue *npu_queue_find(struct npu_client *client, u32 handle);
void npu_queue_put(struct npu_queue *queue);
void npu_queue_kill(struct npu_queue *queue, int error);
enum npu_withdrawn npu_queue_withdraw(struct npu_job *job, int error);
int npu_queue_cancel(struct npu_queue *queue, u32 cookie);
int npu_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_cancel(struct drm_device *drm, void *data, struct drm_file *file);
struct npu_scratch *npu_scratch_get(struct npu_queue *queue, u64 bytes, bool nonblock);
void npu_scratch_put(struct npu_scratch *scratch);

/* npu_job.c */
struct npu_job *npu_job_create(struct npu_client *client, const struct drm_npu_job *desc,
			       bool nonblock);
int npu_job_add_wait(struct npu_job *job, struct dma_fence *fence);
void npu_job_free(struct npu_job *job);
int npu_job_publish(struct npu_job *const *jobs, unsigned int count, struct dma_fence **fences);
void npu_job_complete(struct npu_job *job);
int npu_job_init_cache(void);
void npu_job_exit_cache(void);

/* npu_access.c */
void npu_access_end(struct npu_job *job);
int npu_access_publish(struct npu_job *const *jobs, unsigned int count, struct dma_fence **fences);

/* npu_fence.c */
struct dma_fence *npu_fence_alloc(void);
void npu_fence_free(struct dma_fence *fence);
void npu_fence_init(struct dma_fence *fence, u64 context, u64 seqno);
int npu_fences_alive(void);

/* npu_core.c */
int npu_cores_start(struct npu_device *npu, unsigned int count, int nice);
void npu_cores_stop(struct npu_device *npu);
void npu_core_wake(struct npu_device *npu);
u64 npu_core_runtime(void);
bool npu_core_interrupted(const struct npu_core *core, const struct npu_job *job);

/* npu_share.c */
bool npu_share_large(struct npu_device *npu, const struct npu_insn *insn);
bool npu_share_possible(const struct npu_device *npu);
void npu_share_run(struct npu_core *owner, struct npu_job *job);
void npu_share_help(struct npu_core *core);

/* npu_sched.c */
void npu_sched_init(struct npu_device *npu);
bool npu_queue_sort(struct npu_queue *queue);
void npu_queue_update(struct npu_queue *queue);
struct npu_job *npu_sched_pick(struct npu_device *npu, u64 now);
bool npu_sched_should_yield(struct npu_device *npu, const struct npu_job *job, u64 ran_ns);
void npu_sched_charge(struct npu_job *job, u64 ran_ns);

/* npu_ioctl.c */
int npu_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file);
int npu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

/* npu_uring.c */
int npu_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
void npu_uring_complete(struct npu_job *job);

/* npu_drv.c */
extern struct workqueue_struct *npu_release_queue;
struct npu_client *npu_client_get(struct npu_client *client);
void npu_client_put(struct npu_client *client);

/* npu_stats.c */
void npu_show_fdinfo(struct drm_printer *p, struct drm_file *file);
void npu_debugfs_init(struct npu_device *npu);

#endif /* NPU_DRV_H */
