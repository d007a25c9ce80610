/* SPDX-License-Identifier: MIT */
/*
 * A network as it lies in memory.
 *
 * Parameters are views of one flat array; so are their gradients and, while fit runs, their
 * moments, at the same offsets. Adding, averaging, saving and updating parameters therefore
 * never needs to know a layer.
 */
#ifndef NPU_NN_MODEL_H
#define NPU_NN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train.h"
#include "rng.h"

struct npu_f32;
struct npu_layer_ops;

/* Every parameter starts at a multiple of this in the flat arrays; the gaps hold zeros. */
#define NPU_PARAMETER_ALIGN 16

/**
 * struct npu_model_parameter - where a named array lies
 * @name: owned
 * @dim: unused dimensions are 1
 * @count: elements
 * @offset: of its first element in the flat arrays
 */
struct npu_model_parameter {
	char *name;
	uint32_t dim[4];
	size_t count;
	size_t offset;
};

/* The model's input, where npu_node.input names the node that comes before. */
#define NPU_NODE_INPUT (-1)

/**
 * struct npu_node - a layer in its place
 * @layer: its description; the name is owned, alpha has its default
 * @ops: what its kind does
 * @input: number of the node whose output it reads, or NPU_NODE_INPUT
 * @in_dim: H, W, C of a sample of its input
 * @out_dim: H, W, C of a sample of its output
 * @in: floats of a sample of its input
 * @out: floats of a sample of its output
 * @parameter: number of its first parameter
 * @parameters: how many; dense: weight, then bias unless there is none
 */
struct npu_node {
	struct npu_layer layer;
	const struct npu_layer_ops *ops;
	int input;
	uint32_t in_dim[3], out_dim[3];
	size_t in, out;
	size_t parameter, parameters;
};

struct npu_model {
	uint32_t dim[3]; /* H, W, C of an input sample */
	size_t features;
	uint64_t seed;
	struct npu_rng rng;	   /* of training; weights have streams of their own */
	const struct npu_f32 *f32; /* kernel variant, chosen at creation */

	struct npu_node *node; /* [nodes], each after the one it reads */
	size_t nodes;

	struct npu_model_parameter *parameter; /* [parameters] */
	size_t parameters;
	float *value;	 /* [values], 64-byte aligned */
	float *gradient; /* [values], NULL before the first backward */
	size_t values;	 /* with the gaps */

	struct npu_scaler scaler; /* count 0: none */
	char **class_name;	  /* [classes] */
	size_t classes;
};

/* Values of the k-th parameter of node @i; NULL where it has no such (a dense without bias). */
const float *npu_node_values(const struct npu_model *model, size_t i, size_t k);

/* The activation with which node @i ends. */
static inline enum npu_activation npu_node_activation(const struct npu_model *model, size_t i)
{
	return model->node[i].layer.activation;
}

/*
 * For npu_layer_ops.shape: declare the node's next parameter, called "layer.@suffix". Its values
 * are zero. The flat array may move.
 */
int npu_node_declare(struct npu_model *model, struct npu_node *node, const char *suffix,
		     const uint32_t dim[4], struct npu_error *err);

/* Memory for floats, 64-byte aligned and zeroed; NULL if there is none. Released by free(). */
float *npu_floats_alloc(size_t count);

#endif /* NPU_NN_MODEL_H */
