/* SPDX-License-Identifier: MIT */
/*
 * Buffers in one piece of memory: those that are not needed at the same time may share a place.
 */
#ifndef NPU_NN_ARENA_H
#define NPU_NN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct npu_arena_buffer - a buffer and its place
 * @pointer: what npu_arena_settle() sets
 * @at: offset, in floats; multiples of 16
 * @floats: its size
 * @from, @until: steps from the first to the last that it is needed in
 */
struct npu_arena_buffer {
	float **pointer;
	size_t at, floats;
	size_t from, until;
};

/**
 * struct npu_arena - buffers that have been placed
 * @buffer: [count]
 * @base: places of the steps that are counted now begin here
 * @first: the buffers of those steps begin here
 * @floats: size of all
 */
struct npu_arena {
	struct npu_arena_buffer *buffer;
	size_t count, room;
	size_t base, first;
	size_t floats;
};

/* Room for @buffers; -ENOMEM if there is none. */
int npu_arena_init(struct npu_arena *arena, size_t buffers);
void npu_arena_free(struct npu_arena *arena);

/*
 * A place for @floats from step @from to step @until, beside all that is needed in one of them.
 * None is taken for 0 floats: *@pointer stays NULL then.
 */
void npu_arena_place(struct npu_arena *arena, float **pointer, size_t floats, size_t from,
		     size_t until);

/* Steps are counted anew from here; what has been placed stays to itself. */
void npu_arena_new_time(struct npu_arena *arena);

/* Set the pointers, now that the memory is there. */
void npu_arena_settle(const struct npu_arena *arena, float *memory);

#endif /* NPU_NN_ARENA_H */
