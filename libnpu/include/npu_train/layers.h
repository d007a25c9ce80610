/* SPDX-License-Identifier: MIT */
/* Chapter 2: layers. What a network is made of. */
#ifndef NPU_TRAIN_LAYERS_H
#define NPU_TRAIN_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * A layer is described by a structure and made by npu_model_add(), which copies it. Each kind has a
 * macro of its name, whose arguments are the fields that matter to it; all others stay zero, which
 * is always the usual choice:
 *
 *	npu_conv2d(.units = 16, .kernel = { 3, 3 }, .padding = NPU_SAME, .activation = NPU_RELU)
 *
 * Shapes are H, W, C of a sample: x[h][w][c]. A sequence of T steps of n values is {1, T, n}.
 */

/**
 * enum npu_activation - y = f(x), element by element but for softmax
 *
 * alpha is the layer's; 0 stands for the value in brackets.
 */
enum npu_activation {
	NPU_LINEAR = 0,		/* x */
	NPU_RELU,		/* max(0, x) */
	NPU_LEAKY_RELU,		/* x < 0 ? alpha * x : x [0.01] */
	NPU_SIGMOID,		/* 1 / (1 + exp(-x)) */
	NPU_TANH,
	NPU_SOFTMAX,		/* exp(x_i - max) / sum_j exp(x_j - max), over C */
	NPU_RELU6,		/* min(max(0, x), 6) */
	NPU_ELU,		/* x < 0 ? alpha * (exp(x) - 1) : x [1] (Clevert et al. 2016) */
	NPU_SELU,		/* 1.0507 * elu(x), alpha 1.6733 (Klambauer et al. 2017) */
	NPU_GELU,		/* x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016) */
	NPU_SWISH,		/* x * sigmoid(x) (Ramachandran et al. 2017) */
	NPU_HARD_SWISH,		/* x * min(max(0, x + 3), 6) / 6 (Howard et al. 2019) */
	NPU_HARD_SIGMOID,	/* min(max(0, x / 6 + 1 / 2), 1) */
	NPU_SOFTPLUS,		/* log(1 + exp(x)) */
	NPU_ACTIVATIONS		/* how many there are */
};

/**
 * enum npu_initializer - how weights start
 * @NPU_INIT_DEFAULT: He uniform before relu and its kin (leaky relu, relu6, elu, gelu, swish, hard
 *	swish), Glorot uniform otherwise; orthogonal for the recurrent weights of a recurrent layer,
 *	N(0, 1) times 0.05 for an embedding
 * @NPU_INIT_GLOROT_UNIFORM: U(-a, a), a = sqrt(6 / (in + out)) (Glorot and Bengio 2010)
 * @NPU_INIT_GLOROT_NORMAL: N(0, 2 / (in + out))
 * @NPU_INIT_HE_UNIFORM: U(-a, a), a = sqrt(6 / in) (He et al. 2015)
 * @NPU_INIT_HE_NORMAL: N(0, 2 / in)
 * @NPU_INIT_ZEROS: 0
 * @NPU_INIT_CONSTANT: the layer's init_value
 *
 * in and out are how many inputs reach an output, and how many outputs an input: of a convolution
 * KH * KW * C / groups and KH * KW * units / groups.
 */
enum npu_initializer {
	NPU_INIT_DEFAULT = 0,
	NPU_INIT_GLOROT_UNIFORM,
	NPU_INIT_GLOROT_NORMAL,
	NPU_INIT_HE_UNIFORM,
	NPU_INIT_HE_NORMAL,
	NPU_INIT_ZEROS,
	NPU_INIT_CONSTANT,
};

enum npu_layer_kind {
	NPU_LAYER_DENSE = 1,
	NPU_LAYER_ACTIVATION,
	NPU_LAYER_CONV,
	NPU_LAYER_CONV_TRANSPOSE,
	NPU_LAYER_MAX_POOL,
	NPU_LAYER_AVERAGE_POOL,
	NPU_LAYER_GLOBAL_MAX_POOL,
	NPU_LAYER_GLOBAL_AVERAGE_POOL,
	NPU_LAYER_FLATTEN,
	NPU_LAYER_RESHAPE,
	NPU_LAYER_BATCH_NORM,
	NPU_LAYER_LAYER_NORM,
	NPU_LAYER_DROPOUT,
	NPU_LAYER_EMBEDDING,
	NPU_LAYER_RNN,
	NPU_LAYER_LSTM,
	NPU_LAYER_GRU,
	NPU_LAYER_ADD,
	NPU_LAYER_CONCAT,
	NPU_LAYER_KINDS		/* one past the last */
};

