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
 * enum npu_role - what training may do to a parameter
 * @NPU_ROLE_WEIGHT: learn, and be kept small by weight decay
 * @NPU_ROLE_BIAS: learn
 * @NPU_ROLE_STATISTIC: none of it: the layer writes it itself
 */
enum npu_role {
	NPU_ROLE_WEIGHT,
	NPU_ROLE_BIAS,
	NPU_ROLE_STATISTIC,
};

/**
 * struct npu_model_parameter - where a named array lies
 * @name: owned
 * @role: enum npu_role
 * @node: number of its layer
 * @dim: unused dimensions are 1
 * @count: elements
 * @offset: of its first element in the flat arrays
 */
struct npu_model_parameter {
	char *name;
	enum npu_role role;
	size_t node;
	uint32_t dim[4];
	size_t count;
	size_t offset;
};

/**
 * struct npu_tracked - least and greatest values that quantisation-aware training has settled on
 * @before: of what a layer's activation reads
 * @after: of what the layer makes; of the model's input: of that
 *
 * Both hold 0. { 0, 0 } where nothing was tracked.
 */
struct npu_tracked {
	float before[2], after[2];
};

/**
 * struct npu_node - a layer in its place
 * @layer: its description; the name is owned, fields that were 0 have their defaults
 * @ops: what its kind does
 * @input: [inputs], numbers of the nodes whose outputs it reads, or NPU_MODEL_INPUT; owned
 * @inputs: how many
 * @readers: nodes that read it
 * @in_dim: H, W, C of a sample of its first input
 * @out_dim: H, W, C of a sample of its output
 * @in: floats of a sample of its first input
 * @out: floats of a sample of its output
 * @parameter: number of its first parameter
 * @parameters: how many; dense: weight, then bias unless there is none
 * @timed: its steps W are those of the model's input, one for one: lengths of sequences hold
 * @state: floats that a stateful layer keeps for a sample, set by its shape
 * @state_at: those of the nodes before it
 * @tracked: ranges of its values
 */
struct npu_node {
	struct npu_layer layer;
	const struct npu_layer_ops *ops;
	int *input;
	size_t inputs;
	size_t readers;
	uint32_t in_dim[3], out_dim[3];
	size_t in, out;
	size_t parameter, parameters;
	bool timed;
	size_t state, state_at;
	struct npu_tracked tracked;
};

struct npu_spare;

/**
 * struct npu_model_predicting - what predicting changes in a model that is otherwise constant
 * @spare: buffers that no prediction uses now, or NULL; see spare.h
 * @state: what stateful layers remember: [samples] times the state of all nodes; NULL before
 * @samples: of the batches that it is for
 */
struct npu_model_predicting {
	_Atomic(struct npu_spare *) spare;
	float *state;
	size_t samples;
};

struct npu_model {
	uint32_t dim[3]; /* H, W, C of an input sample */
	size_t features;
	uint64_t seed;
	struct npu_rng rng;	   /* of training; weights have streams of their own */
	const struct npu_f32 *f32; /* kernel variant, chosen at creation */

	struct npu_node *node; /* [nodes], each after those it reads */
	size_t nodes;
	size_t states; /* floats of state of a sample */
	struct npu_model_predicting *predicting;

	struct npu_model_parameter *parameter; /* [parameters] */
	size_t parameters;
	float *value;	 /* [values], 64-byte aligned */
	float *gradient; /* [values], NULL before the first backward */
	size_t values;	 /* with the gaps */
	size_t room;	 /* that @value has memory for */

	struct npu_tracked tracked; /* of the input, scaled */
	struct npu_scaler scaler;   /* count 0: none */
	char **class_name;	    /* [classes] */
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
		     enum npu_role role, const uint32_t dim[4], struct npu_error *err);

/*
 * Room for what stateful layers remember of batches of @samples; zero where it was for another
 * number. Nothing where no layer is.
 */
int npu_model_need_state(const struct npu_model *model, size_t samples, struct npu_error *err);

/* Memory for so many values in all, so that declaring them one by one moves none. */
int npu_model_reserve(struct npu_model *model, size_t values, struct npu_error *err);

/* H, W, C of what @input stands for: the output of a node, or NPU_MODEL_INPUT. */
const uint32_t *npu_model_value_dim(const struct npu_model *model, int input);

/* Number in H, W, C of the axis that a concatenation goes along. */
static inline unsigned int npu_concat_dimension(const struct npu_layer *layer)
{
	return NPU_AXIS_H - layer->axis;
}

static inline size_t npu_volume(const uint32_t dim[3])
{
	return (size_t)dim[0] * dim[1] * dim[2];
}

/* Likewise: the ranges that training has tracked. */
const struct npu_tracked *npu_model_tracked(const struct npu_model *model, int input);

/* Likewise: are its steps those of the model's input? */
bool npu_model_value_is_timed(const struct npu_model *model, int input);

/* Does training change @parameter? */
bool npu_model_trains(const struct npu_model *model, const struct npu_model_parameter *parameter);

/* -EINVAL where there are no layers, or one that nobody reads. */
int npu_model_check_whole(const struct npu_model *model, struct npu_error *err);

void npu_model_free_class_names(struct npu_model *model);

/* Multiply-accumulates of one sample's way forward, values that are no product counted as one. */
size_t npu_model_work(const struct npu_model *model);

/* Memory for floats, 64-byte aligned and zeroed; NULL if there is none. Released by free(). */
float *npu_floats_alloc(size_t count);

#endif /* NPU_NN_MODEL_H */
