/* SPDX-License-Identifier: MIT */
/*
 * What a kind of layer does. Every layer ends in an activation, which is none of its business:
 * forward leaves the values before it, backward gets the gradient there.
 */
#ifndef NPU_NN_LAYER_H
#define NPU_NN_LAYER_H

#include "f32.h"
#include "model.h"
#include "pool.h"

/**
 * struct npu_step - one layer and one batch
 * @pool: threads to share the work with
 * @model: where the parameters are
 * @node: the layer
 * @n: samples
 * @x: [n][in]
 * @y: [n][out], what forward writes
 * @dy: [n][out], gradient of the loss with respect to y; backward
 * @dx: [n][in], likewise to x; backward overwrites it, unless it is NULL
 * @gradient: flat array as of the parameters; backward overwrites the layer's part
 */
struct npu_step {
	struct npu_pool *pool;
	const struct npu_model *model;
	const struct npu_node *node;
	size_t n;
	const float *x;
	float *y;
	const float *dy;
	float *dx;
	float *gradient;
};

/**
 * struct npu_layer_ops - a kind of layer
 * @name: default of a layer's name, followed by a number
 * @shape: check the description, set out_dim, declare the parameters
 * @init: fill the parameters; they are zero before. NULL where that is right
 * @forward: y from x
 * @backward: dx and the gradients of the parameters, from x and dy
 * @reference: forward in plain loops by the caller alone, the same bits on every CPU
 */
struct npu_layer_ops {
	const char *name;
	int (*shape)(struct npu_model *model, struct npu_node *node, struct npu_error *err);
	void (*init)(struct npu_model *model, const struct npu_node *node, struct npu_rng *rng);
	void (*forward)(const struct npu_step *step);
	void (*backward)(const struct npu_step *step);
	void (*reference)(const struct npu_step *step);
};

extern const struct npu_layer_ops npu_dense_ops;
extern const struct npu_layer_ops npu_activation_ops;

/*
 * Fill @count weights as the initialiser of @layer says. @in and @out are how many inputs reach an
 * output, and how many outputs an input.
 */
void npu_init_weights(const struct npu_layer *layer, size_t in, size_t out, struct npu_rng *rng,
		      float *value, size_t count);

/* y = activation(y), [n][out], by the kernels of @f32. */
void npu_activate(struct npu_pool *pool, const struct npu_f32 *f32, const struct npu_node *node,
		  float *y, size_t n);
/* dy *= activation', from its outputs y. */
void npu_activate_backward(struct npu_pool *pool, const struct npu_f32 *f32,
			   const struct npu_node *node, const float *y, float *dy, size_t n);

#endif /* NPU_NN_LAYER_H */
