// SPDX-License-Identifier: MIT
/*
 * insn/OPERATION/VARIANT: each instruction of the tests' table, at the size given there, in every
 * variant that this CPU has. The reference is the scalar variant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/engine_operations.h"
#include "bench.h"
#include "npu_engine.h"
#include "runtime/device.h"

#define VARIANTS 8
#define SCALES 1200 /* two for each row of an LSTM of 128, and a few */
#define WORDS 1000  /* of an embedding */

/**
 * struct subject - an operation by a variant
 * @scalar_us: of the operation, once it has been measured
 */
struct subject {
	const struct operation *op;
	const struct npu_variant *variant;
	double *scalar_us;
};

/**
 * struct machine - what runs it
 * @memory: of each tensor a slot
 */
struct machine {
	const struct npu_variant *variant;
	struct npu_insn insn;
	struct npu_exec exec;
	struct npu_scale scale[SCALES];
	unsigned char workspace[NPU_WORKSPACE_BYTES] __attribute__((aligned(NPU_WORKSPACE_ALIGN)));
};

/* ---------------------------------------------------------------- instances */

static void dense(struct npu_insn *insn, unsigned int i, uint32_t type, uint32_t h, uint32_t w,
		  uint32_t c)
{
	uint32_t bytes = type_bytes(type);

	insn->t[i] = (struct npu_tensor){
		.slot = i,
		.type = type,
		.dim = { 1, h, w, c },
		.stride = { h * w * c * bytes, w * c * bytes, c * bytes },
	};
}

static void packed(struct npu_insn *insn, unsigned int i, uint32_t channels, uint32_t kernel,
		   uint32_t depth)
{
	insn->t[i] = (struct npu_tensor){
		.slot = i,
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.dim = { channels, kernel, kernel, depth },
	};
}

/* Parameters that several instructions have at different places. */
static void limits(const struct operation *op, __s32 *min, __s32 *max)
{
	*min = op->out == NPU_TYPE_INT8 ? -128 : -32768;
	*max = op->out == NPU_TYPE_INT8 ? 127 : 32767;
}

static void product(struct npu_insn *insn, const struct operation *op)
{
	const struct typical *t = &op->typical;

	dense(insn, 0, op->out, 1, t->w, t->c);
	dense(insn, 1, op->in, 1, t->w, t->depth);
	packed(insn, 2, t->c, 1, t->depth);
	if (op->bias)
		dense(insn, 3, op->bias, 1, 1, (t->c + 15) / 16 * 16);
	/* the sums as they are have neither */
	if (op->out == NPU_TYPE_INT32)
		return;
	insn->fc.scale_count = 1;
	limits(op, &insn->fc.act_min, &insn->fc.act_max);
}

/* 3 x 3 with zeros around, as residual networks have them; 2 x 2 the other way. */
static void convolution(struct npu_insn *insn, const struct operation *op)
{
	const struct typical *t = &op->typical;
	bool depthwise = op->opcode == NPU_OP_DEPTHWISE_CONV_2D;
	uint32_t up = op->opcode == NPU_OP_TRANSPOSE_CONV_2D ? 2 : 1;

	dense(insn, 1, op->in, t->h / up, t->w / up, depthwise ? t->c : t->depth);
	packed(insn, 2, t->c, up == 2 ? 2 : 3, depthwise ? 1 : t->depth);
	if (depthwise)
		insn->t[2].layout = NPU_LAYOUT_DEPTHWISE16;
	if (op->bias)
		dense(insn, 3, op->bias, 1, 1, (t->c + 15) / 16 * 16);
	insn->conv.scale_count = 1;
	limits(op, &insn->conv.act_min, &insn->conv.act_max);
	insn->conv.stride[0] = insn->conv.stride[1] = up;
	insn->conv.pad[0] = insn->conv.pad[1] = up == 2 ? 0 : 1;
	insn->conv.dilation[0] = insn->conv.dilation[1] = 1;
	insn->conv.groups = depthwise ? 0 : 1;
}

static void pooling(struct npu_insn *insn, const struct operation *op)
{
	dense(insn, 1, op->in, 2 * op->typical.h, 2 * op->typical.w, op->typical.c);
	limits(op, &insn->pool.act_min, &insn->pool.act_max);
	insn->pool.kernel[0] = insn->pool.kernel[1] = 2;
	insn->pool.stride[0] = insn->pool.stride[1] = 2;
}

static void matmul(struct npu_insn *insn, const struct operation *op)
{
	const struct typical *t = &op->typical;

	dense(insn, 0, op->out, 1, t->w, t->c);
	dense(insn, 1, op->in, 1, t->w, t->depth);
	dense(insn, 2, op->in, 1, t->c, t->depth);
	limits(op, &insn->matmul.act_min, &insn->matmul.act_max);
}