/**
 * enum npu_padding - zeros around the input of a convolution or pooling
 * @NPU_VALID: none: out = (in - dilation * (kernel - 1) - 1) / stride + 1, rounded down
 * @NPU_SAME: out = in / stride, rounded up; an odd zero goes below and to the right
 * @NPU_EXPLICIT: the layer's pad
 *
 * Zeros of padding do not count in a maximum or an average. A transposed convolution has
 * out = (in - 1) * stride + dilation * (kernel - 1) + 1 - pads; with NPU_SAME in * stride.
 */
enum npu_padding {
	NPU_VALID = 0,
	NPU_SAME,
	NPU_EXPLICIT,
};

/* Dimensions of a sample, from the last on. */
enum npu_axis {
	NPU_AXIS_C = 0,
	NPU_AXIS_W,
	NPU_AXIS_H,
};

/**
 * struct npu_layer - description of a layer
 * @kind: enum npu_layer_kind
 * @name: for parameters, messages and ONNX; NULL for "dense1", "conv1", ...; copied
 * @units: outputs of a dense layer, of a recurrent one and direction; output channels of a
 *	convolution; size of an embedding's vectors
 * @activation: applied to the outputs; of an activation layer, the layer itself. The activations
 *	inside recurrent layers are those of their formulas
 * @alpha: of the activation; not negative
 * @init: of the weights
 * @init_value: with NPU_INIT_CONSTANT
 * @no_bias: leave the bias out (it starts at zero otherwise, 1 for the forget gate of an LSTM)
 * @frozen: training does not change the parameters; batch norm then uses its moving averages.
 *	npu_model_freeze() changes it later
 * @kernel: KH, KW of convolution and pooling; 0 stands for 1 in a convolution, 2 in pooling
 * @stride: 0 stands for 1 in a convolution, the kernel in pooling
 * @dilation: distance of the kernel's elements; 0 stands for 1
 * @groups: of a convolution: out channel o reads the C / groups channels of group
 *	o / (units / groups); 0 stands for 1, C makes it depthwise
 * @padding: enum npu_padding
 * @pad: with NPU_EXPLICIT: top, left, bottom, right
 * @dim: reshape: H, W, C; one 0 is worked out
 * @axis: concat: enum npu_axis
 * @epsilon: of a norm, added to the variance; 0 for 1e-3 in batch norm, 1e-5 in layer norm
 * @momentum: batch norm: of the moving averages; 0 for 0.99
 * @rate: dropout: share of the inputs that become 0, in [0, 1)
 * @vocabulary: embedding: how many vectors
 * @sequences: recurrent: give the state after every step {1, T, units}, not after the last {1, 1,
 *	units}
 * @stateful: recurrent: start where the same sample of the batch before ended; see
 *	npu_model_reset_state()
 * @backwards: recurrent: from the last step to the first; with @sequences the output of a step still
 *	stands at its place, as in ONNX
 * @bidirectional: recurrent: both ways, the outputs one after another: 2 * units
 * @reset_after: GRU: linear_before_reset of ONNX; the reset gate then acts on R h + b, otherwise
 *	on h
 *
 * The parameters of each kind, whose names follow the layer's and a point, and its formula:
 *
 * npu_dense: weight [units][H * W * C], bias [units]
 *	y[o] = sum_i x[i] * weight[o][i] + bias[o], i over H * W * C
 * npu_conv1d, npu_conv2d, npu_depthwise2d: weight [KH][KW][C / groups][units], bias [units]
 *	y[h][w][o] = sum_{i,j,c} x[h * sh - top + i * dh][w * sw - left + j * dw][g + c] *
 *	weight[i][j][c][o] + bias[o]; a cross-correlation, as in ONNX's Conv. conv1d goes along W and
 *	takes .kernel = { 1, k }; of kernel 1 it is a dense layer for every step
 * npu_conv_transpose2d: weight [KH][KW][units / groups][C], bias [units]
 *	the gradient of the convolution with that weight with respect to its input (ONNX's
 *	ConvTranspose)
 * npu_max_pool, npu_average_pool, and npu_global_max_pool, npu_global_average_pool over all H, W,
 *	which give {1, 1, C}; global ones leave padding of a sequence out. The maximum of values among
 *	which a NaN is, is a NaN
 * npu_flatten: {1, 1, H * W * C}. npu_reshape: @dim, in the order of memory
 * npu_batch_norm: scale [C], shift [C], mean [C], variance [C] (the last two moving averages)
 *	y = (x - mean) / sqrt(variance + epsilon) * scale + shift, by the mean and variance over the
 *	batch, H and W in training, by the moving averages otherwise (Ioffe and Szegedy 2015)
 * npu_layer_norm: scale [C], shift [C]; likewise over C of every sample, h and w (Ba et al. 2016)
 * npu_dropout: in training y = x / (1 - rate) or 0, else y = x (Srivastava et al. 2014)
 * npu_embedding: weight [vocabulary][units]; {1, T, 1} of whole numbers to {1, T, units}; a number
 *	outside [0, vocabulary) is clamped to it
 * npu_rnn, npu_lstm, npu_gru: weight [C][G * units], recurrent [units][G * units], bias [G * units],
 *	G gates in the order of ONNX; both directions of a bidirectional one are "forward.weight" and
 *	"backward.weight" and so on. x_t W + h_{t-1} R + b is z below
 *	RNN, G 1: h_t = tanh(z) (Elman 1990), or the layer's activation, if it has one
 *	LSTM, gates i, o, f, c: c_t = s(f) c_{t-1} + s(i) tanh(c), h_t = s(o) tanh(c_t), s the sigmoid
 *	(Hochreiter and Schmidhuber 1997; Gers et al. 2000)
 *	GRU, gates z, r, h: h_t = (1 - s(z)) tanh(h) + s(z) h_{t-1}, where h = x_t W + (s(r) h_{t-1}) R
 *	+ b, or with reset_after x_t W + b + s(r) (h_{t-1} R + recurrent_bias), recurrent_bias [units]
 *	(Cho et al. 2014; ONNX). Steps behind a sequence's length change no state and give 0, which an
 *	activation of the layer is applied to as well
 * npu_add: the sum of inputs of equal shape. npu_concat: inputs side by side along @axis, their
 *	other dimensions equal. Both by npu_model_add_from()
 */
