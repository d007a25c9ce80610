/* SPDX-License-Identifier: MIT */
/*
 * DOC: reading ONNX
 *
 * A file is unpacked (unpack.c), its values are listed by name (values.c), groups of nodes that
 * together are one layer are found (patterns.c), and its nodes are walked in order, each turning
 * into preprocessing, a part of a layer, a layer, or only another view of what one makes
 * (operators*.c, view.c). Then the model is made (make.c).
 *
 * The file is hostile: every size is checked against data that is really there before memory is
 * taken for it, and nothing recurses.
 */
#ifndef NPU_ONNX_IMPORT_H
#define NPU_ONNX_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "npu_train.h"
#include "facts.h"
#include "format.h"
#include "onnx.pb-c.h"

/* More values than this in a sample are taken for a damaged file. */
#define NPU_ONNX_MAX_FEATURES (1u << 24)

/* No network has more layers; the names of so many can still be compared one by one. */
#define NPU_ONNX_MAX_LAYERS 4096

/* Dimensions of a tensor, batch included. */
#define NPU_ONNX_MAX_RANK 4

/* Parameters of a layer: those of a bidirectional GRU. */
#define NPU_ONNX_MAX_PARAMETERS 8

/**
 * struct npu_onnx_constant - a value that does not depend on the input
 * @tensor: an initializer, or the "value" of a Constant node; or
 * @attribute: "value_float", "value_floats", "value_int" or "value_ints" of one
 * @viewed: Reshape, Transpose and the like gave it another shape, the three below
 * @rank: dimensions
 * @dim: [rank]
 * @stride: [rank] distance of neighbours, in elements of the tensor
 */
