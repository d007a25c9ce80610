/* SPDX-License-Identifier: MIT */
/* ONNX files as others would write them, made message by message. */
#ifndef TESTS_ONNX_BUILD_H
#define TESTS_ONNX_BUILD_H

#include "data_case.h"
#include "onnx.pb-c.h"

#define BUILD_PARTS 32

/**
 * struct build - an ONNX file in the making
 * @model: its message
 * @graph: its graph; the arrays that it points at are those below
 * @block: [blocks] memory of the parts
 */
struct build {
	NpuOnnx__Model model;
	NpuOnnx__Graph graph;
	NpuOnnx__OperatorSet opset, *opsets[1];
	NpuOnnx__Property *properties[BUILD_PARTS];
	NpuOnnx__Node *nodes[BUILD_PARTS];
	NpuOnnx__Tensor *initializers[BUILD_PARTS];
	NpuOnnx__ValueInfo *inputs[BUILD_PARTS], *outputs[BUILD_PARTS];
	void *block[32 * BUILD_PARTS];
	size_t blocks;
};

static inline void *build_take(struct build *b, size_t size)
{
	void *p = calloc(1, size ? size : 1);

	assert_non_null(p);
	assert_true(b->blocks < sizeof(b->block) / sizeof(b->block[0]));
	b->block[b->blocks++] = p;
	return p;
}

static inline char *build_text(struct build *b, const char *s)
{
	return strcpy(build_take(b, strlen(s) + 1), s);
}

static inline NpuOnnx__ValueInfo *build_value(struct build *b, const char *name, size_t rank,
					      const int64_t *dim)
{
	NpuOnnx__ValueInfo *v = build_take(b, sizeof(*v));
	NpuOnnx__Type *type = build_take(b, sizeof(*type));
	NpuOnnx__TensorType *tensor = build_take(b, sizeof(*tensor));
	NpuOnnx__Shape *shape = build_take(b, sizeof(*shape));

	npu_onnx__value_info__init(v);
	npu_onnx__type__init(type);
	npu_onnx__tensor_type__init(tensor);
	npu_onnx__shape__init(shape);
	v->name = build_text(b, name);
	v->type = type;
	type->tensor_type = tensor;
	tensor->has_elem_type = true;
	tensor->elem_type = 1;
	tensor->shape = shape;
	shape->dim = build_take(b, rank * sizeof(*shape->dim));
	for (; shape->n_dim < rank; shape->n_dim++) {
		NpuOnnx__Dimension *d = build_take(b, sizeof(*d));

		npu_onnx__dimension__init(d);
		d->has_dim_value = dim[shape->n_dim] != 0;
		d->dim_value = dim[shape->n_dim];
		shape->dim[shape->n_dim] = d;
	}
	return v;
}

/* A graph with the input "x" of @rank dimensions, 0 for one that varies. */
static inline void build_begin(struct build *b, int64_t opset, size_t rank, const int64_t *dim)
{
	memset(b, 0, sizeof(*b));
	npu_onnx__model__init(&b->model);
	npu_onnx__graph__init(&b->graph);
	npu_onnx__operator_set__init(&b->opset);
	b->opset.has_version = true;
	b->opset.version = opset;
	b->opsets[0] = &b->opset;
	b->model.opset_import = b->opsets;
	b->model.n_opset_import = 1;
	b->model.metadata_props = b->properties;
	b->model.graph = &b->graph;
	b->graph.node = b->nodes;
	b->graph.initializer = b->initializers;
	b->graph.input = b->inputs;
	b->graph.output = b->outputs;
	b->inputs[b->graph.n_input++] = build_value(b, "x", rank, dim);
}

/* A node that makes @output out of @inputs, names with blanks between. */
static inline NpuOnnx__Node *build_node(struct build *b, const char *op, const char *output,
					const char *inputs)
{
	NpuOnnx__Node *n = build_take(b, sizeof(*n));
	char *names = build_text(b, inputs), *name;

	npu_onnx__node__init(n);
	n->op_type = build_text(b, op);
	n->name = build_text(b, output);
	n->output = build_take(b, sizeof(char *));
	n->output[n->n_output++] = build_text(b, output);
	n->input = build_take(b, 8 * sizeof(char *));
	for (name = strtok(names, " "); name; name = strtok(NULL, " "))
		n->input[n->n_input++] = name;
	n->attribute = build_take(b, 8 * sizeof(*n->attribute));
	b->nodes[b->graph.n_node++] = n;
	return n;
}

