// SPDX-License-Identifier: MIT
/*
 * Another program in a session that is in use.
 *
 * Requests belong to the program that was in use when they started. The one that is replaced stays
 * until the last of them has been taken, and its memory until the next swap, so that what it
 * computed can still be read.
 */
#include <string.h>

#include "error.h"
#include "session.h"

static const char *const element_name[] = { "?", "int8", "int16", "?", "int32" };

/* Is input or output @i the same, but for its name and scale? */
static int check_tensor(const struct npu_program *old, const struct npu_program *new, uint32_t i,
			struct npu_error *err)
{
	const struct npu_io *a = &old->io[i], *b = &new->io[i];
	const char *what = i < old->inputs ? "input" : "output";
	uint32_t at = i < old->inputs ? i : i - old->inputs;

	if (a->element != b->element)
		return npu_error_set(err, -EINVAL,
				     "%s %u of the new program is %s, not %s: only a program of "
				     "the same inputs and outputs can take over; open a session "
				     "for it",
				     what, at, element_name[b->element], element_name[a->element]);
	if (memcmp(a->dim, b->dim, sizeof(a->dim)))
		return npu_error_set(err, -EINVAL,
				     "%s %u of the new program is %ux%ux%ux%u, not %ux%ux%ux%u: "
				     "only a program of the same inputs and outputs can take "
				     "over; open a session for it",
				     what, at, b->dim[0], b->dim[1], b->dim[2], b->dim[3],
				     a->dim[0], a->dim[1], a->dim[2], a->dim[3]);
	return 0;
}

static int check_interface(const struct npu_session *session, const struct npu_program *new,
			   struct npu_error *err)
{
	const struct npu_program *old = session->current->program;
	bool state = npu_program_slot(new, NPU_FILE_SLOT_STATE) != NPU_NO_SLOT;
	int ret = 0;

	if (new->inputs != old->inputs || new->outputs != old->outputs)
		return npu_error_set(err, -EINVAL,
				     "the new program has %u inputs and %u outputs, the one in use "
				     "%u and %u: open a session for it",
				     new->inputs, new->outputs, old->inputs, old->outputs);
	if (state != session->ordered)
		return npu_error_set(err, -EINVAL,
				     "the new program %s a state between requests, the one in use "
				     "%s: open a session for it",
				     state ? "keeps" : "does not keep",
				     state ? "does not" : "does");
	for (uint32_t i = 0; !ret && i < old->inputs + old->outputs; i++)
		ret = check_tensor(old, new, i, err);
	return ret;
}

/* Do its inputs and outputs lie as those of the session's first program do? */
static bool lies_alike(const struct npu_session *session, const struct npu_program *new)
{
	const struct npu_binding *current = session->current;
	const struct npu_program *old = current->program;

	if (current->index && !current->plan.shares_io)
		return false;
	for (uint32_t i = 0; i < new->slot_count; i++)
		if (new->slots[i].kind == NPU_FILE_SLOT_IO &&
		    (i >= old->slot_count || old->slots[i].kind != NPU_FILE_SLOT_IO ||
		     new->slots[i].bytes > current->slot_stride[i]))
			return false;
	for (uint32_t i = 0; i < new->inputs + new->outputs; i++)
		if (new->tensors[i].slot != old->tensors[i].slot ||
		    new->tensors[i].offset != old->tensors[i].offset)
			return false;
	return true;
}

static int plan_swap(const struct npu_session *session, const struct npu_program *program,
		     struct npu_binding_plan *bound, struct npu_error *err)
{
	int ret = check_interface(session, program, err);

	if (ret)
		return ret;
	memset(bound, 0, sizeof(*bound));
	bound->shares_io = lies_alike(session, program);
	return npu_session_plan_binding(session->ops, &session->plan, bound, session->device,
					program, err);
}

int npu_session_swap_quote(struct npu_session *session, const struct npu_program *program,
			   struct npu_memory_quote *quote, struct npu_error *err)
{
	struct npu_binding_plan bound;
	int ret = plan_swap(session, program, &bound, err);

	if (ret)
		return ret;
	quote->heap_bytes = bound.heap_bytes;
	quote->device_bytes = bound.device_bytes;
	return 0;
}

