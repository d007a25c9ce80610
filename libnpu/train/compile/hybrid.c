// SPDX-License-Identifier: MIT
/* A model that the NPU runs as far as it can, and libnpu-train from there on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "train/compile/prefix.h"

/**
 * struct npu_hybrid - a program and the rest of its model
 * @image: of the program
 * @rest: the layers behind, a model of its own; NULL where there are none
 * @between: [batch][values], what passes from one to the other
 * @batch: samples of a request
 */
struct npu_hybrid {
	struct npu_lowered lowered;
	void *image;
	struct npu_program *program;
	struct npu_session *session;
	struct npu_model *rest;
	float *between;
	uint32_t batch;
};

/* Layer @i of @model behind all of @rest, which begins with layer @first. */
static int add_layer(struct npu_model *rest, const struct npu_model *model, size_t first, size_t i,
		     struct npu_error *err)
{
	const struct npu_node *node = &model->node[i];
	int *input = malloc(node->inputs * sizeof(*input)), ret;
	size_t k;

	if (!input)
		return npu_error_set(err, -ENOMEM, "no memory for layer \"%s\"", node->layer.name);
	for (k = 0; k < node->inputs; k++)
		input[k] = node->input[k] < (int)first ? NPU_MODEL_INPUT
						       : node->input[k] - (int)first;
	ret = npu_model_add_from(rest, node->layer, input, node->inputs, err);
	free(input);
	return ret < 0 ? ret : 0;
}

/* The layers from @first on as a model that reads what the layer before makes. */
static int make_rest(const struct npu_model *model, size_t first, struct npu_model **rest,
		     struct npu_error *err)
{
	size_t i, parameter = model->node[first].parameter;
	struct npu_parameter to;
	int ret = npu_model_create(rest, model->node[first - 1].out_dim, model->seed, err);

	if (ret)
		return ret;
	for (i = first; !ret && i < model->nodes; i++)
		ret = add_layer(*rest, model, first, i, err);
	for (i = 0; !ret && i < npu_model_parameters(*rest); i++) {
		npu_model_parameter(*rest, i, &to);
		memcpy(to.value, model->value + model->parameter[parameter + i].offset,
		       to.count * sizeof(float));
	}
	return ret;
}

static int check_cut(const struct npu_model *model, const struct npu_compile_options *options,
		     const struct npu_lowered *lowered, struct npu_error *err)
{
	if (!lowered->layers)
		return npu_error_set(err, -EOPNOTSUPP,
				     "nothing of the model can be compiled; predict with the model "
				     "itself (%s)",
				     lowered->reason);
	if (lowered->layers < model->nodes && options->length_input)
		return npu_error_set(
			err, -EOPNOTSUPP,
			"the lengths of sequences can't pass on to the layers that the "
			"NPU does not run; predict with the model itself (%s)",
			lowered->reason);
	return 0;
}

/* Compile the first layers and open them. */
static int open_program(struct npu_hybrid *hybrid, const struct npu_model *model,
			const float *samples, size_t count,
			const struct npu_compile_options *options, struct npu_device *device,
			struct npu_error *err)
{
	struct npu_model prefix = npu_model_prefix(model, hybrid->lowered.layers);
	size_t bytes;
	int ret = npu_model_compile(&prefix, samples, count, options, &hybrid->image, &bytes, err);

	if (!ret)
		ret = npu_program_load_memory(&hybrid->program, hybrid->image, bytes, err);
	if (!ret)
		ret = npu_session_open(&hybrid->session, device, hybrid->program, NULL, err);
	return ret;
}

static int open_rest(struct npu_hybrid *hybrid, const struct npu_model *model,
		     struct npu_error *err)
{
	size_t first = hybrid->lowered.layers;

	if (first == model->nodes)
		return 0;
	hybrid->between = npu_floats_alloc(hybrid->batch * model->node[first - 1].out);
	if (!hybrid->between)
		return npu_error_set(err, -ENOMEM, "no memory for %zu values in between",
				     hybrid->batch * model->node[first - 1].out);
	return make_rest(model, first, &hybrid->rest, err);
}

int npu_hybrid_open(struct npu_hybrid **out, const struct npu_model *model, const float *samples,
		    size_t count, const struct npu_compile_options *options,
		    struct npu_device *device, struct npu_error *err)
{
	const struct npu_compile_options defaults = { 0 };
	struct npu_hybrid *hybrid = calloc(1, sizeof(*hybrid));
	int ret;

	if (!hybrid)
		return npu_error_set(err, -ENOMEM, "no memory for a program and its model");
	options = options ? options : &defaults;
	hybrid->batch = options->batch ? options->batch : 1;
	ret = npu_model_lowered(model, options, &hybrid->lowered, err);
	if (!ret)
		ret = check_cut(model, options, &hybrid->lowered, err);
	if (!ret)
		ret = open_program(hybrid, model, samples, count, options, device, err);
	if (!ret)
		ret = open_rest(hybrid, model, err);
	if (ret) {
		npu_hybrid_close(hybrid);
		return ret;
	}
	*out = hybrid;
	return 0;
}

void npu_hybrid_close(struct npu_hybrid *hybrid)
{
	if (!hybrid)
		return;
	npu_session_close(hybrid->session);
	npu_program_free(hybrid->program);
	npu_image_free(hybrid->image);
	npu_model_free(hybrid->rest);
	free(hybrid->between);
	free(hybrid);
}

int npu_hybrid_infer(struct npu_hybrid *hybrid, const float *x, float *y, struct npu_error *err)
{
	float *to = hybrid->rest ? hybrid->between : y;
	int ret = npu_infer_f32(hybrid->session, x, to, err);

	if (ret || !hybrid->rest)
		return ret;
	return npu_model_predict(hybrid->rest, to, hybrid->batch, 1, y, err);
}

const struct npu_lowered *npu_hybrid_lowered(const struct npu_hybrid *hybrid)
{
	return &hybrid->lowered;
}
