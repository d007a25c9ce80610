// SPDX-License-Identifier: MIT
/* Layers that move values and compute nothing, but for a sum. */
#include <stdlib.h>

#include "write.h"

int npu_onnx_write_flatten(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);
	char *input = npu_onnx_as(w, from, npu_onnx_natural_form(n->in_dim));
	char *sum = npu_onnx_make_sum(w, i, NPU_ONNX_FLAT);

	npu_onnx_add_node(w, "Flatten", npu_onnx_text(w, "%s", n->layer.name), sum,
			  NPU_ONNX_INPUTS(input));
	return npu_onnx_write_fused(w, i, NPU_ONNX_FLAT, sum);
}

int npu_onnx_write_reshape(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	enum npu_onnx_form form = npu_onnx_natural_form(n->out_dim);
	struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);
	char *input = npu_onnx_as(w, from, npu_onnx_natural_form(n->in_dim));
	char *sum = npu_onnx_make_sum(w, i, form);
	int64_t shape[4] = { 0 };
	uint32_t dim[3];
	size_t dims = npu_onnx_form_dims(form, n->out_dim, dim);

	for (size_t k = 0; k < dims; k++)
		shape[k + 1] = dim[k];
	npu_onnx_add_node(
		w, "Reshape", npu_onnx_text(w, "%s", n->layer.name), sum,
		NPU_ONNX_INPUTS(input, npu_onnx_add_ints_initializer(
					       w, npu_onnx_text(w, "%s/shape", n->layer.name),
					       dims + 1, shape)));
	return npu_onnx_write_fused(w, i, form, sum);
}

int npu_onnx_write_dropout(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_layer *layer = &w->model->node[i].layer;
	struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);
	enum npu_onnx_form form = npu_onnx_made_form(from);
	char *input = npu_onnx_as(w, from, form), *sum = npu_onnx_make_sum(w, i, form);
	char *ratio =
		npu_onnx_add_scalar(w, npu_onnx_text(w, "%s/ratio", layer->name), layer->rate);

	npu_onnx_add_node(w, "Dropout", npu_onnx_text(w, "%s", layer->name), sum,
			  NPU_ONNX_INPUTS(input, ratio));
	return npu_onnx_write_fused(w, i, form, sum);
}

/* A form that all inputs of node @i have, if there is one; else @otherwise. */
static enum npu_onnx_form shared_form(const struct npu_onnx_writer *w, size_t i,
				      enum npu_onnx_form otherwise)
{
	const struct npu_node *n = &w->model->node[i];

	for (int form = 0; form < NPU_ONNX_FORMS; form++) {
		size_t k = 0;

		while (k < n->inputs && npu_onnx_input(w, i, k)->name[form])
			k++;
		if (k == n->inputs)
			return form;
	}
	return otherwise;
}

/* The node's inputs in @form, with a NULL behind; NULL where memory ran out. */
static char **all_inputs(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form)
{
	const struct npu_node *n = &w->model->node[i];
	char **list = npu_onnx_take(w, n->inputs + 1, sizeof(*list));

	for (size_t k = 0; list && k < n->inputs; k++)
		list[k] = npu_onnx_as(w, npu_onnx_input(w, i, k), form);
	return w->failed ? NULL : list;
}

int npu_onnx_write_add(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	enum npu_onnx_form form = shared_form(w, i, npu_onnx_made_form(npu_onnx_input(w, i, 0)));
	char **inputs = all_inputs(w, i, form), *sum = npu_onnx_make_sum(w, i, form);

	if (!inputs)
		return 0;
	npu_onnx_add_node(w, n->inputs == 2 ? "Add" : "Sum", npu_onnx_text(w, "%s", n->layer.name),
			  sum, inputs);
	return npu_onnx_write_fused(w, i, form, sum);
}

/* Where H, W or C stand in a tensor of that form, behind the batch; 0 for nowhere. */
static int64_t find_axis(enum npu_onnx_form form, unsigned int axis)
{
	static const int64_t at[NPU_ONNX_FORMS][3] = {
		[NPU_ONNX_FLAT] = { 0, 0, 1 },	  [NPU_ONNX_SEQUENCE] = { 0, 1, 2 },
		[NPU_ONNX_LAST] = { 1, 2, 3 },	  [NPU_ONNX_FIRST1D] = { 0, 2, 1 },
		[NPU_ONNX_FIRST2D] = { 2, 3, 1 },
	};

	return at[form][axis];
}

int npu_onnx_write_concat(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	enum npu_onnx_form wide = npu_onnx_natural_form(n->out_dim);
	enum npu_onnx_form form = shared_form(w, i, wide);
	unsigned int along = npu_concat_dimension(&n->layer);
	char **inputs, *sum;
	NpuOnnx__Node *node;

	if (!find_axis(form, along))
		form = find_axis(wide, along) ? wide : NPU_ONNX_LAST;
	inputs = all_inputs(w, i, form);
	if (!inputs)
		return 0;
	sum = npu_onnx_make_sum(w, i, form);
	node = npu_onnx_add_node(w, "Concat", npu_onnx_text(w, "%s", n->layer.name), sum, inputs);
	npu_onnx_add_int(w, node, "axis", find_axis(form, along));
	return npu_onnx_write_fused(w, i, form, sum);
}
