// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "reference.h"
#include "runtime/error.h"

#define BLOCK 64 /* samples */

struct buffers {
	float *in, *pre, *post;
};

static void free_buffers(struct buffers *b)
{
	free(b->in);
	free(b->pre);
	free(b->post);
}

static int alloc_buffers(struct buffers *b, const struct npu_model *model, struct npu_error *err)
{
	size_t i, most = model->features;

	for (i = 0; i < model->nodes; i++)
		most = model->node[i].out > most ? model->node[i].out : most;
	b->in = npu_floats_alloc(BLOCK * most);
	b->pre = npu_floats_alloc(BLOCK * most);
	b->post = npu_floats_alloc(BLOCK * most);
	if (b->in && b->pre && b->post)
		return 0;
	free_buffers(b);
	return npu_error_set(err, -ENOMEM, "out of memory for the reference pass");
}

static void load(const struct npu_model *model, const float *x, size_t n, float *to)
{
	const struct npu_scaler *scaler = &model->scaler;
	size_t i;

	for (i = 0; i < n; i++) {
		if (scaler->count)
			npu_f32_reference.scale(x + i * model->features, scaler->mean,
						scaler->factor, to + i * model->features,
						model->features);
		else
			memcpy(to + i * model->features, x + i * model->features,
			       model->features * sizeof(float));
	}
}

static int forward_block(const struct npu_model *model, struct buffers *b, size_t first, size_t n,
			 npu_reference_visit_fn visit, void *context)
{
	size_t i;
	int ret = visit(context, NPU_REFERENCE_INPUT, first, n, b->in, b->in);

	for (i = 0; !ret && i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];
		struct npu_step step = {
			.model = model,
			.node = node,
			.n = n,
			.x = b->in,
			.y = b->pre,
		};
		float *swap = b->in;

		node->ops->reference(&step);
		memcpy(b->post, b->pre, n * node->out * sizeof(float));
		npu_activate(NULL, &npu_f32_reference, node, b->post, n);
		ret = visit(context, i, first, n, b->pre, b->post);
		b->in = b->post;
		b->post = swap;
	}
	return ret;
}

int npu_reference_forward(const struct npu_model *model, const float *x, size_t samples,
			  npu_reference_visit_fn visit, void *context, struct npu_error *err)
{
	struct buffers b;
	size_t first, n;
	int ret = alloc_buffers(&b, model, err);

	if (ret)
		return ret;
	for (first = 0; !ret && first < samples; first += n) {
		n = samples - first < BLOCK ? samples - first : BLOCK;
		load(model, x + first * model->features, n, b.in);
		ret = forward_block(model, &b, first, n, visit, context);
	}
	free_buffers(&b);
	return ret;
}
