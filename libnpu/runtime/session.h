/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_SESSION_H
#define NPU_RUNTIME_SESSION_H

#include <pthread.h>
#include <stdatomic.h>

#include "binding.h"
#include "device.h"
#include "program.h"

#define NPU_PAGE_BYTES 4096

/* The phase is in the low bits of struct npu_request.state, the generation above them. */
#define NPU_PHASE_BITS 8
#define NPU_PHASE_MASK ((uint64_t)0xff)

/**
 * enum npu_phase - where a request is
 * @NPU_PHASE_IDLE: the application's
 * @NPU_PHASE_QUEUED: handed over, not started
 * @NPU_PHASE_RUNNING: embedded: a worker computes it
 * @NPU_PHASE_DONE: finished, not yet taken by npu_reap(), npu_infer() or npu_infer_result()
 */
enum npu_phase {
	NPU_PHASE_IDLE,
	NPU_PHASE_QUEUED,
	NPU_PHASE_RUNNING,
	NPU_PHASE_DONE,
};

/**
 * enum npu_waiter - who takes the result of a request in flight
 * @NPU_WAITER_REAP: npu_reap(), in order of completion
 * @NPU_WAITER_INFER: npu_infer(), which waits for this one
 * @NPU_WAITER_RING: npu_infer_result(), after a CQE in the application's ring
 */
enum npu_waiter {
	NPU_WAITER_REAP,
	NPU_WAITER_INFER,
	NPU_WAITER_RING,
};

/* What a doorbell carries: which request, and which use of it, so that a stale one is known. */
struct npu_token {
	uint32_t index;
	uint32_t generation;
};

/**
 * struct npu_request - one set of inputs and outputs
 * @next: in the session's list of finished requests
 * @binding: the program that it runs, or ran last
 * @state: generation << NPU_PHASE_BITS | enum npu_phase. Both in one word: a worker starts a job
 *	only if its token is of this use of the request and nobody cancelled it
 * @written: inputs that npu_request_write_f32() wrote since the last use, a bit each
 * @stale: those of them that were converted for a program that is not in use any more
 * @backend: where it ran
 * @reason: why it ran there, if not where the session was opened; else ""
 * @abort: the running job is to stop after its current step
 * @token: embedded: what the application's ring writes to the doorbell
 * @completion: embedded: pipe that the application's ring reads from
 * @queue: driver: handle of the queue that its jobs go to
 * @syncobj: driver without io_uring: gets the job's fence
 * @fence: driver without io_uring: sync_file of the job in flight, else -1
 * @big_cqe: driver: the application's ring that holds it has CQE32
 */
struct npu_request {
	struct npu_session *session;
	struct npu_request *next;
	struct npu_binding *binding;
	void *user;
	_Atomic uint64_t state;
	atomic_bool abort;
	uint64_t written;
	uint64_t stale;
	enum npu_backend backend;
	const char *reason;
	enum npu_waiter waiter;
	unsigned int index;
	int result;
	uint64_t submitted_ns;
	uint64_t device_ns;
	uint64_t queued_ns;

	struct npu_token token;
	int completion[2];

	uint32_t queue;
	uint32_t syncobj;
	int fence;
	bool big_cqe;
};

/**
 * struct npu_plan - where everything of a session lies; npu_session_quote() is this, and
 *	npu_session_open() takes exactly this
 * @requests: how many
 * @threads: worker threads
 * @failover: what a lost device leaves is computed in process
 * @heap_bytes: of the one block, but for the program's part
 * @request_offset: in the block: struct npu_request[@requests]
 * @backend_offset: in the block: the backend's own structure
 * @workspace_offset: in the block: NPU_WORKSPACE_BYTES of each seat
 * @job_offset: driver without io_uring, in the block: a struct drm_npu_submit_job a request
 * @sync_offset: driver without io_uring, in the block: a struct drm_npu_sync a request
 * @bound: of the program that the session is opened with; its heap_bytes are of the whole block
 */
struct npu_plan {
	unsigned int requests;
	unsigned int threads;
	bool failover;
	uint64_t heap_bytes;
	uint64_t request_offset;
	uint64_t backend_offset;
	uint64_t workspace_offset;
	uint64_t job_offset;
	uint64_t sync_offset;
	struct npu_binding_plan bound;
};

/**
 * struct npu_session - a program on a device, with its requests
 * @ops: the backend
 * @ordered: requests run one after another, in the order of submission, as the program has a state
 * @lost: the device is gone, and what is submitted is computed in process
 * @block: the memory that this structure starts; @block_owned if it came from the allocator
 * @bindings: the programs that it runs, those not in use without one
 * @current: what requests that start now run
 * @lock: guards the list, the count and every request's change to NPU_PHASE_DONE
 * @finished: signalled at every such change
 * @head: finished requests, oldest first
 * @reapable: submitted and not yet reaped
 * @event: eventfd, readable while the list is not empty once @event_armed
 * @fixed_file: of the application's ring, -1 for the descriptor
 */
struct npu_session {
	struct npu_device *device;
	const struct npu_backend_ops *ops;
	bool ordered;
	bool lost;
	void *block;
	bool block_owned;
	struct npu_plan plan;
	struct npu_request *requests;
	void *backend;
	struct npu_binding bindings[NPU_BINDINGS];
	struct npu_binding *current;

