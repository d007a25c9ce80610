// SPDX-License-Identifier: MIT
/* Which loss goes with a model and its data. */
#include <errno.h>
#include <math.h>

#include "train/nn/layer.h"
#include "loss.h"
#include "runtime/error.h"

/* That which losses may be fused with: not one inside of a layer, as of a simple RNN. */
static enum npu_activation last_activation(const struct npu_model *model)
{
	const struct npu_node *node = &model->node[model->nodes - 1];

	return node->ops->own_activation ? NPU_LINEAR : node->layer.activation;
}

static enum npu_loss natural_loss(const struct npu_model *model, const struct npu_dataset *data)
{
	enum npu_activation last = last_activation(model);
	size_t outputs = npu_model_outputs(model);

	if (last == NPU_SIGMOID && (outputs == 1 || data->y))
		return NPU_LOSS_BINARY_CROSS_ENTROPY;
	if (data->labels || last == NPU_SOFTMAX)
		return NPU_LOSS_CROSS_ENTROPY;
	return NPU_LOSS_MSE;
}

/* Outputs of a step where the model makes as many steps as it reads. */
static size_t step_of(const struct npu_model *model)
{
	const struct npu_node *last = &model->node[model->nodes - 1];

	return last->timed && last->out_dim[0] == 1 ? last->out_dim[2] : 0;
}

static int check_labels(const struct npu_dataset *data, size_t limit, struct npu_error *err)
{
	size_t i;

	for (i = 0; i < data->samples; i++)
		if (data->labels[i] < 0 || (size_t)data->labels[i] >= limit)
			return npu_error_set(
				err, -EINVAL,
				"sample %zu has label %d, but the model has %zu class%s: "
				"labels must be 0 to %zu",
				i, data->labels[i], limit, limit == 1 ? "" : "es", limit - 1);
	return 0;
}

static int check_weights(const struct npu_dataset *data, struct npu_error *err)
{
	size_t i;

	for (i = 0; data->weights && i < data->samples; i++)
		if (!(data->weights[i] >= 0) || isinf(data->weights[i]))
			return npu_error_set(
				err, -EINVAL,
				"sample %zu has weight %g: weights must be 0 or above, "
				"and finite",
				i, (double)data->weights[i]);
	return 0;
}

/* Does the loss go with the last activation? */
static int check_activation(const struct npu_model *model, const struct npu_objective *o,
			    struct npu_error *err)
{
	enum npu_activation last = last_activation(model);
	const char *name = model->node[model->nodes - 1].layer.name;

	if (o->loss == NPU_LOSS_CROSS_ENTROPY && last != NPU_SOFTMAX)
		return npu_error_set(
			err, -EINVAL,
			"cross-entropy needs a softmax at the end, but layer \"%s\" has "
			"none; give it the softmax activation, or use another loss",
			name);
	if (o->loss == NPU_LOSS_CROSS_ENTROPY && o->columns == 1)
		return npu_error_set(err, -EINVAL,
				     "layer \"%s\" is a softmax of one output, which is always 1; "
				     "give it an output a class, or one output and the sigmoid "
				     "activation",
				     name);
	if (o->loss == NPU_LOSS_BINARY_CROSS_ENTROPY && last != NPU_SIGMOID)
		return npu_error_set(
			err, -EINVAL,
			"binary cross-entropy needs a sigmoid at the end, but layer "
			"\"%s\" has none; give it the sigmoid activation, or use another "
			"loss",
			name);
	return 0;
}

/* Are the answers as many as the outputs, and of their kind? */
static int check_answers(const struct npu_model *model, const struct npu_dataset *data,
			 const struct npu_objective *o, struct npu_error *err)
{
	const char *name = model->node[model->nodes - 1].layer.name;

	if (data->y) {
		if (data->targets == o->outputs)
			return 0;
		return npu_error_set(err, -EINVAL,
				     "the data has %zu target%s a sample, layer \"%s\" has %zu "
				     "outputs; they must be as many",
				     data->targets, data->targets == 1 ? "" : "s", name,
				     o->outputs);
	}
	if (!data->labels)
		return npu_error_set(
			err, -EINVAL,
			"the data has neither labels nor targets; say which column they are "
			"in");
	if (o->loss != NPU_LOSS_CROSS_ENTROPY && o->outputs != 1)
		return npu_error_set(
			err, -EINVAL,
			"with labels this loss needs one output, layer \"%s\" has %zu; use "
			"cross-entropy, or npu_dataset_one_hot()",
			name, o->outputs);
	if (o->columns != o->outputs)
		return npu_error_set(
			err, -EINVAL,
			"a sample has one label, but layer \"%s\" is a softmax at %zu places; "
			"give targets for each, or pool or flatten before it",
			name, o->outputs / o->columns);
	return check_labels(data, o->outputs == 1 ? 2 : o->outputs, err);
}

int npu_loss_resolve(const struct npu_model *model, const struct npu_dataset *data,
		     struct npu_objective *o, struct npu_error *err)
{
	int ret;

	if (o->loss == NPU_LOSS_AUTO)
		o->loss = natural_loss(model, data);
	if (o->delta == 0)
		o->delta = 1;
	o->outputs = npu_model_outputs(model);
	o->columns = model->node[model->nodes - 1].out_dim[2];
	o->step = step_of(model);
	if (o->loss < NPU_LOSS_AUTO || o->loss > NPU_LOSS_HUBER)
		return npu_error_set(err, -EINVAL, "unknown loss %d; use one of enum npu_loss",
				     (int)o->loss);
	if (!(o->delta > 0) || isinf(o->delta))
		return npu_error_set(err, -EINVAL,
				     "delta %g of Huber's loss: it must be above 0, and finite",
				     (double)o->delta);
	if (!(o->smoothing >= 0 && o->smoothing < 1))
		return npu_error_set(err, -EINVAL, "label smoothing %g: it must be in [0, 1)",
				     (double)o->smoothing);
	if (o->smoothing > 0 && !npu_loss_is_fused(o->loss))
		return npu_error_set(err, -EINVAL,
				     "label smoothing goes with a cross-entropy; leave it out, or "
				     "use one of those");
	/* Each output of a sigmoid stands for two classes. */
	if (o->loss == NPU_LOSS_BINARY_CROSS_ENTROPY)
		o->columns = 1;
	ret = check_activation(model, o, err);
	if (!ret)
		ret = check_answers(model, data, o, err);
	return ret ? ret : check_weights(data, err);
}
