// SPDX-License-Identifier: MIT
/* A program in a session's memory: what it needs, and where that lies. */
#include "binding.h"
#include "session.h"

uint32_t npu_program_slot(const struct npu_program *program, enum npu_file_slot_kind kind)
{
	for (uint32_t i = 0; i < program->slot_count; i++)
		if (program->slots[i].kind == kind)
			return i;
	return NPU_NO_SLOT;
}

/*
 * How a request's slot is aligned: at pages or disk blocks where that costs less than half of it,
 * so that O_DIRECT can read into an input that is large enough to be worth it.
 */
static uint64_t io_align(uint64_t bytes)
{
	if (bytes >= NPU_PAGE_BYTES)
		return NPU_PAGE_BYTES;
	return bytes >= 512 ? 512 : NPU_SLOT_ALIGN;
}

/* A slot is below 4 GiB, there are at most 32 and 4096 requests: 64 bits never wrap. */
void npu_binding_plan_io(struct npu_binding_plan *bound, const struct npu_plan *plan,
			 const struct npu_program *program, uint64_t *end)
{
	for (uint32_t i = 0; i < program->slot_count && !bound->shares_io; i++) {
		uint64_t bytes = program->slots[i].bytes;
		uint64_t align = io_align(bytes);

		if (program->slots[i].kind != NPU_FILE_SLOT_IO)
			continue;
		bound->slot_stride[i] = (bytes + align - 1) & ~(align - 1);
		bound->slot_offset[i] =
			npu_plan_add(end, bound->slot_stride[i] * plan->requests, align);
	}
}

void npu_binding_plan_scratch(struct npu_binding_plan *bound, const struct npu_program *program,
			      unsigned int seats)
{
	uint32_t slot = npu_program_slot(program, NPU_FILE_SLOT_SCRATCH);

	if (slot == NPU_NO_SLOT)
		return;
	bound->scratch_stride = (program->slots[slot].bytes + NPU_SLOT_ALIGN - 1) &
				~(uint64_t)(NPU_SLOT_ALIGN - 1);
	bound->scratch_offset =
		npu_plan_add(&bound->heap_bytes, bound->scratch_stride * seats, NPU_SLOT_ALIGN);
}

void npu_binding_place(struct npu_session *session, struct npu_binding *binding, uint8_t *io)
{
	const struct npu_binding *first = &session->bindings[0];
	const struct npu_binding_plan *plan = &binding->plan;

	for (uint32_t i = 0; i < binding->program->slot_count; i++) {
		if (binding->program->slots[i].kind != NPU_FILE_SLOT_IO)
			continue;
		binding->slot_base[i] = plan->shares_io ? first->slot_base[i]
							: io + plan->slot_offset[i];
		binding->slot_stride[i] = plan->shares_io ? first->slot_stride[i]
							  : plan->slot_stride[i];
	}
	binding->scratch = plan->scratch_stride ? binding->block + plan->scratch_offset : NULL;
}

void npu_binding_exec(const struct npu_binding *binding, unsigned int request, unsigned int seat,
		      uint8_t *workspace, struct npu_exec *exec)
{
	const struct npu_program *program = binding->program;

	exec->insns = program->insns;
	exec->insn_count = program->insn_count;
	exec->insn = 0;
	exec->unit = 0;
	exec->consts = program->consts;
	exec->workspace = workspace;
	for (uint32_t i = 0; i < program->slot_count; i++) {
		if (program->slots[i].kind == NPU_FILE_SLOT_SCRATCH)
			exec->slot[i] = binding->scratch + seat * binding->plan.scratch_stride;
		else
			exec->slot[i] = binding->slot_base[i] + request * binding->slot_stride[i];
	}
}
