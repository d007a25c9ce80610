// SPDX-License-Identifier: MIT
/* What a recurrent program keeps from one request to the next: one slot, in the open. */
#include <string.h>

#include "error.h"
#include "session.h"

static uint8_t *state_of(const struct npu_session *session, size_t *bytes)
{
	const struct npu_program *program = session->current->program;
	uint32_t slot = npu_program_slot(program, NPU_FILE_SLOT_STATE);

	*bytes = slot == NPU_NO_SLOT ? 0 : program->slots[slot].bytes;
	return slot == NPU_NO_SLOT ? NULL : session->current->slot_base[slot];
}

size_t npu_session_state_bytes(const struct npu_session *session)
{
	size_t bytes;

	state_of(session, &bytes);
	return bytes;
}

/* The state, which no request may be about to change. */
static int find_state(const struct npu_session *session, uint8_t **state, size_t *bytes,
		      struct npu_error *err)
{
	*state = state_of(session, bytes);
	if (!*state)
		return npu_error_set(err, -EINVAL,
				     "the program keeps nothing between requests: compile it to "
				     "be streamed step by step");
	for (unsigned int i = 0; i < NPU_BINDINGS; i++)
		if (session->bindings[i].in_flight)
			return npu_error_set(err, -EBUSY,
					     "%u requests are in flight, and change the state: "
					     "reap them first",
					     session->bindings[i].in_flight);
	return 0;
}

int npu_session_reset_state(struct npu_session *session, struct npu_error *err)
{
	uint8_t *state;
	size_t bytes;
	int ret = find_state(session, &state, &bytes, err);

	if (!ret)
		memset(state, 0, bytes);
	return ret;
}

static int check_bytes(size_t given, size_t bytes, struct npu_error *err)
{
	if (given == bytes)
		return 0;
	return npu_error_set(err, -EINVAL,
			     "the state has %zu bytes, as npu_session_state_bytes() says, not %zu",
			     bytes, given);
}

int npu_session_save_state(const struct npu_session *session, void *memory, size_t memory_bytes,
			   struct npu_error *err)
{
	uint8_t *state;
	size_t bytes;
	int ret = find_state(session, &state, &bytes, err);

	if (!ret)
		ret = check_bytes(memory_bytes, bytes, err);
	if (!ret)
		memcpy(memory, state, bytes);
	return ret;
}

int npu_session_restore_state(struct npu_session *session, const void *memory, size_t memory_bytes,
			      struct npu_error *err)
{
	uint8_t *state;
	size_t bytes;
	int ret = find_state(session, &state, &bytes, err);

	if (!ret)
		ret = check_bytes(memory_bytes, bytes, err);
	if (!ret)
		memcpy(state, memory, bytes);
	return ret;
}
