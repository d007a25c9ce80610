// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.h"
#include "train/nn/model.h"

static bool is_tracked(const struct npu_tracked *tracked)
{
	return tracked->before[1] > tracked->before[0] || tracked->after[1] > tracked->after[0];
}

static void write_range(struct npu_onnx_writer *w, const struct npu_tracked *tracked, char *key)
{
	uint32_t bits[4];

	if (!is_tracked(tracked))
		return;
	memcpy(&bits[0], tracked->before, sizeof(tracked->before));
	memcpy(&bits[2], tracked->after, sizeof(tracked->after));
	npu_onnx_add_property(
		w, key,
		npu_onnx_text(w, "%08x %08x %08x %08x", bits[0], bits[1], bits[2], bits[3]));
}

void npu_onnx_write_ranges(struct npu_onnx_writer *w)
{
	const struct npu_model *m = w->model;
	size_t i;

	write_range(w, &m->tracked, NPU_ONNX_RANGE);
	for (i = 0; i < m->nodes && !w->failed; i++)
		write_range(w, &m->node[i].tracked,
			    npu_onnx_text(w, NPU_ONNX_RANGE ".%s", m->node[i].layer.name));
}

/* Two words of @text as a range that holds 0; { 0, 0 } where they are none. */
static const char *read_range(const char *text, float range[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		char *end;
		uint32_t bits = (uint32_t)strtoul(text, &end, 16);

		memcpy(&range[i], &bits, sizeof(bits));
		text = end;
	}
	if (!(isfinite(range[0]) && isfinite(range[1]) && range[0] <= 0 && range[1] >= 0))
		range[0] = range[1] = 0;
	return text;
}

static struct npu_tracked *find(struct npu_model *model, const char *key)
{
	size_t i, length = strlen(NPU_ONNX_RANGE);

	if (strncmp(key, NPU_ONNX_RANGE, length))
		return NULL;
	if (!key[length])
		return &model->tracked;
	for (i = 0; key[length] == '.' && i < model->nodes; i++)
		if (!strcmp(model->node[i].layer.name, key + length + 1))
			return &model->node[i].tracked;
	return NULL;
}

void npu_onnx_read_ranges(const struct npu_onnx_import *im, struct npu_model *model)
{
	size_t i;

	for (i = 0; im->ours && i < im->message->n_metadata_props; i++) {
		const NpuOnnx__Property *p = im->message->metadata_props[i];
		struct npu_tracked *tracked = p->key && p->value ? find(model, p->key) : NULL;

		if (tracked)
			read_range(read_range(p->value, tracked->before), tracked->after);
	}
}
