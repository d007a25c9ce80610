/* SPDX-License-Identifier: MIT */
/* Chapter 4: training. Losses, optimisers, fit, predict. */
#ifndef NPU_TRAIN_TRAINING_H
#define NPU_TRAIN_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train/model.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * enum npu_loss - what training makes small, for outputs y or p and targets t
 * @NPU_LOSS_AUTO: binary cross-entropy after a sigmoid, unless there are labels of more than two
 *	classes; cross-entropy where there are labels, or after a softmax; else MSE
 * @NPU_LOSS_MSE: mean over samples and outputs of (y - t)^2
 * @NPU_LOSS_CROSS_ENTROPY: mean over samples of -log p[label] ("sparse"), or of -sum t log p
 *	where the data has targets ("categorical"), then over the places of H and W, too; the
 *	model ends in softmax
 * @NPU_LOSS_BINARY_CROSS_ENTROPY: mean over samples and outputs of -(t log p + (1 - t) log(1 - p));
 *	the model ends in sigmoid; of one output, labels 0 and 1 are targets
 * @NPU_LOSS_MAE: mean over samples and outputs of |y - t|; its derivative at 0 is 0
 * @NPU_LOSS_HUBER: mean over samples and outputs of e^2 / 2 for |e| <= delta, else of
 *	delta * (|e| - delta / 2), e = y - t (Huber 1964)
 *
 * Data with both labels and targets trains on the targets. The gradients of the cross-entropies
 * are taken before softmax and sigmoid, where they are p - t, so that a saturated output still
 * learns. With weights every sample's loss is multiplied by its own; the sum is still divided by
 * the number of samples, so that a sample weighs the same in every batch. Where data has lengths
 * and the model makes as many steps as it reads, steps behind a sample's length are left out.
 */
enum npu_loss {
	NPU_LOSS_AUTO = 0,
	NPU_LOSS_MSE,
	NPU_LOSS_CROSS_ENTROPY,
	NPU_LOSS_BINARY_CROSS_ENTROPY,
	NPU_LOSS_MAE,
	NPU_LOSS_HUBER,
};

enum npu_optimizer_kind {
	NPU_SGD = 1,
	NPU_ADAM,
	NPU_RMSPROP,
	NPU_ADAGRAD,
	NPU_ADAMW,
};

/**
 * struct npu_optimizer - how parameters w follow their gradients g
 * @kind: enum npu_optimizer_kind; npu_sgd() and its like set it
 * @rate: learning rate; 0 for 0.01 with SGD and Adagrad, 0.001 with the others
 * @momentum: SGD, RMSprop: in [0, 1)
 * @nesterov: SGD: look ahead along the momentum
 * @beta1: Adam: decay of the mean of g; 0 for 0.9
 * @beta2: Adam, RMSprop: decay of the mean of g^2; 0 for 0.999, RMSprop 0.9
 * @epsilon: all but SGD: keeps the divisor from 0; 0 for 1e-7
 * @l1: adds l1 * sign(w) to the gradient of weights
 * @l2: adds l2 * w to it: the gradient of l2 * w^2 / 2
 * @decay: w -= rate * decay * w for weights, apart from the gradient (Loshchilov and Hutter 2019);
 *	0 for none, with AdamW for 0.01
 * @clip_value: each element of the loss's gradient is clamped to [-clip_value, clip_value]; 0: none
 * @clip_norm: where the norm of the whole gradient is above this, it is scaled down to it (Pascanu
 *	et al. 2013), after @clip_value; 0: none
 *
 * npu_sgd: v = momentum v + g; w -= rate v; with nesterov w -= rate (g + momentum v) (Sutskever et
 *	al. 2013)
 * npu_rmsprop: s = beta2 s + (1 - beta2) g^2; v = momentum v + g / (sqrt(s) + epsilon); w -= rate v
 *	(Hinton 2012, lecture 6e)
 * npu_adagrad: s += g^2; w -= rate g / (sqrt(s) + epsilon) (Duchi et al. 2011)
 * npu_adam: m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2;
 *	w -= rate m' / (sqrt(s') + epsilon), m' = m / (1 - beta1^t), s' = s / (1 - beta2^t) in
 *	step t (Kingma and Ba 2015, algorithm 1)
 * npu_adamw: Adam with @decay
 *
 * Penalties act on weights alone, neither on biases nor on the scale and shift of norms, and are
 * no part of the loss that is reported. Gradients are clipped before penalties are added. Frozen
 * layers and moving averages are left alone and do not count in the norm.
 */