struct npu_onnx_constant {
	const NpuOnnx__Tensor *tensor;
	const NpuOnnx__Attribute *attribute;
	bool viewed;
	size_t rank;
	size_t dim[NPU_ONNX_MAX_RANK], stride[NPU_ONNX_MAX_RANK];
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
 * struct npu_onnx_view - how a tensor of the file shows what a layer makes
 *
 * A layer's output is x[n][h][w][d][c], where only the states of a bidirectional layer have two
 * directions d, which are one axis with c to all others. A dimension of the file is a number of
 * these axes, one inside the other: an image before a Flatten is "N" "C" "H" "W", and behind it
 * "N" "CHW". Transpose, Flatten, Squeeze and most of Reshape therefore change nothing but letters,
 * which tell in what order the next layer's weights are meant.
 *
 * @layer: number of the layer, or NPU_MODEL_INPUT
 * @rank: dimensions
 * @axis: letters of each, outermost first; axes of one element may be anywhere or missing
 * @pad: zeros that a Pad puts around H and W: top, left, bottom, right
 * @version: that of what the layer made when this was seen
 */
struct npu_onnx_view {
	int layer;
	size_t rank;
	char axis[NPU_ONNX_MAX_RANK][8];
	uint32_t pad[4];
	unsigned int version;
};

enum npu_onnx_value_kind {
	NPU_ONNX_UNKNOWN = 0, /* the node that makes it was not met yet */
	NPU_ONNX_CONSTANT,
	NPU_ONNX_FLOW,	/* depends on the input */
	NPU_ONNX_SHAPE, /* whole numbers about a flow's dimensions */
	NPU_ONNX_ZERO,	/* zeros of some shape that depends on such numbers */
};

/* Numbers about a shape: a begin and an end a dimension. */
#define NPU_ONNX_MAX_SIZES (2 * NPU_ONNX_MAX_RANK)

/**
 * struct npu_onnx_sizes - numbers that describe a shape
 * @count: how many
 * @columns: of a table of them; 0 for a list
 * @value: [count]; NPU_ONNX_BATCH stands for the samples of a batch
 */
struct npu_onnx_sizes {
	size_t count, columns;
	int64_t value[NPU_ONNX_MAX_SIZES];
};

#define NPU_ONNX_BATCH INT64_MIN

/**
 * struct npu_onnx_value - what a name stands for
 * @name: in the file
 * @kind: what is known
 * @producer: number of the node that makes it, or -1
 * @consumer: number of the last node that reads it, or -1
 * @readers: how often nodes read it, and once more for the graph's output
 * @constant: if it is one
 * @view: of a flow
 * @sizes: of a shape
 */
struct npu_onnx_value {
	const char *name;
	enum npu_onnx_value_kind kind;
	int producer, consumer;
	size_t readers;
	union {
		struct npu_onnx_constant constant;
		struct npu_onnx_view view;
		struct npu_onnx_sizes sizes;
	};
};

/**
 * struct npu_onnx_layer - a layer to be
 * @layer: its description; the name is the file's or @owned_name
 * @owned_name: the same, where it had to be made
 * @input: [inputs] numbers of layers; owned
 * @dim: H, W, C of its output
 * @directions: of which C has so many times the axis d
 * @readers: layers that read it
 * @version: goes up when a later node becomes part of the layer, which then makes other values
 * @movable: the reshape of a dense layer's outputs, which nobody else reads: they can be put in
 *	another order
 * @parameter: [parameters] values as the model has them, or NULL for zeros; owned
 * @count: [parameters] elements
 */
struct npu_onnx_layer {
	struct npu_layer layer;
	char *owned_name;
	int *input;
	size_t inputs;
	uint32_t dim[3];
	uint32_t directions;
	size_t readers;
	unsigned int version;
	bool movable;
	float *parameter[NPU_ONNX_MAX_PARAMETERS];
	size_t count[NPU_ONNX_MAX_PARAMETERS];
	size_t parameters;
};

/**
 * struct npu_onnx_pattern - what a node is as the last of a group
 * @kind: activation, layer norm or embedding; 0 for none
 * @absorbed: it belongs to a group that ends in another
 * @activation: which
 * @input: name of the value that the group reads
 * @axis: layer norm: along which dimension
 * @epsilon: layer norm
 * @weight: name of the constant scale or embedding
 * @shift: of the shift
 */
struct npu_onnx_pattern {
	enum npu_layer_kind kind;
	bool absorbed;
	enum npu_activation activation;
	const char *input;
	int64_t axis;
	float epsilon;
	const char *weight, *shift;
};

/**
 * struct npu_onnx_import - a file on its way to a model
 * @path: for messages
 * @message: the file
 * @graph: of the file
 * @err: the caller's, or NULL
 * @opset: version of the operators
 * @bytes: size of the file
 * @copied: floats of constants that were copied so far
 * @ours: written by npu_model_save(): samples are N, H, W, C and nodes are named after layers
 * @fact: [facts] properties about layers, sorted by name
 * @value: [values], sorted by name
 * @pattern: [nodes of the graph]
 * @batch: samples if the file fixes them, else 0
 * @input_dim: H, W, C of the model's input
 * @features: their product
 * @input_readers: layers that read it
 * @input_version: as of a layer, when preprocessing is found
 * @mean: [features] preprocessing (x - mean) * factor, or NULL
 * @factor: [features], or NULL
 * @layer: [layers]
 */
struct npu_onnx_import {
	const char *path;
	const NpuOnnx__Model *message;
	const NpuOnnx__Graph *graph;
	struct npu_error *err;
	int64_t opset;
	size_t bytes, copied;
	bool ours;
	const NpuOnnx__Property **fact;
	size_t facts;
	struct npu_onnx_value *value;
	size_t values;
	struct npu_onnx_pattern *pattern;
	uint64_t batch;
	uint32_t input_dim[3];
	size_t features, input_readers;
	unsigned int input_version;
	double *mean, *factor;
	struct npu_onnx_layer *layer;
	size_t layers, layer_room;
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

/* Put the file in front of the sentence that is there already. Returns @code. */
int npu_onnx_prefix(const struct npu_onnx_import *im, int code);

/*
 * The message in @bytes. Release with npu_onnx__model__free_unpacked(message, NULL). Memory is
 * limited in proportion to @size. -EINVAL if it is none; @path is for the error.
 */
int npu_onnx_unpack(const char *path, const void *bytes, size_t size, NpuOnnx__Model **message,
		    struct npu_error *err);

/* -------------------------------------------------------------- values.c */

/* List the values of the graph; sets im->value, which the caller frees. */
int npu_onnx_list_values(struct npu_onnx_import *im);
/* The value of that name, or NULL. */
struct npu_onnx_value *npu_onnx_find_value(const struct npu_onnx_import *im, const char *name);
/* The constant of that name, or NULL. */
const struct npu_onnx_constant *npu_onnx_find_constant(const struct npu_onnx_import *im,
						       const char *name);
/* What metadata say about the layer of that name; zeros where nothing. */
struct npu_onnx_facts npu_onnx_find_facts(const struct npu_onnx_import *im, const char *name);

/* ----------------------------------------------------------- constants.c */

/* What the constant @name holds, which has to be floats. Free array->value. */
int npu_onnx_constant_floats(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			     const char *name, struct npu_onnx_array *array);
/* Likewise whole numbers or truth values, at most @limit of them. Sets *@count. */
int npu_onnx_constant_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			   const char *name, int64_t *value, size_t limit, size_t *count);
/* Whether @name is a constant of one float; sets *@value. */
bool npu_onnx_constant_scalar(struct npu_onnx_import *im, const char *name, float *value);
/*
 * The shape of a constant as it is seen. -EOPNOTSUPP for more dimensions than can be read, -EINVAL
 * for damaged ones.
 */
int npu_onnx_constant_shape(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const struct npu_onnx_constant *constant,
			    struct npu_onnx_constant *viewed);

/* ------------------------------------------------------------- folding.c */

/* Is the node a constant in another shape? Then its output is one from now on. */
int npu_onnx_fold(struct npu_onnx_import *im, const NpuOnnx__Node *node, bool *folded);

/* ---------------------------------------------------------- attributes.c */

const NpuOnnx__Attribute *npu_onnx_find_attribute(const NpuOnnx__Node *node, const char *name);
/* These leave @value alone where there is no such attribute; -EINVAL if it is of another type. */
int npu_onnx_get_int(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		     int64_t *value);
int npu_onnx_get_float(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		       const char *name, float *value);
/* @count numbers, neither more nor less. */
int npu_onnx_get_ints(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		      size_t count, int64_t *value);
/* At most @limit numbers; *@count is 0 where there is no such attribute. */
int npu_onnx_get_list(const struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *name,
		      size_t limit, int64_t *value, size_t *count);
/*
 * Dimensions that input 1 or, in older operator sets, the attribute "axes" names, as bits. @rank
 * counts them: negative ones are from its end.
 */
int npu_onnx_get_axes(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t rank,
		      unsigned int *bits);
/* How many of them there are. */
int npu_onnx_count_axes(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t *count);
/* Whether the attribute is the string @value; @otherwise where there is none. */
bool npu_onnx_attribute_is(const NpuOnnx__Node *node, const char *name, const char *value,
			   bool otherwise);

static inline bool npu_onnx_has_input(const NpuOnnx__Node *node, size_t i)
{
	return i < node->n_input && *node->input[i];
}

static inline bool npu_onnx_is_op(const NpuOnnx__Node *node, const char *op)
{
	return node->op_type && !strcmp(node->op_type, op);
}

/* ---------------------------------------------------------------- view.c */

/* H, W, C of what a layer makes, or of the model's input. */
const uint32_t *npu_onnx_dim(const struct npu_onnx_import *im, int layer);
/* How many elements that axis has, N not; 'D' and 'C' together make the channels. */
size_t npu_onnx_axis_size(const struct npu_onnx_import *im, int layer, char axis);
/* Elements of the view's dimension @i of a sample; of one that has N, per sample. */
size_t npu_onnx_view_size(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			  size_t i);
/* Elements of a sample. */
size_t npu_onnx_view_features(const struct npu_onnx_import *im, const struct npu_onnx_view *view);
/* Where the sample's element number @feature, in the file's order, lies in the model's. */
size_t npu_onnx_locate(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
		       size_t feature);
/* Is the file's order the model's, samples first? */
bool npu_onnx_in_order(const struct npu_onnx_import *im, const struct npu_onnx_view *view);
/* Does dimension @i consist of just these axes? 'C' stands for 'D' and 'C'. */
bool npu_onnx_axis_is(const struct npu_onnx_import *im, const struct npu_onnx_view *view, size_t i,
		      const char *axes);
/* Does dimension @i consist of the same axes in both? */
bool npu_onnx_same_axes(const struct npu_onnx_import *im, const struct npu_onnx_view *a,
			const struct npu_onnx_view *b, size_t i);
/* The dimension which just that axis is, or -1. */
int npu_onnx_find_axis(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
		       char axis);
/* A view of @layer whose dimensions are the single letters of @axes, as "NCHW". */
struct npu_onnx_view npu_onnx_make_view(int layer, const char *axes);
/* Dimension @i becomes @axes, which are in no other any more. */
void npu_onnx_set_axes(struct npu_onnx_view *view, size_t i, const char *axes);
/*
 * Make the view one of single axes as "NCHW" says, by a reshape layer if the order of memory allows
 * it. -EOPNOTSUPP if not.
 */
int npu_onnx_require(struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     struct npu_onnx_view *view, const char *axes);

/* -------------------------------------------------------------- layers.c */

/* H, W, C of what the view's layer makes, to be changed; and its directions. */
uint32_t npu_onnx_copy_dim(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			   uint64_t dim[3]);
/* What input @i of @node shows, which has to be a flow without padding. */
int npu_onnx_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		  struct npu_onnx_view *view);
/* Likewise the value of that name. */
int npu_onnx_flow_of(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		     const char *name, struct npu_onnx_view *view);
/* Likewise input @i, with or without padding. */
int npu_onnx_padded_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			 struct npu_onnx_view *view);
/* What output @i of @node shows from now on. */
void npu_onnx_set_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		       const struct npu_onnx_view *view);
/* Can the layer of @view, input @i of @node, take the node in? Not if others read it. */
bool npu_onnx_can_change(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			 const struct npu_onnx_view *view);
/* It does: what others have seen of it before is no longer there, and refused. */
void npu_onnx_change(struct npu_onnx_import *im, struct npu_onnx_view *view);

