// SPDX-License-Identifier: MIT
/* What the sections of a .npu file say: nothing in them is trusted. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "program.h"

/* The sentence of a file whose content is wrong: where, what, and the remedy. */
__attribute__((format(printf, 3, 4))) static int refuse(const char *name, struct npu_error *err,
							const char *format, ...)
{
	char what[320];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return npu_error_set(err, -EINVAL, "%s: %s; compile the model again", name, what);
}

static int check_counts(const struct npu_program *program, const struct npu_file_header *header,
			const char *name, struct npu_error *err)
{
	uint64_t tensors =
		header->section[NPU_SECTION_TENSORS].bytes / sizeof(struct npu_file_tensor);

	if (!program->insn_count)
		return refuse(name, err, "section INSNS is empty");
	if (!header->inputs || !header->outputs)
		return refuse(name, err, "the program has no %s",
			      header->inputs ? "outputs" : "inputs");
	if ((uint64_t)header->inputs + header->outputs != tensors)
		return refuse(name, err,
			      "%" PRIu32 " inputs and %" PRIu32 " outputs, but section "
			      "TENSORS describes %" PRIu64,
			      header->inputs, header->outputs, tensors);
	return 0;
}

static int check_strings(const struct npu_program *program, const struct npu_file_header *header,
			 const char *name, struct npu_error *err)
{
	uint64_t bytes = header->section[NPU_SECTION_STRINGS].bytes;

	if (!bytes || program->strings[0] || program->strings[bytes - 1])
		return refuse(name, err,
			      "section STRINGS does not start with the empty string and "
			      "end with a NUL");
	for (uint32_t i = 0; i < program->label_count; i++)
		if (program->labels[i] >= bytes)
			return refuse(name, err,
				      "label %" PRIu32 " is at byte %" PRIu32 " of "
				      "section STRINGS, which ends at %" PRIu64,
				      i, program->labels[i], bytes);
	return 0;
}

/* Where there are names of instructions, each has one. */
static int check_names(const struct npu_program *program, const struct npu_file_header *header,
		       const char *name, struct npu_error *err)
{
	uint64_t count = header->names.bytes / sizeof(uint32_t);
	uint64_t bytes = header->section[NPU_SECTION_STRINGS].bytes;

	if (count && count != program->insn_count)
		return refuse(name, err,
			      "section NAMES has %" PRIu64 " entries for %" PRIu32 " instructions",
			      count, program->insn_count);
	for (uint64_t i = 0; i < count; i++)
		if (program->names[i] >= bytes)
			return refuse(name, err,
				      "the name of instruction %" PRIu64 " is at byte %" PRIu32
				      " of section STRINGS, which ends at %" PRIu64,
				      i, program->names[i], bytes);
	return 0;
}

static int check_floats(const struct npu_program *program, const struct npu_file_header *header,
			const char *name, struct npu_error *err)
{
	uint64_t count = header->section[NPU_SECTION_FLOATS].bytes / sizeof(float);

	for (uint64_t i = 0; i < count; i++)
		if (!isfinite(program->floats[i]))
			return refuse(name, err,
				      "float %" PRIu64 " of section FLOATS is not "
				      "finite",
				      i);
	return 0;
}

static int check_insns(const struct npu_program *program, struct npu_slot_need *needs,
		       const char *name, struct npu_error *err)
{
	__u64 cost = 0;

	for (uint32_t i = 0; i < program->insn_count; i++) {
		struct npu_fault fault = { "opcode", "is not valid" };

		if (!npu_insn_validate(&program->insns[i], program->consts, program->const_size,
				       program->slot_count, needs, &cost, &fault))
			return refuse(name, err, "instruction %" PRIu32 ": %s %s", i, fault.field,
				      fault.reason);
	}
	return 0;
}

static const char *const slot_name[] = {
	[NPU_FILE_SLOT_WEIGHTS] = "weights",
	[NPU_FILE_SLOT_IO] = "inputs and outputs",
	[NPU_FILE_SLOT_SCRATCH] = "scratch",
	[NPU_FILE_SLOT_STATE] = "states",
};

static int check_slot(const struct npu_program *program, const struct npu_file_header *header,
		      uint32_t i, const struct npu_slot_need *need, const char *name,
		      struct npu_error *err)
{
	const struct npu_file_slot *slot = &program->slots[i];

	if (slot->kind > (header->version > 1 ? NPU_FILE_SLOT_STATE : NPU_FILE_SLOT_SCRATCH))
		return refuse(name, err, "slot %" PRIu32 ": kind %" PRIu32 " is not known", i,
			      slot->kind);
	if (slot->reserved)
		return refuse(name, err, "slot %" PRIu32 ": reserved is not zero", i);
	for (uint32_t j = 0; j < i; j++)
		if (slot->kind != NPU_FILE_SLOT_IO && program->slots[j].kind == slot->kind)
			return refuse(name, err,
				      "slots %" PRIu32 " and %" PRIu32 " are both for "
				      "%s",
				      j, i, slot_name[slot->kind]);
	if (!need->access)
		return refuse(name, err, "slot %" PRIu32 " is used by no instruction", i);
	if (slot->bytes < need->bytes || slot->bytes > NPU_MAX_SLOT_BYTES)
		return refuse(name, err,
			      "slot %" PRIu32 " has %" PRIu64 " bytes, the instructions "
			      "need %" PRIu64 ", and 4 GiB is the limit",
			      i, slot->bytes, (uint64_t)need->bytes);
	if (slot->kind != NPU_FILE_SLOT_WEIGHTS)
		return 0;
	if (need->access & NPU_SLOT_WRITE)
		return refuse(name, err,
			      "slot %" PRIu32 " holds the weights, but instructions "
			      "write to it",
			      i);
	if (slot->bytes != header->section[NPU_SECTION_WEIGHTS].bytes)
		return refuse(name, err,
			      "slot %" PRIu32 " has %" PRIu64 " bytes of weights, "
			      "section WEIGHTS %" PRIu64,
			      i, slot->bytes, header->section[NPU_SECTION_WEIGHTS].bytes);
	return 0;
}

