/* SPDX-License-Identifier: MIT */
/* Models that were written and read back, against what they were. */
#ifndef TESTS_ONNX_COMPARE_H
#define TESTS_ONNX_COMPARE_H

#include "data_case.h"

/* Fields that describe the same; @name is of the case. */
static inline void compare_layer(const char *name, const struct npu_layer *x,
				 const struct npu_layer *y)
{
#define SAME(field)                                                                          \
	do {                                                                                 \
		if (x->field != y->field)                                                    \
			fail_msg("%s: " #field " of layer \"%s\" is %g instead of %g", name, \
				 x->name, (double)y->field, (double)x->field);               \
	} while (0)
	assert_string_equal(x->name, y->name);
	SAME(kind);
	SAME(units);
	SAME(activation);
	if (x->activation == NPU_LEAKY_RELU || x->activation == NPU_ELU)
		SAME(alpha);
	SAME(init);
	SAME(init_value);
	SAME(no_bias);
	SAME(frozen);
	for (int d = 0; d < 2; d++) {
		SAME(kernel[d]);
		SAME(stride[d]);
		SAME(dilation[d]);
	}
	SAME(groups);
	SAME(padding);
	for (int i = 0; x->padding == NPU_EXPLICIT && i < 4; i++)
		SAME(pad[i]);
	for (int i = 0; x->kind == NPU_LAYER_RESHAPE && i < 3; i++)
		SAME(dim[i]);
	if (x->kind == NPU_LAYER_CONCAT)
		SAME(axis);
	if (x->kind == NPU_LAYER_BATCH_NORM || x->kind == NPU_LAYER_LAYER_NORM)
		SAME(epsilon);
	if (x->kind == NPU_LAYER_BATCH_NORM)
		SAME(momentum);
	if (x->kind == NPU_LAYER_DROPOUT)
		SAME(rate);
	SAME(vocabulary);
	SAME(sequences);
	SAME(stateful);
	SAME(backwards);
	SAME(bidirectional);
	SAME(reset_after);
#undef SAME
}

static inline void compare_layers(const char *name, const struct npu_model *a,
				  const struct npu_model *b)
{
	assert_int_equal(npu_model_layers(a), npu_model_layers(b));
	for (size_t i = 0; i < npu_model_layers(a); i++) {
		const int *p, *q;
		size_t inputs = npu_model_layer_inputs(a, i, &p);

		compare_layer(name, npu_model_layer(a, i), npu_model_layer(b, i));
		assert_int_equal(inputs, npu_model_layer_inputs(b, i, &q));
		assert_memory_equal(p, q, inputs * sizeof(*p));
	}
}

static inline void compare_parameters(struct npu_model *a, struct npu_model *b)
{
	assert_int_equal(npu_model_parameters(a), npu_model_parameters(b));
	for (size_t i = 0; i < npu_model_parameters(a); i++) {
		struct npu_parameter x, y;

		assert_int_equal(npu_model_parameter(a, i, &x), 0);
		assert_int_equal(npu_model_parameter(b, i, &y), 0);
		assert_string_equal(x.name, y.name);
		assert_int_equal(x.count, y.count);
		assert_memory_equal(x.value, y.value, x.count * sizeof(float));
		assert_int_equal(x.trained, y.trained);
	}
}

static inline float next_value(uint32_t *random)
{
	return (float)((int32_t)next_random(random) / 2147483648.0);
}

/* Samples in [-2, 2); whole numbers up to @numbers, if that is not 0. */
static inline float *make_inputs(const struct npu_model *model, size_t samples,
				 unsigned int numbers)
{
	size_t count = samples * npu_model_features(model);
	float *x = malloc(count * sizeof(*x));
	uint32_t random = 9;

	assert_non_null(x);
	for (size_t i = 0; i < count; i++)
		x[i] = numbers ? (float)(next_random(&random) % numbers) : 2 * next_value(&random);
	return x;
}

static inline float *predict(struct npu_model *model, const float *x, size_t samples)
{
	float *y = malloc(samples * npu_model_outputs(model) * sizeof(*y));
	struct npu_error err;

	assert_non_null(y);
	npu_model_reset_state(model);
	if (npu_model_predict(model, x, samples, 1, y, &err))
		fail_msg("%s", err.message);
	return y;
}

/* Write it and read it: the same layers and bits, the same answers, and again the same bytes. */
static inline struct npu_model *round_trip(const char *name, struct npu_model *model,
					   const float *x, size_t samples)
{
	float *y = predict(model, x, samples), *z;
	uint8_t *first, *second;
	struct npu_model *back;
	struct npu_error err;
	size_t size, size2;

	if (npu_model_save(model, "m.onnx", &err) || npu_model_load(&back, "m.onnx", &err))
		fail_msg("%s: %s", name, err.message);
	compare_layers(name, model, back);
	compare_parameters(model, back);
	z = predict(back, x, samples);
	assert_memory_equal(y, z, samples * npu_model_outputs(model) * sizeof(*y));
	first = read_bytes("m.onnx", &size);
	assert_int_equal(npu_model_save(back, "n.onnx", &err), 0);
	second = read_bytes("n.onnx", &size2);
	assert_int_equal(size, size2);
	assert_memory_equal(first, second, size);
	free(first);
	free(second);
	free(y);
	free(z);
	return back;
}

/* Leave FOLDER/NAME.onnx, NAME.in.npy and NAME.out.npy. */
static inline int export_model(const char *folder, const char *name, struct npu_model *model,
			       const float *x, size_t samples)
{
	float *y = predict(model, x, samples);
	struct npu_error err;
	char path[512];
	int ret;

	snprintf(path, sizeof(path), "%s/%s.onnx", folder, name);
	ret = npu_model_save(model, path, &err);
	if (ret)
		fprintf(stderr, "%s: %s\n", name, err.message);
	snprintf(path, sizeof(path), "%s/%s.in.npy", folder, name);
	ret |= npu_write_npy(path, x, samples, npu_model_features(model), NULL);
	snprintf(path, sizeof(path), "%s/%s.out.npy", folder, name);
	ret |= npu_write_npy(path, y, samples, npu_model_outputs(model), NULL);
	free(y);
	return ret;
}

#endif
