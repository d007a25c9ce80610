// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "reference.h"
#include "runtime/error.h"

#define BLOCK 64 /* samples */

/**
 * struct buffers - of a block
 * @in: the network's input, scaled
 * @pre: of the layer that runs
 * @out: of each layer
 * @work: scratch memory of the layer that runs
 * @x: [inputs], of the layer that runs
 * @state: of stateful layers, of one sample; NULL where there are none
 */
struct buffers {
	float *in, *pre, *work, *state;
	float **out;
	const float **x;
};

static void free_buffers(struct buffers *b, const struct npu_model *model)
{
	size_t i;

	for (i = 0; b->out && i < model->nodes; i++)
		free(b->out[i]);
	free(b->out);
	free(b->in);
	free(b->pre);
	free(b->work);
	free(b->state);
	free(b->x);
}

static bool fill_buffers(struct buffers *b, const struct npu_model *model, size_t block)
{
	size_t i, most = 0, inputs = 1, work = 0;

	b->out = calloc(model->nodes, sizeof(*b->out));
	for (i = 0; b->out && i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];
		struct npu_room room = { 0 };

		if (node->ops->room)
			node->ops->room(model, node, block, 1, false, &room);
		work = room.forward > work ? room.forward : work;
		most = node->out > most ? node->out : most;
		inputs = node->inputs > inputs ? node->inputs : inputs;
		b->out[i] = npu_floats_alloc(block * node->out);
		if (!b->out[i])
			return false;
	}
	b->in = npu_floats_alloc(block * model->features);
	b->pre = npu_floats_alloc(block * most);
	b->work = npu_floats_alloc(work);
	b->x = calloc(inputs, sizeof(*b->x));
	b->state = model->states ? npu_floats_alloc(model->states) : NULL;
	return b->out && b->in && b->pre && b->work && b->x && (b->state || !model->states);
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

static int forward_block(const struct npu_model *model, struct buffers *b, const uint32_t *lengths,
			 size_t first, size_t n, npu_reference_visit_fn visit, void *context)
{
	size_t i, k;
	int ret = visit(context, NPU_REFERENCE_INPUT, first, n, b->in, b->in);

	for (i = 0; !ret && i < model->nodes; i++) {
		const struct npu_node *node = &model->node[i];
		struct npu_step step = {
			.model = model,
			.node = node,
			.n = n,
			.xs = b->x,
			.y = b->pre,
			.work = b->work,
		};
		bool timed = lengths && npu_model_value_is_timed(model, node->input[0]);
		const float *pre = b->pre;

		for (k = 0; k < node->inputs; k++)
			b->x[k] = node->input[k] == NPU_MODEL_INPUT ? b->in
								    : b->out[node->input[k]];
		step.x = b->x[0];
		step.state = node->state ? b->state + node->state_at : NULL;
		step.lengths = timed ? lengths + first : NULL;
		if (node->ops->identity)
			pre = step.x;
		else
			node->ops->reference(&step);
		if (node->ops->own_activation)
			memcpy(b->out[i], pre, n * node->out * sizeof(float));
		else
			npu_activate(NULL, &npu_f32_reference, node, pre, b->out[i], n);
		ret = visit(context, i, first, n, pre, b->out[i]);
	}
	return ret;
}

int npu_reference_forward(const struct npu_model *model, const float *x, const uint32_t *lengths,
			  size_t samples, npu_reference_visit_fn visit, void *context,
			  struct npu_error *err)
{
	/* One after another, where each goes on from the one before. */
	size_t most = model->states ? 1 : BLOCK, first, n, block = samples < most ? samples : most;
	struct buffers b = { 0 };
	int ret = 0;

	if (!fill_buffers(&b, model, block))
		ret = npu_error_set(err, -ENOMEM, "out of memory for the reference pass");
	for (first = 0; !ret && first < samples; first += n) {
		n = samples - first < block ? samples - first : block;
		load(model, x + first * model->features, n, b.in);
		ret = forward_block(model, &b, lengths, first, n, visit, context);
	}
	free_buffers(&b, model);
	return ret;
}
