// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

uint32_t npu_onnx_copy_dim(const struct npu_onnx_import *im, const struct npu_onnx_view *view,
			   uint64_t dim[3])
{
	for (size_t i = 0; i < 3; i++)
		dim[i] = npu_onnx_dim(im, view->layer)[i];
	return view->layer < 0 ? 1 : im->layer[view->layer].directions;
}

static unsigned int version_of(const struct npu_onnx_import *im, int layer)
{
	return layer < 0 ? im->input_version : im->layer[layer].version;
}

static int find_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		     const char *name, struct npu_onnx_view *view)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, name);

	if (value && value->kind == NPU_ONNX_FLOW &&
	    value->view.version != version_of(im, value->view.layer))
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "input %zu, '%.48s', was changed by a node that others do not "
				     "go through; only layers whose outputs all read alike can be",
				     i, name);
	if (value && value->kind == NPU_ONNX_FLOW) {
		*view = value->view;
		return 0;
	}
	if (value && value->kind == NPU_ONNX_CONSTANT)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "input %zu is the constant '%.48s' where the output of a node "
				     "or the model's input is wanted",
				     i, name);
	if (value && value->kind != NPU_ONNX_UNKNOWN)
		return npu_onnx_fail(im, node, -EOPNOTSUPP,
				     "input %zu is '%.48s', numbers about a shape, which can be "
				     "used for shapes only",
				     i, name);
	return npu_onnx_fail(im, node, -EINVAL,
			     "input %zu is '%.48s', which no node before it makes", i,
			     npu_onnx_name(name));
}

int npu_onnx_flow_of(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		     const char *name, struct npu_onnx_view *view)
{
	int ret = find_flow(im, node, i, name, view);

	if (!ret && (view->pad[0] | view->pad[1] | view->pad[2] | view->pad[3]))
		ret = npu_onnx_fail(im, node, -EOPNOTSUPP,
				    "its input comes from a Pad, which can be read in front of "
				    "a Conv only");
	return ret;
}

int npu_onnx_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		  struct npu_onnx_view *view)
{
	return npu_onnx_flow_of(im, node, i, node->input[i], view);
}

int npu_onnx_padded_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			 struct npu_onnx_view *view)
{
	return find_flow(im, node, i, node->input[i], view);
}

void npu_onnx_set_flow(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
		       const struct npu_onnx_view *view)
{
	struct npu_onnx_value *value = i < node->n_output ? npu_onnx_find_value(im, node->output[i])
							  : NULL;

	if (!value)
		return;
	value->kind = NPU_ONNX_FLOW;
	value->view = *view;
}

bool npu_onnx_can_change(const struct npu_onnx_import *im, const NpuOnnx__Node *node, size_t i,
			 const struct npu_onnx_view *view)
{
	const struct npu_onnx_value *value = npu_onnx_find_value(im, node->input[i]);
	size_t readers = view->layer < 0 ? im->input_readers : im->layer[view->layer].readers;

	return value && value->readers == 1 && !readers;
}

void npu_onnx_change(struct npu_onnx_import *im, struct npu_onnx_view *view)
{
	if (view->layer < 0)
		view->version = ++im->input_version;
	else
		view->version = ++im->layer[view->layer].version;
}

static int check_dim(const struct npu_onnx_import *im, const NpuOnnx__Node *node,
		     const uint64_t dim[3])
{
	uint64_t size = 1;

	for (size_t i = 0; i < 3; i++) {
		if (dim[i] < 1 || dim[i] > NPU_ONNX_MAX_FEATURES)
			return npu_onnx_fail(im, node, -EFBIG,
					     "its output is %llu x %llu x %llu; every dimension "
					     "can be 1 to %u",
					     (unsigned long long)dim[0], (unsigned long long)dim[1],
					     (unsigned long long)dim[2], NPU_ONNX_MAX_FEATURES);
		size *= dim[i];
		if (size > NPU_ONNX_MAX_FEATURES)
			return npu_onnx_fail(im, node, -EFBIG,
					     "%llu outputs; at most %u can be read",
					     (unsigned long long)size, NPU_ONNX_MAX_FEATURES);
	}
	return 0;
}

static int make_room(struct npu_onnx_import *im, const NpuOnnx__Node *node)
{
	size_t room = im->layer_room ? 2 * im->layer_room : 16;
	struct npu_onnx_layer *layer;

	if (im->layers == NPU_ONNX_MAX_LAYERS)
		return npu_onnx_fail(im, node, -EFBIG, "more than %d layers", NPU_ONNX_MAX_LAYERS);
	if (im->layers < im->layer_room)
		return 0;
	layer = realloc(im->layer, room * sizeof(*layer));
	if (!layer)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu layers", room);
	im->layer = layer;
	im->layer_room = room;
	return 0;
}