/*
 * A layer of that description behind those of @input [@inputs], whose output has @dim. It has the
 * node's name, unless the description has one. Returns it, or NULL after an error in *@ret.
 */
struct npu_onnx_layer *npu_onnx_add_layer(struct npu_onnx_import *im, const NpuOnnx__Node *node,
					  const struct npu_layer *layer, const int *input,
					  size_t inputs, const uint64_t dim[3], int *ret);
/* The view is of that layer from now on, which nobody has changed. */
void npu_onnx_look_at(const struct npu_onnx_import *im, const struct npu_onnx_layer *layer,
		      struct npu_onnx_view *view);
/* Its number. */
int npu_onnx_layer_number(const struct npu_onnx_import *im, const struct npu_onnx_layer *layer);
/* Call the layer "fc1" if its weights are "fc1.weight". */
int npu_onnx_name_layer(struct npu_onnx_import *im, struct npu_onnx_layer *layer,
			const char *weight);
/* Room for the layer's next parameter, of @count values; NULL without memory. */
float *npu_onnx_add_parameter(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			      struct npu_onnx_layer *layer, size_t count, int *ret);
/* Rows of @width values, [channels][pixels] of them, become [pixels][channels]. */
int npu_onnx_move_rows(const struct npu_onnx_import *im, const NpuOnnx__Node *node, float *value,
		       size_t channels, size_t pixels, size_t width);
