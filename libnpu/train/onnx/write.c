// SPDX-License-Identifier: MIT
/*
 * DOC: writing ONNX
 *
 * Opset 13 and IR 7, the oldest in which every operator used here has the form that it still has
 * in opset 17. A dense layer is a Gemm with transB, so that weights [out][in] are written as they
 * lie; preprocessing is Sub and Mul in front. Nothing depends on time, place or addresses: the
 * same model gives the same bytes.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/data/file.h"
#include "train/nn/model.h"
#include "format.h"
#include "onnx.pb-c.h"

#define OPSET 13
#define IR_VERSION 7

/* A node has at most three inputs and two attributes here. */
#define MAX_INPUTS 3
#define MAX_ATTRIBUTES 2

struct block {
	struct block *next;
	max_align_t data[];
};

/**
 * struct writer - an ONNX message in the making
 * @model: what is written
 * @message: the message
 * @graph: its graph
 * @blocks: memory of all parts, released together
 * @failed: memory ran out; what was asked for last is not there
 * @flow: [nodes + 1], name of the model's input, then of the output of each node
 */
struct writer {
	const struct npu_model *model;
	NpuOnnx__Model message;
	NpuOnnx__Graph graph;
	struct block *blocks;
	bool failed;
	char **flow;
};

/* Zeroed memory that lives as long as the writer; NULL if there is none. */
static void *take(struct writer *w, size_t count, size_t size)
{
	struct block *block;
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - sizeof(*block) ||
	    !(block = calloc(1, sizeof(*block) + bytes))) {
		w->failed = true;
		return NULL;
	}
	block->next = w->blocks;
	w->blocks = block;
	return block->data;
}

static void release(struct writer *w)
{
	while (w->blocks) {
		struct block *next = w->blocks->next;

		free(w->blocks);
		w->blocks = next;
	}
}

__attribute__((format(printf, 2, 3))) static char *text(struct writer *w, const char *format, ...)
{
	va_list args;
	int length;
	char *s;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	s = take(w, (size_t)length + 1, 1);
	if (!s)
		return NULL;
	va_start(args, format);
	vsnprintf(s, (size_t)length + 1, format, args);
	va_end(args);
	return s;
}

/* An initialised message of that type, or NULL. */
#define take_message(w, type, init)                        \
	({                                                 \
		type *message_ = take(w, 1, sizeof(type)); \
		if (message_)                              \
			init(message_);                    \
		message_;                                  \
	})

static void add_initializer(struct writer *w, char *name, const float *value, size_t count,
			    size_t rank, const uint32_t *dim)
{
	NpuOnnx__Tensor *t = take_message(w, NpuOnnx__Tensor, npu_onnx__tensor__init);
	int64_t *dims = take(w, rank, sizeof(*dims));
	uint32_t *raw = take(w, count, sizeof(*raw));

	if (w->failed)
		return;
	for (size_t i = 0; i < rank; i++)
		dims[i] = dim[i];
	memcpy(raw, value, count * sizeof(*raw));
	for (size_t i = 0; i < count; i++)
		raw[i] = htole32(raw[i]);
	t->name = name;
	t->dims = dims;
	t->n_dims = rank;
	t->has_data_type = true;
	t->data_type = NPU_ONNX_FLOAT;
	t->has_raw_data = true;
	t->raw_data = (ProtobufCBinaryData){ count * sizeof(*raw), (uint8_t *)raw };
	w->graph.initializer[w->graph.n_initializer++] = t;
}

/* @inputs ends at a NULL. */
static NpuOnnx__Node *add_node(struct writer *w, char *op, char *name, char *output,
			       char *const inputs[MAX_INPUTS])
{
	NpuOnnx__Node *node = take_message(w, NpuOnnx__Node, npu_onnx__node__init);
	char **in = take(w, MAX_INPUTS, sizeof(*in));
	char **out = take(w, 1, sizeof(*out));
	NpuOnnx__Attribute **attribute = take(w, MAX_ATTRIBUTES, sizeof(NpuOnnx__Attribute *));

	if (w->failed)
		return NULL;
	node->op_type = op;
	node->name = name;
	for (; node->n_input < MAX_INPUTS && inputs[node->n_input]; node->n_input++)
		in[node->n_input] = inputs[node->n_input];
	node->input = in;
	out[0] = output;
	node->output = out;
	node->n_output = 1;
	node->attribute = attribute;
	w->graph.node[w->graph.n_node++] = node;
	return node;
}

