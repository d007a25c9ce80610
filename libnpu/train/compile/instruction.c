// SPDX-License-Identifier: MIT
#include <string.h>

#include "train/compile/instruction.h"

#define PARAMETER(group, field, is_signed)                                           \
	{                                                                            \
#field, offsetof(struct npu_insn, group.field),                      \
			sizeof(((struct npu_insn *)NULL)->group.field), 1, is_signed \
	}
#define PARAMETERS(group, field, is_signed)                                        \
	{                                                                          \
#field, offsetof(struct npu_insn, group.field),                    \
			sizeof(((struct npu_insn *)NULL)->group.field[0]),         \
			sizeof(((struct npu_insn *)NULL)->group.field) /           \
				sizeof(((struct npu_insn *)NULL)->group.field[0]), \
			is_signed                                                  \
	}

static const struct npu_insn_parameter fc[] = {
	PARAMETER(fc, scales, false),
	PARAMETER(fc, scale_count, false),
	PARAMETER(fc, act_min, true),
	PARAMETER(fc, act_max, true),
};

/* All but the last have the other convolutions, too. */
static const struct npu_insn_parameter conv_2d[] = {
	PARAMETER(conv, scales, false),	   PARAMETER(conv, scale_count, false),
	PARAMETER(conv, act_min, true),	   PARAMETER(conv, act_max, true),
	PARAMETERS(conv, stride, false),   PARAMETERS(conv, pad, false),
	PARAMETERS(conv, dilation, false), PARAMETER(conv, groups, false),
	PARAMETERS(conv, pool, false),
};

static const struct npu_insn_parameter pool[] = {
	PARAMETER(pool, act_min, true),	 PARAMETER(pool, act_max, true),
	PARAMETERS(pool, kernel, false), PARAMETERS(pool, stride, false),
	PARAMETERS(pool, pad, false),
};

static const struct npu_insn_parameter binary[] = {
	PARAMETER(binary, scales, false),
	PARAMETER(binary, act_min, true),
	PARAMETER(binary, act_max, true),
};

static const struct npu_insn_parameter matmul[] = {
	PARAMETER(matmul, scales, false),
	PARAMETER(matmul, act_min, true),
	PARAMETER(matmul, act_max, true),
};

static const struct npu_insn_parameter reduce[] = {
	PARAMETER(reduce, scales, false),
	PARAMETER(reduce, act_min, true),
	PARAMETER(reduce, act_max, true),
};

static const struct npu_insn_parameter clamp[] = {
	PARAMETER(clamp, min, true),
	PARAMETER(clamp, max, true),
};

static const struct npu_insn_parameter requantise[] = {
	PARAMETER(requantise, scales, false),
	PARAMETER(requantise, act_min, true),
	PARAMETER(requantise, act_max, true),
};

static const struct npu_insn_parameter table[] = {
	PARAMETER(table, offset, false),
};

static const struct npu_insn_parameter sigmoid[] = {
	PARAMETER(sigmoid, multiplier, true),
	PARAMETER(sigmoid, shift, true),
	PARAMETER(sigmoid, radius, true),
};

static const struct npu_insn_parameter softmax[] = {
	PARAMETER(softmax, multiplier, true),
	PARAMETER(softmax, shift, true),
	PARAMETER(softmax, diff_min, true),
};

static const struct npu_insn_parameter pad[] = {
	PARAMETERS(pad, before, false),
	PARAMETER(pad, value, true),
};

static const struct npu_insn_parameter slice[] = {
	PARAMETERS(slice, begin, false),
	PARAMETERS(slice, step, true),
};

static const struct npu_insn_parameter transpose[] = {
	PARAMETERS(transpose, perm, false),
};

static const struct npu_insn_parameter resize[] = {
	PARAMETER(resize, flags, false),
};

static const struct npu_insn_parameter norm[] = {
	PARAMETER(norm, scales, false),
	PARAMETER(norm, act_min, true),
	PARAMETER(norm, act_max, true),
	PARAMETERS(norm, epsilon, false),
};

static const struct npu_insn_parameter rnn[] = {
	PARAMETER(rnn, flags, false),	    PARAMETER(rnn, scales, false),
	PARAMETER(rnn, scale_count, false), PARAMETER(rnn, act_min, true),
	PARAMETER(rnn, act_max, true),	    PARAMETER(rnn, activation, false),
	PARAMETER(rnn, table, false),
};