static inline NpuOnnx__Attribute *build_attribute(struct build *b, NpuOnnx__Node *node,
						  const char *name, int type)
{
	NpuOnnx__Attribute *a = build_take(b, sizeof(*a));

	npu_onnx__attribute__init(a);
	a->name = build_text(b, name);
	a->has_type = true;
	a->type = type;
	node->attribute[node->n_attribute++] = a;
	return a;
}

static inline void build_int(struct build *b, NpuOnnx__Node *node, const char *name, int64_t value)
{
	NpuOnnx__Attribute *a = build_attribute(b, node, name, 2);

	a->has_i = true;
	a->i = value;
}

static inline void build_float(struct build *b, NpuOnnx__Node *node, const char *name, float value)
{
	NpuOnnx__Attribute *a = build_attribute(b, node, name, 1);

	a->has_f = true;
	a->f = value;
}

static inline void build_list(struct build *b, NpuOnnx__Node *node, const char *name, size_t count,
			      const int64_t *value)
{
	NpuOnnx__Attribute *a = build_attribute(b, node, name, 7);

	a->n_ints = count;
	a->ints = build_take(b, count * sizeof(*value));
	memcpy(a->ints, value, count * sizeof(*value));
}

static inline void build_string(struct build *b, NpuOnnx__Node *node, const char *name,
				const char *value)
{
	NpuOnnx__Attribute *a = build_attribute(b, node, name, 3);

	a->has_s = true;
	a->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)build_text(b, value) };
}

/* A tensor of floats, as float_data. */
static inline NpuOnnx__Tensor *build_tensor(struct build *b, const char *name, size_t rank,
					    const int64_t *dim, const float *value)
{
	NpuOnnx__Tensor *t = build_take(b, sizeof(*t));
	size_t count = 1;

	npu_onnx__tensor__init(t);
	for (size_t i = 0; i < rank; i++)
		count *= dim[i];
	t->name = build_text(b, name);
	t->has_data_type = true;
	t->data_type = 1;
	t->n_dims = rank;
	t->dims = build_take(b, rank * sizeof(*dim));
	if (rank)
		memcpy(t->dims, dim, rank * sizeof(*dim));
	t->n_float_data = count;
	t->float_data = build_take(b, count * sizeof(*value));
	memcpy(t->float_data, value, count * sizeof(*value));
	return t;
}

static inline NpuOnnx__Tensor *build_initializer(struct build *b, const char *name, size_t rank,
						 const int64_t *dim, const float *value)
{
	NpuOnnx__Tensor *t = build_tensor(b, name, rank, dim, value);

	b->initializers[b->graph.n_initializer++] = t;
	return t;
}

/* An initializer of whole numbers. */
static inline void build_ints(struct build *b, const char *name, size_t count, const int64_t *value)
{
	NpuOnnx__Tensor *t = build_take(b, sizeof(*t));

	npu_onnx__tensor__init(t);
	t->name = build_text(b, name);
	t->has_data_type = true;
	t->data_type = 7;
	t->n_dims = 1;
	t->dims = build_take(b, sizeof(*t->dims));
	t->dims[0] = (int64_t)count;
	t->n_int64_data = count;
	t->int64_data = build_take(b, count * sizeof(*value));
	memcpy(t->int64_data, value, count * sizeof(*value));
	b->initializers[b->graph.n_initializer++] = t;
}

/* Write the graph that ends in @output to f.onnx. */
static inline void build_end(struct build *b, const char *output)
{
	static const int64_t dim[] = { 0, 0 };
	uint8_t *bytes;
	size_t size;

	b->outputs[b->graph.n_output++] = build_value(b, output, 2, dim);
	size = npu_onnx__model__get_packed_size(&b->model);
	bytes = build_take(b, size);
	npu_onnx__model__pack(&b->model, bytes);
	write_bytes("f.onnx", bytes, size);
	while (b->blocks)
		free(b->block[--b->blocks]);
}

/* Load f.onnx, which has to be good. */
static inline struct npu_model *load_built(void)
{
	struct npu_model *model;
	struct npu_error err;

	if (npu_model_load(&model, "f.onnx", &err))
		fail_msg("%s", err.message);
	return model;
}

static inline void refuse_built(int code, const char *says)
{
	struct npu_model *model;
	struct npu_error err;

	assert_int_equal(npu_model_load(&model, "f.onnx", &err), code);
	assert_says(&err, code, says);
	assert_null(model);
}

#endif
