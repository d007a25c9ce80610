// SPDX-License-Identifier: MIT
/*
 * A device that goes away under a session: what it leaves is computed in process.
 *
 * The inputs are still there, as the mapping of a buffer outlives its device, and weights are the
 * program's. A job that was lost halfway is run again from its start, which gives the same bits: a
 * program that would find its inputs overwritten is refused when the session is opened, and the
 * state of a recurrent one is kept before each job. There can be only one such job in flight: the
 * states between those that wait behind it are never seen by this process.
 */
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "failover.h"

/*
 * Does @insn write to bytes [@from, @from + @bytes) of @slot? Validation knows what it writes, and
 * how far, by slot: so each operand gets a slot of its own.
 */
static bool writes_to(const struct npu_program *program, const struct npu_insn *insn, uint32_t slot,
		      uint64_t from, uint64_t bytes)
{
	struct npu_slot_need needs[NPU_INSN_TENSORS] = { 0 };
	struct npu_insn apart = *insn;
	struct npu_fault fault;
	__u64 cost = 0;

	for (unsigned int i = 0; i < NPU_INSN_TENSORS; i++)
		if (apart.t[i].type != NPU_TYPE_NONE)
			apart.t[i].slot = i;
	if (!npu_insn_validate(&apart, program->consts, program->const_size, NPU_INSN_TENSORS,
			       needs, &cost, &fault))
		return true;
	for (unsigned int i = 0; i < NPU_INSN_TENSORS; i++)
		if (needs[i].access & NPU_SLOT_WRITE && insn->t[i].slot == slot &&
		    insn->t[i].offset < from + bytes && needs[i].bytes > from)
			return true;
	return false;
}

/* Inputs must be as they were for a job to be run again. */
static int check_inputs(const struct npu_program *program, struct npu_error *err)
{
	for (uint32_t i = 0; i < program->inputs; i++)
		for (uint32_t k = 0; k < program->insn_count; k++)
			if (writes_to(program, &program->insns[k], program->tensors[i].slot,
				      program->tensors[i].offset, program->io[i].bytes))
				return npu_error_set(
					err, -EOPNOTSUPP,
					"instruction %" PRIu32 " overwrites input %" PRIu32
					", so that a job that is lost halfway can't be run again: "
					"compile the model again, or open the session without "
					"options.failover",
					k, i);
	return 0;
}

int npu_failover_plan(struct npu_plan *plan, const struct npu_program *program,
		      struct npu_error *err)
{
	if (plan->requests > 1 && npu_program_slot(program, NPU_FILE_SLOT_STATE) != NPU_NO_SLOT)
		return npu_error_set(
			err, -EOPNOTSUPP,
			"options.failover with a program that keeps a state: only with "
			"options.requests = 1, as the state between two jobs of the "
			"device is not known here");
	plan->workspace_offset =
		npu_plan_add(&plan->heap_bytes, NPU_WORKSPACE_BYTES, NPU_WORKSPACE_ALIGN);
	return 0;
}

int npu_failover_plan_binding(struct npu_binding_plan *bound, const struct npu_program *program,
			      struct npu_error *err)
{
	uint32_t state = npu_program_slot(program, NPU_FILE_SLOT_STATE);

	npu_binding_plan_scratch(bound, program, 1);
	if (state != NPU_NO_SLOT)
		bound->snapshot_offset = npu_plan_add(&bound->heap_bytes,
						      program->slots[state].bytes, NPU_SLOT_ALIGN);
	return check_inputs(program, err);
}

/* Copy the state to or from where it is kept. */
static void copy_state(const struct npu_binding *binding, bool keep)
{
	uint32_t slot = npu_program_slot(binding->program, NPU_FILE_SLOT_STATE);
	uint8_t *kept = binding->block + binding->plan.snapshot_offset;

	if (slot == NPU_NO_SLOT)
		return;
	if (keep)
		memcpy(kept, binding->slot_base[slot], binding->program->slots[slot].bytes);
	else
		memcpy(binding->slot_base[slot], kept, binding->program->slots[slot].bytes);
}

void npu_failover_keep(const struct npu_request *request)
{
	if (request->session->plan.failover)
		copy_state(request->binding, true);
}

int npu_failover_finish(struct npu_request *request, int result)
{
	struct npu_session *session = request->session;
	struct npu_exec exec;
	uint64_t start;

	if (result != -ENODEV || !session->plan.failover)
		return result;
	start = npu_now_ns();
	session->lost = true;
	copy_state(request->binding, false);
	npu_binding_exec(request->binding, request->index, 0,
			 (uint8_t *)session->block + session->plan.workspace_offset, &exec);
	while (!npu_exec_done(&exec))
		npu_exec_step(session->device->variant, &exec, UINT32_MAX);
	request->backend = NPU_BACKEND_EMBEDDED;
	request->reason = "the device was removed: the request was computed in process";
	request->device_ns = npu_now_ns() - start;
	return 0;
}

int npu_failover_all(struct npu_request *const *requests, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		npu_failover_keep(requests[i]);
		npu_request_finish_locked(requests[i], npu_failover_finish(requests[i], -ENODEV));
	}
	return 0;
}