static const struct npu_insn_parameter lstm[] = {
	PARAMETER(lstm, flags, false),	     PARAMETER(lstm, scales, false),
	PARAMETER(lstm, scale_count, false), PARAMETER(lstm, act_min, true),
	PARAMETER(lstm, act_max, true),	     PARAMETER(lstm, cell_multiplier, true),
	PARAMETER(lstm, cell_shift, true),   PARAMETER(lstm, cell_clip, true),
};

static const struct npu_insn_parameter gru[] = {
	PARAMETER(gru, flags, false),	    PARAMETER(gru, scales, false),
	PARAMETER(gru, scale_count, false), PARAMETER(gru, act_min, true),
	PARAMETER(gru, act_max, true),
};

/* With the parameters of @group, or none. */
#define WITH(group) group, sizeof(group) / sizeof((group)[0])
#define NONE NULL, 0
#define OTHER_CONV (sizeof(conv_2d) / sizeof(conv_2d[0]) - 1)

/* clang-format off */
#define UNARY { "out", "in" }
#define BINARY { "out", "in1", "in2" }
#define WEIGHTED { "out", "in", "weights", "bias" }
#define RECURRENT(sixth) \
	{ "out", "in", "weights", "recurrent", "bias", "hidden", sixth, "lengths" }
/* clang-format on */

static const struct npu_instruction instructions[] = {
	{ NPU_OP_NOP, "nop", { NULL }, NONE, 0, 0, 0 },
	{ NPU_OP_COPY, "copy", UNARY, NONE, 0, 0, 0 },
	{ NPU_OP_FULLY_CONNECTED, "fully_connected", WEIGHTED, WITH(fc), 0, 1, 0 },
	{ NPU_OP_CONV_2D, "conv_2d", WEIGHTED, WITH(conv_2d), 0, 1, 0 },
	{ NPU_OP_DEPTHWISE_CONV_2D, "depthwise_conv_2d", WEIGHTED, conv_2d, OTHER_CONV, 0, 1, 0 },
	{ NPU_OP_TRANSPOSE_CONV_2D, "transpose_conv_2d", WEIGHTED, conv_2d, OTHER_CONV, 0, 1, 0 },
	{ NPU_OP_MAX_POOL_2D, "max_pool_2d", UNARY, WITH(pool), 0, 0, 0 },
	{ NPU_OP_AVERAGE_POOL_2D, "average_pool_2d", UNARY, WITH(pool), 0, 0, 0 },
	{ NPU_OP_ADD, "add", BINARY, WITH(binary), 3, 0, 0 },
	{ NPU_OP_MUL, "mul", BINARY, WITH(binary), 1, 0, 0 },
	{ NPU_OP_SUB, "sub", BINARY, WITH(binary), 3, 0, 0 },
	{ NPU_OP_MIN, "min", BINARY, WITH(binary), 2, 0, 0 },
	{ NPU_OP_MAX, "max", BINARY, WITH(binary), 2, 0, 0 },
	{ NPU_OP_BATCH_MATMUL, "batch_matmul", { "out", "left", "right" }, WITH(matmul), 1, 0, 0 },
	{ NPU_OP_REDUCE_MEAN, "reduce_mean", UNARY, WITH(reduce), 1, 0, 0 },
	{ NPU_OP_REDUCE_SUM, "reduce_sum", UNARY, WITH(reduce), 1, 0, 0 },
	{ NPU_OP_REDUCE_MAX, "reduce_max", UNARY, NONE, 0, 0, 0 },
	{ NPU_OP_LAYER_NORM, "layer_norm", { "out", "in", "gamma", "beta" }, WITH(norm), 1, 0, 0 },
	{ NPU_OP_CLAMP, "clamp", UNARY, WITH(clamp), 0, 0, 0 },
	{ NPU_OP_REQUANTISE, "requantise", UNARY, WITH(requantise), 1, 0, 0 },
	{ NPU_OP_TABLE, "table", UNARY, WITH(table), 0, 0, 0 },
	{ NPU_OP_SIGMOID, "sigmoid", UNARY, WITH(sigmoid), 0, 0, 0 },
	{ NPU_OP_TANH, "tanh", UNARY, WITH(sigmoid), 0, 0, 0 },
	{ NPU_OP_SOFTMAX, "softmax", UNARY, WITH(softmax), 0, 0, 0 },
	{ NPU_OP_PAD, "pad", UNARY, WITH(pad), 0, 0, 0 },
	{ NPU_OP_SLICE, "slice", UNARY, WITH(slice), 0, 0, 0 },
	{ NPU_OP_TRANSPOSE, "transpose", UNARY, WITH(transpose), 0, 0, 0 },
	{ NPU_OP_RESIZE_NEAREST, "resize_nearest", UNARY, WITH(resize), 0, 0, 0 },
	{ NPU_OP_RESIZE_BILINEAR, "resize_bilinear", UNARY, WITH(resize), 0, 0, 0 },
	{ NPU_OP_EMBEDDING, "embedding", { "out", "index", "table" }, NONE, 0, 0, 0 },
	{ NPU_OP_RNN, "rnn", RECURRENT("unused"), WITH(rnn), 1, 2, 1 << 5 },
	{ NPU_OP_LSTM, "lstm", RECURRENT("cell"), WITH(lstm), 3, 2, 1 << 5 | 1 << 6 },
	{ NPU_OP_GRU, "gru", RECURRENT("reset"), WITH(gru), 2, 2, 1 << 5 | 1 << 6 },
};

