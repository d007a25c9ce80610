/* SPDX-License-Identifier: MIT */
/*
 * Every kind of layer with each of its options, declared once: for the gradient check against
 * formulas in double (nn_gradients.c) and the comparison with PyTorch (torch-compare.sh).
 *
 * A case is a network around the layers in question. A dense layer in front, reshaped to what they
 * read, has gradients that need theirs with respect to their input; a dense layer behind has
 * outputs that hang on all of theirs.
 */
#ifndef NN_CASES_H
#define NN_CASES_H

#include "nn_case_table.h"
#include "train/nn/model.h"
#include "train/nn/rng.h"

#ifndef NN_CASE_SAMPLES
#define NN_CASE_SAMPLES 5
#endif

static inline bool nn_case_reads_two(const struct nn_case *c)
{
	return c->layer[0].kind == NPU_LAYER_ADD || c->layer[0].kind == NPU_LAYER_CONCAT;
}

/* Add the layers before those in question; the answer is the last one's number or an error. */
static inline int nn_case_add_front(struct npu_model *model, const struct nn_case *c,
				    struct npu_error *err)
{
	const uint32_t *d = c->dim;
	int ret;

	if (c->options & NN_NUMBERS)
		return NPU_MODEL_INPUT;
	if (c->options & NN_LENGTHS)
		return npu_model_add(model, npu_conv1d(.units = d[2]), err);
	ret = npu_model_add(model, npu_dense(.units = d[0] * d[1] * d[2]), err);
	if (ret < 0)
		return ret;
	return npu_model_add(model, npu_reshape(.dim = { d[0], d[1], d[2] }), err);
}

/* Those of one input in a row; those of many read the front, what branches off, and it again. */
static inline int nn_case_add_layers(struct npu_model *model, const struct nn_case *c, int front,
				     struct npu_error *err)
{
	size_t i = 0;
	int ret = 0;

	if (nn_case_reads_two(c)) {
		ret = npu_model_add(model, c->branch, err);
		if (ret >= 0)
			ret = npu_model_add_from(model, c->layer[i++], (int[]){ front, ret, front },
						 3, err);
	}
	for (; ret >= 0 && i < NN_CASE_LAYERS && c->layer[i].kind; i++)
		ret = npu_model_add(model, c->layer[i], err);
	return ret;
}

/*
 * The network of @c, with parameters that are nowhere zero: biases, and the moving averages of
 * norms. Zero or an error.
 */
static inline int nn_case_model(const struct nn_case *c, struct npu_model **model,
				struct npu_error *err)
{
	uint32_t features[3] = { 1, 1, 3 }, steps[3] = { 1, c->dim[1], 2 };
	const uint32_t *dim = c->options & NN_NUMBERS	? c->dim
			      : c->options & NN_LENGTHS ? steps
							: features;
	size_t i, k;
	int ret = npu_model_create(model, dim, 3, err);

	if (ret)
		return ret;
	ret = nn_case_add_front(*model, c, err);
	if (ret >= NPU_MODEL_INPUT)
		ret = nn_case_add_layers(*model, c, ret, err);
	if (ret >= 0 && !(c->options & NN_LAST))
		ret = npu_model_add(*model, npu_dense(.units = 2), err);
	for (i = 0; i < npu_model_parameters(*model); i++) {
		struct npu_parameter p;

		npu_model_parameter(*model, i, &p);
		for (k = 0; k < p.count; k++)
			p.value[k] += 0.1f * (float)((int)(k * 7 + i) % 5 - 2);
	}
	if (ret < 0)
		npu_model_free(*model);
	return ret < 0 ? ret : 0;
}

static inline void nn_case_fill(const struct nn_case *c, struct npu_dataset *data)
{
	size_t count = data->samples * data->features, i;
	struct npu_rng rng;

	npu_rng_seed(&rng, 11, 0);
	for (i = 0; i < count; i++)
		data->x[i] = c->options & NN_NUMBERS
				     ? (float)npu_rng_below(&rng, c->layer[0].vocabulary + 2) - 1
				     : (float)npu_rng_normal(&rng);
	for (i = 0; data->labels && i < data->samples; i++)
		data->labels[i] = (int32_t)npu_rng_below(&rng, data->classes);
	for (i = 0; data->y && i < data->samples * data->targets; i++)
		data->y[i] = c->options & NN_ONE_HOT
				     ? i % data->targets == i / data->targets % data->targets
				     : (float)npu_rng_uniform(&rng);
	for (i = 0; data->lengths && i < data->samples; i++)
		data->lengths[i] = 1 + (uint32_t)(i * 2) % data->dim[1];
}

/* Samples for it; free with npu_dataset_free(). */
static inline int nn_case_data(const struct nn_case *c, const struct npu_model *model,
			       struct npu_dataset *data, struct npu_error *err)
{
	size_t outputs = npu_model_outputs(model), classes = outputs == 1 ? 2 : outputs;
	bool labels = c->options & NN_LABELS;
	uint32_t dim[3];
	int ret;

	npu_model_dim(model, dim);
	ret = npu_dataset_alloc(data, NN_CASE_SAMPLES, dim, labels ? 0 : outputs,
				labels ? classes : 0, err);
	if (ret)
		return ret;
	if (c->options & NN_LENGTHS) {
		data->lengths = calloc(data->samples, sizeof(*data->lengths));
		if (!data->lengths)
			return npu_dataset_free(data), -ENOMEM;
	}
	nn_case_fill(c, data);
	return 0;
}

static inline enum npu_loss nn_case_loss(const struct nn_case *c)
{
	return c->loss ? c->loss : NPU_LOSS_MSE;
}

#endif /* NN_CASES_H */
