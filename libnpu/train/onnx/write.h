/* SPDX-License-Identifier: MIT */
/*
 * DOC: writing ONNX
 *
 * Opset 13 and IR 7, the oldest in which every operator used here has the form that it still has
 * in opset 17. Nothing depends on time, place or addresses: the same model gives the same bytes.
 *
 * ONNX's convolutions, poolings and batch normalisation want channels first, all else is written
 * as samples lie in memory, channels last. A value is made in one form and gets others when a
 * reader asks for them (write_form.c); operators that take any form take the one that is there.
 * So a chain of convolutions has no Transpose between its ends.
 *
 * Every value and helping node is called after its layer and one word behind a slash, parameters
 * after the layer and a point: no two can be the same, since no two layers are.
 */
#ifndef NPU_ONNX_WRITE_H
#define NPU_ONNX_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "train/nn/model.h"
#include "format.h"
#include "onnx.pb-c.h"

/* A node's list of inputs, for npu_onnx_add_node(). */
#define NPU_ONNX_INPUTS(...) ((char *[]){ __VA_ARGS__, NULL })

/**
 * enum npu_onnx_form - how a value's H, W, C lie in a tensor
 * @NPU_ONNX_FLAT: [batch, C]; H and W are 1
 * @NPU_ONNX_SEQUENCE: [batch, W, C]; H is 1
 * @NPU_ONNX_LAST: [batch, H, W, C]
 * @NPU_ONNX_FIRST1D: [batch, C, W]; H is 1
 * @NPU_ONNX_FIRST2D: [batch, C, H, W]
 */
enum npu_onnx_form {
	NPU_ONNX_FLAT,
	NPU_ONNX_SEQUENCE,
	NPU_ONNX_LAST,
	NPU_ONNX_FIRST1D,
	NPU_ONNX_FIRST2D,
	NPU_ONNX_FORMS,
};

/**
 * struct npu_onnx_flow - a value in its forms
 * @layer: name of the layer that makes it, or "input"
 * @dim: its H, W, C
 * @last: it is the graph's output
 * @name: [forms] of the tensors; NULL for a form that nobody asked for
 */
struct npu_onnx_flow {
	const char *layer;
	const uint32_t *dim;
	bool last;
	char *name[NPU_ONNX_FORMS];
};

struct npu_onnx_block;

/**
 * struct npu_onnx_writer - an ONNX message in the making
 * @model: what is written
 * @err: the caller's, or NULL
 * @message: the message
 * @graph: its graph
 * @blocks: memory of all parts, released together
 * @failed: memory ran out; what was asked for last is not there
 * @flow: [nodes + 1], the model's input, then the output of each node
 */
struct npu_onnx_writer {
	const struct npu_model *model;
	struct npu_error *err;
	NpuOnnx__Model message;
	NpuOnnx__Graph graph;
	struct npu_onnx_block *blocks;
	bool failed;
	struct npu_onnx_flow *flow;
};

/* ------------------------------------------------ messages: write_message.c */

/* Zeroed memory that lives as long as the writer; NULL if there is none. */
void *npu_onnx_take(struct npu_onnx_writer *w, size_t count, size_t size);
void npu_onnx_release(struct npu_onnx_writer *w);

/* An initialised message of that type, or NULL. */
#define npu_onnx_take_message(w, type, init)                        \
	({                                                          \
		type *message_ = npu_onnx_take(w, 1, sizeof(type)); \
		if (message_)                                       \
			init(message_);                             \
		message_;                                           \
	})

__attribute__((format(printf, 2, 3))) char *npu_onnx_text(struct npu_onnx_writer *w,
							  const char *format, ...);

/*
 * A node that makes @output of @inputs, which end at a NULL; an empty name is an input left out.
 * NULL where memory ran out; the functions below take that.
 */
NpuOnnx__Node *npu_onnx_add_node(struct npu_onnx_writer *w, const char *op, char *name,
				 char *output, char *const *inputs);
/* Another output of the node. */
void npu_onnx_add_output(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *output);
void npu_onnx_add_int(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, int64_t value);
void npu_onnx_add_ints(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, size_t count,
		       const int64_t *value);
