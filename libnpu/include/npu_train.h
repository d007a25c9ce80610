/* SPDX-License-Identifier: MIT */
/*
 * npu_train.h - build, train, quantise and compile neural networks on the CPU
 *
 * This is libnpu-train.so, which a developer or a learning board adds to the runtime of npu.h.
 * The chapters follow the way of the data:
 *
 *	1. data          read it, prepare it, split it
 *	2. models        layers, one after another
 *	3. training      losses, optimisers, fit
 *	4. evaluation    metrics
 *	5. parameters    named arrays to read and write
 *	6. model files   ONNX
 *	7. compiling     to a .npu program
 *
 * Tensors are f32, sample first, then N, H, W, C order: a sample of an MLP is one row of
 * `features` values. Errors are as in npu.h. Everything random comes from a seed, and training
 * repeats bit for bit for a seed and a kernel variant, whatever the number of threads.
 */
#ifndef NPU_TRAIN_H
#define NPU_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* -------------------------------------------------------------------- 1. data */

/**
 * struct npu_dataset - samples and what should be said of them
 * @samples: how many
 * @dim: H, W, C of a sample; a row of n features is {1, 1, n}
 * @features: H * W * C
 * @targets: values of @y a sample; 0 where there are labels instead
 * @classes: number of classes; 0 where there are targets instead
 * @x: f32 [samples][features]
 * @y: f32 [samples][targets], or NULL
 * @labels: [samples], each in [0, classes), or NULL
 * @feature_names: [features], or NULL
 * @class_names: [classes], or NULL
 *
 * What the functions below fill belongs to the dataset and goes with npu_dataset_free(), which
 * leaves the structure zeroed. A caller who points it at arrays of his own simply does not free it.
 */
struct npu_dataset {
	size_t samples;
	uint32_t dim[3];
	size_t features;
	size_t targets;
	size_t classes;
	float *x;
	float *y;
	int32_t *labels;
	char **feature_names;
	char **class_names;
};

void npu_dataset_free(struct npu_dataset *data);

/* A dataset with zeroed arrays, of at least one sample; @targets or @classes, or both, are 0. */
int npu_dataset_alloc(struct npu_dataset *data, size_t samples, const uint32_t dim[3],
		      size_t targets, size_t classes, struct npu_error *err);

/**
 * struct npu_csv_options - how to read a CSV file; all zero is the default
 * @separator: 0 to find out among comma, semicolon and tab
 * @header: 0 to find out (a first line with a field, the label aside, that is not a number),
 *	1 yes, -1 no
 * @label: name of the column with the class, or its number ("0" is the first, "-1" the last);
 *	NULL if none
 * @targets: names or numbers of the columns with real targets, separated by commas; NULL if none
 *
 * @label and @targets exclude each other. With neither, all columns are features. Class names
 * are sorted, numbers as numbers.
 */
struct npu_csv_options {
	char separator;
	int header;
	const char *label;
	const char *targets;
};

/**
 * npu_dataset_read_csv - read a table, a sample a line
 * @options: NULL for the defaults
 *
 * UTF-8, lines ending in LF, CRLF or CR, fields plain or "quoted" (RFC 4180), blank lines left
 * out. Numbers are decimal with a point, whatever the locale, and correctly rounded. An error
 * begins with file:line:column, the column in bytes.
 */
int npu_dataset_read_csv(struct npu_dataset *data, const char *path,
			 const struct npu_csv_options *options, struct npu_error *err);

/*
 * IDX vectors (n, f), images (n, h, w) or (n, h, w, c), plain or gzip; unsigned bytes are scaled
 * to [0, 1]. @labels_path, whole numbers from 0, may be NULL.
 */
int npu_dataset_read_idx(struct npu_dataset *data, const char *samples_path,
			 const char *labels_path, struct npu_error *err);

/*
 * NumPy .npy, versions 1 to 3, C order, little endian, f4 f8 i1 u1 i2 u2 i4 i8, shaped as above.
 * @y_path may be NULL; integers in it of rank 1 are labels, all else is targets.
 */
int npu_dataset_read_npy(struct npu_dataset *data, const char *x_path, const char *y_path,
			 struct npu_error *err);

/* Values as .npy, f4, shape (rows, columns). */
int npu_write_npy(const char *path, const float *values, size_t rows, size_t columns,
		  struct npu_error *err);