static void activation(struct npu_insn *insn, const struct operation *op)
{
	bool narrow = op->in == NPU_TYPE_INT8;

	if (op->opcode == NPU_OP_SOFTMAX) {
		insn->t[0].zero_point = op->out == NPU_TYPE_INT8 ? -128 : 0;
		insn->softmax.multiplier = 1 << 30;
		insn->softmax.shift = narrow ? 22 : 0;
		insn->softmax.diff_min = narrow ? -248 : 0;
		return;
	}
	insn->t[0].zero_point = narrow && op->opcode == NPU_OP_SIGMOID ? -128 : 0;
	insn->sigmoid.multiplier = narrow ? 1 << 30 : 0;
	insn->sigmoid.shift = narrow ? 22 : 0;
	insn->sigmoid.radius = narrow ? 127 : 0;
}

static void recurrent(struct npu_insn *insn, const struct operation *op)
{
	static const uint32_t gates[] = { 1, 4, 3 }; /* of RNN, LSTM, GRU */
	const struct typical *t = &op->typical;
	uint32_t g = gates[op->opcode - NPU_OP_RNN], rows = g * ((t->c + 15) / 16 * 16);

	dense(insn, 0, op->out, 1, t->w, t->c);
	dense(insn, 1, op->in, 1, t->w, t->depth);
	packed(insn, 2, rows, 1, t->depth);
	packed(insn, 3, rows, 1, t->c);
	dense(insn, 4, op->bias, 1, 2, rows);
	/* the first three are at the same places in all of them */
	insn->rnn.scale_count = g;
	limits(op, &insn->rnn.act_min, &insn->rnn.act_max);
	if (op->opcode == NPU_OP_LSTM) {
		dense(insn, 6, NPU_TYPE_INT16, 1, 1, t->c);
		insn->lstm.cell_clip = 32767;
	} else if (op->opcode == NPU_OP_GRU) {
		dense(insn, 6, op->out, 1, 1, t->c);
	}
}

/* Those whose input has another shape than their output, and that only move. */
static void move(struct npu_insn *insn, const struct operation *op)
{
	const struct typical *t = &op->typical;
	uint32_t i;

	switch (op->opcode) {
	case NPU_OP_PAD:
		dense(insn, 1, op->in, t->h - 2, t->w - 2, t->c);
		insn->pad.before[1] = insn->pad.before[2] = 1;
		break;
	case NPU_OP_SLICE:
		dense(insn, 1, op->in, t->h, 2 * t->w, t->c);
		for (i = 0; i < 4; i++)
			insn->slice.step[i] = i == 2 ? 2 : 1;
		break;
	case NPU_OP_TRANSPOSE:
		/* channels first */
		dense(insn, 1, op->in, t->w, t->c, t->h);
		insn->transpose.perm[1] = 3;
		insn->transpose.perm[2] = 1;
		insn->transpose.perm[3] = 2;
		break;
	case NPU_OP_EMBEDDING:
		dense(insn, 1, op->in, t->h, t->w, 1);
		dense(insn, 2, op->out, 1, WORDS, t->c);
		break;
	default:
		dense(insn, 1, op->in, t->h / 2, t->w / 2, t->c);
		break;
	}
}

static void elementwise(struct npu_insn *insn, const struct operation *op)
{
	const struct typical *t = &op->typical;

	dense(insn, 1, op->in, t->h, t->w, t->c);
	switch (op->opcode) {
	case NPU_OP_ADD:
	case NPU_OP_SUB:
	case NPU_OP_MUL:
	case NPU_OP_MIN:
	case NPU_OP_MAX:
		dense(insn, 2, op->in, t->h, t->w, t->c);
		limits(op, &insn->binary.act_min, &insn->binary.act_max);
		break;
	case NPU_OP_REDUCE_MEAN:
	case NPU_OP_REDUCE_SUM:
		limits(op, &insn->reduce.act_min, &insn->reduce.act_max);
		/* fallthrough */
	case NPU_OP_REDUCE_MAX:
		dense(insn, 0, op->out, 1, 1, t->c);
		break;
	case NPU_OP_CLAMP:
		limits(op, &insn->clamp.min, &insn->clamp.max);
		break;
	case NPU_OP_REQUANTISE:
		limits(op, &insn->requantise.act_min, &insn->requantise.act_max);
		break;
	case NPU_OP_LAYER_NORM:
		if (op->bias) {
			dense(insn, 2, op->bias, 1, 1, t->c);
			dense(insn, 3, op->bias, 1, 1, t->c);
		}
		limits(op, &insn->norm.act_min, &insn->norm.act_max);
		break;
	case NPU_OP_SIGMOID:
	case NPU_OP_TANH:
	case NPU_OP_SOFTMAX:
		activation(insn, op);
		break;
	}
}