void npu_onnx_add_float(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, float value);
void npu_onnx_add_floats(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, size_t count,
			 const float *value);
void npu_onnx_add_string(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name,
			 const char *value);
/* Likewise @count strings. */
void npu_onnx_add_strings(struct npu_onnx_writer *w, NpuOnnx__Node *node, char *name, size_t count,
			  const char *const *value);

/*
 * An initializer; returns its name. Values of floats that are not there yet, for the caller to
 * fill, come from npu_onnx_reserve_floats(); NULL where memory ran out.
 */
char *npu_onnx_add_floats_initializer(struct npu_onnx_writer *w, char *name, size_t rank,
				      const uint32_t *dim, const float *value);
float *npu_onnx_reserve_floats(struct npu_onnx_writer *w, char *name, size_t rank,
			       const uint32_t *dim);
char *npu_onnx_add_ints_initializer(struct npu_onnx_writer *w, char *name, size_t count,
				    const int64_t *value);
/* One float of no dimensions. */
char *npu_onnx_add_scalar(struct npu_onnx_writer *w, char *name, float value);
/* Bring what was filled into the file's byte order; once, at the end. */
void npu_onnx_finish_floats(struct npu_onnx_writer *w);

void npu_onnx_add_property(struct npu_onnx_writer *w, char *key, char *value);

/* ----------------------------------------------------- forms: write_form.c */

/* The form of the graph's inputs and outputs: the fewest dimensions, channels last. */
enum npu_onnx_form npu_onnx_natural_form(const uint32_t dim[3]);
/* Dimensions in that form, without the batch; returns how many. */
size_t npu_onnx_form_dims(enum npu_onnx_form form, const uint32_t dim[3], uint32_t to[3]);
static inline bool npu_onnx_is_first(enum npu_onnx_form form)
{
	return form >= NPU_ONNX_FIRST1D;
}

/* What node @i reads as its @k-th input. */
struct npu_onnx_flow *npu_onnx_input(const struct npu_onnx_writer *w, size_t i, size_t k);
/* The form in which the value was made. */
enum npu_onnx_form npu_onnx_made_form(const struct npu_onnx_flow *flow);
/* Its tensor in @form, converted if need be. NULL where memory ran out. */
char *npu_onnx_as(struct npu_onnx_writer *w, struct npu_onnx_flow *flow, enum npu_onnx_form form);
/*
 * Node @i makes its value in @form: the tensor's name, as npu_onnx_as() would give it afterwards.
 */
char *npu_onnx_make(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form);

/* ------------------------------------------------ layers: write_*.c, by topic */

/*
 * Write node @i: from the values of its inputs to npu_onnx_make(). -EOPNOTSUPP where ONNX has no
 * form for it.
 */
typedef int npu_onnx_write_fn(struct npu_onnx_writer *w, size_t i);
npu_onnx_write_fn npu_onnx_write_dense;
npu_onnx_write_fn npu_onnx_write_activation_layer;
npu_onnx_write_fn npu_onnx_write_conv;
npu_onnx_write_fn npu_onnx_write_conv_transpose;
npu_onnx_write_fn npu_onnx_write_pool;
npu_onnx_write_fn npu_onnx_write_global_pool;
npu_onnx_write_fn npu_onnx_write_flatten;
npu_onnx_write_fn npu_onnx_write_reshape;
npu_onnx_write_fn npu_onnx_write_batch_norm;
npu_onnx_write_fn npu_onnx_write_layer_norm;
npu_onnx_write_fn npu_onnx_write_dropout;
npu_onnx_write_fn npu_onnx_write_embedding;
npu_onnx_write_fn npu_onnx_write_recurrent;
npu_onnx_write_fn npu_onnx_write_add;
npu_onnx_write_fn npu_onnx_write_concat;

/*
 * The tensor that node @i's operator has to make, for its activation to make the value in @form;
 * then npu_onnx_write_fused(), which writes the activation.
 */
char *npu_onnx_make_sum(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form);
int npu_onnx_write_fused(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form, char *sum);

/* A parameter's name in the file: that of the model, "conv1.weight". */
char *npu_onnx_parameter_name(struct npu_onnx_writer *w, size_t i, size_t k);

#endif /* NPU_ONNX_WRITE_H */