/**
 * struct npu_scaler - x' = (x - mean) * factor, a feature at a time
 * @count: features
 * @mean: [count]
 * @factor: [count]; 1 for a feature that does not vary
 *
 * Fitted on training data, then part of the model (npu_model_set_scaler()), so that raw data
 * goes in wherever the model does. Free with npu_scaler_free().
 */
struct npu_scaler {
	size_t count;
	float *mean;
	float *factor;
};

int npu_scaler_fit_standard(struct npu_scaler *scaler, const struct npu_dataset *data,
			    struct npu_error *err);	/* mean 0, variance 1 */
int npu_scaler_fit_min_max(struct npu_scaler *scaler, const struct npu_dataset *data,
			   struct npu_error *err);	/* to [0, 1] */
void npu_scaler_free(struct npu_scaler *scaler);

/* Labels to targets: y[i][labels[i]] = 1. Labels stay. -EINVAL where there are targets already. */
int npu_dataset_one_hot(struct npu_dataset *data, struct npu_error *err);

/* Shuffle by @seed and split; @test gets round(@fraction * samples) of them. @data is unchanged. */
int npu_dataset_split(const struct npu_dataset *data, float fraction, uint64_t seed,
		      struct npu_dataset *train, struct npu_dataset *test, struct npu_error *err);

/* ------------------------------------------------------------------ 2. models */

/*
 * A model is built from its input on, a layer at a time:
 *
 *	npu_model_create(&model, (uint32_t[]){ 1, 1, 10 }, 42, &err);
 *	npu_model_add(model, npu_dense(.units = 64, .activation = NPU_RELU), &err);
 *	npu_model_add(model, npu_dense(.units = 1), &err);
 *
 * One thread at a time may change a model; many may predict with one that nobody changes.
 */
struct npu_model;

enum npu_activation {
	NPU_LINEAR = 0,		/* x */
	NPU_RELU,		/* max(0, x) */
	NPU_LEAKY_RELU,		/* x < 0 ? alpha * x : x */
	NPU_SIGMOID,		/* 1 / (1 + exp(-x)) */
	NPU_TANH,
	NPU_SOFTMAX,		/* exp(x_i - max) / sum_j exp(x_j - max), over C */
};

/**
 * enum npu_initializer - how weights [out][in] start
 * @NPU_INIT_DEFAULT: He uniform before relu and leaky relu, Glorot uniform otherwise
 * @NPU_INIT_GLOROT_UNIFORM: U(-a, a), a = sqrt(6 / (in + out)) (Glorot and Bengio 2010)
 * @NPU_INIT_GLOROT_NORMAL: N(0, 2 / (in + out))
 * @NPU_INIT_HE_UNIFORM: U(-a, a), a = sqrt(6 / in) (He et al. 2015)
 * @NPU_INIT_HE_NORMAL: N(0, 2 / in)
 * @NPU_INIT_ZEROS: 0
 * @NPU_INIT_CONSTANT: the layer's init_value
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
};

/**
 * struct npu_layer - description of a layer; make it with npu_dense() and the like
 * @kind: enum npu_layer_kind
 * @name: for parameters, messages and ONNX; NULL for "dense1", "dense2", ...; copied
 * @units: dense: outputs
 * @activation: dense: applied to the outputs; activation: the layer itself
 * @alpha: slope of leaky relu below 0, not negative; 0 stands for 0.01
 * @init: dense: of the weights
 * @init_value: dense: with NPU_INIT_CONSTANT
 * @no_bias: dense: leave the bias out (it starts at zero otherwise)
 *
 * Dense: y[n][o] = activation(sum_i x[n][i] * w[o][i] + b[o]), i over H * W * C of its input.
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
};

#define npu_dense(...) \
	((struct npu_layer){ .kind = NPU_LAYER_DENSE, __VA_ARGS__ })
#define npu_activation(...) \
	((struct npu_layer){ .kind = NPU_LAYER_ACTIVATION, __VA_ARGS__ })

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

/*
 * Preprocessing, of as many features as the model has, and class names travel with the model into
 * ONNX and .npu files. Both are copied; NULL and 0 take them away.
 */
int npu_model_set_scaler(struct npu_model *model, const struct npu_scaler *scaler,
			 struct npu_error *err);
int npu_model_set_class_names(struct npu_model *model, char *const *names, size_t count,
			      struct npu_error *err);

