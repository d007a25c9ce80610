/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_FAILOVER_H
#define NPU_RUNTIME_FAILOVER_H

#include "session.h"

/* Reserve what a session needs; refuses those whose jobs could not be run again. */
int npu_failover_plan(struct npu_plan *plan, const struct npu_program *program,
		      struct npu_error *err);
int npu_failover_plan_binding(struct npu_binding_plan *bound, const struct npu_program *program,
			      struct npu_error *err);

/* Before a job starts: keep the state, which a job that is lost halfway may have changed. */
void npu_failover_keep(const struct npu_request *request);

/*
 * @request ended with @result: if that is because the device is gone, and the session was opened
 * with failover, run it in process, in the calling thread. Returns its result.
 */
int npu_failover_finish(struct npu_request *request, int result);
/* Requests that were not submitted, as the device is gone. Returns 0. The lock is held. */
int npu_failover_all(struct npu_request *const *requests, unsigned int count);

#endif