#define INSTRUCTIONS (sizeof(instructions) / sizeof(instructions[0]))

const struct npu_instruction *npu_instruction_at(size_t i)
{
	return i < INSTRUCTIONS ? &instructions[i] : NULL;
}

const struct npu_instruction *npu_instruction_of(uint16_t opcode)
{
	size_t i;

	for (i = 0; i < INSTRUCTIONS; i++)
		if (instructions[i].opcode == opcode)
			return &instructions[i];
	return NULL;
}

const struct npu_instruction *npu_instruction_named(const char *mnemonic)
{
	size_t i;

	for (i = 0; i < INSTRUCTIONS; i++)
		if (!strcmp(instructions[i].mnemonic, mnemonic))
			return &instructions[i];
	return NULL;
}

int64_t npu_insn_parameter_read(const struct npu_insn *insn,
				const struct npu_insn_parameter *parameter, unsigned int i)
{
	unsigned int shift = 64 - 8 * parameter->bytes;
	uint64_t number = 0;

	/* little endian, as the file */
	memcpy(&number, (const uint8_t *)insn + parameter->at + i * parameter->bytes,
	       parameter->bytes);
	return parameter->negative ? (int64_t)(number << shift) >> shift : (int64_t)number;
}

void npu_insn_parameter_write(struct npu_insn *insn, const struct npu_insn_parameter *parameter,
			      unsigned int i, int64_t number)
{
	memcpy((uint8_t *)insn + parameter->at + i * parameter->bytes, &number, parameter->bytes);
}

static const struct npu_insn_parameter *named_parameter(const struct npu_instruction *instruction,
							const char *name)
{
	unsigned int i;

	for (i = 0; i < instruction->parameters; i++)
		if (!strcmp(instruction->parameter[i].name, name))
			return &instruction->parameter[i];
	return NULL;
}

uint32_t npu_insn_scales(const struct npu_insn *insn, uint32_t *offset)
{
	const struct npu_instruction *instruction = npu_instruction_of(insn->opcode);
	uint32_t count = 0;

	if (!instruction || instruction->scales + instruction->counted == 0)
		return 0;
	*offset =
		(uint32_t)npu_insn_parameter_read(insn, named_parameter(instruction, "scales"), 0);
	if (instruction->counted)
		count = (uint32_t)npu_insn_parameter_read(
			insn, named_parameter(instruction, "scale_count"), 0);
	return instruction->scales + instruction->counted * count;
}

bool npu_insn_writes(const struct npu_insn *insn, unsigned int i)
{
	const struct npu_instruction *instruction = npu_instruction_of(insn->opcode);

	return instruction && (i == 0 || instruction->written >> i & 1);
}

bool npu_insn_reads(const struct npu_insn *insn, unsigned int i)
{
	const struct npu_instruction *instruction = npu_instruction_of(insn->opcode);

	if (!instruction || i == 0)
		return false;
	if (!(instruction->written >> i & 1))
		return true;
	/* the scratch memory of a GRU is none of the states */
	return insn->rnn.flags & NPU_RECURRENT_INITIAL && !(insn->opcode == NPU_OP_GRU && i == 6);
}