size_t npu_model_layers(const struct npu_model *model);
/* Description of layer @i, its name filled in; NULL past the end. */
const struct npu_layer *npu_model_layer(const struct npu_model *model, size_t i);
size_t npu_model_features(const struct npu_model *model);
size_t npu_model_outputs(const struct npu_model *model);
size_t npu_model_parameter_count(const struct npu_model *model);
const struct npu_scaler *npu_model_scaler(const struct npu_model *model);	/* NULL if none */
const char *npu_model_class_name(const struct npu_model *model, size_t i);	/* NULL if none */
void npu_model_dim(const struct npu_model *model, uint32_t dim[3]);		/* of the input */

/* ---------------------------------------------------------------- 3. training */

/**
 * enum npu_loss - what training makes small, for outputs y or p and targets t
 * @NPU_LOSS_AUTO: binary cross-entropy after a sigmoid, unless there are labels of more than two
 *	classes; cross-entropy where there are labels, or after a softmax; else MSE
 * @NPU_LOSS_MSE: mean over samples and outputs of (y - t)^2
 * @NPU_LOSS_CROSS_ENTROPY: mean over samples of -log p[label], or of -sum t log p where the data
 *	has targets; the model ends in softmax
 * @NPU_LOSS_BINARY_CROSS_ENTROPY: mean over samples and outputs of -(t log p + (1 - t) log(1 - p));
 *	the model ends in sigmoid; of one output, labels 0 and 1 are targets
 *
 * Data with both labels and targets trains on the targets. The gradients of the cross-entropies
 * are taken before softmax and sigmoid, where they are p - t, so that a saturated output still
 * learns.
 */
enum npu_loss {
	NPU_LOSS_AUTO = 0,
	NPU_LOSS_MSE,
	NPU_LOSS_CROSS_ENTROPY,
	NPU_LOSS_BINARY_CROSS_ENTROPY,
};

enum npu_optimizer_kind {
	NPU_SGD = 1,
	NPU_ADAM,
};

/**
 * struct npu_optimizer - how parameters w follow their gradients g
 * @kind: enum npu_optimizer_kind; npu_sgd() and npu_adam() set it
 * @rate: learning rate; 0 for 0.01 with SGD, 0.001 with Adam
 * @momentum: SGD: v = momentum * v + g; w -= rate * v; in [0, 1)
 * @beta1: Adam (Kingma and Ba 2015, algorithm 1): decay of the mean of g; 0 for 0.9
 * @beta2: Adam: decay of the mean of g^2; 0 for 0.999
 * @epsilon: Adam: added to the root of that; 0 for 1e-7
 */
struct npu_optimizer {
	enum npu_optimizer_kind kind;
	float rate;
	float momentum;
	float beta1;
	float beta2;
	float epsilon;
};

/* npu_adam(), or npu_adam(.rate = 0.01f) */
#define npu_sgd(...) \
	((struct npu_optimizer){ .kind = NPU_SGD, __VA_ARGS__ })
#define npu_adam(...) \
	((struct npu_optimizer){ .kind = NPU_ADAM, __VA_ARGS__ })

/**
 * struct npu_epoch - what the progress callback is told
 * @epoch: from 1
 * @epochs: asked for
 * @batch: batches done of this epoch
 * @batches: of an epoch; @batch == @batches at its end, when the figures below are complete
 * @loss: mean over the samples of this epoch so far, each before the step that it led to
 * @accuracy: likewise the share whose class was right, where there are classes; else NaN
 * @val_loss: after the epoch, where there is validation data; else NaN
 * @val_accuracy: likewise
 * @seconds: since fit began
 */
struct npu_epoch {
	unsigned int epoch, epochs;
	size_t batch, batches;
	float loss, accuracy, val_loss, val_accuracy;
	double seconds;
};

/**
 * struct npu_fit_options - all zero is the default
 * @loss: NPU_LOSS_AUTO
 * @optimizer: kind 0 is Adam
 * @epochs: 0 for 10
 * @batch: samples; 0 for 32
 * @no_shuffle: keep the order of the samples
 * @validation: data to validate on, or NULL
 * @validation_fraction: else this share of the training data, taken at random, is held out
 * @patience: stop after so many epochs without a better validation loss (training loss where
 *	there is none), and in any case leave the weights of the best epoch; 0 for neither
 * @min_delta: better means lower by more than this, 0 or above
 * @threads: 0 for the CPUs that this process may use; networks too small to gain use one
 * @progress: called by the calling thread at the end of every epoch, and after batches, at most
 *	ten times a second; non-zero stops training with -ECANCELED. NULL for none
 * @user: passed to it
 */