struct npu_optimizer {
	enum npu_optimizer_kind kind;
	float rate;
	float momentum;
	bool nesterov;
	float beta1;
	float beta2;
	float epsilon;
	float l1, l2;
	float decay;
	float clip_value, clip_norm;
};

/* npu_adam(), or npu_adam(.rate = 0.01f) */
#define NPU_OPTIMIZER(...) ((struct npu_optimizer){ __VA_ARGS__ })
#define npu_sgd(...) NPU_OPTIMIZER(.kind = NPU_SGD, __VA_ARGS__)
#define npu_rmsprop(...) NPU_OPTIMIZER(.kind = NPU_RMSPROP, __VA_ARGS__)
#define npu_adagrad(...) NPU_OPTIMIZER(.kind = NPU_ADAGRAD, __VA_ARGS__)
#define npu_adam(...) NPU_OPTIMIZER(.kind = NPU_ADAM, __VA_ARGS__)
#define npu_adamw(...) NPU_OPTIMIZER(.kind = NPU_ADAMW, __VA_ARGS__)

enum npu_schedule_kind {
	NPU_SCHEDULE_CONSTANT = 0,
	NPU_SCHEDULE_STEP,
	NPU_SCHEDULE_EXPONENTIAL,
	NPU_SCHEDULE_COSINE,
	NPU_SCHEDULE_PLATEAU,
};

/**
 * struct npu_schedule - how the learning rate changes; all zero keeps it
 * @kind: enum npu_schedule_kind
 * @factor: what the rate is multiplied by; 0 for 0.1, in (0, 1)
 * @every: epochs, 1 or more; 0 for 10 with step, 1 with exponential, all that are left with cosine
 * @patience: plateau: epochs without a better loss before it is lowered; 0 for 5
 * @min_rate: it never becomes lower than this by the schedule
 * @warmup: epochs, also parts of one, over which it first rises from 0 in a line; the schedule
 *	itself begins behind them
 *
 * For the optimiser's rate r and t epochs since the warm-up, counted in steps, so that t has parts:
 *
 * NPU_SCHEDULE_STEP: r * factor^floor(t / every)
 * NPU_SCHEDULE_EXPONENTIAL: r * factor^(t / every)
 * NPU_SCHEDULE_COSINE: min_rate + (r - min_rate) * (1 + cos(pi * min(t / every, 1))) / 2
 *	(Loshchilov and Hutter 2017, without restarts)
 * NPU_SCHEDULE_PLATEAU: times factor whenever the loss that early stopping watches, too, has not
 *	become better, by more than min_delta, for @patience epochs
 */
struct npu_schedule {
	enum npu_schedule_kind kind;
	float factor;
	unsigned int every;
	unsigned int patience;
	float min_rate;
	float warmup;
};

/**
 * struct npu_epoch - what the progress callback is told
 * @epoch: from 1
 * @epochs: asked for
 * @batch: batches done of this epoch
 * @batches: of an epoch; @batch == @batches at its end, when the figures below are complete
 * @loss: mean over the samples of this epoch so far, each before the step that it led to
 * @accuracy: likewise the share whose class was right, whatever their weights, where there are
 *	classes; else NaN
 * @val_loss: after the epoch, where there is validation data; else NaN
 * @val_accuracy: likewise
 * @rate: learning rate of the last step
 * @seconds: since fit began, and those of the runs that it resumes
 */
