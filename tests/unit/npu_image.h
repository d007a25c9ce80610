/* SPDX-License-Identifier: MIT */
/*
 * .npu files made by hand, for tests that must not depend on the compiler: a writer for any
 * content, a multilayer perceptron with random weights, and what that perceptron computes.
 */
#ifndef NPU_IMAGE_H
#define NPU_IMAGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npu_accel.h"
#include "runtime/format.h"

/* A file in memory, 4096-byte aligned; free(data). */
struct npu_image {
	uint8_t *data;
	size_t bytes;
};

/* What goes into it; a section without bytes is left out. */
struct npu_image_parts {
	uint32_t inputs;
	uint32_t outputs;
	struct {
		const void *data;
		size_t bytes;
	} section[NPU_SECTIONS];
};

static inline struct npu_image npu_image_make(const struct npu_image_parts *parts)
{
	struct npu_file_header header = {
		.version = NPU_FILE_VERSION,
		.isa_version = NPU_ISA_VERSION,
		.inputs = parts->inputs,
		.outputs = parts->outputs,
	};
	uint64_t end = sizeof(header);
	struct npu_image image;

	memcpy(header.magic, NPU_FILE_MAGIC, sizeof(header.magic));
	for (int i = 0; i < NPU_SECTIONS; i++) {
		uint64_t align = i == NPU_SECTION_WEIGHTS ? 4096 : 64;

		if (!parts->section[i].bytes)
			continue;
		header.section[i].offset = (end + align - 1) / align * align;
		header.section[i].bytes = parts->section[i].bytes;
		end = header.section[i].offset + header.section[i].bytes;
	}
	header.file_bytes = end;
	image.bytes = end;
	image.data = aligned_alloc(4096, (end + 4095) / 4096 * 4096);
	if (!image.data)
		abort();
	memset(image.data, 0, end);
	memcpy(image.data, &header, sizeof(header));
	for (int i = 0; i < NPU_SECTIONS; i++)
		if (parts->section[i].bytes)
			memcpy(image.data + header.section[i].offset, parts->section[i].data,
			       parts->section[i].bytes);
	return image;
}

#define NPU_MLP_LAYERS 8

/**
 * struct npu_mlp - int8 dense layers, each clamped at 0 but the last
 * @width: @layers + 1 widths, input first
 * @repeat: how often layer 0 runs: 1, or more for a job that takes long and ends the same
 * @weights: of each layer, [out][in]
 * @bias: of each layer
 *
 * A layer's scale is 2^-10, all zero points are 0; real = q / 16.
 */
struct npu_mlp {
	unsigned int layers;
	unsigned int width[NPU_MLP_LAYERS + 1];
	unsigned int repeat;
	int8_t *weights[NPU_MLP_LAYERS];
	int32_t *bias[NPU_MLP_LAYERS];
};

#define NPU_MLP_SHIFT 9 /* of the multiplier 2^30, which is a half */

static inline uint32_t npu_mlp_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static inline void npu_mlp_init(struct npu_mlp *mlp, unsigned int layers, const unsigned int *width,
				unsigned int repeat)
{
	uint64_t seed = 1;

	memset(mlp, 0, sizeof(*mlp));
	mlp->layers = layers;
	mlp->repeat = repeat;
	memcpy(mlp->width, width, (layers + 1) * sizeof(*width));
	for (unsigned int l = 0; l < layers; l++) {
		size_t count = (size_t)width[l] * width[l + 1];

		mlp->weights[l] = malloc(count);
		mlp->bias[l] = malloc(width[l + 1] * sizeof(int32_t));
		if (!mlp->weights[l] || !mlp->bias[l])
			abort();
		for (size_t i = 0; i < count; i++)
			mlp->weights[l][i] = (int8_t)npu_mlp_random(&seed);
		for (unsigned int o = 0; o < width[l + 1]; o++)
			mlp->bias[l][o] = (int32_t)(npu_mlp_random(&seed) % 20001) - 10000;
	}
}

static inline void npu_mlp_free(struct npu_mlp *mlp)
{
	for (unsigned int l = 0; l < mlp->layers; l++) {
		free(mlp->weights[l]);
		free(mlp->bias[l]);
	}
}

