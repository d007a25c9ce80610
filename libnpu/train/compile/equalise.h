/* SPDX-License-Identifier: MIT */
#ifndef NPU_COMPILE_EQUALISE_H
#define NPU_COMPILE_EQUALISE_H

#include "train/nn/model.h"

/**
 * npu_model_equalise - cross-layer equalisation: the same network, easier to quantise
 * @value: the flat array of parameters, as many as @model has; changed
 *
 * Where one layer's channels go through relu, leaky relu, pooling or nothing to a single dense
 * layer or convolution, channel c of the first may be divided by any s[c] > 0 if the weights that
 * read it are multiplied by it. All channels of a value share one scale, so that small ones are
 * rounded coarsely; all weights of an output do likewise. s[c] = sqrt(r[c] / w[c]), r the greatest
 * absolute value of the channel over @samples [@count], w that of the weights which read it, makes
 * both spreads alike (Nagel et al. 2019, section 4.1, with r in the place of the first layer's
 * weights, which have a scale for each channel here; as Xiao et al. 2023 do). Before a depthwise
 * convolution, whose weights have a scale for each channel, too, s[c] = r[c].
 *
 * A model that has tracked ranges is left as it is.
 */
int npu_model_equalise(const struct npu_model *model, float *value, const float *samples,
		       const uint32_t *lengths, size_t count, struct npu_error *err);

#endif