static NpuOnnx__Attribute *add_attribute(struct writer *w, NpuOnnx__Node *node, char *name,
					 enum npu_onnx_attribute_type type)
{
	NpuOnnx__Attribute *a = take_message(w, NpuOnnx__Attribute, npu_onnx__attribute__init);

	if (w->failed)
		return NULL;
	a->name = name;
	a->has_type = true;
	a->type = type;
	node->attribute[node->n_attribute++] = a;
	return a;
}

static void add_int(struct writer *w, NpuOnnx__Node *node, char *name, int64_t value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_INT);

	if (!a)
		return;
	a->has_i = true;
	a->i = value;
}

static void add_float(struct writer *w, NpuOnnx__Node *node, char *name, float value)
{
	NpuOnnx__Attribute *a = add_attribute(w, node, name, NPU_ONNX_ATTRIBUTE_FLOAT);

	if (!a)
		return;
	a->has_f = true;
	a->f = value;
}

static bool is_flat(const uint32_t dim[3])
{
	return dim[0] == 1 && dim[1] == 1;
}

/* x' = (x - mean) * factor. Returns the name of x'. */
static char *add_scaler(struct writer *w, char *input)
{
	const struct npu_model *m = w->model;
	const struct npu_scaler *s = &m->scaler;
	size_t rank = is_flat(m->dim) ? 1 : 3;
	const uint32_t *dim = m->dim + 3 - rank;

	add_initializer(w, "scaler.mean", s->mean, s->count, rank, dim);
	add_initializer(w, "scaler.factor", s->factor, s->count, rank, dim);
	add_node(w, "Sub", "scaler.sub", "scaler/centred",
		 (char *[MAX_INPUTS]){ input, "scaler.mean" });
	add_node(w, "Mul", "scaler.mul", "scaler/output",
		 (char *[MAX_INPUTS]){ "scaler/centred", "scaler.factor" });
	return "scaler/output";
}

static void add_activation(struct writer *w, const struct npu_layer *layer, char *name, char *input,
			   char *output)
{
	static char *const op[] = {
		[NPU_LINEAR] = "Identity", [NPU_RELU] = "Relu", [NPU_LEAKY_RELU] = "LeakyRelu",
		[NPU_SIGMOID] = "Sigmoid", [NPU_TANH] = "Tanh", [NPU_SOFTMAX] = "Softmax",
	};
	NpuOnnx__Node *node =
		add_node(w, op[layer->activation], name, output, (char *[MAX_INPUTS]){ input });

	if (!node)
		return;
	if (layer->activation == NPU_LEAKY_RELU)
		add_float(w, node, "alpha", layer->alpha);
	if (layer->activation == NPU_SOFTMAX)
		add_int(w, node, "axis", -1);
}

static void add_dense(struct writer *w, size_t i, char *input, char *output)
{
	const struct npu_node *n = &w->model->node[i];
	const char *name = n->layer.name;
	bool fused = n->layer.activation != NPU_LINEAR;
	char *sum = fused ? text(w, "%s/sum", name) : output;
	char *weight = text(w, "%s" NPU_ONNX_WEIGHT, name), *bias = NULL;
	NpuOnnx__Node *gemm;

	if (!is_flat(n->in_dim)) {
		char *flat = text(w, "%s/flat", name);

		add_node(w, "Flatten", text(w, "%s/flatten", name), flat,
			 (char *[MAX_INPUTS]){ input });
		input = flat;
	}
	add_initializer(w, weight, npu_node_values(w->model, i, 0), n->in * n->out, 2,
			(uint32_t[]){ n->out, n->in });
	if (!n->layer.no_bias) {
		bias = text(w, "%s" NPU_ONNX_BIAS, name);
		add_initializer(w, bias, npu_node_values(w->model, i, 1), n->out, 1,
				(uint32_t[]){ n->out });
	}
	gemm = add_node(w, "Gemm", text(w, "%s", name), sum,
			(char *[MAX_INPUTS]){ input, weight, bias });
	if (gemm)
		add_int(w, gemm, "transB", 1);
	if (fused)
		add_activation(w, &n->layer, text(w, "%s" NPU_ONNX_FUSED, name), sum, output);
}

