// SPDX-License-Identifier: MIT
/* The networks that are measured, as the peers' suite has them. */
#include <errno.h>

#include "bench.h"
#include "npu_train.h"

/* A square convolution that reads layer @from, with zeros around it. */
static int add_conv(struct npu_model *model, int from, struct npu_layer conv, struct npu_error *err)
{
	uint32_t around = conv.kernel[0] / 2, i;

	if (from < NPU_MODEL_INPUT)
		return from;
	conv.padding = NPU_EXPLICIT;
	for (i = 0; i < 4; i++)
		conv.pad[i] = around;
	return npu_model_add_from(model, conv, &from, 1, err);
}

#define CONV(units_, k, s, ...) \
	npu_conv2d(.units = units_, .kernel = { k, k }, .stride = { s, s }, __VA_ARGS__)

static int add_dense(struct npu_model *model, int from, uint32_t units,
		     enum npu_activation activation, struct npu_error *err)
{
	if (from < 0)
		return from;
	return npu_model_add(model, npu_dense(.units = units, .activation = activation), err);
}

static int add_pool(struct npu_model *model, int from, struct npu_layer pool, struct npu_error *err)
{
	return from < 0 ? from : npu_model_add(model, pool, err);
}

int bench_mlp(struct npu_model *model, struct npu_error *err)
{
	int last = add_dense(model, 0, 256, NPU_RELU, err);

	last = add_dense(model, last, 128, NPU_RELU, err);
	return add_dense(model, last, 10, NPU_LINEAR, err);
}

int bench_cnn(struct npu_model *model, struct npu_error *err)
{
	int last = add_conv(model, NPU_MODEL_INPUT, CONV(16, 3, 1, .activation = NPU_RELU), err);

	last = add_pool(model, last, npu_max_pool(0), err);
	last = add_conv(model, last, CONV(32, 3, 1, .activation = NPU_RELU), err);
	last = add_pool(model, last, npu_max_pool(0), err);
	last = add_dense(model, last, 128, NPU_RELU, err);
	return add_dense(model, last, 10, NPU_SOFTMAX, err);
}

/* Two convolutions and the way around them, with a convolution of its own if the shape changes. */
static int add_residual(struct npu_model *model, int from, uint32_t units, uint32_t stride,
			struct npu_error *err)
{
	int way[2] = { from, from };

	way[0] = add_conv(model, from, CONV(units, 3, stride, .activation = NPU_RELU), err);
	way[0] = add_conv(model, way[0], CONV(units, 3, 1, ), err);
	if (stride > 1)
		way[1] = add_conv(model, from, CONV(units, 1, stride, ), err);
	if (way[0] < 0 || way[1] < 0)
		return -EINVAL;
	return npu_model_add_from(model, npu_add(.activation = NPU_RELU), way, 2, err);
}

int bench_resnet8(struct npu_model *model, struct npu_error *err)
{
	int last = add_conv(model, NPU_MODEL_INPUT, CONV(16, 3, 1, .activation = NPU_RELU), err);

	last = add_residual(model, last, 16, 1, err);
	last = add_residual(model, last, 32, 2, err);
	last = add_residual(model, last, 64, 2, err);
	last = add_pool(model, last, npu_global_average_pool(0), err);
	return add_dense(model, last, 10, NPU_LINEAR, err);
}

int bench_mobilenet(struct npu_model *model, struct npu_error *err)
{
	/* of each pair: output channels and stride */
	static const uint32_t pairs[13][2] = { { 16, 1 },  { 32, 2 },  { 32, 1 },  { 64, 2 },
					       { 64, 1 },  { 128, 2 }, { 128, 1 }, { 128, 1 },
					       { 128, 1 }, { 128, 1 }, { 128, 1 }, { 256, 2 },
					       { 256, 1 } };
	int last = add_conv(model, NPU_MODEL_INPUT, CONV(8, 3, 2, .activation = NPU_RELU), err);
	uint32_t channels = 8;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		last = add_conv(
			model, last,
			CONV(channels, 3, pairs[i][1], .groups = channels, .activation = NPU_RELU),
			err);
		channels = pairs[i][0];
		last = add_conv(model, last, CONV(channels, 1, 1, .activation = NPU_RELU), err);
	}
	last = add_pool(model, last, npu_global_average_pool(0), err);
	return add_dense(model, last, 2, NPU_LINEAR, err);
}

int bench_lstm(struct npu_model *model, struct npu_error *err)
{
	int ret = npu_model_add(model, npu_lstm(.units = 128), err);

	return ret < 0 ? ret : npu_model_add(model, npu_dense(.units = 1), err);
}
