// SPDX-License-Identifier: MIT
/*
 * A dense layer is a Gemm with transB, so that weights [out][in] are written as they lie. An
 * embedding is a Gather, which takes whole numbers and fails on one out of range: Clip, then Cast.
 */
#include "write.h"

char *npu_onnx_parameter_name(struct npu_onnx_writer *w, size_t i, size_t k)
{
	const struct npu_node *node = &w->model->node[i];

	return npu_onnx_text(w, "%s", w->model->parameter[node->parameter + k].name);
}

int npu_onnx_write_dense(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	const char *name = n->layer.name;
	struct npu_onnx_flow *from = npu_onnx_input(w, i, 0);
	enum npu_onnx_form form = npu_onnx_natural_form(n->in_dim);
	char *input = npu_onnx_as(w, from, form), *sum, *weight, *bias = NULL;

	if (form != NPU_ONNX_FLAT) {
		char *flat = npu_onnx_text(w, "%s/flat-input", name);

		npu_onnx_add_node(w, "Flatten", npu_onnx_text(w, "%s/flatten", name), flat,
				  NPU_ONNX_INPUTS(input));
		input = flat;
	}
	weight = npu_onnx_add_floats_initializer(w, npu_onnx_parameter_name(w, i, 0), 2,
						 (uint32_t[]){ (uint32_t)n->out, (uint32_t)n->in },
						 npu_node_values(w->model, i, 0));
	if (!n->layer.no_bias)
		bias = npu_onnx_add_floats_initializer(w, npu_onnx_parameter_name(w, i, 1), 1,
						       (uint32_t[]){ (uint32_t)n->out },
						       npu_node_values(w->model, i, 1));
	sum = npu_onnx_make_sum(w, i, NPU_ONNX_FLAT);
	npu_onnx_add_int(w,
			 npu_onnx_add_node(w, "Gemm", npu_onnx_text(w, "%s", name), sum,
					   NPU_ONNX_INPUTS(input, weight, bias)),
			 "transB", 1);
	return npu_onnx_write_fused(w, i, NPU_ONNX_FLAT, sum);
}

int npu_onnx_write_embedding(struct npu_onnx_writer *w, size_t i)
{
	const struct npu_node *n = &w->model->node[i];
	const char *name = n->layer.name;
	/* [batch, T], which Gather turns into [batch, T, units]. */
	enum npu_onnx_form form = npu_onnx_natural_form(n->in_dim);
	char *input = npu_onnx_as(w, npu_onnx_input(w, i, 0), form);
	char *steps = npu_onnx_text(w, "%s/steps", name), *clipped, *whole, *weight, *sum, *shape;
	NpuOnnx__Node *cast, *gather;

	shape = npu_onnx_add_ints_initializer(w, npu_onnx_text(w, "%s/steps-shape", name), 2,
					      (int64_t[]){ 0, n->in_dim[1] });
	npu_onnx_add_node(w, "Reshape", npu_onnx_text(w, "%s/steps-reshape", name), steps,
			  NPU_ONNX_INPUTS(input, shape));
	clipped = npu_onnx_text(w, "%s/clipped", name);
	npu_onnx_add_node(
		w, "Clip", npu_onnx_text(w, "%s/clip", name), clipped,
		NPU_ONNX_INPUTS(steps,
				npu_onnx_add_scalar(w, npu_onnx_text(w, "%s/first", name), 0),
				npu_onnx_add_scalar(w, npu_onnx_text(w, "%s/last", name),
						    (float)(n->layer.vocabulary - 1))));
	whole = npu_onnx_text(w, "%s/whole", name);
	cast = npu_onnx_add_node(w, "Cast", npu_onnx_text(w, "%s/cast", name), whole,
				 NPU_ONNX_INPUTS(clipped));
	npu_onnx_add_int(w, cast, "to", NPU_ONNX_INT64);
	weight =
		npu_onnx_add_floats_initializer(w, npu_onnx_parameter_name(w, i, 0), 2,
						(uint32_t[]){ n->layer.vocabulary, n->layer.units },
						npu_node_values(w->model, i, 0));
	sum = npu_onnx_make_sum(w, i, NPU_ONNX_SEQUENCE);
	gather = npu_onnx_add_node(w, "Gather", npu_onnx_text(w, "%s", name), sum,
				   NPU_ONNX_INPUTS(weight, whole));
	npu_onnx_add_int(w, gather, "axis", 0);
	return npu_onnx_write_fused(w, i, NPU_ONNX_SEQUENCE, sum);
}
