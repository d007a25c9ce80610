// SPDX-License-Identifier: MIT
/* Initial weights; enum npu_initializer has the formulas and their sources. */
#include <math.h>

#include "layer.h"

static enum npu_initializer resolve(const struct npu_layer *layer)
{
	if (layer->init != NPU_INIT_DEFAULT)
		return layer->init;
	switch (layer->activation) {
	case NPU_RELU:
	case NPU_LEAKY_RELU:
	case NPU_RELU6:
	case NPU_ELU:
	case NPU_GELU:
	case NPU_SWISH:
	case NPU_HARD_SWISH:
		return NPU_INIT_HE_UNIFORM;
	default:
		return NPU_INIT_GLOROT_UNIFORM;
	}
}

static void uniform(struct npu_rng *rng, double limit, float *value, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		value[i] = (float)((2 * npu_rng_uniform(rng) - 1) * limit);
}

static void normal(struct npu_rng *rng, double deviation, float *value, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		value[i] = (float)(npu_rng_normal(rng) * deviation);
}

void npu_init_weights(const struct npu_layer *layer, size_t in, size_t out, struct npu_rng *rng,
		      float *value, size_t count)
{
	size_t i;

	switch (resolve(layer)) {
	case NPU_INIT_DEFAULT:
	case NPU_INIT_GLOROT_UNIFORM:
		uniform(rng, sqrt(6.0 / (double)(in + out)), value, count);
		break;
	case NPU_INIT_GLOROT_NORMAL:
		normal(rng, sqrt(2.0 / (double)(in + out)), value, count);
		break;
	case NPU_INIT_HE_UNIFORM:
		uniform(rng, sqrt(6.0 / (double)in), value, count);
		break;
	case NPU_INIT_HE_NORMAL:
		normal(rng, sqrt(2.0 / (double)in), value, count);
		break;
	case NPU_INIT_ZEROS:
	case NPU_INIT_CONSTANT:
		for (i = 0; i < count; i++)
			value[i] = layer->init == NPU_INIT_CONSTANT ? layer->init_value : 0;
		break;
	}
}
