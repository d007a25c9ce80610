// SPDX-License-Identifier: MIT
/*
 * Real numbers to and from a program's integers.
 *
 * One body, compiled for the baseline of the architecture and, on x86-64, for AVX2 and AVX-512:
 * every operation in it is exact or correctly rounded, so that all give the same bits. It works
 * on blocks of constant length, which the compiler turns into vector code.
 */
#include <errno.h>
#include <string.h>

#include "convert.h"
#include "session.h"

#define BLOCK 32

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* A float's bits as an integer: magnitudes compare the same, and NaN above all. */
#define BITS_MAGNITUDE 0x7fffffff
#define BITS_INFINITY 0x7f800000
/* The last float before 1/2. */
#define BITS_BELOW_HALF 0x3effffff
/* 2^20: far outside every type, and small enough for all that follows to be exact. */
#define BITS_LIMIT 0x49800000

ALWAYS_INLINE int32_t bits_of(float value)
{
	int32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

ALWAYS_INLINE float float_of(int32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/*
 * BLOCK reals in @x to integers: round(x * inverse) + zero_point, halves away from zero, clamped
 * to [low, high]; NaN gives zero_point. Comparisons are of integers, because those of floats,
 * which may trap, keep the compiler from using vectors. To add the last float before 1/2 and cut
 * rounds exactly: adding 1/2 itself would take that float up to 1.
 */
ALWAYS_INLINE void quantise_block(const float *x, float inverse, int32_t zero_point, int32_t low,
				  int32_t high, int32_t *q)
{
	for (int i = 0; i < BLOCK; i++) {
		int32_t bits = bits_of(x[i] * inverse);
		int32_t magnitude = bits & BITS_MAGNITUDE;
		int32_t sign = bits & ~BITS_MAGNITUDE;
		int32_t whole;

		magnitude = magnitude > BITS_INFINITY ? 0 : magnitude;
		magnitude = magnitude > BITS_LIMIT ? BITS_LIMIT : magnitude;
		whole = (int32_t)(float_of(sign | magnitude) + float_of(sign | BITS_BELOW_HALF));
		whole += zero_point;
		whole = whole > high ? high : whole;
		q[i] = whole < low ? low : whole;
	}
}

/*
 * A whole block of preprocessed values: in @x, or where they are if there is nothing to do.
 * @count <= BLOCK; @step: 0 for one mean and factor, 1 for one each.
 */
ALWAYS_INLINE const float *preprocess_block(const float *values, unsigned int count,
					    const float *mean, const float *factor,
					    unsigned int step, float *x)
{
	if (count < BLOCK) {
		memset(x, 0, BLOCK * sizeof(*x));
		for (unsigned int i = 0; i < count; i++)
			x[i] = mean ? (values[i] - mean[i * step]) * factor[i * step] : values[i];
	} else if (!mean) {
		return values;
	} else if (step) {
		for (int i = 0; i < BLOCK; i++)
			x[i] = (values[i] - mean[i]) * factor[i];
	} else {
		for (int i = 0; i < BLOCK; i++)
			x[i] = (values[i] - mean[0]) * factor[0];
	}
	return x;
}

ALWAYS_INLINE void store_block(const int32_t *q, unsigned int count, enum npu_element element,
			       uint8_t *out)
{
	int8_t bytes[BLOCK];
	int16_t words[BLOCK];

	if (element == NPU_INT8) {
		for (int i = 0; i < BLOCK; i++)
			bytes[i] = (int8_t)q[i];
		memcpy(out, bytes, count == BLOCK ? sizeof(bytes) : count * sizeof(bytes[0]));
	} else {
		for (int i = 0; i < BLOCK; i++)
			words[i] = (int16_t)q[i];
		memcpy(out, words, count == BLOCK ? sizeof(words) : count * sizeof(words[0]));
	}
}

/* One sample of @count elements. */
ALWAYS_INLINE void quantise(const struct npu_quantisation *how, const float *values, size_t count,
			    uint8_t *out)
{
	size_t width = how->element == NPU_INT8 ? 1 : 2;
	int32_t low = how->element == NPU_INT8 ? INT8_MIN : INT16_MIN;
	int32_t high = how->element == NPU_INT8 ? INT8_MAX : INT16_MAX;
	unsigned int step = how->per_element;
	float inverse = 1 / how->scale;
	float x[BLOCK];
	int32_t q[BLOCK];

	for (size_t at = 0; at < count; at += BLOCK) {
		unsigned int n = count - at < BLOCK ? count - at : BLOCK;
		const float *block;

		block = preprocess_block(values + at, n, how->mean ? how->mean + at * step : NULL,
					 how->mean ? how->factor + at * step : NULL, step, x);
		quantise_block(block, inverse, how->zero_point, low, high, q);
		store_block(q, n, how->element, out + at * width);
	}
}

void npu_quantise_plain(const struct npu_quantisation *how, const float *values, size_t count,
			uint8_t *out)
{
	quantise(how, values, count, out);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void npu_quantise_avx2(const struct npu_quantisation *how,
						       const float *values, size_t count,
						       uint8_t *out)
{
	quantise(how, values, count, out);
}

__attribute__((target("avx512f,avx512bw,avx512vl,prefer-vector-width=512"))) void
npu_quantise_avx512(const struct npu_quantisation *how, const float *values, size_t count,
		    uint8_t *out)
{
	quantise(how, values, count, out);
}
#endif

static void quantise_fastest(const struct npu_quantisation *how, uint32_t cpu_features,
			     const float *values, size_t count, uint8_t *out)
{
#if defined(__x86_64__)
	if (cpu_features & DRM_NPU_ISA_AVX512_VNNI) {
		npu_quantise_avx512(how, values, count, out);
		return;
	}
	if (cpu_features & DRM_NPU_ISA_AVX2) {
		npu_quantise_avx2(how, values, count, out);
		return;
	}
#endif
	(void)cpu_features;
	npu_quantise_plain(how, values, count, out);
}

/* Whole numbers, lengths of sequences say: rounded, halves away from zero; NaN gives 0. */
static void quantise_s32(const struct npu_quantisation *how, const float *values, size_t count,
			 int32_t *out)
{
	double inverse = 1 / (double)how->scale;

	for (size_t i = 0; i < count; i++) {
		float mean = how->mean ? how->mean[how->per_element ? i : 0] : 0;
		float factor = how->mean ? how->factor[how->per_element ? i : 0] : 1;
		double x = (double)((values[i] - mean) * factor) * inverse;

		x += x < 0 ? -0.5 : 0.5;
		if (x >= INT32_MAX)
			out[i] = INT32_MAX;
		else if (x <= INT32_MIN)
			out[i] = INT32_MIN;
		else
			out[i] = x == x ? (int32_t)x : 0;
	}
}

static void dequantise(const struct npu_io *io, const void *from, float *values)
{
	float scale = io->scale;
	int32_t zero_point = io->zero_point;

	if (io->element == NPU_INT8) {
		const int8_t *q = from;

		for (size_t k = 0; k < io->elements; k++)
			values[k] = scale * (float)(q[k] - zero_point);
	} else if (io->element == NPU_INT16) {
		const int16_t *q = from;

		for (size_t k = 0; k < io->elements; k++)
			values[k] = scale * (float)(q[k] - zero_point);
	} else {
		const int32_t *q = from;

		for (size_t k = 0; k < io->elements; k++)
			values[k] = scale * (float)q[k];
	}
}

int npu_request_write_f32(struct npu_request *request, unsigned int i, const float *values)
{
	const struct npu_program *program = npu_request_writes(request)->program;
	uint32_t cpu_features = request->session->device->cpu_features;
	const struct npu_io *io = npu_program_input(program, i);
	const struct npu_file_tensor *tensor;
	struct npu_quantisation how;
	size_t sample, width;
	uint8_t *out;

	if (!io)
		return -EINVAL;
	tensor = &program->tensors[i];
	how = (struct npu_quantisation){
		.scale = io->scale,
		.zero_point = io->zero_point,
		.element = io->element,
		.per_element = tensor->preprocess_count > 1,
		.mean = tensor->preprocess_count ? program->floats + tensor->mean : NULL,
		.factor = tensor->preprocess_count ? program->floats + tensor->factor : NULL,
	};
	out = npu_request_input(request, i);
	sample = io->elements / io->dim[0];
	width = io->bytes / io->elements;
	for (size_t at = 0; at < io->elements; at += sample) {
		if (io->element == NPU_INT32)
			quantise_s32(&how, values + at, sample, (int32_t *)(out + at * width));
		else
			quantise_fastest(&how, cpu_features, values + at, sample, out + at * width);
	}
	request->written |= npu_input_bit(i);
	request->stale &= ~npu_input_bit(i);
	return 0;
}

int npu_request_read_f32(const struct npu_request *request, unsigned int i, float *values)
{
	const struct npu_io *io = npu_program_output(request->binding->program, i);

	if (!io)
		return -EINVAL;
	dequantise(io, npu_request_output(request, i), values);
	return 0;
}