static int add_layers(struct writer *w, struct npu_error *err)
{
	const struct npu_model *m = w->model;

	w->flow[0] = m->scaler.count ? add_scaler(w, "input") : "input";
	for (size_t i = 0; i < m->nodes && !w->failed; i++) {
		const struct npu_node *n = &m->node[i];
		char *input = w->flow[n->input[0] + 1];
		char *output = i + 1 < m->nodes ? text(w, "%s/output", n->layer.name) : "output";

		w->flow[i + 1] = output;
		switch (n->layer.kind) {
		case NPU_LAYER_DENSE:
			add_dense(w, i, input, output);
			break;
		case NPU_LAYER_ACTIVATION:
			add_activation(w, &n->layer, text(w, "%s", n->layer.name), input, output);
			break;
		default:
			return npu_error_set(err, -EOPNOTSUPP,
					     "layer '%s': kind %d has no form in ONNX yet",
					     n->layer.name, n->layer.kind);
		}
	}
	return 0;
}

/* A graph's input or output [batch, ...]. */
static NpuOnnx__ValueInfo *describe(struct writer *w, char *name, const uint32_t dim[3])
{
	NpuOnnx__ValueInfo *value = take_message(w, NpuOnnx__ValueInfo, npu_onnx__value_info__init);
	NpuOnnx__Type *type = take_message(w, NpuOnnx__Type, npu_onnx__type__init);
	NpuOnnx__TensorType *tensor =
		take_message(w, NpuOnnx__TensorType, npu_onnx__tensor_type__init);
	NpuOnnx__Shape *shape = take_message(w, NpuOnnx__Shape, npu_onnx__shape__init);
	size_t rank = is_flat(dim) ? 2 : 4;
	NpuOnnx__Dimension **d = take(w, rank, sizeof(*d));

	if (w->failed)
		return NULL;
	for (size_t i = 0; i < rank; i++) {
		d[i] = take_message(w, NpuOnnx__Dimension, npu_onnx__dimension__init);
		if (!d[i])
			return NULL;
		if (i == 0) {
			d[i]->dim_param = "batch";
		} else {
			d[i]->has_dim_value = true;
			d[i]->dim_value = dim[i + 3 - rank];
		}
	}
	shape->n_dim = rank;
	shape->dim = d;
	tensor->has_elem_type = true;
	tensor->elem_type = NPU_ONNX_FLOAT;
	tensor->shape = shape;
	type->tensor_type = tensor;
	value->name = name;
	value->type = type;
	return value;
}

static void add_property(struct writer *w, char *key, char *value)
{
	NpuOnnx__Property *p = take_message(w, NpuOnnx__Property, npu_onnx__property__init);

	if (w->failed)
		return;
	p->key = key;
	p->value = value;
	w->message.metadata_props[w->message.n_metadata_props++] = p;
}

