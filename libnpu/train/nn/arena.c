// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define ALIGN 16 /* floats: a cache line */

int npu_arena_init(struct npu_arena *arena, size_t buffers)
{
	memset(arena, 0, sizeof(*arena));
	arena->room = buffers;
	arena->buffer = calloc(buffers, sizeof(*arena->buffer));
	return arena->buffer ? 0 : -ENOMEM;
}

void npu_arena_free(struct npu_arena *arena)
{
	free(arena->buffer);
	memset(arena, 0, sizeof(*arena));
}

static bool collide(const struct npu_arena_buffer *a, const struct npu_arena_buffer *b)
{
	return a->from <= b->until && b->from <= a->until && a->at < b->at + b->floats &&
	       b->at < a->at + a->floats;
}

/* The buffer that is in the way of @new, or NULL. */
static const struct npu_arena_buffer *obstacle(const struct npu_arena *arena,
					       const struct npu_arena_buffer *new)
{
	size_t i;

	for (i = arena->first; i < arena->count; i++)
		if (collide(&arena->buffer[i], new))
			return &arena->buffer[i];
	return NULL;
}

void npu_arena_place(struct npu_arena *arena, float **pointer, size_t floats, size_t from,
		     size_t until)
{
	struct npu_arena_buffer new = {
		.pointer = pointer,
		.at = arena->base,
		.floats = (floats + ALIGN - 1) / ALIGN * ALIGN,
		.from = from,
		.until = until,
	};
	const struct npu_arena_buffer *other;

	if (!floats || arena->count == arena->room)
		return;
	/* The lowest place that is free: behind each obstacle there may be another. */
	while ((other = obstacle(arena, &new)))
		new.at = other->at + other->floats;
	arena->buffer[arena->count++] = new;
	if (new.at + new.floats > arena->floats)
		arena->floats = new.at + new.floats;
}

void npu_arena_new_time(struct npu_arena *arena)
{
	arena->base = arena->floats;
	arena->first = arena->count;
}

void npu_arena_settle(const struct npu_arena *arena, float *memory)
{
	size_t i;

	for (i = 0; i < arena->count; i++)
		*arena->buffer[i].pointer = memory + arena->buffer[i].at;
}
