// SPDX-License-Identifier: MIT
/*
 * Memory planning. The input and the output have places of their own in the IO slot. All other
 * values share the scratch slot: those that are alive at the same time do not overlap, a value
 * goes to the smallest gap that takes it, the largest are placed first. Where an instruction
 * can work in place, its output lies where its input lay.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/lower.h"

/**
 * struct block - memory that one value has with all views of it, or several one after another, in
 *	place
 * @bytes: rounded up to NPU_SLOT_ALIGN; 0: nobody makes the value
 * @first: node that fills it, or the first to fill a part
 * @last: node that reads it for the last time
 * @root: number of the block that it shares, its own if none
 * @offset: into the scratch slot, once @placed
 */
struct block {
	uint64_t bytes;
	uint32_t first, last;
	uint32_t root;
	bool placed;
	uint64_t offset;
};

/* Node @i writes @value. */
static void note_write(const struct npu_graph *graph, struct block *blocks, uint32_t value,
		       uint32_t i)
{
	struct block *block = &blocks[graph->value[value].base];

	if (block->first == NPU_NO_INDEX)
		block->first = i;
	block->last = i;
}

/* From the first node that makes the value or a view of it to the last that reads one. */
static void measure_blocks(const struct npu_graph *graph, struct block *blocks)
{
	uint32_t i, k;

	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];

		note_write(graph, blocks, node->output, i);
		for (k = 0; npu_graph_is_recurrent(node) && k < NPU_GRAPH_ALSO; k++)
			if (node->also[k] != NPU_NO_INDEX)
				note_write(graph, blocks, node->also[k], i);
		for (k = 0; k < node->inputs; k++)
			blocks[graph->value[node->input[k]].base].last = i;
	}
	for (i = 0; i < graph->values; i++)
		if (blocks[i].first != NPU_NO_INDEX && !graph->value[i].state)
			blocks[i].bytes =
				npu_align(npu_graph_value_bytes(&graph->value[i]), NPU_SLOT_ALIGN);
}

/* It is all of its memory, and dense. */
static bool is_whole(const struct npu_graph_value *value, uint32_t index)
{
	return value->base == index && npu_graph_value_is_flat(value) &&
	       value->stride[0] * value->dim[0] == npu_graph_value_elements(value);
}

/* In place the engine wants the same view for input and output. */
static bool can_share(const struct npu_graph *graph, const struct npu_graph_node *node,
		      uint32_t input)
{
	const struct npu_graph_value *in = &graph->value[input];
	const struct npu_graph_value *out = &graph->value[node->output];

	return npu_operation(node->kind)->in_place && in->type == out->type && !in->state &&
	       !memcmp(in->dim, out->dim, sizeof(in->dim)) && is_whole(in, input) &&
	       is_whole(out, node->output);
}

/*
 * A block for each value that lies in scratch. The output's block, in the IO slot, exists too, so
 * that a value can be worked in place there.
 */
static void make_blocks(const struct npu_graph *graph, struct block *blocks)
{
	uint32_t i, k;

	measure_blocks(graph, blocks);
	for (i = 0; i < graph->nodes; i++) {
		const struct npu_graph_node *node = &graph->node[i];
		struct block *out = &blocks[node->output];

		for (k = 0; k < node->inputs; k++) {
			uint32_t input = node->input[k];
			struct block *root = &blocks[blocks[input].root];

			/* What makes only a part of the output has not seen the rest. */
			if (!can_share(graph, node, input) || input == graph->input ||
			    root->last != i || out->first != i)
				continue;
			out->root = blocks[input].root;
			root->last = out->last;
			break;
		}
	}
}