static inline uint32_t npu_mlp_round(uint32_t n, uint32_t to)
{
	return (n + to - 1) / to * to;
}

static inline struct npu_tensor npu_mlp_vector(uint8_t slot, uint8_t type, uint32_t offset,
					       uint32_t length)
{
	return (struct npu_tensor){
		.slot = slot,
		.type = type,
		.offset = offset,
		.dim = { 1, 1, 1, length },
		.stride = { 0 },
	};
}

/* Weights packed in blocks and the bias behind them; returns the end. */
static inline uint32_t npu_mlp_pack(const struct npu_mlp *mlp, unsigned int l, uint8_t *out,
				    uint32_t offset, uint32_t *bias_offset)
{
	uint32_t in = mlp->width[l], n = mlp->width[l + 1], groups = (in + 3) / 4;

	for (uint32_t o = 0; out && o < n; o++)
		for (uint32_t k = 0; k < in; k++)
			out[offset + (o / 16 * groups + k / 4) * 64 + o % 16 * 4 + k % 4] =
				(uint8_t)mlp->weights[l][(size_t)o * in + k];
	*bias_offset = offset + npu_mlp_round(n, 16) / 16 * groups * 64;
	if (out)
		memcpy(out + *bias_offset, mlp->bias[l], n * sizeof(int32_t));
	return npu_mlp_round(*bias_offset + npu_mlp_round(n, 16) * sizeof(int32_t), 64);
}

/* Layer @l's instruction: slot 0 input and output, 1 weights, 2 scratch in two halves. */
static inline struct npu_insn npu_mlp_insn(const struct npu_mlp *mlp, unsigned int l,
					   uint32_t weights, uint32_t bias, uint32_t half)
{
	uint32_t in = mlp->width[l], n = mlp->width[l + 1];
	struct npu_insn insn = { .opcode = NPU_OP_FULLY_CONNECTED };

	insn.t[0] = l + 1 == mlp->layers
			    ? npu_mlp_vector(0, NPU_TYPE_INT8, npu_mlp_round(mlp->width[0], 64), n)
			    : npu_mlp_vector(2, NPU_TYPE_INT8, l % 2 * half, n);
	insn.t[1] = l == 0 ? npu_mlp_vector(0, NPU_TYPE_INT8, 0, in)
			   : npu_mlp_vector(2, NPU_TYPE_INT8, (l - 1) % 2 * half, in);
	insn.t[2] = (struct npu_tensor){
		.slot = 1,
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.offset = weights,
		.dim = { n, 1, 1, in },
	};
	insn.t[3] = npu_mlp_vector(1, NPU_TYPE_INT32, bias, npu_mlp_round(n, 16));
	insn.fc.scales = 0;
	insn.fc.scale_count = 1;
	insn.fc.act_min = l + 1 == mlp->layers ? -128 : 0;
	insn.fc.act_max = 127;
	return insn;
}

