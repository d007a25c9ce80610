/* SPDX-License-Identifier: MIT */
/* Chapter 8: models of which the NPU can run only the first layers. */
#ifndef NPU_TRAIN_HYBRID_H
#define NPU_TRAIN_HYBRID_H

#include "npu_train/compile.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * struct npu_lowered - how much of a model a program can hold
 * @layers: the first so many layers; all of them: the whole model
 * @reason: why no more; empty for the whole model
 */
struct npu_lowered {
	size_t layers;
	char reason[sizeof(((struct npu_error *)0)->message)];
};

/*
 * A model is cut only where a single value passes from the layers before to those behind. Errors of
 * npu_model_compile_quote(), but where a layer is beyond the NPU: that is what @lowered says.
 */
int npu_model_lowered(const struct npu_model *model, const struct npu_compile_options *options,
		      struct npu_lowered *lowered, struct npu_error *err);

/*
 * A model of which the NPU runs the first layers, as many as it can, and libnpu-train the rest, in
 * f32 from the values that come back, in process.
 */
struct npu_hybrid;

/**
 * npu_hybrid_open - compile what can be compiled, and open a session for it
 * @samples: to calibrate on, as for npu_model_compile()
 * @device: must outlive it
 *
 * Nothing of @model is needed afterwards. Errors of npu_model_compile() and npu_session_open();
 * -EOPNOTSUPP or -E2BIG: not even the first layer can be compiled.
 */
int npu_hybrid_open(struct npu_hybrid **hybrid, const struct npu_model *model, const float *samples,
		    size_t count, const struct npu_compile_options *options,
		    struct npu_device *device, struct npu_error *err);
void npu_hybrid_close(struct npu_hybrid *hybrid);

/* One request: @x [batch][features], raw; @y [batch][outputs]. */
int npu_hybrid_infer(struct npu_hybrid *hybrid, const float *x, float *y, struct npu_error *err);

/* What the NPU runs of it, and why not the rest. */
const struct npu_lowered *npu_hybrid_lowered(const struct npu_hybrid *hybrid);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_TRAIN_HYBRID_H */