struct npu_epoch {
	unsigned int epoch, epochs;
	size_t batch, batches;
	float loss, accuracy, val_loss, val_accuracy;
	float rate;
	double seconds;
};

/**
 * struct npu_fit_options - all zero is the default
 * @loss: NPU_LOSS_AUTO
 * @delta: of NPU_LOSS_HUBER; 0 for 1
 * @label_smoothing: cross-entropies: targets become (1 - s) t + s / K, K the number of outputs, 2
 *	for binary ones (Szegedy et al. 2016); in [0, 1). Validation is done without
 * @class_weight: [classes], 0 or more; the weight of a sample is multiplied by that of its label,
 *	in training alone. NULL for none
 * @optimizer: kind 0 is Adam
 * @schedule: of the learning rate
 * @proximal: adds proximal * (w - w0) to the gradient, w0 the parameters when fit began: the
 *	gradient of proximal / 2 * |w - w0|^2, which keeps clients of federated training together
 *	(FedProx, Li et al. 2020); 0 for none
 * @epochs: 0 for 10
 * @batch: samples; 0 for 32
 * @memory_limit: bytes that training may take, as npu_model_fit_quote() counts its total; where
 *	that is too little @batch is halved until it is enough. 0 for no limit
 * @no_shuffle: keep the order of the samples
 * @augment: changes to the samples that are trained on, other ones every epoch; NULL for none
 * @validation: data to validate on, or NULL
 * @validation_fraction: else this share of the training data, taken at random, is held out
 * @patience: stop after so many epochs without a better validation loss (training loss where
 *	there is none), but not before @quantise_from, and in any case leave the weights of the
 *	best epoch; 0 for neither
 * @min_delta: better means lower by more than this, 0 or above
 * @quantise_from: epoch, from 1, from which on training is aware of quantisation, below; 0 for never
 * @checkpoint: file to write the model to, as ONNX, at the end of epochs; all else that a later run
 *	needs to go on is in a second file, of this name and ".state". NULL for none
 * @checkpoint_every: epochs from one to the next; the last one is always written; 0 for 1
 * @resume: checkpoint to go on from, as it was given for @checkpoint; NULL to begin
 * @threads: 0 for the CPUs that this process may use; networks too small to gain use one
 * @progress: called by the calling thread at the end of every epoch, and after batches, at most
 *	ten times a second; non-zero stops training with -ECANCELED. It may predict with the model,
 *	but not change it. NULL for none
 * @user: passed to it
 */
struct npu_fit_options {
	enum npu_loss loss;
	float delta;
	float label_smoothing;
	const float *class_weight;
	struct npu_optimizer optimizer;
	struct npu_schedule schedule;
	float proximal;
	unsigned int epochs;
	unsigned int batch;
	size_t memory_limit;
	bool no_shuffle;
	const struct npu_augmentation *augment;
	const struct npu_dataset *validation;
	float validation_fraction;
	unsigned int patience;
	float min_delta;
	unsigned int quantise_from;
	const char *checkpoint;
	unsigned int checkpoint_every;
	const char *resume;
	unsigned int threads;
	int (*progress)(const struct npu_epoch *epoch, void *user);
	void *user;
};

/**
 * struct npu_fit_quote - memory that npu_model_fit() takes, in bytes
 * @batch: samples of a batch, which memory_limit may have made smaller
 * @weights: parameters, which the model has already, and copies of them (the best so far, those
 *	that it began with, rounded ones)
 * @gradients: of the parameters
 * @optimizer: what it remembers of each parameter
 * @activations: what layers make of a batch on its way forward and back
 * @batches: samples on their way into the network
 * @other: order of the samples, history, threads
 * @total: their sum
 *
 * Exact for what the library asks of malloc(); the stacks of threads, which the C library makes,
 * and the short-lived buffers of a checkpoint's file are not in it.
 */
struct npu_fit_quote {
	unsigned int batch;
	size_t weights, gradients, optimizer, activations, batches, other, total;
};

