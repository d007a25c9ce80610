// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "train/compile/instruction.h"
#include "train/compile/memory_map.h"

/**
 * struct live - bytes of a region that nothing has overwritten
 * @region: its number
 */
struct live {
	size_t region;
	uint64_t begin, end;
};

/**
 * struct map - regions so far
 * @live: [lives], at most one a region
 */
struct map {
	const struct npu_program *program;
	struct npu_region *region;
	size_t count, room;
	struct live *live;
	size_t lives;
};

static bool add(struct map *map, const struct npu_region *region)
{
	if (map->count == map->room) {
		size_t room = map->room ? 2 * map->room : 64;
		struct npu_region *more = realloc(map->region, room * sizeof(*more));
		struct live *live;

		if (!more)
			return false;
		map->region = more;
		live = realloc(map->live, room * sizeof(*live));
		if (!live)
			return false;
		map->live = live;
		map->room = room;
	}
	map->live[map->lives++] = (struct live){ map->count, region->begin, region->end };
	map->region[map->count++] = *region;
	return true;
}

/* What is read was there: made by an instruction before, or from the start. */
static bool note_read(struct map *map, const struct npu_region *read)
{
	bool found = false;
	size_t i;

	for (i = 0; i < map->lives; i++) {
		const struct live *live = &map->live[i];
		struct npu_region *region = &map->region[live->region];

		if (region->slot != read->slot)
			continue;
		if (region->made == NPU_FROM_START
			    ? region->begin != read->begin || region->end != read->end
			    : live->end <= read->begin || read->end <= live->begin)
			continue;
		region->last = read->last;
		found = true;
	}
	return found || add(map, read);
}

/* Of what was in the bytes from @written->begin to its end nothing is left. */
static void overwrite(struct map *map, const struct npu_region *written)
{
	size_t i = 0;

	while (i < map->lives) {
		struct live *live = &map->live[i];

		if (map->region[live->region].slot == written->slot) {
			if (written->begin <= live->begin && live->begin < written->end)
				live->begin = written->end;
			if (written->begin < live->end && live->end <= written->end)
				live->end = written->begin;
		}
		if (live->begin >= live->end)
			*live = map->live[--map->lives];
		else
			i++;
	}
}

static struct npu_region region_of(const struct npu_program *program, uint32_t insn,
				   uint32_t tensor)
{
	const struct npu_tensor *t = &program->insns[insn].t[tensor];

	return (struct npu_region){
		.slot = t->slot,
		.tensor = tensor,
		.insn = insn,
		.begin = t->offset,
		.end = npu_insn_tensor_end(&program->insns[insn], tensor),
		.made = NPU_FROM_START,
		.last = insn,
	};
}

static bool follow_reads(struct map *map, uint32_t insn)
{
	const struct npu_insn *i = &map->program->insns[insn];
	uint32_t t;

	for (t = 1; t < NPU_INSN_TENSORS; t++) {
		struct npu_region read;

		if (i->t[t].type == NPU_TYPE_NONE || !npu_insn_reads(i, t))
			continue;
		read = region_of(map->program, insn, t);
		if (!note_read(map, &read))
			return false;
	}
	return true;
}

static bool follow_writes(struct map *map, uint32_t insn)
{
	const struct npu_insn *i = &map->program->insns[insn];
	uint32_t t;

	for (t = 0; t < NPU_INSN_TENSORS; t++) {
		struct npu_region written;

		if (i->t[t].type == NPU_TYPE_NONE || !npu_insn_writes(i, t))
			continue;
		written = region_of(map->program, insn, t);
		written.made = insn;
		/* others may lie between its rows */
		if (npu_tensor_is_dense(&i->t[t]))
			overwrite(map, &written);
		if (!add(map, &written))
			return false;
	}
	return true;
}

/* What is left of an output at the end is its content. */
static void keep_outputs(struct map *map)
{
	const struct npu_program *program = map->program;
	uint32_t i;
	size_t j;

	for (i = program->inputs; i < program->inputs + program->outputs; i++) {
		const struct npu_file_tensor *t = &program->tensors[i];

		for (j = 0; j < map->lives; j++) {
			const struct live *live = &map->live[j];
			struct npu_region *region = &map->region[live->region];

			if (region->made != NPU_FROM_START && region->slot == t->slot &&
			    t->offset < live->end && live->begin < t->offset + program->io[i].bytes)
				region->last = program->insn_count;
		}
	}
}

static int by_slot(const void *a, const void *b)
{
	const struct npu_region *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	/* NPU_FROM_START + 1 is 0 */
	if (x->made != y->made)
		return x->made + 1 < y->made + 1 ? -1 : 1;
	return (x->begin > y->begin) - (x->begin < y->begin);
}

int npu_program_regions(const struct npu_program *program, struct npu_region **regions,
			size_t *count, struct npu_error *err)
{
	struct map map = { .program = program };
	bool enough = true;
	uint32_t i;

	for (i = 0; enough && i < program->insn_count; i++)
		enough = follow_reads(&map, i) && follow_writes(&map, i);
	if (!enough) {
		free(map.region);
		free(map.live);
		return npu_error_set(err, -ENOMEM, "no memory for the map of a program");
	}
	keep_outputs(&map);
	free(map.live);
	if (map.count)
		qsort(map.region, map.count, sizeof(*map.region), by_slot);
	*regions = map.region;
	*count = map.count;
	return 0;
}