/* Type, quantisation and place of an input or output. */
static int check_tensor_data(const struct npu_program *program,
			     const struct npu_file_header *header, const struct npu_file_tensor *t,
			     const char *what, uint32_t i, const char *name, struct npu_error *err)
{
	uint64_t bytes = t->type == NPU_TYPE_INT32 ? 4 : t->type == NPU_TYPE_INT16 ? 2 : 1;

	if (t->type != NPU_TYPE_INT8 && t->type != NPU_TYPE_INT16 &&
	    (t->type != NPU_TYPE_INT32 || header->version == 1))
		return refuse(name, err, "%s %" PRIu32 ": type is neither int8 nor int16%s", what,
			      i, header->version == 1 ? "" : " nor int32");
	if (t->type == NPU_TYPE_INT8 ? t->zero_point < -128 || t->zero_point > 127
				     : t->zero_point != 0)
		return refuse(name, err,
			      "%s %" PRIu32 ": zero_point %" PRId32 " is outside its "
			      "type's",
			      what, i, t->zero_point);
	if (!isfinite(t->scale) || t->scale <= 0)
		return refuse(name, err, "%s %" PRIu32 ": scale is not positive and finite", what,
			      i);
	if (t->slot >= program->slot_count || program->slots[t->slot].kind != NPU_FILE_SLOT_IO)
		return refuse(name, err,
			      "%s %" PRIu32 ": slot %" PRIu32 " is not one for inputs "
			      "and outputs",
			      what, i, t->slot);
	if (t->offset % NPU_SLOT_ALIGN)
		return refuse(name, err, "%s %" PRIu32 ": offset is not a multiple of %d", what, i,
			      NPU_SLOT_ALIGN);
	for (int d = 0; d < 4; d++) {
		if (!t->dim[d] || t->dim[d] > NPU_MAX_DIM)
			return refuse(name, err, "%s %" PRIu32 ": dim[%d] is not within 1 to %u",
				      what, i, d, NPU_MAX_DIM);
		/* Below 4 GiB times 2^24 at most: no wrap. */
		bytes *= t->dim[d];
		if (bytes > NPU_MAX_SLOT_BYTES)
			break;
	}
	if (t->offset + bytes > program->slots[t->slot].bytes)
		return refuse(name, err, "%s %" PRIu32 " ends outside its slot", what, i);
	return 0;
}

static int check_preprocessing(const struct npu_file_tensor *t, uint64_t floats, bool input,
			       const char *what, uint32_t i, const char *name,
			       struct npu_error *err)
{
	uint32_t count = t->preprocess_count;

	if (!count) {
		if (t->mean || t->factor)
			return refuse(name, err,
				      "%s %" PRIu32 ": mean or factor is set without "
				      "preprocessing",
				      what, i);
		return 0;
	}
	if (!input)
		return refuse(name, err, "%s %" PRIu32 ": preprocess_count is not zero", what, i);
	if (count != 1 && count != (uint64_t)t->dim[1] * t->dim[2] * t->dim[3])
		return refuse(name, err,
			      "%s %" PRIu32 ": preprocess_count is neither 1 nor the "
			      "elements of a sample",
			      what, i);
	if ((uint64_t)t->mean + count > floats || (uint64_t)t->factor + count > floats)
		return refuse(name, err,
			      "%s %" PRIu32 ": mean or factor ends beyond section "
			      "FLOATS",
			      what, i);
	return 0;
}

static int check_tensor(const struct npu_program *program, const struct npu_file_header *header,
			uint32_t index, const char *name, struct npu_error *err)
{
	const struct npu_file_tensor *t = &program->tensors[index];
	bool input = index < header->inputs;
	const char *what = input ? "input" : "output";
	uint32_t i = input ? index : index - header->inputs;
	int ret;

	if (t->reserved)
		return refuse(name, err, "%s %" PRIu32 ": reserved is not zero", what, i);
	if (t->name >= header->section[NPU_SECTION_STRINGS].bytes)
		return refuse(name, err, "%s %" PRIu32 ": name lies outside section STRINGS", what,
			      i);
	ret = check_tensor_data(program, header, t, what, i, name, err);
	if (ret)
		return ret;
	return check_preprocessing(t, header->section[NPU_SECTION_FLOATS].bytes / sizeof(float),
				   input, what, i, name, err);
}

int npu_program_check(const struct npu_program *program, const struct npu_file_header *header,
		      const char *name, struct npu_error *err)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	int ret;

	memset(needs, 0, sizeof(needs));
	ret = check_counts(program, header, name, err);
	if (!ret)
		ret = check_strings(program, header, name, err);
	if (!ret)
		ret = check_names(program, header, name, err);
	if (!ret)
		ret = check_floats(program, header, name, err);
	if (!ret)
		ret = check_insns(program, needs, name, err);
	for (uint32_t i = 0; !ret && i < program->slot_count; i++)
		ret = check_slot(program, header, i, &needs[i], name, err);
	for (uint32_t i = 0; !ret && i < header->inputs + header->outputs; i++)
		ret = check_tensor(program, header, i, name, err);
	return ret;
}