/*
 * What npu_model_fit() will take with the same arguments, before anything of it is allocated.
 * -EINVAL as there; -E2BIG: not even batches of one sample are within memory_limit.
 */
int npu_model_fit_quote(const struct npu_model *model, const struct npu_dataset *data,
			const struct npu_fit_options *options, struct npu_fit_quote *quote,
			struct npu_error *err);

/**
 * struct npu_history - what fit did; free with npu_history_free(), also where fit failed
 * @epochs: completed, with those of the runs that it resumes
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

/*
 * Write the history: as JSON where @path ends in ".json", {"best_epoch", "stopped_early", "epochs":
 * [{"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "rate", "seconds"}, ...]}, a figure
 * that is NaN as null; else as CSV, a line an epoch under a header of the same names, such a figure
 * empty. The file appears whole or not at all.
 */
int npu_history_write(const struct npu_history *history, const char *path, struct npu_error *err);

/**
 * npu_model_fit - train
 * @data: stays as it is; the model's scaler is applied on the way
 * @options: NULL for the defaults
 * @history: out, or NULL
 *
 * Goes on from the weights that the model has: a second call trains further, with fresh moments.
 * All memory is taken before the first step. Where it fails after that, the weights are those of
 * the best epoch with patience, else of the last step. Samples are read and augmented by a thread
 * beside, where that takes long; the results are the same. Stateful layers start from zero in
 * every epoch.
 *
 * With @options->quantise_from weights and values are, from that epoch on, rounded to what the
 * integers of an int8 program can hold, in training and in validation: weights to 255 steps around
 * 0 for each output channel, values to 256 steps of a range whose ends follow the least and greatest
 * of every batch (by 0.1 of the way outwards, by 0.001 inwards), each where a program that
 * npu_model_compile() makes has them. Gradients pass through rounding as if it were not there, and
 * are 0 for values outside the range (Jacob et al. 2018). The model keeps weights that are not
 * rounded, and the ranges, which travel in its ONNX file, and which compiling then takes; training
 * without forgets them. Best weights are those of the epochs from there on. What recurrent layers
 * compute inside is not rounded. -EOPNOTSUPP: a layer that no program holds.
 *
 * With @options->resume the model, of the same layers, gets its weights and seed from there, and
 * training goes on as if it had never stopped, to the same bits, if data, options and kernel
 * variant are the same; @options->epochs counts all epochs, those before among them. With more
 * patience a run goes on that patience had ended.
 *
 * -EINVAL: shapes of data and model differ, a label is out of range, the loss does not go with
 * the last activation, an option makes no sense, a checkpoint is of another model, data or
 * optimiser. -E2BIG: memory_limit. -ERANGE: the loss, or a parameter, became NaN or infinite; the
 * sentence names the layer where that began, or the sample that brought it. Errors of files, and of
 * data->read.
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
 * The model keeps the buffers: what needs no threads and no more samples than before allocates
 * nothing, and can't fail.
 */
int npu_model_predict(const struct npu_model *model, const float *x, size_t samples,
		      unsigned int threads, float *y, struct npu_error *err);

/* Likewise for the samples of @data, whose lengths are honoured; answers in it are not read. */
int npu_model_predict_data(const struct npu_model *model, const struct npu_dataset *data,
			   unsigned int threads, float *y, struct npu_error *err);

/*
 * The loss over @data, to @value (of NPU_LOSS_HUBER with delta 1); and, by npu_model_backward(),
 * where @value may be NULL, its gradient with respect to each parameter, which
 * npu_model_parameter() then shows. A step is left to the caller. Layers act as in training where
 * there is a gradient, but moving averages stay. Stateful layers start from zero.
 */
int npu_model_loss(struct npu_model *model, const struct npu_dataset *data, enum npu_loss loss,
		   float *value, struct npu_error *err);
int npu_model_backward(struct npu_model *model, const struct npu_dataset *data,
		       enum npu_loss loss, float *value, struct npu_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_TRAINING_H */
