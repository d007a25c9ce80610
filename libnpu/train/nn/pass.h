/* SPDX-License-Identifier: MIT */
/*
 * A batch on its way through the network and back: buffers for it, planned and made once.
 */
#ifndef NPU_NN_PASS_H
#define NPU_NN_PASS_H

#include "fake.h"
#include "layer.h"
#include "train/nn/training/loss.h"
#include "train/data/batch.h"

/**
 * struct npu_pass - buffers for batches
 * @capacity: samples
 * @arena: all of the memory below
 * @out: of each node, [capacity][out]; valid after a forward, where a backward can follow; else
 *	that of the last node alone is
 * @before: of each node, likewise what its activation reads; NULL where that is not kept
 * @delta: of each node, [capacity][out], gradient with respect to its output; they share memory
 * @saved: of each node, see struct npu_room
 * @extra: gradient of an input that has another already, before it is added
 * @work: scratch memory of the node that runs
 * @pointer: [2 * inputs] of a node that has many
 * @training: set before a forward: a backward follows
 * @random: likewise, of this step
 * @statistic: likewise, the model's values where moving averages may follow the batch
 * @fake: likewise, where values are rounded; NULL for nowhere
 * @rounded: [1 + nodes], of the input and of each node's outputs, [capacity][out]; NULL where they
 *	are not rounded
 * @raw: [nodes], what activations read, before it was rounded; likewise
 */
struct npu_pass {
	size_t capacity;
	float *arena;
	float **out, **before, **delta, **saved;
	float *extra, *work;
	float **pointer;
	bool training;
	uint64_t random;
	float *statistic;
	const struct npu_fake *fake;
	float **rounded, **raw;
};

/*
 * @threads: of the pool that will run it; @backward: whether it can go back; @place: where it can
 * round, [1 + nodes], or NULL. The figures of npu_pass_bytes() are exact.
 */
int npu_pass_create(struct npu_pass *pass, const struct npu_model *model, size_t capacity,
		    size_t threads, bool backward, const struct npu_fake_place *place,
		    struct npu_error *err);
void npu_pass_free(struct npu_pass *pass);
size_t npu_pass_bytes(const struct npu_model *model, size_t capacity, size_t threads,
		      bool backward, const struct npu_fake_place *place);

/*
 * Does the node only hand its input on? Then its output is its input's memory. Not where that is
 * the model's input, which is the caller's.
 */
static inline bool npu_node_is_alias(const struct npu_node *node)
{
	return node->ops->identity && node->layer.activation == NPU_LINEAR &&
	       node->input[0] != NPU_MODEL_INPUT;
}

/* Outputs of the last node for @batch. */
const float *npu_pass_forward(struct npu_pass *pass, struct npu_pool *pool,
			      const struct npu_model *model, const struct npu_batch *batch);

/*
 * After a forward in training of the same batch: gradients of @objective, divided by @total, with
 * respect to the parameters, at @gradient.
 */
void npu_pass_backward(struct npu_pass *pass, struct npu_pool *pool, const struct npu_model *model,
		       const struct npu_batch *batch, const struct npu_objective *objective,
		       size_t total, float *gradient);

#endif /* NPU_NN_PASS_H */
