// SPDX-License-Identifier: MIT
/* The longest first part of a model that a program can hold. */
#include "train/compile/prefix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "train/nn/model.h"

struct npu_model npu_model_prefix(const struct npu_model *model, size_t layers)
{
	struct npu_model prefix = *model;

	if (layers < model->nodes) {
		prefix.nodes = layers;
		prefix.classes = 0;
		prefix.class_name = NULL;
	}
	return prefix;
}

/* Do the layers from @layers on read nothing of those before but the last? */
static bool can_cut(const struct npu_model *model, size_t layers)
{
	size_t i, k;

	for (i = layers; i < model->nodes; i++)
		for (k = 0; k < model->node[i].inputs; k++)
			if (model->node[i].input[k] < (int)layers - 1)
				return false;
	return true;
}

/* The last place at or before @layers where the model can be cut; 0 if there is none. */
static size_t cut_before(const struct npu_model *model, size_t layers)
{
	while (layers && !can_cut(model, layers))
		layers--;
	return layers;
}

/* Does a program hold the first @layers? 0, 1 for no, with the reason in @why, or an error. */
static int try(const struct npu_model *model, size_t layers,
	       const struct npu_compile_options *options, struct npu_error *why)
{
	struct npu_model prefix = npu_model_prefix(model, layers);
	struct npu_compile_options unlimited = *options;
	struct npu_compile_quote quote;
	int ret;

	unlimited.max_bytes = 0;
	ret = npu_model_compile_quote(&prefix, &unlimited, &quote, why);
	return ret == -EOPNOTSUPP || ret == -E2BIG ? 1 : ret;
}

/* More layers never fit where fewer don't: bisection. */
int npu_model_lowered(const struct npu_model *model, const struct npu_compile_options *options,
		      struct npu_lowered *lowered, struct npu_error *err)
{
	const struct npu_compile_options defaults = { 0 };
	size_t fits = 0, fails = model->nodes, middle;
	struct npu_error why = { 0 };
	int ret;

	options = options ? options : &defaults;
	memset(lowered, 0, sizeof(*lowered));
	ret = try(model, model->nodes, options, &why);
	while (ret == 1 && fits + 1 < fails) {
		struct npu_error reason = { 0 };

		middle = (fits + fails) / 2;
		ret = try(model, middle, options, &reason);
		if (ret == 1) {
			fails = middle;
			why = reason;
		} else if (!ret) {
			fits = middle;
			ret = 1;
		}
	}
	if (ret < 0) {
		if (err)
			*err = why;
		return ret;
	}
	lowered->layers = ret ? cut_before(model, fits) : model->nodes;
	if (ret)
		snprintf(lowered->reason, sizeof(lowered->reason), "%s", why.message);
	return 0;
}
