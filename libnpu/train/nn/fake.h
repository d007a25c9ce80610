/* SPDX-License-Identifier: MIT */
/*
 * Fake quantisation: training computes in f32, but on weights and values rounded to what the
 * integers of a program can hold, so that the network learns to live with that. The way back takes
 * rounding for the identity, and what saturates for a constant: the straight-through estimator
 * (Bengio et al. 2013; Jacob et al. 2018).
 */
#ifndef NPU_NN_FAKE_H
#define NPU_NN_FAKE_H

#include "model.h"
#include "pool.h"
#include "train/data/batch.h"

/**
 * enum npu_fake_kind - the int8 scale of a value
 * @NPU_FAKE_NONE: it is not rounded: a program does not have it, or it is round already
 * @NPU_FAKE_TRACKED: from the range that it has had of late
 * @NPU_FAKE_LIKE: that of another value
 * @NPU_FAKE_UNIT: 1/256 from -128, of a sigmoid
 * @NPU_FAKE_SIGNED_UNIT: 1/128 from 0, of a tanh
 */
enum npu_fake_kind {
	NPU_FAKE_NONE,
	NPU_FAKE_TRACKED,
	NPU_FAKE_LIKE,
	NPU_FAKE_UNIT,
	NPU_FAKE_SIGNED_UNIT,
};

/**
 * struct npu_fake_place - where values of a node are rounded
 * @before: those that its activation reads
 * @after: those that it makes
 * @like: with NPU_FAKE_LIKE: number of the place, its @after
 */
struct npu_fake_place {
	enum npu_fake_kind before, after;
	size_t like;
};

/**
 * struct npu_fake_chunk - weights that one task rounds: some output channels of a parameter
 * @at: of the first in the flat array
 * @channels: how many there are
 * @next: floats from one channel to the next
 * @interleaved: channels lie side by side, and all their next weights behind them
 * @runs: pieces of each channel
 * @step: floats from one piece to the next
 * @run: weights of each, one after another; 1 where channels are interleaved
 */
struct npu_fake_chunk {
	size_t at, channels, next, runs, step, run;
	bool interleaved;
};

/**
 * struct npu_fake - fake quantisation of a model while it is trained
 * @place: [1 + nodes]: of the input, then of each node
 * @tracked: [1 + nodes], likewise
 * @value: the flat array of parameters, weights rounded
 * @chunk: [chunks]
 * @model: the model, but for its parameters, which are @value
 */
struct npu_fake {
	struct npu_fake_place *place;
	struct npu_tracked *tracked;
	float *value;
	struct npu_fake_chunk *chunk;
	size_t chunks;
	struct npu_model model;
};

/* @fake->place is there already and stays the caller's; it begins with the ranges of the model. */
int npu_fake_create(struct npu_fake *fake, const struct npu_model *model, struct npu_error *err);
void npu_fake_free(struct npu_fake *fake);
/* Bytes that npu_fake_create() allocates. */
size_t npu_fake_bytes(const struct npu_model *model);

/* @fake->value from the parameters of @model. */
void npu_fake_round_weights(struct npu_fake *fake, const struct npu_model *model,
			    struct npu_pool *pool);

/* Ranges to the model, and back. */
void npu_fake_give_ranges(const struct npu_fake *fake, struct npu_model *model);
void npu_model_forget_ranges(struct npu_model *model);

/**
 * struct npu_fake_values - a value of a batch
 * @place: number of its place
 * @before: it is what the activation reads
 * @x: [n][count]
 * @n: samples
 * @count: floats of one
 * @lengths: [n], steps of each that count; NULL for all
 * @dim: H, W, C
 */
struct npu_fake_values {
	size_t place;
	bool before;
	const float *x;
	size_t n, count;
	const uint32_t *lengths;
	const uint32_t *dim;
};

/* Move the range towards that of @values. */
void npu_fake_track(const struct npu_fake *fake, const struct npu_fake_values *values);

/* y = @values, rounded; @y may be @values->x. */
void npu_fake_round(const struct npu_fake *fake, struct npu_pool *pool,
		    const struct npu_fake_values *values, float *y);

/* dy = 0 where @values, not rounded, are out of the range. */
void npu_fake_pass_through(const struct npu_fake *fake, struct npu_pool *pool,
			   const struct npu_fake_values *values, float *dy);

#endif /* NPU_NN_FAKE_H */