struct npu_fit_options {
	enum npu_loss loss;
	struct npu_optimizer optimizer;
	unsigned int epochs;
	unsigned int batch;
	bool no_shuffle;
	const struct npu_dataset *validation;
	float validation_fraction;
	unsigned int patience;
	float min_delta;
	unsigned int threads;
	int (*progress)(const struct npu_epoch *epoch, void *user);
	void *user;
};

/**
 * struct npu_history - what fit did; free with npu_history_free(), also where fit failed
 * @epochs: completed
 * @best_epoch: from 1, by the watched loss
 * @stopped_early: patience ran out
 * @epoch: [epochs], the figures at the end of each
 */
struct npu_history {
	unsigned int epochs;
	unsigned int best_epoch;
	bool stopped_early;
	struct npu_epoch *epoch;
};

void npu_history_free(struct npu_history *history);

/**
 * npu_model_fit - train
 * @data: stays as it is; the model's scaler is applied on the way
 * @options: NULL for the defaults
 * @history: out, or NULL
 *
 * Goes on from the weights that the model has: a second call trains further, with fresh moments.
 * All memory is taken before the first step. Where it fails after that, the weights are those of
 * the best epoch with patience, else of the last step.
 *
 * -EINVAL: shapes of data and model differ, a label is out of range, the loss does not go with
 * the last activation, an option makes no sense. -ERANGE: the loss became NaN or infinite; the
 * sentence names the layer where that began, or the sample that brought it.
 */
int npu_model_fit(struct npu_model *model, const struct npu_dataset *data,
		  const struct npu_fit_options *options, struct npu_history *history,
		  struct npu_error *err);

/**
 * npu_model_predict - outputs for inputs
 * @x: [samples][features], raw: the scaler is applied
 * @threads: 0 for the CPUs that this process may use; small work uses one
 * @y: out, [samples][outputs]
 *
 * One sample through layers of up to 4096 values allocates nothing and can't fail.
 */
int npu_model_predict(const struct npu_model *model, const float *x, size_t samples,
		      unsigned int threads, float *y, struct npu_error *err);

/*
 * The loss over @data, to @value; and its gradient with respect to each parameter, which
 * npu_model_parameter() then shows (@value may be NULL). A step is left to the caller.
 */
int npu_model_loss(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		   float *value, struct npu_error *err);
int npu_model_backward(struct npu_model *model, const struct npu_dataset *data,
		       enum npu_loss loss, float *value, struct npu_error *err);

/* -------------------------------------------------------------- 4. evaluation */

/**
 * struct npu_class_metrics - of one class
 * @support: samples that are of it
 * @precision: TP / (TP + FP), 0 where it was never predicted
 * @recall: TP / (TP + FN), 0 where it has no samples
 * @f1: 2 P R / (P + R), 0 where both are 0
 */
struct npu_class_metrics {
	size_t support;
	double precision, recall, f1;
};

/**
 * struct npu_metrics - how good predictions are; free with npu_metrics_free()
 * @samples: how many
 * @classes: 0 for regression
 * @accuracy: share of samples whose class is right
 * @precision: macro average over the classes that occur, in truth or in prediction
 * @recall: likewise
 * @f1: likewise
 * @per_class: [classes]
 * @confusion: [classes][classes], row: truth, column: prediction
 * @mse: mean over samples and targets
 * @rmse: its root
 * @mae: mean absolute error
 * @r2: 1 - sum (y - t)^2 / sum (t - mean t)^2, averaged over the targets that vary; NaN if none
 *
 * Classification sets the first four figures, regression the last four; the others are NaN.
 */
struct npu_metrics {
	size_t samples;
	size_t classes;
	double accuracy, precision, recall, f1;
	struct npu_class_metrics *per_class;
	size_t *confusion;
	double mse, rmse, mae, r2;
};

/*
 * Compare outputs y [samples][outputs] with the labels of @data, or with its targets where it has
 * no labels. One output for two classes is the probability of class 1, which wins above 0.5;
 * otherwise the largest output wins, the first of equals. -EDOM: an output is not finite.
 */
int npu_metrics_compute(struct npu_metrics *metrics, const struct npu_dataset *data,
			const float *y, size_t outputs, struct npu_error *err);
void npu_metrics_free(struct npu_metrics *metrics);

/* -------------------------------------------------------------- 5. parameters */