void npu_onnx_free_layers(struct npu_onnx_import *im);

/* ------------------------------------------------------------ patterns.c */

/* Find groups of nodes that are one layer. */
int npu_onnx_find_patterns(struct npu_onnx_import *im);

/* ----------------------------------------------------- operators_sizes.c */

/* Input @i as numbers about a shape: made by such operators, or a constant. */
int npu_onnx_get_sizes(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		       struct npu_onnx_sizes *sizes);

/* ----------------------------------------------------------- operators.c */

/* The next node of the walk. */
int npu_onnx_import_node(struct npu_onnx_import *im, size_t i);

typedef int npu_onnx_import_fn(struct npu_onnx_import *im, const NpuOnnx__Node *node);
npu_onnx_import_fn npu_onnx_import_arithmetic, npu_onnx_import_sum, npu_onnx_import_gemm,
	npu_onnx_import_matmul, npu_onnx_import_conv, npu_onnx_import_conv_transpose,
	npu_onnx_import_pool, npu_onnx_import_global_pool, npu_onnx_import_reduce,
	npu_onnx_import_pad, npu_onnx_import_batch_norm, npu_onnx_import_layer_norm,
	npu_onnx_import_recurrent, npu_onnx_import_flatten, npu_onnx_import_reshape,
	npu_onnx_import_transpose, npu_onnx_import_squeeze, npu_onnx_import_unsqueeze,
	npu_onnx_import_identity, npu_onnx_import_dropout, npu_onnx_import_concat,
	npu_onnx_import_gather, npu_onnx_import_simple_activation, npu_onnx_import_leaky_relu,
	npu_onnx_import_elu, npu_onnx_import_selu, npu_onnx_import_gelu,
	npu_onnx_import_hard_sigmoid, npu_onnx_import_softmax, npu_onnx_import_clip,
	npu_onnx_import_shape, npu_onnx_import_sizes, npu_onnx_import_slice, npu_onnx_import_zeros;

/* An activation of what input 0 of @node shows; a part of the layer before where it can be. */
int npu_onnx_add_activation(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const char *input, enum npu_activation activation, float alpha);
/* An embedding of @weight; a layer norm: the ends of patterns. */
int npu_onnx_add_embedding(struct npu_onnx_import *im, const NpuOnnx__Node *node, const char *input,
			   const char *weight);
int npu_onnx_add_layer_norm(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			    const struct npu_onnx_pattern *pattern);

/* Add, Sub, Mul or Div of a constant in front of the first layer. */
int npu_onnx_import_preprocessing(struct npu_onnx_import *im, const NpuOnnx__Node *node,
				  const struct npu_onnx_view *view,
				  const struct npu_onnx_array *operand, char op);

/* ---------------------------------------------------------------- make.c */

/* The model of all that was found. */
int npu_onnx_make_model(struct npu_onnx_import *im, int output, struct npu_model **model);

#endif /* NPU_ONNX_IMPORT_H */