void npu_session_unbind(struct npu_session *session, struct npu_binding *binding)
{
	const struct npu_allocator *allocator = &session->device->allocator;

	session->ops->unbind(session, binding);
	if (!binding->index)
		return;
	if (binding->block)
		allocator->free(allocator->context, binding->block);
	for (unsigned int i = 0; i < session->plan.requests; i++)
		if (session->requests[i].binding == binding)
			session->requests[i].binding = session->current;
	memset(binding->slot_base, 0, sizeof(binding->slot_base));
	memset(binding->slot_stride, 0, sizeof(binding->slot_stride));
	binding->program = NULL;
	binding->block = NULL;
}

/* A place for one more program, after those that nothing runs any more have gone. */
static struct npu_binding *free_place(struct npu_session *session)
{
	struct npu_binding *place = NULL;

	/* The first one's memory is the session's. */
	for (unsigned int i = 1; i < NPU_BINDINGS; i++) {
		struct npu_binding *binding = &session->bindings[i];

		if (binding->program && binding != session->current && !binding->in_flight)
			npu_session_unbind(session, binding);
		if (!binding->program)
			place = binding;
	}
	return place;
}

/* Would the same reals become other integers? */
static bool converts_alike(const struct npu_program *old, const struct npu_program *new, uint32_t i)
{
	const struct npu_file_tensor *a = &old->tensors[i], *b = &new->tensors[i];
	size_t bytes = a->preprocess_count * sizeof(float);

	return a->scale == b->scale && a->zero_point == b->zero_point &&
	       a->preprocess_count == b->preprocess_count &&
	       !(bytes && (memcmp(old->floats + a->mean, new->floats + b->mean, bytes) ||
			   memcmp(old->floats + a->factor, new->floats + b->factor, bytes)));
}

/* What was converted for the old program, and lies there for the next run, is no use. */
static void mark_stale(struct npu_session *session, const struct npu_binding *new)
{
	const struct npu_program *old = session->current->program;
	uint64_t changed = 0;

	for (uint32_t i = 0; i < old->inputs; i++)
		if (!new->plan.shares_io || !converts_alike(old, new->program, i))
			changed |= npu_input_bit(i);
	for (unsigned int i = 0; i < session->plan.requests; i++) {
		struct npu_request *request = &session->requests[i];

		if (npu_request_phase(request) == NPU_PHASE_IDLE)
			request->stale |= request->written & changed;
	}
}

static int take_block(struct npu_session *session, struct npu_binding *binding,
		      struct npu_error *err)
{
	const struct npu_allocator *allocator = &session->device->allocator;

	binding->block = NULL;
	if (!binding->plan.heap_bytes)
		return 0;
	binding->block =
		allocator->alloc(allocator->context, binding->plan.heap_bytes, NPU_PAGE_BYTES);
	if (!binding->block)
		return npu_error_set(err, -ENOMEM,
				     "no memory for the %zu bytes of the new program; the one in "
				     "use stays",
				     (size_t)binding->plan.heap_bytes);
	memset(binding->block, 0, binding->plan.heap_bytes);
	return 0;
}

int npu_session_swap(struct npu_session *session, const struct npu_program *program,
		     struct npu_error *err)
{
	const struct npu_allocator *allocator = &session->device->allocator;
	struct npu_binding_plan bound;
	struct npu_binding *binding, *old;
	int ret = plan_swap(session, program, &bound, err);

	if (ret)
		return ret;
	binding = free_place(session);
	if (!binding)
		return npu_error_set(err, -EBUSY,
				     "requests of %d programs are still in flight: reap them "
				     "before the next one is put in",
				     NPU_BINDINGS - 1);
	binding->plan = bound;
	ret = take_block(session, binding, err);
	if (ret)
		return ret;
	binding->program = program;
	atomic_store_explicit(&binding->measured, 0, memory_order_relaxed);
	binding->cuts = NULL;
	binding->cut_for = 0;
	ret = session->ops->bind(session, binding, err);
	if (ret) {
		binding->program = NULL;
		if (binding->block)
			allocator->free(allocator->context, binding->block);
		return ret;
	}
	mark_stale(session, binding);
	old = session->current;
	session->current = binding;
	if (!old->in_flight && session->ops->retire)
		session->ops->retire(session);
	return 0;
}

const struct npu_program *npu_session_program(const struct npu_session *session)
{
	return session->current->program;
}
