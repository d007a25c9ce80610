/* SPDX-License-Identifier: MIT */
/*
 * DOC: reading ONNX
 *
 * A file is unpacked (unpack.c), its constants are listed by name (constants.c), and its nodes
 * are walked in order, each taking the output of the one before and turning into preprocessing,
 * a part of a layer, or a layer (operators.c). Then the model is made (read.c).
 *
 * The file is hostile: every size is checked against data that is really there before memory is
 * taken for it, and nothing recurses.
 */
#ifndef NPU_ONNX_IMPORT_H
#define NPU_ONNX_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train.h"
#include "format.h"
#include "onnx.pb-c.h"

/* More values than this in a sample are taken for a damaged file. */
#define NPU_ONNX_MAX_FEATURES (1u << 24)

/* No chain of layers is longer; the names of so many can still be compared one by one. */
#define NPU_ONNX_MAX_LAYERS 4096

/* Dimensions of a constant or of the input, batch included. */
#define NPU_ONNX_MAX_RANK 4

/**
 * struct npu_onnx_constant - a value that does not depend on the input
 * @name: of the value
 * @tensor: an initializer, or the "value" of a Constant node; or
 * @attribute: "value_float", "value_floats", "value_int" or "value_ints" of one
 */
struct npu_onnx_constant {
	const char *name;
	const NpuOnnx__Tensor *tensor;
	const NpuOnnx__Attribute *attribute;
};

/**
 * struct npu_onnx_array - what a constant holds
 * @rank: dimensions
 * @dim: [rank]
 * @count: elements; at least 1
 * @value: [count]; owned
 */
struct npu_onnx_array {
	size_t rank;
	size_t dim[NPU_ONNX_MAX_RANK];
	size_t count;
	float *value;
};

/**
 * struct npu_onnx_layer - a layer to be
 * @kind: dense or activation
 * @name: from the file, or NULL; not owned unless @owned_name
 * @owned_name: the same, where it had to be made
 * @activation: dense: applied to the outputs
 * @alpha: of leaky relu
 * @in: dense: inputs
 * @out: dense: outputs
 * @weight: dense: [out][in]; owned
 * @bias: dense: [out], or NULL; owned
 */
struct npu_onnx_layer {
	enum npu_layer_kind kind;
	const char *name;
	char *owned_name;
	enum npu_activation activation;
	float alpha;
	size_t in, out;
	float *weight;
	float *bias;
};

/**
 * struct npu_onnx_import - a file on its way to a model
 * @path: for messages
 * @graph: of the file
 * @err: the caller's, or NULL
 * @opset: version of the operators
 * @ours: written by npu_model_save(): samples are N, H, W, C and nodes are named after layers
 * @constant: [constants], sorted by name
 * @current: name of the value that the next node has to take
 * @batch: samples of that value if the file fixes it, else 0
 * @rank: its dimensions, batch included
 * @dim: its dimensions without the batch, [rank - 1], in the file's order
 * @features: their product
 * @model_dim: H, W, C of that value
 * @channels_first: its order in the file is C, H, W and not the model's
 * @input_dim: H, W, C of the model's input
 * @input_features: their product
 * @input_channels_first: as @channels_first, of the model's input
 * @mean: [input_features] preprocessing (x - mean) * factor in the file's order, or NULL
 * @factor: [input_features], or NULL
 * @layer: [layers]
 */
struct npu_onnx_import {
	const char *path;
	const NpuOnnx__Graph *graph;
	struct npu_error *err;
	int64_t opset;
	bool ours;
	struct npu_onnx_constant *constant;
	size_t constants;
	const char *current;
	uint64_t batch;
	size_t rank;
	size_t dim[NPU_ONNX_MAX_RANK];
	size_t features;
	uint32_t model_dim[3];
	bool channels_first;
	uint32_t input_dim[3];
	size_t input_features;
	bool input_channels_first;
	double *mean, *factor;
	struct npu_onnx_layer *layer;
	size_t layers;
};

/* Names in a file may be missing, empty, long or full of control characters. */
static inline const char *npu_onnx_name(const char *name)
{
	return name && *name ? name : "(unnamed)";
}

/* "path: node 'name' (Op): ..."; @node may be NULL. Returns @code. */
__attribute__((format(printf, 4, 5))) int npu_onnx_fail(const struct npu_onnx_import *im,
							const NpuOnnx__Node *node, int code,
							const char *format, ...);

/*
 * The message in @bytes. Release with npu_onnx__model__free_unpacked(message, NULL). Memory is
 * limited in proportion to @size. -EINVAL if it is none; @path is for the error.
 */
int npu_onnx_unpack(const char *path, const void *bytes, size_t size, NpuOnnx__Model **message,
		    struct npu_error *err);

/* List the constants of the graph; sets im->constant, which the caller frees. */
int npu_onnx_list_constants(struct npu_onnx_import *im);

/* The constant of that name, or NULL. */
const struct npu_onnx_constant *npu_onnx_find_constant(const struct npu_onnx_import *im,
						       const char *name);

/* What input @i of @node holds, which has to be a constant of floats. Free array->value. */
int npu_onnx_constant_floats(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			     struct npu_onnx_array *array);

/* Likewise whole numbers or truth values, at most @limit of them. Sets *@count. */
int npu_onnx_constant_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			   int64_t *value, size_t limit, size_t *count);

/* The next node of the walk. */
int npu_onnx_import_node(struct npu_onnx_import *im, const NpuOnnx__Node *node);

/* Add, Sub, Mul or Div of a constant in front of the first layer. */
int npu_onnx_import_preprocessing(struct npu_onnx_import *im, const NpuOnnx__Node *node,
				  const struct npu_onnx_array *operand, char op);

#endif /* NPU_ONNX_IMPORT_H */