	pthread_mutex_t lock;
	pthread_cond_t finished;
	struct npu_request *head;
	struct npu_request *tail;
	unsigned int reapable;
	int event;
	bool event_armed;

	int fixed_file;
};

struct io_uring;
struct io_uring_sqe;
struct io_uring_cqe;

/**
 * struct npu_backend_ops - what a backend does
 * @plan: add the backend's needs to @plan, whose requests, threads and failover are set
 * @plan_binding: add those of a program
 * @bind: make a program ready, whose plan is made; cleans up after itself on failure
 * @unbind: undo that; no request runs it
 * @retire: no request runs the program any more; on return nobody reads it. NULL if so anyhow
 * @open: make ready; the block is there and zeroed, @current is not bound yet. Cleans up after
 *	itself on failure
 * @close: cancel what is in flight, wait for it, release all but the bindings
 * @submit: start requests that are NPU_PHASE_QUEUED; on failure those not started are
 *	NPU_PHASE_IDLE again
 * @wait: until something of this session finishes, with a deadline in CLOCK_MONOTONIC ns
 *	(0: do not wait, UINT64_MAX: for ever); called and returns with the lock held. 0, or
 *	-ETIME past the deadline
 * @cancel: see npu_cancel()
 * @event: the descriptor for npu_session_eventfd(), armed
 * @settle: after npu_reap() emptied the list: what finished meanwhile makes @event readable;
 *	NULL if nothing can
 * @prep: fill SQEs of the application's ring for a request that is NPU_PHASE_QUEUED; NULL
 *	if there is no room
 * @result: of a request that is not NPU_PHASE_IDLE; makes it so
 */
struct npu_backend_ops {
	int (*plan)(struct npu_plan *plan, const struct npu_device *device,
		    const struct npu_program *program, struct npu_error *err);
	int (*plan_binding)(struct npu_binding_plan *bound, const struct npu_plan *plan,
			    const struct npu_device *device, const struct npu_program *program,
			    struct npu_error *err);
	int (*bind)(struct npu_session *session, struct npu_binding *binding,
		    struct npu_error *err);
	void (*unbind)(struct npu_session *session, struct npu_binding *binding);
	void (*retire)(struct npu_session *session);
	int (*open)(struct npu_session *session, struct npu_error *err);
	void (*close)(struct npu_session *session);
	int (*submit)(struct npu_session *session, struct npu_request *const *requests,
		      unsigned int count, struct npu_error *err);
	int (*wait)(struct npu_session *session, uint64_t deadline_ns);
	int (*cancel)(struct npu_request *request);
	int (*event)(struct npu_session *session);
	void (*settle)(struct npu_session *session);
	struct io_uring_sqe *(*prep)(struct io_uring *ring, struct npu_request *request,
				     uint64_t user_data);
	int (*result)(struct npu_request *request, const struct io_uring_cqe *cqe);
};

extern const struct npu_backend_ops npu_embedded_ops;
extern const struct npu_backend_ops npu_driver_uring_ops;
extern const struct npu_backend_ops npu_driver_ioctl_ops;

/* Reserve @bytes at a multiple of @align (a power of two) at the end of *@end; the offset. */
uint64_t npu_plan_add(uint64_t *end, uint64_t bytes, uint64_t align);
/* The plan of one more program, after that of the session. */
int npu_session_plan_binding(const struct npu_backend_ops *ops, const struct npu_plan *plan,
			     struct npu_binding_plan *bound, const struct npu_device *device,
			     const struct npu_program *program, struct npu_error *err);
/* Give back what a program took. Nothing runs it. */
void npu_session_unbind(struct npu_session *session, struct npu_binding *binding);

uint64_t npu_now_ns(void);

/* Bit of input @i in struct npu_request.written; the last one stands for all behind it. */
static inline uint64_t npu_input_bit(uint32_t i)
{
	return (uint64_t)1 << (i < 63 ? i : 63);
}

static inline enum npu_phase npu_request_phase(const struct npu_request *request)
{
	return atomic_load_explicit(&request->state, memory_order_acquire) & NPU_PHASE_MASK;
}

/* From phase @from to @to within the same use of the request; false if it was not in @from. */
bool npu_request_move(struct npu_request *request, enum npu_phase from, enum npu_phase to);
/*
 * A new use of an idle request: NPU_PHASE_QUEUED for @waiter. -EBUSY if it is not idle, -ESTALE if
 * its inputs were converted for another program than the one in use.
 */
int npu_request_claim(struct npu_request *request, enum npu_waiter waiter);
/* Back to idle from phase @from, in which it has to be for that. By the application's thread. */
void npu_request_release(struct npu_request *request, enum npu_phase from);
/* The program that @request's inputs are for: the one that it runs, or will run if it is idle. */
const struct npu_binding *npu_request_writes(const struct npu_request *request);
/* @request, which is in flight, has ended with @result; tells who waits. Takes the lock. */
void npu_request_finish(struct npu_request *request, int result);
/* The same with the lock held. */
void npu_request_finish_locked(struct npu_request *request, int result);

#endif
