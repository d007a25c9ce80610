/* SPDX-License-Identifier: MIT */
#ifndef NPU_COMPILE_PLACES_H
#define NPU_COMPILE_PLACES_H

#include "train/nn/fake.h"

/*
 * Where an int8 program of @model has values of its own, with the rule that gives their scales:
 * [1 + layers], the input first; free(). What is fused is not among them, nor are sums that are
 * only made in between. Errors of npu_model_compile() that follow from the layers alone.
 */
int npu_graph_places(const struct npu_model *model, struct npu_fake_place **places,
		     struct npu_error *err);

#endif