/* Do two placed blocks, or one to be placed, live at the same time? */
static bool meet(const struct block *a, const struct block *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* The next offset at or after @from where a block that meets @block begins, and where it ends. */
static bool next_taken(const struct block *blocks, uint32_t count, const struct block *block,
		       uint64_t from, uint64_t *begin, uint64_t *end)
{
	bool found = false;
	uint32_t i;

	for (i = 0; i < count; i++) {
		const struct block *other = &blocks[i];

		if (!other->placed || !meet(other, block) || other->offset + other->bytes <= from)
			continue;
		if (found && other->offset >= *begin)
			continue;
		*begin = other->offset;
		*end = other->offset + other->bytes;
		found = true;
	}
	return found;
}

/* Best fit; the first of equals. */
static uint64_t find_place(const struct block *blocks, uint32_t count, const struct block *block)
{
	uint64_t at = 0, begin = 0, end = 0, best = UINT64_MAX, best_gap = UINT64_MAX;

	while (next_taken(blocks, count, block, at, &begin, &end)) {
		if (begin > at && begin - at >= block->bytes && begin - at < best_gap) {
			best = at;
			best_gap = begin - at;
		}
		at = end;
	}
	return best == UINT64_MAX ? at : best;
}

static uint64_t place_blocks(struct block *blocks, uint32_t count)
{
	uint64_t total = 0;

	for (;;) {
		struct block *largest = NULL;
		uint32_t i;

		for (i = 0; i < count; i++)
			if (blocks[i].bytes && blocks[i].root == i && !blocks[i].placed &&
			    (!largest || blocks[i].bytes > largest->bytes))
				largest = &blocks[i];
		if (!largest)
			return total;
		largest->offset = find_place(blocks, count, largest);
		largest->placed = true;
		if (largest->offset + largest->bytes > total)
			total = largest->offset + largest->bytes;
	}
}

/* Where @value lies in the block of the value that it is a view of. */
static uint64_t view_offset(const struct npu_graph_value *value)
{
	return value->at * npu_type_bytes(value->type);
}

static uint64_t aligned_bytes(const struct npu_graph *graph, uint32_t value)
{
	return npu_align(npu_graph_value_bytes(&graph->value[value]), NPU_SLOT_ALIGN);
}

/* Inputs, one after another; then comes the output. */
static uint64_t place_inputs(struct npu_graph *graph)
{
	uint64_t end = aligned_bytes(graph, graph->input);

	graph->value[graph->input].offset = 0;
	if (graph->lengths == NPU_NO_INDEX)
		return end;
	graph->value[graph->lengths].offset = end;
	return end + aligned_bytes(graph, graph->lengths);
}

/* What is kept from one request to the next, one after another. */
static void place_states(struct npu_graph *graph)
{
	uint32_t i;

	for (i = 0; i < graph->values; i++) {
		if (!graph->value[i].state || graph->value[i].base != i)
			continue;
		graph->value[i].offset = graph->state_bytes;
		graph->state_bytes += aligned_bytes(graph, i);
	}
}

static void place_values(struct npu_graph *graph, struct block *blocks)
{
	uint32_t i, output = graph->value[graph->output].base, output_root = blocks[output].root;
	uint64_t input_bytes = place_inputs(graph);

	place_states(graph);
	graph->io_bytes = input_bytes + aligned_bytes(graph, output);

	/* The place of the output is free until it is made: what it is made of in place is there.
	 */
	blocks[output_root].bytes = 0;
	graph->scratch_bytes = place_blocks(blocks, graph->values);
	for (i = 0; i < graph->values; i++) {
		struct npu_graph_value *value = &graph->value[i];
		const struct npu_graph_value *base = &graph->value[value->base];
		uint32_t root = blocks[value->base].root;

		if (value->base == graph->input || value->base == graph->lengths) {
			value->kind = NPU_FILE_SLOT_IO;
			value->offset = base->offset + view_offset(value);
		} else if (base->state) {
			value->kind = NPU_FILE_SLOT_STATE;
			value->offset = base->offset + view_offset(value);
		} else if (root == output_root) {
			value->kind = NPU_FILE_SLOT_IO;
			value->offset = input_bytes + view_offset(value);
		} else {
			value->kind = NPU_FILE_SLOT_SCRATCH;
			value->offset = blocks[root].offset + view_offset(value);
		}
	}
}

int npu_graph_plan(struct npu_graph *graph, struct npu_error *err)
{
	struct block *blocks = calloc(graph->values, sizeof(*blocks));
	uint32_t i;

	if (!blocks)
		return npu_error_set(err, -ENOMEM, "no memory to plan %u values", graph->values);
	for (i = 0; i < graph->values; i++) {
		blocks[i].root = i;
		blocks[i].first = NPU_NO_INDEX;
	}
	make_blocks(graph, blocks);
	place_values(graph, blocks);
	free(blocks);
	if (graph->io_bytes <= NPU_MAX_SLOT_BYTES && graph->scratch_bytes <= NPU_MAX_SLOT_BYTES &&
	    graph->state_bytes <= NPU_MAX_SLOT_BYTES)
		return 0;
	return npu_error_set(err, -E2BIG,
			     "inputs and outputs take %llu bytes and intermediate "
			     "results %llu, but 4 GiB of each is what the NPU can address; compile "
			     "for a smaller batch",
			     (unsigned long long)graph->io_bytes,
			     (unsigned long long)graph->scratch_bytes);
}