struct npu_layer {
	enum npu_layer_kind kind;
	const char *name;
	uint32_t units;
	enum npu_activation activation;
	float alpha;
	enum npu_initializer init;
	float init_value;
	bool no_bias;
	bool frozen;
	uint32_t kernel[2], stride[2], dilation[2];
	uint32_t groups;
	enum npu_padding padding;
	uint32_t pad[4];
	uint32_t dim[3];
	enum npu_axis axis;
	float epsilon;
	float momentum;
	float rate;
	uint32_t vocabulary;
	bool sequences, stateful, backwards, bidirectional, reset_after;
};

#define NPU_LAYER(...) ((struct npu_layer){ __VA_ARGS__ })

#define npu_dense(...) NPU_LAYER(.kind = NPU_LAYER_DENSE, __VA_ARGS__)
#define npu_activation(...) NPU_LAYER(.kind = NPU_LAYER_ACTIVATION, __VA_ARGS__)
#define npu_conv2d(...) NPU_LAYER(.kind = NPU_LAYER_CONV, __VA_ARGS__)
#define npu_conv1d(...) NPU_LAYER(.kind = NPU_LAYER_CONV, __VA_ARGS__)
#define npu_conv_transpose2d(...) NPU_LAYER(.kind = NPU_LAYER_CONV_TRANSPOSE, __VA_ARGS__)
#define npu_max_pool(...) NPU_LAYER(.kind = NPU_LAYER_MAX_POOL, __VA_ARGS__)
#define npu_average_pool(...) NPU_LAYER(.kind = NPU_LAYER_AVERAGE_POOL, __VA_ARGS__)
#define npu_global_max_pool(...) NPU_LAYER(.kind = NPU_LAYER_GLOBAL_MAX_POOL, __VA_ARGS__)
#define npu_global_average_pool(...) NPU_LAYER(.kind = NPU_LAYER_GLOBAL_AVERAGE_POOL, __VA_ARGS__)
#define npu_flatten(...) NPU_LAYER(.kind = NPU_LAYER_FLATTEN, __VA_ARGS__)
#define npu_reshape(...) NPU_LAYER(.kind = NPU_LAYER_RESHAPE, __VA_ARGS__)
#define npu_batch_norm(...) NPU_LAYER(.kind = NPU_LAYER_BATCH_NORM, __VA_ARGS__)
#define npu_layer_norm(...) NPU_LAYER(.kind = NPU_LAYER_LAYER_NORM, __VA_ARGS__)
#define npu_dropout(...) NPU_LAYER(.kind = NPU_LAYER_DROPOUT, __VA_ARGS__)
#define npu_embedding(...) NPU_LAYER(.kind = NPU_LAYER_EMBEDDING, __VA_ARGS__)
#define npu_rnn(...) NPU_LAYER(.kind = NPU_LAYER_RNN, __VA_ARGS__)
#define npu_lstm(...) NPU_LAYER(.kind = NPU_LAYER_LSTM, __VA_ARGS__)
#define npu_gru(...) NPU_LAYER(.kind = NPU_LAYER_GRU, __VA_ARGS__)
#define npu_add(...) NPU_LAYER(.kind = NPU_LAYER_ADD, __VA_ARGS__)
#define npu_concat(...) NPU_LAYER(.kind = NPU_LAYER_CONCAT, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_LAYERS_H */