static int fill(struct writer *w, struct npu_error *err)
{
	const struct npu_model *m = w->model;
	const struct npu_node *last = &m->node[m->nodes - 1];
	NpuOnnx__OperatorSet *opset =
		take_message(w, NpuOnnx__OperatorSet, npu_onnx__operator_set__init);
	int ret;

	npu_onnx__model__init(&w->message);
	npu_onnx__graph__init(&w->graph);
	w->flow = take(w, m->nodes + 1, sizeof(*w->flow));
	/* A layer is at most a Flatten, a Gemm and an activation; the scaler two more. */
	w->graph.node = take(w, 3 * m->nodes + 2, sizeof(NpuOnnx__Node *));
	w->graph.initializer = take(w, 2 * m->nodes + 2, sizeof(NpuOnnx__Tensor *));
	w->graph.input = take(w, 1, sizeof(NpuOnnx__ValueInfo *));
	w->graph.output = take(w, 1, sizeof(NpuOnnx__ValueInfo *));
	w->message.opset_import = take(w, 1, sizeof(NpuOnnx__OperatorSet *));
	w->message.metadata_props = take(w, m->classes + 1, sizeof(NpuOnnx__Property *));
	if (w->failed)
		return 0;
	ret = add_layers(w, err);
	if (ret)
		return ret;
	w->graph.name = "npu";
	w->graph.input[w->graph.n_input++] = describe(w, "input", m->dim);
	w->graph.output[w->graph.n_output++] = describe(w, "output", last->out_dim);
	w->message.has_ir_version = true;
	w->message.ir_version = IR_VERSION;
	w->message.producer_name = "npu";
	w->message.producer_version = text(w, "%s", npu_version());
	w->message.graph = &w->graph;
	opset->domain = "";
	opset->has_version = true;
	opset->version = OPSET;
	w->message.opset_import[w->message.n_opset_import++] = opset;
	add_property(w, NPU_ONNX_LAYOUT, NPU_ONNX_LAYOUT_NHWC);
	for (size_t i = 0; i < m->classes && !w->failed; i++)
		add_property(w, text(w, NPU_ONNX_CLASS "%zu", i), m->class_name[i]);
	return 0;
}

/* Bytes of the sequence at @p that is one character of UTF-8, or 0. */
static size_t utf8_length(const unsigned char *p)
{
	uint32_t c;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	c = p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* Overlong forms, halves of surrogate pairs, beyond Unicode. */
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || (c >= 0xd800 && c < 0xe000) ||
	    c > 0x10ffff)
		return 0;
	return n;
}

static bool is_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		size_t n = utf8_length(p);

		if (!n)
			return false;
		p += n;
	}
	return true;
}

/* ONNX's strings are UTF-8; other tools refuse a file whose are not. */
static int check_names(const struct npu_model *m, const char *path, struct npu_error *err)
{
	for (size_t i = 0; i < m->nodes; i++)
		if (!is_utf8(m->node[i].layer.name))
			return npu_error_set(err, -EILSEQ,
					     "%s: the name of layer %zu is not UTF-8, which ONNX "
					     "demands; give it another",
					     path, i);
	for (size_t i = 0; i < m->classes; i++)
		if (!is_utf8(m->class_name[i]))
			return npu_error_set(err, -EILSEQ,
					     "%s: the name of class %zu is not UTF-8, which ONNX "
					     "demands; convert the data file to UTF-8",
					     path, i);
	return 0;
}

static int pack_and_write(const struct writer *w, const char *path, struct npu_error *err)
{
	size_t size = npu_onnx__model__get_packed_size(&w->message);
	struct npu_file_part part;
	uint8_t *bytes;
	int ret;

	if (size > NPU_ONNX_MAX_BYTES)
		return npu_error_set(err, -EFBIG,
				     "%s: the model takes %zu bytes, an ONNX file holds at most "
				     "%u; make it smaller",
				     path, size, NPU_ONNX_MAX_BYTES);
	bytes = malloc(size);
	if (!bytes)
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu bytes", path, size);
	npu_onnx__model__pack(&w->message, bytes);
	part = (struct npu_file_part){ bytes, size };
	ret = npu_file_write(path, &part, 1, err);
	free(bytes);
	return ret;
}

int npu_model_save(const struct npu_model *model, const char *path, struct npu_error *err)
{
	struct writer w = { .model = model };
	int ret;

	if (!model->nodes)
		return npu_error_set(err, -EINVAL,
				     "%s: the model has no layers to write; add one first", path);
	ret = check_names(model, path, err);
	if (!ret)
		ret = fill(&w, err);
	if (!ret && w.failed)
		ret = npu_error_set(err, -ENOMEM, "%s: no memory to write the model", path);
	if (!ret)
		ret = pack_and_write(&w, path, err);
	release(&w);
	return ret;
}
