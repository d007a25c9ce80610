/* SPDX-License-Identifier: MIT */
/* Chapter 3: models. Layers in their places, and what they have learned. */
#ifndef NPU_TRAIN_MODEL_H
#define NPU_TRAIN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train/data.h"
#include "npu_train/layers.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * A model is built from its input on, a layer at a time:
 *
 *	npu_model_create(&model, (uint32_t[]){ 1, 1, 10 }, 42, &err);
 *	npu_model_add(model, npu_dense(.units = 64, .activation = NPU_RELU), &err);
 *	npu_model_add(model, npu_dense(.units = 1), &err);
 *
 * and where the way forks, from the layers that are named by their numbers:
 *
 *	int a = npu_model_add(model, npu_conv2d(.units = 16, .kernel = { 3, 3 },
 *						.padding = NPU_SAME, .activation = NPU_RELU), &err);
 *	int b = npu_model_add(model, npu_conv2d(.units = 16, .kernel = { 3, 3 },
 *						.padding = NPU_SAME), &err);
 *	npu_model_add_from(model, npu_add(.activation = NPU_RELU), (int[]){ a, b }, 2, &err);
 *
 * One thread at a time may change a model; many may predict with one that nobody changes, unless a
 * layer is stateful.
 */
struct npu_model;

/**
 * npu_model_create - an empty network
 * @model: out; free with npu_model_free()
 * @dim: H, W, C of an input sample; {1, 1, n} for n features
 * @seed: of the initial weights, of shuffling, and of all else that is random
 *
 * The f32 kernels are chosen here: the fastest that the CPU runs, or what the environment variable
 * NPU_F32_VARIANT names (avx512, avx2, reference). -EINVAL where it runs no such, or for an input
 * without elements.
 */
int npu_model_create(struct npu_model **model, const uint32_t dim[3], uint64_t seed,
		     struct npu_error *err);
void npu_model_free(struct npu_model *model);

/*
 * Append a layer and give it its initial weights, which depend on the seed and its number alone.
 * What npu_model_parameter() returned before moves. Return: its number, from 0, or -EINVAL for a
 * description that makes no sense, -EEXIST for a name that another layer has.
 */
int npu_model_add(struct npu_model *model, struct npu_layer layer, struct npu_error *err);

/* Stands for the model's input among the numbers of layers. */
#define NPU_MODEL_INPUT (-1)

/*
 * As npu_model_add(), but the layer reads the outputs of layers @input [@count] and not of the
 * last one. The last layer that is added gives the model's outputs; all others must be read by one
 * that comes later, or training and predicting answer -EINVAL.
 */
int npu_model_add_from(struct npu_model *model, struct npu_layer layer, const int *input,
		       size_t count, struct npu_error *err);

/*
 * Take the last layer away, so that another can be put in its place: how a network that has learned
 * one thing begins to learn the next. What npu_model_parameter() returned before moves. -EINVAL:
 * there is none.
 */
int npu_model_remove_last(struct npu_model *model, struct npu_error *err);

/* Layer @i keeps its parameters in training from now on, or learns again. -EINVAL: no such layer. */
int npu_model_freeze(struct npu_model *model, size_t i, bool frozen, struct npu_error *err);

/* Stateful layers start from zero again. */
void npu_model_reset_state(struct npu_model *model);

/*
 * Preprocessing, of as many features as the model has, and class names travel with the model into
 * ONNX and .npu files. Both are copied; NULL and 0 take them away.
 */
int npu_model_set_scaler(struct npu_model *model, const struct npu_scaler *scaler,
			 struct npu_error *err);
int npu_model_set_class_names(struct npu_model *model, char *const *names, size_t count,
			      struct npu_error *err);

size_t npu_model_layers(const struct npu_model *model);
/* Description of layer @i, its name and defaults filled in; NULL past the end. */
const struct npu_layer *npu_model_layer(const struct npu_model *model, size_t i);
/* H, W, C of what layer @i makes; -EINVAL past the end. */
int npu_model_layer_dim(const struct npu_model *model, size_t i, uint32_t dim[3]);
/* Numbers of the layers that layer @i reads, NPU_MODEL_INPUT among them; returns how many. */
size_t npu_model_layer_inputs(const struct npu_model *model, size_t i, const int **input);
size_t npu_model_features(const struct npu_model *model);
size_t npu_model_outputs(const struct npu_model *model);
size_t npu_model_parameter_count(const struct npu_model *model);
const struct npu_scaler *npu_model_scaler(const struct npu_model *model);	/* NULL if none */
const char *npu_model_class_name(const struct npu_model *model, size_t i);	/* NULL if none */
void npu_model_dim(const struct npu_model *model, uint32_t dim[3]);		/* of the input */

/*
 * What a model has learned, as flat named arrays: to look at, to set, to average over models, or
 * to train by an optimiser of one's own.
 */

/**
 * struct npu_parameter - a named array of the model
 * @name: "dense1.weight", as the layer's kind has them
 * @dim: unused dimensions are 1
 * @count: elements
 * @value: the model's own memory, until the next npu_model_add(): write it to change the model
 * @gradient: of the last npu_model_backward(), or of the last step of fit; NULL before
 * @trained: training changes it: it is no moving average, and its layer is not frozen
 */
struct npu_parameter {
	const char *name;
	uint32_t dim[4];
	size_t count;
	float *value;
	const float *gradient;
	bool trained;
};

size_t npu_model_parameters(const struct npu_model *model);
/* The i-th; -EINVAL past the end. */
int npu_model_parameter(struct npu_model *model, size_t i, struct npu_parameter *parameter);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_MODEL_H */
