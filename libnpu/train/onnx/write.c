// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/data/file.h"
#include "facts.h"
#include "ranges.h"
#include "write.h"

#define OPSET 13
#define IR_VERSION 7

static npu_onnx_write_fn *const write_layer[NPU_LAYER_KINDS] = {
	[NPU_LAYER_DENSE] = npu_onnx_write_dense,
	[NPU_LAYER_ACTIVATION] = npu_onnx_write_activation_layer,
	[NPU_LAYER_CONV] = npu_onnx_write_conv,
	[NPU_LAYER_CONV_TRANSPOSE] = npu_onnx_write_conv_transpose,
	[NPU_LAYER_MAX_POOL] = npu_onnx_write_pool,
	[NPU_LAYER_AVERAGE_POOL] = npu_onnx_write_pool,
	[NPU_LAYER_GLOBAL_MAX_POOL] = npu_onnx_write_global_pool,
	[NPU_LAYER_GLOBAL_AVERAGE_POOL] = npu_onnx_write_global_pool,
	[NPU_LAYER_FLATTEN] = npu_onnx_write_flatten,
	[NPU_LAYER_RESHAPE] = npu_onnx_write_reshape,
	[NPU_LAYER_BATCH_NORM] = npu_onnx_write_batch_norm,
	[NPU_LAYER_LAYER_NORM] = npu_onnx_write_layer_norm,
	[NPU_LAYER_DROPOUT] = npu_onnx_write_dropout,
	[NPU_LAYER_EMBEDDING] = npu_onnx_write_embedding,
	[NPU_LAYER_RNN] = npu_onnx_write_recurrent,
	[NPU_LAYER_LSTM] = npu_onnx_write_recurrent,
	[NPU_LAYER_GRU] = npu_onnx_write_recurrent,
	[NPU_LAYER_ADD] = npu_onnx_write_add,
	[NPU_LAYER_CONCAT] = npu_onnx_write_concat,
};

/* x' = (x - mean) * factor, in front of all layers. */
static void write_scaler(struct npu_onnx_writer *w)
{
	const struct npu_scaler *s = &w->model->scaler;
	enum npu_onnx_form form = npu_onnx_natural_form(w->model->dim);
	struct npu_onnx_flow *flow = &w->flow[0];
	uint32_t dim[3];
	size_t rank = npu_onnx_form_dims(form, w->model->dim, dim);
	char *mean = npu_onnx_add_floats_initializer(w, "scaler:mean", rank, dim, s->mean);
	char *factor = npu_onnx_add_floats_initializer(w, "scaler:factor", rank, dim, s->factor);

	npu_onnx_add_node(w, "Sub", "scaler:sub", "scaler:centred",
			  NPU_ONNX_INPUTS(flow->name[form], mean));
	npu_onnx_add_node(w, "Mul", "scaler:mul", "scaler:output",
			  NPU_ONNX_INPUTS("scaler:centred", factor));
	flow->name[form] = "scaler:output";
}

static int write_layers(struct npu_onnx_writer *w)
{
	const struct npu_model *m = w->model;
	struct npu_onnx_flow *last = &w->flow[m->nodes];

	w->flow[0] = (struct npu_onnx_flow){ .layer = "input:", .dim = m->dim };
	w->flow[0].name[npu_onnx_natural_form(m->dim)] = "input";
	if (m->scaler.count)
		write_scaler(w);
	for (size_t i = 0; i < m->nodes && !w->failed; i++) {
		const struct npu_node *n = &m->node[i];
		int ret;

		w->flow[i + 1] = (struct npu_onnx_flow){
			.layer = n->layer.name,
			.dim = n->out_dim,
			.last = i + 1 == m->nodes,
		};
		ret = write_layer[n->layer.kind](w, i);
		if (ret)
			return ret;
	}
	if (!w->failed)
		npu_onnx_as(w, last, npu_onnx_natural_form(last->dim));
	return 0;
}

