/* SPDX-License-Identifier: MIT */
/* Models, samples and compiled programs for the tests of the compiler. */
#ifndef COMPILE_MODEL_H
#define COMPILE_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "npu_train.h"
#include "runtime/format.h"
#include "train/nn/rng.h"

#define check_ok(call, err)                                        \
	do {                                                       \
		if ((call) < 0)                                    \
			fail_msg("%s: %s", #call, (err)->message); \
	} while (0)

static inline float *random_floats(size_t count, float low, float high, uint64_t seed)
{
	float *values = malloc(count * sizeof(*values));
	struct npu_rng rng;
	size_t i;

	assert_non_null(values);
	npu_rng_seed(&rng, seed, 0);
	for (i = 0; i < count; i++)
		values[i] = low + (high - low) * (float)npu_rng_uniform(&rng);
	return values;
}

/* Random biases, so that they are tested too: a new model has zeros. */
static inline void randomise_biases(struct npu_model *model, uint64_t seed)
{
	struct npu_parameter parameter;
	size_t i, k;

	for (i = 0; i < npu_model_parameters(model); i++) {
		float *values;

		assert_int_equal(npu_model_parameter(model, i, &parameter), 0);
		if (parameter.dim[1] != 1)
			continue;
		values = random_floats(parameter.count, -0.5f, 0.5f, seed + i);
		for (k = 0; k < parameter.count; k++)
			parameter.value[k] = values[k];
		free(values);
	}
}

/* features - 48 - 32 - outputs, hidden layers with @hidden, the last with @last. */
static inline struct npu_model *make_mlp(uint32_t features, uint32_t outputs,
					 enum npu_activation hidden, enum npu_activation last,
					 uint64_t seed)
{
	const uint32_t dim[3] = { 1, 1, features };
	struct npu_error err = { 0 };
	struct npu_model *model;

	check_ok(npu_model_create(&model, dim, seed, &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 48, .activation = hidden), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = 32, .activation = hidden), &err), &err);
	check_ok(npu_model_add(model, npu_dense(.units = outputs, .activation = last), &err), &err);
	randomise_biases(model, seed + 1);
	return model;
}

/**
 * struct compiled - a program ready to run in process
 * @image: the .npu file
 * @bytes: its size
 * @session: with one request
 */
struct compiled {
	void *image;
	size_t bytes;
	struct npu_device *device;
	struct npu_program *program;
	struct npu_session *session;
};

static inline void compiled_open(struct compiled *c, const char *variant)
{
	const struct npu_device_options options = {
		.backend = NPU_BACKEND_EMBEDDED,
		.variant = variant,
	};
	struct npu_error err = { 0 };

	check_ok(npu_device_open(&c->device, &options, &err), &err);
	check_ok(npu_program_load_memory(&c->program, c->image, c->bytes, &err), &err);
	check_ok(npu_session_open(&c->session, c->device, c->program, NULL, &err), &err);
}

static inline struct compiled compile_model(const struct npu_model *model, const float *samples,
					    size_t count, enum npu_precision precision,
					    uint32_t batch)
{
	const struct npu_compile_options options = { .precision = precision, .batch = batch };
	struct compiled c = { 0 };
	struct npu_error err = { 0 };

	check_ok(npu_model_compile(model, samples, count, &options, &c.image, &c.bytes, &err),
		 &err);
	compiled_open(&c, NULL);
	return c;
}

static inline const struct npu_file_span *image_section(const void *image, enum npu_file_section i)
{
	return &((const struct npu_file_header *)image)->section[i];
}

/* Bytes of the slot of @kind; 0 if there is none. */
static inline uint64_t image_slot_bytes(const void *image, uint32_t kind)
{
	const struct npu_file_span *span = image_section(image, NPU_SECTION_SLOTS);
	const struct npu_file_slot *slots = (const void *)((const uint8_t *)image + span->offset);
	size_t i;

	for (i = 0; i < span->bytes / sizeof(*slots); i++)
		if (slots[i].kind == kind)
			return slots[i].bytes;
	return 0;
}

/* What was quoted is what there is. */
static inline void check_quoted(const struct npu_compile_quote *quote, const void *image,
				size_t bytes)
{
	assert_int_equal(quote->file_bytes, bytes);
	assert_int_equal(quote->weight_bytes, image_section(image, NPU_SECTION_WEIGHTS)->bytes);
	assert_int_equal(quote->weight_bytes, image_slot_bytes(image, NPU_FILE_SLOT_WEIGHTS));
	assert_int_equal(quote->const_bytes, image_section(image, NPU_SECTION_CONSTS)->bytes);
	assert_int_equal(quote->insn_bytes, image_section(image, NPU_SECTION_INSNS)->bytes);
	assert_int_equal(quote->io_bytes, image_slot_bytes(image, NPU_FILE_SLOT_IO));
	assert_int_equal(quote->scratch_bytes, image_slot_bytes(image, NPU_FILE_SLOT_SCRATCH));
	assert_int_equal(quote->state_bytes, image_slot_bytes(image, NPU_FILE_SLOT_STATE));
}

static inline void compiled_close(struct compiled *c)
{
	npu_session_close(c->session);
	npu_program_free(c->program);
	npu_device_close(c->device);
	npu_image_free(c->image);
}

#endif