static void typical_insn(struct npu_insn *insn, const struct operation *op)
{
	memset(insn, 0, sizeof(*insn));
	insn->opcode = op->opcode;
	dense(insn, 0, op->out, op->typical.h, op->typical.w, op->typical.c);
	switch (op->opcode) {
	case NPU_OP_FULLY_CONNECTED:
		product(insn, op);
		break;
	case NPU_OP_CONV_2D:
	case NPU_OP_DEPTHWISE_CONV_2D:
	case NPU_OP_TRANSPOSE_CONV_2D:
		convolution(insn, op);
		break;
	case NPU_OP_MAX_POOL_2D:
	case NPU_OP_AVERAGE_POOL_2D:
		pooling(insn, op);
		break;
	case NPU_OP_BATCH_MATMUL:
		matmul(insn, op);
		break;
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		recurrent(insn, op);
		break;
	case NPU_OP_PAD:
	case NPU_OP_SLICE:
	case NPU_OP_TRANSPOSE:
	case NPU_OP_RESIZE_NEAREST:
	case NPU_OP_RESIZE_BILINEAR:
	case NPU_OP_EMBEDDING:
		move(insn, op);
		break;
	default:
		elementwise(insn, op);
		break;
	}
}

/* ---------------------------------------------------------------- measuring */

static bool make_memory(struct machine *m, const struct npu_slot_need *needs)
{
	uint32_t i;
	size_t k;

	for (i = 0; i < NPU_INSN_TENSORS; i++) {
		size_t bytes = (needs[i].bytes + 63) / 64 * 64;

		if (!bytes)
			continue;
		m->exec.slot[i] = aligned_alloc(64, bytes);
		if (!m->exec.slot[i])
			return false;
		for (k = 0; k < bytes; k++)
			m->exec.slot[i][k] = (unsigned char)(k * 37 + i);
	}
	return true;
}

static void run(void *context)
{
	struct machine *m = context;

	m->exec.insn = m->exec.unit = 0;
	while (!npu_exec_done(&m->exec))
		npu_exec_step(m->variant, &m->exec, UINT32_MAX);
}

/* Microseconds of @op by @variant, negative after bench_fail(). */
static double measure_by(struct bench *bench, const struct operation *op,
			 const struct npu_variant *variant)
{
	static struct machine machine;
	struct npu_slot_need needs[NPU_MAX_SLOTS] = { 0 };
	struct npu_fault fault = { 0 };
	double us = -1, budget = bench->budget;
	__u64 cost = 0;
	uint32_t i;

	memset(&machine, 0, sizeof(machine));
	typical_insn(&machine.insn, op);
	for (i = 0; i < SCALES; i++)
		machine.scale[i] = (struct npu_scale){ 1 << 30, -8 };
	machine.variant = variant;
	machine.exec.insns = &machine.insn;
	machine.exec.insn_count = 1;
	machine.exec.consts = machine.scale;
	machine.exec.workspace = machine.workspace;
	if (!npu_insn_validate(&machine.insn, machine.scale, sizeof(machine.scale),
			       NPU_INSN_TENSORS, needs, &cost, &fault)) {
		bench_fail(bench, "");
		snprintf(bench->note, sizeof(bench->note), "%s %s", fault.field, fault.reason);
		return -1;
	}
	/* there are many of these rows */
	bench->budget = budget / 20;
	if (make_memory(&machine, needs))
		us = bench_time(bench, BENCH_WALL, run, &machine) * 1e6;
	else
		bench_fail(bench, "no memory");
	bench->budget = budget;
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		free(machine.exec.slot[i]);
	return us;
}

static double measure(struct bench *bench)
{
	const struct subject *subject = bench->subject;

	if (!*subject->scalar_us)
		*subject->scalar_us = measure_by(bench, subject->op, npu_variant_at(0));
	bench->reference = *subject->scalar_us;
	if (bench->reference < 0)
		return -1;
	return measure_by(bench, subject->op, subject->variant);
}

/* --------------------------------------------------------------------- rows */

static const struct operation *operation_at(size_t i)
{
	return i < OPERATIONS ? &operations[i] : &recurrent_operations[i - OPERATIONS];
}

#define ALL (OPERATIONS + RECURRENT_OPERATIONS)

const struct bench_row *bench_insn_rows(void)
{
	static struct bench_row rows[ALL * VARIANTS + 1];
	static struct subject subjects[ALL * VARIANTS];
	static char names[ALL * VARIANTS][64];
	static double scalar_us[ALL];
	size_t count = 0, o, v;

	for (o = 0; o < ALL; o++)
		for (v = 1; v < VARIANTS && npu_variant_at(v); v++) {
			const struct npu_variant *variant = npu_variant_at(v);

			if (npu_variant_features(variant) & ~npu_cpu_features())
				continue;
			snprintf(names[count], sizeof(names[count]), "insn/%s/%s",
				 operation_at(o)->name, npu_variant_name(variant));
			subjects[count] =
				(struct subject){ operation_at(o), variant, &scalar_us[o] };
			rows[count] = (struct bench_row){
				names[count], "us", NULL, NULL, false, measure, &subjects[count]
			};
			count++;
		}
	return rows;
}
