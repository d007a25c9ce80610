// SPDX-License-Identifier: MIT
#include <string.h>

#include "write.h"

enum npu_onnx_form npu_onnx_natural_form(const uint32_t dim[3])
{
	if (dim[0] > 1)
		return NPU_ONNX_LAST;
	return dim[1] > 1 ? NPU_ONNX_SEQUENCE : NPU_ONNX_FLAT;
}

size_t npu_onnx_form_dims(enum npu_onnx_form form, const uint32_t dim[3], uint32_t to[3])
{
	/* Which of H, W, C stand in the tensor. */
	static const struct {
		size_t count, axis[3];
	} order[NPU_ONNX_FORMS] = {
		[NPU_ONNX_FLAT] = { 1, { 2 } },		 [NPU_ONNX_SEQUENCE] = { 2, { 1, 2 } },
		[NPU_ONNX_LAST] = { 3, { 0, 1, 2 } },	 [NPU_ONNX_FIRST1D] = { 2, { 2, 1 } },
		[NPU_ONNX_FIRST2D] = { 3, { 2, 0, 1 } },
	};

	for (size_t i = 0; i < order[form].count; i++)
		to[i] = dim[order[form].axis[i]];
	return order[form].count;
}

struct npu_onnx_flow *npu_onnx_input(const struct npu_onnx_writer *w, size_t i, size_t k)
{
	return &w->flow[w->model->node[i].input[k] + 1];
}

enum npu_onnx_form npu_onnx_made_form(const struct npu_onnx_flow *flow)
{
	enum npu_onnx_form natural = npu_onnx_natural_form(flow->dim), form = 0;

	if (flow->name[natural])
		return natural;
	while (form < NPU_ONNX_FORMS - 1 && !flow->name[form])
		form++;
	return form;
}

static char *name_tensor(struct npu_onnx_writer *w, struct npu_onnx_flow *flow,
			 enum npu_onnx_form form)
{
	static const char *const word[NPU_ONNX_FORMS] = { "flat", "sequence", "nhwc", "ncw",
							  "nchw" };

	if (form != npu_onnx_natural_form(flow->dim))
		flow->name[form] = npu_onnx_text(w, "%s/%s", flow->layer, word[form]);
	else if (flow->last)
		flow->name[form] = npu_onnx_text(w, "output");
	else
		flow->name[form] = npu_onnx_text(w, "%s/output", flow->layer);
	return flow->name[form];
}

char *npu_onnx_make(struct npu_onnx_writer *w, size_t i, enum npu_onnx_form form)
{
	return name_tensor(w, &w->flow[i + 1], form);
}

/* Dimensions of 1 come or go. */
static void reshape(struct npu_onnx_writer *w, struct npu_onnx_flow *flow, enum npu_onnx_form from,
		    enum npu_onnx_form to)
{
	char *in = flow->name[from], *out = name_tensor(w, flow, to);
	int64_t shape[4] = { 0 };
	uint32_t dim[3];
	size_t dims = npu_onnx_form_dims(to, flow->dim, dim);
	char *name;

	for (size_t i = 0; i < dims; i++)
		shape[i + 1] = dim[i];
	name = npu_onnx_text(w, "%s-shape", out);
	npu_onnx_add_ints_initializer(w, name, dims + 1, shape);
	npu_onnx_add_node(w, "Reshape", npu_onnx_text(w, "%s-reshape", out), out,
			  NPU_ONNX_INPUTS(in, name));
}

static void transpose(struct npu_onnx_writer *w, struct npu_onnx_flow *flow,
		      enum npu_onnx_form from, enum npu_onnx_form to)
{
	static const int64_t perm[NPU_ONNX_FORMS][4] = {
		[NPU_ONNX_SEQUENCE] = { 0, 2, 1 },
		[NPU_ONNX_FIRST1D] = { 0, 2, 1 },
		[NPU_ONNX_LAST] = { 0, 2, 3, 1 },
		[NPU_ONNX_FIRST2D] = { 0, 3, 1, 2 },
	};
	bool images = to == NPU_ONNX_LAST || to == NPU_ONNX_FIRST2D;
	char *in = flow->name[from], *out = name_tensor(w, flow, to);

	npu_onnx_add_ints(w,
			  npu_onnx_add_node(w, "Transpose", npu_onnx_text(w, "%s-transpose", out),
					    out, NPU_ONNX_INPUTS(in)),
			  "perm", images ? 4 : 3, perm[to]);
}

char *npu_onnx_as(struct npu_onnx_writer *w, struct npu_onnx_flow *flow, enum npu_onnx_form form)
{
	/* The form with as many dimensions and the channels at the other end. */
	static const enum npu_onnx_form twin[NPU_ONNX_FORMS] = {
		[NPU_ONNX_FLAT] = NPU_ONNX_FLAT,    [NPU_ONNX_SEQUENCE] = NPU_ONNX_FIRST1D,
		[NPU_ONNX_LAST] = NPU_ONNX_FIRST2D, [NPU_ONNX_FIRST1D] = NPU_ONNX_SEQUENCE,
		[NPU_ONNX_FIRST2D] = NPU_ONNX_LAST,
	};
	enum npu_onnx_form made = npu_onnx_made_form(flow);
	bool flat = flow->dim[0] == 1 && flow->dim[1] == 1;

	if (flow->name[form] || w->failed)
		return flow->name[form];
	/* Where H and W, or C, are 1, both ends are the same. */
	if (flat || flow->dim[2] == 1 || npu_onnx_is_first(made) == npu_onnx_is_first(form)) {
		reshape(w, flow, made, form);
		return flow->name[form];
	}
	if (!flow->name[twin[form]])
		reshape(w, flow, made, twin[form]);
	transpose(w, flow, twin[form], form);
	return flow->name[form];
}