/* What metadata say about the layer of that name, if it is of that kind. */
static void take_facts(const struct npu_onnx_import *im, struct npu_layer *layer)
{
	struct npu_onnx_facts facts = npu_onnx_find_facts(im, layer->name);

	if (facts.kind != layer->kind)
		return;
	layer->init = facts.init;
	layer->init_value = facts.init_value;
	layer->frozen = facts.frozen;
	layer->stateful = facts.stateful;
}

struct npu_onnx_layer *npu_onnx_add_layer(struct npu_onnx_import *im, const NpuOnnx__Node *node,
					  const struct npu_layer *layer, const int *input,
					  size_t inputs, const uint64_t dim[3], int *ret)
{
	struct npu_onnx_layer *to;

	*ret = check_dim(im, node, dim);
	if (!*ret)
		*ret = make_room(im, node);
	if (*ret)
		return NULL;
	to = &im->layer[im->layers];
	*to = (struct npu_onnx_layer){ .layer = *layer, .inputs = inputs, .directions = 1 };
	to->input = calloc(inputs, sizeof(*to->input));
	if (!to->input) {
		*ret = npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu inputs", inputs);
		return NULL;
	}
	memcpy(to->input, input, inputs * sizeof(*input));
	for (size_t i = 0; i < 3; i++)
		to->dim[i] = (uint32_t)dim[i];
	if (!layer->name && node)
		to->layer.name = node->name;
	take_facts(im, &to->layer);
	for (size_t i = 0; i < inputs; i++) {
		if (input[i] < 0)
			im->input_readers++;
		else
			im->layer[input[i]].readers++;
	}
	im->layers++;
	return to;
}

void npu_onnx_look_at(const struct npu_onnx_import *im, const struct npu_onnx_layer *layer,
		      struct npu_onnx_view *view)
{
	view->layer = npu_onnx_layer_number(im, layer);
	view->version = 0;
}

int npu_onnx_layer_number(const struct npu_onnx_import *im, const struct npu_onnx_layer *layer)
{
	return (int)(layer - im->layer);
}

int npu_onnx_name_layer(struct npu_onnx_import *im, struct npu_onnx_layer *layer,
			const char *weight)
{
	size_t length = weight ? strlen(weight) : 0, suffix = strlen(NPU_ONNX_WEIGHT);

	if (length <= suffix || strcmp(weight + length - suffix, NPU_ONNX_WEIGHT))
		return 0;
	layer->owned_name = strndup(weight, length - suffix);
	if (!layer->owned_name)
		return npu_onnx_fail(im, NULL, -ENOMEM, "no memory for a name");
	layer->layer.name = layer->owned_name;
	take_facts(im, &layer->layer);
	return 0;
}

float *npu_onnx_add_parameter(struct npu_onnx_import *im, const NpuOnnx__Node *node,
			      struct npu_onnx_layer *layer, size_t count, int *ret)
{
	float *value = calloc(count, sizeof(*value));

	if (!value) {
		*ret = npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu weights", count);
		return NULL;
	}
	layer->count[layer->parameters] = count;
	layer->parameter[layer->parameters++] = value;
	return value;
}

int npu_onnx_move_rows(const struct npu_onnx_import *im, const NpuOnnx__Node *node, float *value,
		       size_t channels, size_t pixels, size_t width)
{
	float *copy = calloc(channels * pixels, width * sizeof(*copy));

	if (!copy)
		return npu_onnx_fail(im, node, -ENOMEM, "no memory for %zu weights",
				     channels * pixels * width);
	memcpy(copy, value, channels * pixels * width * sizeof(*copy));
	for (size_t c = 0; c < channels; c++)
		for (size_t p = 0; p < pixels; p++)
			memcpy(value + (p * channels + c) * width, copy + (c * pixels + p) * width,
			       width * sizeof(*copy));
	free(copy);
	return 0;
}

void npu_onnx_free_layers(struct npu_onnx_import *im)
{
	for (size_t i = 0; i < im->layers; i++) {
		struct npu_onnx_layer *l = &im->layer[i];

		free(l->owned_name);
		free(l->input);
		for (size_t k = 0; k < l->parameters; k++)
			free(l->parameter[k]);
	}
	free(im->layer);
	im->layer = NULL;
	im->layers = 0;
}
