/* SPDX-License-Identifier: MIT */
/*
 * What a kind of layer does. Every layer ends in an activation, which is seldom its business:
 * forward leaves the values before it, backward gets the gradient there.
 */
#ifndef NPU_NN_LAYER_H
#define NPU_NN_LAYER_H

#include "train/nn/kernels/f32.h"
#include "model.h"
#include "pool.h"

/**
 * struct npu_step - one layer and one batch
 * @pool: threads to share the work with
 * @model: where the parameters are
 * @node: the layer
 * @n: samples
 * @x: [n][in], its first input; @xs: [inputs], all of them
 * @y: [n][out], what forward writes; the layer's outputs in backward, after the activation
 * @dy: [n][out], gradient of the loss with respect to y; backward
 * @dx: [n][in], likewise to x; backward overwrites it, unless it is NULL. @dxs: [inputs], of all of
 *	them
 * @gradient: flat array as of the parameters; backward overwrites the layer's part, but not that
 *	of statistics; NULL in backward for a layer that is frozen
 * @saved: room->saved floats, from forward to backward
 * @work: room->forward or room->backward floats of scratch memory, 64-byte aligned as all else
 * @lengths: [n], steps of each sequence where W of the input is the time; NULL where all are whole
 * @training: whether a backward will follow: dropout drops, batch norm uses the batch
 * @random: of this step and layer alone, for what is random in training
 * @statistic: the model's values, for a layer that keeps moving averages to write; else NULL
 * @state: [n][node->state], of a stateful layer
 * @reader: of a layer that takes the work of its reader: the reader's step, whose y is to be
 *	written forward, whose dy is there backward; y and dy of the layer itself are NULL. Else NULL
 */
struct npu_step {
	struct npu_pool *pool;
	const struct npu_model *model;
	const struct npu_node *node;
	size_t n;
	const float *x;
	const float *const *xs;
	float *y;
	const float *dy;
	float *dx;
	float *const *dxs;
	float *gradient;
	float *saved;
	float *work;
	const uint32_t *lengths;
	bool training;
	uint64_t random;
	float *statistic;
	float *state;
	const struct npu_step *reader;
};

/**
 * struct npu_room - memory of a layer for a batch, in floats
 * @saved: from forward to backward; there is none where no backward follows
 * @forward: of forward
 * @backward: of backward
 */
struct npu_room {
	size_t saved, forward, backward;
};

/**
 * struct npu_layer_ops - a kind of layer
 * @name: default of a layer's name, followed by a number
 * @inputs: how many it reads; 0 for one or more
 * @identity: it passes its values on, in another shape at most: forward, backward and reference are
 *	NULL
 * @own_activation: forward and backward do the activation, too
 * @activates: whether forward applies the layer's activation, though backward does not undo it;
 *	only for one whose derivative is told from its outputs. NULL: never
 * @undoes: where it activates, backward does undo it, and writes to dy, which is not const
 * @takes: whether forward and backward of @node also do those of @reader, the only layer that reads
 *	it, so that what lies between them need not be kept; own activations included. NULL: never
 * @shape: set the layer's defaults, check the description, set out_dim, declare the parameters
 * @init: fill the parameters; they are zero before. NULL where that is right
 * @room: memory for @n samples and @threads threads; NULL for none. @room is zeroed before
 * @forward: y from x; @saved is NULL where no backward follows
 * @backward: dx and the gradients of the parameters, from x, y, saved and dy
 * @reference: forward, as at inference, in plain loops by the caller alone: the same bits on every
 *	CPU. Compiled without contraction
 */
struct npu_layer_ops {
	const char *name;
	size_t inputs;
	bool identity;
	bool own_activation;
	bool (*activates)(const struct npu_node *node);
	bool undoes;
	bool (*takes)(const struct npu_model *model, const struct npu_node *node,
		      const struct npu_node *reader);
	int (*shape)(struct npu_model *model, struct npu_node *node, struct npu_error *err);
	void (*init)(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng);
	void (*room)(const struct npu_model *model, const struct npu_node *node, size_t n,
		     size_t threads, bool training, struct npu_room *room);
	void (*forward)(const struct npu_step *step);
	void (*backward)(const struct npu_step *step);
	void (*reference)(const struct npu_step *step);
};

/* What enum npu_layer_kind @kind does; NULL for none. */
const struct npu_layer_ops *npu_layer_ops(enum npu_layer_kind kind);

/* The reader whose work @node takes, NULL if it takes none; and the other way round. */
const struct npu_node *npu_taken_reader(const struct npu_model *model, const struct npu_node *node);
const struct npu_node *npu_taker(const struct npu_model *model, const struct npu_node *reader);

extern const struct npu_layer_ops npu_dense_ops;
extern const struct npu_layer_ops npu_activation_ops;
extern const struct npu_layer_ops npu_conv_ops;
extern const struct npu_layer_ops npu_conv_transpose_ops;
extern const struct npu_layer_ops npu_max_pool_ops;
extern const struct npu_layer_ops npu_average_pool_ops;
extern const struct npu_layer_ops npu_global_max_pool_ops;
extern const struct npu_layer_ops npu_global_average_pool_ops;
extern const struct npu_layer_ops npu_flatten_ops;
extern const struct npu_layer_ops npu_reshape_ops;
extern const struct npu_layer_ops npu_batch_norm_ops;
extern const struct npu_layer_ops npu_layer_norm_ops;
extern const struct npu_layer_ops npu_dropout_ops;
extern const struct npu_layer_ops npu_embedding_ops;
extern const struct npu_layer_ops npu_rnn_ops;
extern const struct npu_layer_ops npu_lstm_ops;
extern const struct npu_layer_ops npu_gru_ops;
extern const struct npu_layer_ops npu_add_ops;
extern const struct npu_layer_ops npu_concat_ops;

/* Values of the step's k-th parameter; NULL where the layer has no such. */
static inline const float *npu_step_values(const struct npu_step *step, size_t k)
{
	const struct npu_node *node = step->node;

	if (k >= node->parameters)
		return NULL;
	return step->model->value + step->model->parameter[node->parameter + k].offset;
}

/* Where the gradient of the step's k-th parameter goes; NULL where there is none. */
static inline float *npu_step_gradient(const struct npu_step *step, size_t k)
{
	const struct npu_node *node = step->node;

	if (k >= node->parameters || !step->gradient)
		return NULL;
	return step->gradient + step->model->parameter[node->parameter + k].offset;
}

/*
 * Fill @count weights as the initialiser of @layer says. @in and @out are how many inputs reach an
 * output, and how many outputs an input.
 */
void npu_init_weights(const struct npu_layer *layer, size_t in, size_t out, struct npu_rng *rng,
		      float *value, size_t count);

/* y = activation(x), [n][out], by the kernels of @f32; @x and @y may be the same. */
void npu_activate(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_node *node,
		  const float *x, float *y, size_t n);
/*
 * dy *= activation', from its outputs y; from its inputs x where npu_activation_needs_input(), else
 * @x is not read.
 */
void npu_activate_backward(struct npu_pool *pool, const struct npu_f32 *f32,
			   const struct npu_node *node, const float *x, const float *y, float *dy,
			   size_t n);

#endif /* NPU_NN_LAYER_H */