/* The file; labels "zero", "one", ... and preprocessing (x - 1) * 2 if asked for. */
static inline struct npu_image npu_mlp_image(const struct npu_mlp *mlp, int extras)
{
	static const char strings[] = "\0pixels\0scores\0zero\0one";
	static const uint32_t labels[] = { 15, 20 };
	static const float floats[] = { 1.0f, 2.0f };
	static const struct npu_scale scale = { 1 << 30, -NPU_MLP_SHIFT };
	uint32_t last = mlp->width[mlp->layers], half = 64, end = 0, bias, count = 0;
	uint32_t out = npu_mlp_round(mlp->width[0], 64);
	struct npu_insn *insns = calloc(mlp->layers + mlp->repeat, sizeof(*insns));
	struct npu_image image;
	uint8_t *weights;

	for (unsigned int l = 0; l < mlp->layers; l++) {
		end = npu_mlp_pack(mlp, l, NULL, end, &bias);
		if (npu_mlp_round(mlp->width[l + 1], 64) > half)
			half = npu_mlp_round(mlp->width[l + 1], 64);
	}
	weights = calloc(1, end);
	if (!insns || !weights)
		abort();
	end = 0;
	for (unsigned int l = 0; l < mlp->layers; l++) {
		uint32_t at = end;

		end = npu_mlp_pack(mlp, l, weights, at, &bias);
		for (unsigned int r = 0; r < (l ? 1 : mlp->repeat); r++)
			insns[count++] = npu_mlp_insn(mlp, l, at, bias, half);
	}

	const struct npu_file_slot slots[] = {
		{ NPU_FILE_SLOT_IO, 0, out + npu_mlp_round(last, 64) },
		{ NPU_FILE_SLOT_WEIGHTS, 0, end },
		{ NPU_FILE_SLOT_SCRATCH, 0, 2 * half },
	};
	const struct npu_file_tensor tensors[] = {
		{ .name = 1,
		  .slot = 0,
		  .type = NPU_TYPE_INT8,
		  .dim = { 1, 1, 1, mlp->width[0] },
		  .scale = 1 / 16.0f,
		  .mean = 0,
		  .factor = extras ? 1 : 0,
		  .preprocess_count = extras ? 1 : 0 },
		{ .name = 8,
		  .slot = 0,
		  .offset = out,
		  .type = NPU_TYPE_INT8,
		  .dim = { 1, 1, 1, last },
		  .scale = 1 / 16.0f },
	};
	struct npu_image_parts parts = {
		.inputs = 1, .outputs = 1,
		.section = {
			[NPU_SECTION_INSNS] = { insns, count * sizeof(*insns) },
			[NPU_SECTION_CONSTS] = { &scale, sizeof(scale) },
			[NPU_SECTION_SLOTS] = { slots, (mlp->layers > 1 ? 3 : 2) * sizeof(*slots) },
			[NPU_SECTION_TENSORS] = { tensors, sizeof(tensors) },
			[NPU_SECTION_FLOATS] = { floats, extras ? sizeof(floats) : 0 },
			[NPU_SECTION_STRINGS] = { strings, sizeof(strings) },
			[NPU_SECTION_LABELS] = { labels, extras ? sizeof(labels) : 0 },
			[NPU_SECTION_WEIGHTS] = { weights, end },
		},
	};

	image = npu_image_make(&parts);
	free(weights);
	free(insns);
	return image;
}

/* Times 2^-10 as the instruction set says: doubling high multiply, then rounding shift. */
static inline int32_t npu_mlp_requantise(int32_t acc)
{
	int64_t product = (int64_t)acc * (1 << 30);
	int32_t high = (int32_t)((product + (product >= 0 ? 1 << 30 : 1 - (1 << 30))) /
				 ((int64_t)1 << 31));
	int32_t rest = high & ((1 << NPU_MLP_SHIFT) - 1);
	int32_t half = ((1 << NPU_MLP_SHIFT) >> 1) - 1 + (high < 0);

	return (high >> NPU_MLP_SHIFT) + (rest > half);
}

/* What the program computes, from the definition and without the engine. */
static inline void npu_mlp_reference(const struct npu_mlp *mlp, const int8_t *input, int8_t *output)
{
	int8_t *now = malloc(65536), *next = malloc(65536);

	if (!now || !next)
		abort();
	memcpy(now, input, mlp->width[0]);
	for (unsigned int l = 0; l < mlp->layers; l++) {
		int32_t low = l + 1 == mlp->layers ? -128 : 0;

		for (unsigned int o = 0; o < mlp->width[l + 1]; o++) {
			const int8_t *w = mlp->weights[l] + (size_t)o * mlp->width[l];
			int32_t acc = mlp->bias[l][o];

			for (unsigned int k = 0; k < mlp->width[l]; k++)
				acc += now[k] * w[k];
			acc = npu_mlp_requantise(acc);
			acc = acc > 127 ? 127 : acc;
			next[o] = (int8_t)(acc < low ? low : acc);
		}
		memcpy(now, next, mlp->width[l + 1]);
	}
	memcpy(output, now, mlp->width[mlp->layers]);
	free(now);
	free(next);
}

static inline void npu_mlp_random_input(const struct npu_mlp *mlp, unsigned int seed, int8_t *input)
{
	uint64_t state = seed;

	for (unsigned int i = 0; i < mlp->width[0]; i++)
		input[i] = (int8_t)npu_mlp_random(&state);
}

#endif /* NPU_IMAGE_H */