static uint64_t packed_bytes(const struct npu_insn *insn, const struct npu_tensor *t)
{
	uint64_t depth = (uint64_t)t->dim[1] * t->dim[2] * t->dim[3], groups = 1;

	if (t->layout == NPU_LAYOUT_DEPTHWISE16)
		return (t->dim[0] + 15) / 16 * depth * 16;
	if (insn->opcode == NPU_OP_CONV_2D || insn->opcode == NPU_OP_TRANSPOSE_CONV_2D)
		groups = insn->conv.groups;
	return groups * ((t->dim[0] / groups + 15) / 16) * ((depth + 3) / 4) * 64;
}

uint64_t npu_insn_tensor_end(const struct npu_insn *insn, unsigned int i)
{
	const struct npu_tensor *t = &insn->t[i];
	uint64_t end = t->offset;
	unsigned int d;

	if (t->layout != NPU_LAYOUT_LINEAR)
		return end + packed_bytes(insn, t);
	for (d = 0; d < 3; d++)
		end += (uint64_t)(t->dim[d] - 1) * t->stride[d];
	return end + (uint64_t)t->dim[3] * npu_element_bytes(t->type);
}

static uint64_t elements(const struct npu_tensor *t)
{
	return (uint64_t)t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

uint64_t npu_insn_macs(const struct npu_insn *insn)
{
	const struct npu_tensor *t = insn->t;
	uint64_t taps = (uint64_t)t[2].dim[1] * t[2].dim[2];

	switch (insn->opcode) {
	case NPU_OP_FULLY_CONNECTED:
	case NPU_OP_BATCH_MATMUL:
		return elements(&t[0]) * t[1].dim[3];
	case NPU_OP_CONV_2D:
		/* of the outputs in front of the maximum */
		if (insn->conv.pool[0])
			taps *= insn->conv.pool[0] * insn->conv.pool[1];
		/* fallthrough */
	case NPU_OP_DEPTHWISE_CONV_2D:
		return elements(&t[0]) * taps * t[2].dim[3];
	case NPU_OP_TRANSPOSE_CONV_2D:
		return elements(&t[1]) * taps * (t[2].dim[0] / insn->conv.groups);
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		return (uint64_t)t[1].dim[0] * t[1].dim[2] * (elements(&t[2]) + elements(&t[3]));
	default:
		return 0;
	}
}

uint64_t npu_insn_outputs(const struct npu_insn *insn)
{
	switch (insn->opcode) {
	case NPU_OP_RNN:
	case NPU_OP_LSTM:
	case NPU_OP_GRU:
		/* a sum for each gate of each unit, once a step */
		return (uint64_t)insn->t[1].dim[0] * insn->t[1].dim[2] * insn->t[2].dim[0];
	default:
		return insn->opcode == NPU_OP_NOP ? 0 : elements(&insn->t[0]);
	}
}

uint32_t npu_element_bytes(uint32_t type)
{
	static const uint8_t bytes[] = { 0, 1, 2, 4, 8 };

	return type < sizeof(bytes) ? bytes[type] : 0;
}

bool npu_tensor_is_dense(const struct npu_tensor *t)
{
	uint64_t stride = (uint64_t)t->dim[3] * npu_element_bytes(t->type);
	int d;

	if (t->layout != NPU_LAYOUT_LINEAR)
		return true;
	for (d = 2; d >= 0; d--) {
		if (t->stride[d] != stride)
			return false;
		stride *= t->dim[d];
		if (stride > UINT32_MAX)
			return d == 0;
	}
	return true;
}

const char *npu_type_name(uint32_t type)
{
	static const char *const name[] = {
		[NPU_TYPE_NONE] = "none",   [NPU_TYPE_INT8] = "int8",	[NPU_TYPE_INT16] = "int16",
		[NPU_TYPE_INT32] = "int32", [NPU_TYPE_INT64] = "int64",
	};

	return type < sizeof(name) / sizeof(name[0]) ? name[type] : NULL;
}

const char *npu_layout_name(uint32_t layout)
{
	static const char *const name[] = {
		[NPU_LAYOUT_LINEAR] = "linear",
		[NPU_LAYOUT_BLOCK16X4] = "block16x4",
		[NPU_LAYOUT_DEPTHWISE16] = "depthwise16",
	};

	return layout < sizeof(name) / sizeof(name[0]) ? name[layout] : NULL;
}