/* A graph's input or output [batch, ...]. */
static NpuOnnx__ValueInfo *describe(struct npu_onnx_writer *w, char *name, const uint32_t dim[3])
{
	NpuOnnx__ValueInfo *value =
		npu_onnx_take_message(w, NpuOnnx__ValueInfo, npu_onnx__value_info__init);
	NpuOnnx__Type *type = npu_onnx_take_message(w, NpuOnnx__Type, npu_onnx__type__init);
	NpuOnnx__TensorType *tensor =
		npu_onnx_take_message(w, NpuOnnx__TensorType, npu_onnx__tensor_type__init);
	NpuOnnx__Shape *shape = npu_onnx_take_message(w, NpuOnnx__Shape, npu_onnx__shape__init);
	uint32_t size[3];
	size_t rank = 1 + npu_onnx_form_dims(npu_onnx_natural_form(dim), dim, size);
	NpuOnnx__Dimension **d = npu_onnx_take(w, rank, sizeof(*d));

	if (w->failed)
		return NULL;
	for (size_t i = 0; i < rank; i++) {
		d[i] = npu_onnx_take_message(w, NpuOnnx__Dimension, npu_onnx__dimension__init);
		if (!d[i])
			return NULL;
		if (i == 0) {
			d[i]->dim_param = "batch";
		} else {
			d[i]->has_dim_value = true;
			d[i]->dim_value = size[i - 1];
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

static void add_metadata(struct npu_onnx_writer *w)
{
	const struct npu_model *m = w->model;

	npu_onnx_add_property(w, NPU_ONNX_LAYOUT, NPU_ONNX_LAYOUT_NHWC);
	npu_onnx_add_property(w, NPU_ONNX_SEED, npu_onnx_text(w, "%" PRIu64, m->seed));
	for (size_t i = 0; i < m->nodes && !w->failed; i++) {
		const struct npu_layer *layer = &m->node[i].layer;
		char facts[NPU_ONNX_FACTS_BYTES];

		npu_onnx_say_facts(layer, facts);
		npu_onnx_add_property(w, npu_onnx_text(w, NPU_ONNX_LAYER "%s", layer->name),
				      npu_onnx_text(w, "%s", facts));
	}
	npu_onnx_write_ranges(w);
	for (size_t i = 0; i < m->classes && !w->failed; i++)
		npu_onnx_add_property(w, npu_onnx_text(w, NPU_ONNX_CLASS "%zu", i),
				      m->class_name[i]);
}

static int fill(struct npu_onnx_writer *w)
{
	const struct npu_model *m = w->model;
	NpuOnnx__OperatorSet *opset =
		npu_onnx_take_message(w, NpuOnnx__OperatorSet, npu_onnx__operator_set__init);
	int ret;

	npu_onnx__model__init(&w->message);
	npu_onnx__graph__init(&w->graph);
	w->flow = npu_onnx_take(w, m->nodes + 1, sizeof(*w->flow));
	w->graph.input = npu_onnx_take(w, 1, sizeof(NpuOnnx__ValueInfo *));
	w->graph.output = npu_onnx_take(w, 1, sizeof(NpuOnnx__ValueInfo *));
	w->message.opset_import = npu_onnx_take(w, 1, sizeof(NpuOnnx__OperatorSet *));
	if (w->failed)
		return 0;
	ret = write_layers(w);
	if (ret)
		return ret;
	npu_onnx_finish_floats(w);
	w->graph.name = "npu";
	w->graph.input[w->graph.n_input++] = describe(w, "input", m->dim);
	w->graph.output[w->graph.n_output++] = describe(w, "output", m->node[m->nodes - 1].out_dim);
	w->message.has_ir_version = true;
	w->message.ir_version = IR_VERSION;
	w->message.producer_name = "npu";
	w->message.producer_version = npu_onnx_text(w, "%s", npu_version());
	w->message.graph = &w->graph;
	opset->domain = "";
	opset->has_version = true;
	opset->version = OPSET;
	w->message.opset_import[w->message.n_opset_import++] = opset;
	add_metadata(w);
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

static int pack_and_write(const struct npu_onnx_writer *w, const char *path, struct npu_error *err)
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
	struct npu_onnx_writer w = { .model = model, .err = err };
	int ret;

	if (!model->nodes)
		return npu_error_set(err, -EINVAL,
				     "%s: the model has no layers to write; add one first", path);
	ret = npu_model_check_whole(model, err);
	if (!ret)
		ret = check_names(model, path, err);
	if (!ret)
		ret = fill(&w);
	if (!ret && w.failed)
		ret = npu_error_set(err, -ENOMEM, "%s: no memory to write the model", path);
	if (!ret)
		ret = pack_and_write(&w, path, err);
	npu_onnx_release(&w);
	return ret;
}