/*
 * What a model has learned, as flat named arrays: to look at, to set, to average over models, or
 * to train by an optimiser of one's own.
 */

/**
 * struct npu_parameter - a named array of the model
 * @name: "dense1.weight" [out][in], "dense1.bias" [out]
 * @dim: unused dimensions are 1
 * @count: elements
 * @value: the model's own memory, until the next npu_model_add(): write it to change the model
 * @gradient: of the last npu_model_backward(), or of the last step of fit; NULL before
 */
struct npu_parameter {
	const char *name;
	uint32_t dim[4];
	size_t count;
	float *value;
	const float *gradient;
};

size_t npu_model_parameters(const struct npu_model *model);
/* The i-th; -EINVAL past the end. */
int npu_model_parameter(struct npu_model *model, size_t i, struct npu_parameter *parameter);

/* ------------------------------------------------------------- 6. model files */

/*
 * Write the model as ONNX, opset 13: preprocessing as nodes, class names as metadata. The file
 * appears whole or not at all, and the same model gives the same bytes. Its input "input" and
 * output "output" are [batch, features], or [batch, H, W, C] for samples with height and width.
 */
int npu_model_save(const struct npu_model *model, const char *path, struct npu_error *err);

/*
 * Read an ONNX model, opset 7 or later: what npu_model_save() writes, with the same layers and
 * bit-equal weights, or by others a chain of Gemm, MatMul and Add, Relu, LeakyRelu, Sigmoid,
 * Tanh, Softmax, Flatten, Reshape to (batch, features), Dropout and Identity, behind Add, Sub,
 * Mul and Div of constants, which become the scaler. An input [batch, C, H, W] of theirs becomes
 * H, W, C, and the weights behind it are put in that order. The model's seed is 0. An error
 * names the node, what is not supported, and what would be.
 */
int npu_model_load(struct npu_model **model, const char *path, struct npu_error *err);

/* --------------------------------------------------------------- 7. compiling */

enum npu_precision {
	NPU_PRECISION_INT8 = 0,		/* int8 activations and weights */
	NPU_PRECISION_INT16 = 1,	/* int16 activations, int8 weights */
};

/**
 * struct npu_compile_options - all zero is the default
 * @precision: of activations
 * @batch: samples of one request; 0 for 1
 * @max_bytes: refuse a program that needs more memory (weights, constants, instructions, inputs,
 *	outputs and intermediate results of one request); 0 for no limit
 */
struct npu_compile_options {
	enum npu_precision precision;
	uint32_t batch;
	size_t max_bytes;
};

/**
 * struct npu_compile_quote - memory that a compiled program takes, exact
 * @weight_bytes: the weights slot
 * @const_bytes: the constant section
 * @insn_bytes: the instructions
 * @io_bytes: inputs and outputs of one request
 * @scratch_bytes: intermediate results of a queue
 * @file_bytes: the .npu file
 */
struct npu_compile_quote {
	size_t weight_bytes, const_bytes, insn_bytes, io_bytes, scratch_bytes, file_bytes;
};

/*
 * What npu_model_compile() will make, before anything of it is allocated. -E2BIG: it is beyond
 * max_bytes or a limit of the NPU; the sentence names the layer and the remedy.
 */
int npu_model_compile_quote(const struct npu_model *model,
			    const struct npu_compile_options *options,
			    struct npu_compile_quote *quote, struct npu_error *err);

/**
 * npu_model_compile - quantise and lower to a .npu program
 * @samples: inputs to calibrate on, raw, [count][features]; a few hundred are plenty
 * @image: out: the bytes of a .npu file, 64-byte aligned, for npu_program_load_memory(); free
 *	with npu_image_free()
 *
 * Calibration is min-max over @samples; what lies outside saturates. The model's scaler becomes
 * part of the program, so that raw data goes in. The same model and samples give the same bytes on
 * every CPU.
 *
 * Errors as for the quote, and -EINVAL: no samples, or a sample, weight or intermediate result
 * that is not finite. -ERANGE: numbers that the NPU's integers can't hold.
 */
int npu_model_compile(const struct npu_model *model, const float *samples, size_t count,
		      const struct npu_compile_options *options, void **image, size_t *bytes,
		      struct npu_error *err);
void npu_image_free(void *image);

/* As above, to a file, which appears whole or not at all. */
int npu_model_compile_file(const struct npu_model *model, const float *samples, size_t count,
			   const struct npu_compile_options *options, const char *path,
			   struct npu_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_H */
