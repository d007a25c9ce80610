// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/compile/instruction.h"
#include "train/compile/memory_map.h"
#include "train/compile/program_text.h"

#define BYTES_A_LINE 32
#define FLOATS_A_LINE 8
#define CONTINUED "\n        "

const char *npu_slot_kind_name(uint32_t kind)
{
	static const char *const name[] = {
		[NPU_FILE_SLOT_WEIGHTS] = "weights",
		[NPU_FILE_SLOT_IO] = "io",
		[NPU_FILE_SLOT_SCRATCH] = "scratch",
		[NPU_FILE_SLOT_STATE] = "state",
	};

	return kind < sizeof(name) / sizeof(name[0]) ? name[kind] : NULL;
}

const char *npu_section_name(unsigned int section)
{
	static const char *const name[] = {
		[NPU_SECTION_INSNS] = "insns",	 [NPU_SECTION_CONSTS] = "consts",
		[NPU_SECTION_SLOTS] = "slots",	 [NPU_SECTION_TENSORS] = "tensors",
		[NPU_SECTION_FLOATS] = "floats", [NPU_SECTION_STRINGS] = "strings",
		[NPU_SECTION_LABELS] = "labels", [NPU_SECTION_WEIGHTS] = "weights",
		[NPU_SECTIONS] = "names",
	};

	return section <= NPU_SECTIONS ? name[section] : NULL;
}

struct npu_file_span *npu_section_span(struct npu_file_header *header, unsigned int section)
{
	return section < NPU_SECTIONS ? &header->section[section] : &header->names;
}

struct npu_file_header *npu_program_header(const struct npu_program *program)
{
	return (struct npu_file_header *)program->head;
}

const char *npu_program_layer(const struct npu_program *program, uint32_t insn)
{
	return program->names ? program->strings + program->names[insn] : NULL;
}

double npu_scale_real(const struct npu_program *program, uint32_t offset, uint32_t i)
{
	const struct npu_scale *scale = (const struct npu_scale *)(program->consts + offset) + i;

	return ldexp(scale->multiplier, scale->shift - 31);
}

/* ------------------------------------------------------------------- pieces */

static void write_quoted(const char *text, FILE *file)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(file, "\\x%02x", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

/* A string, and where it is in its section. */
static void write_string(const struct npu_program *program, uint32_t at, FILE *file)
{
	write_quoted(program->strings + at, file);
	fprintf(file, "@%" PRIu32, at);
}

static void write_dims(const uint32_t dim[4], FILE *file)
{
	fprintf(file, "[%" PRIu32 "x%" PRIu32 "x%" PRIu32 "x%" PRIu32 "]", dim[0], dim[1], dim[2],
		dim[3]);
}

static void write_tensor(const struct npu_tensor *t, FILE *file)
{
	fprintf(file, "s%u+%" PRIu32 ":%s", t->slot, t->offset, npu_type_name(t->type));
	if (t->layout != NPU_LAYOUT_LINEAR)
		fprintf(file, ".%s", npu_layout_name(t->layout));
	write_dims(t->dim, file);
	if (!npu_tensor_is_dense(t))
		fprintf(file, "/%" PRIu32 ",%" PRIu32 ",%" PRIu32, t->stride[0], t->stride[1],
			t->stride[2]);
	if (t->zero_point)
		fprintf(file, "z%" PRId32, t->zero_point);
}

/* ------------------------------------------------------------- statements */

static void write_header(const struct npu_program *program, FILE *file)
{
	struct npu_file_header *header = npu_program_header(program);
	unsigned int i;

	fprintf(file, "program version=%" PRIu32 " isa=%" PRIu32 " bytes=%" PRIu64 "\n",
		header->version, header->isa_version, header->file_bytes);
	for (i = 0; npu_section_name(i); i++) {
		const struct npu_file_span *span = npu_section_span(header, i);

		if (span->bytes || span->offset)
			fprintf(file, "section %s at=%" PRIu64 " bytes=%" PRIu64 "\n",
				npu_section_name(i), span->offset, span->bytes);
	}
	for (i = 0; i < program->slot_count; i++)
		fprintf(file, "slot %u %s bytes=%" PRIu64 "\n", i,
			npu_slot_kind_name(program->slots[i].kind), program->slots[i].bytes);
}

static void write_io(const struct npu_program *program, uint32_t index, FILE *file)
{
	const struct npu_file_tensor *t = &program->tensors[index];
	bool input = index < program->inputs;

	fprintf(file, "%s %" PRIu32 " ", input ? "input" : "output",
		input ? index : index - program->inputs);
	write_string(program, t->name, file);
	fprintf(file, " s%" PRIu32 "+%" PRIu32 ":%s", t->slot, t->offset, npu_type_name(t->type));
	write_dims(t->dim, file);
	if (t->zero_point)
		fprintf(file, "z%" PRId32, t->zero_point);
	/* nine digits tell every f32 from every other */
	fprintf(file, " scale=%.9g", (double)t->scale);
	if (t->preprocess_count)
		fprintf(file, " mean=%" PRIu32 " factor=%" PRIu32 " preprocess_count=%" PRIu32,
			t->mean, t->factor, t->preprocess_count);
	fputc('\n', file);
}

static void write_labels(const struct npu_program *program, FILE *file)
{
	uint32_t i;

	for (i = 0; i < program->label_count; i++) {
		fprintf(file, "label %" PRIu32 " ", i);
		write_string(program, program->labels[i], file);
		fputc('\n', file);
	}
}

static void write_parameters(const struct npu_insn *insn, const struct npu_instruction *words,
			     FILE *file)
{
	unsigned int i, j;

	for (i = 0; i < words->parameters; i++) {
		const struct npu_insn_parameter *parameter = &words->parameter[i];

		fprintf(file, "%s%s=", i ? " " : CONTINUED, parameter->name);
		for (j = 0; j < parameter->count; j++)
			fprintf(file, "%s%" PRId64, j ? "," : "",
				npu_insn_parameter_read(insn, parameter, j));
	}
}

/* For the reader: what the constant section says. */
static void write_scales(const struct npu_program *program, const struct npu_insn *insn, FILE *file)
{
	double low = INFINITY, high = 0;
	uint32_t offset, i, count = npu_insn_scales(insn, &offset);

	if (!count)
		return;
	for (i = 0; i < count; i++) {
		double real = npu_scale_real(program, offset, i);

		low = fmin(low, real);
		high = fmax(high, real);
	}
	if (count > 1)
		fprintf(file, " # %" PRIu32 " scales, %.6g to %.6g", count, low, high);
	else
		fprintf(file, " # scale %.6g", low);
}

static void write_insn(const struct npu_program *program, uint32_t i, FILE *file)
{
	const struct npu_insn *insn = &program->insns[i];
	const struct npu_instruction *words = npu_instruction_of(insn->opcode);
	const char *layer = npu_program_layer(program, i);
	unsigned int t;

	fprintf(file, "insn %" PRIu32 " ", i);
	if (layer)
		write_string(program, program->names[i], file);
	else
		fputc('-', file);
	fprintf(file, " %s", words->mnemonic);
	for (t = 0; t < NPU_INSN_TENSORS && words->tensor[t]; t++) {
		if (insn->t[t].type == NPU_TYPE_NONE)
			continue;
		fprintf(file, CONTINUED "%s=", words->tensor[t]);
		write_tensor(&insn->t[t], file);
	}
	write_parameters(insn, words, file);
	write_scales(program, insn, file);
	fputc('\n', file);
}

/* --------------------------------------------------------------- contents */

static void write_bytes(const char *section, const uint8_t *data, uint64_t bytes, FILE *file)
{
	uint64_t at, i;

	for (at = 0; at < bytes; at += BYTES_A_LINE) {
		uint64_t length = bytes - at < BYTES_A_LINE ? bytes - at : BYTES_A_LINE;
		uint8_t any = 0;

		for (i = 0; i < length; i++)
			any |= data[at + i];
		/* what is not there is 0 */
		if (!any)
			continue;
		fprintf(file, "%s %" PRIu64 " ", section, at);
		for (i = 0; i < length; i++)
			fprintf(file, "%02x", data[at + i]);
		fputc('\n', file);
	}
}

static void write_contents(const struct npu_program *program, FILE *file)
{
	struct npu_file_header *header = npu_program_header(program);
	uint64_t strings = header->section[NPU_SECTION_STRINGS].bytes, at;
	uint64_t floats = header->section[NPU_SECTION_FLOATS].bytes / sizeof(float);

	for (at = 1; at < strings; at += strlen(program->strings + at) + 1) {
		fputs("string ", file);
		write_string(program, (uint32_t)at, file);
		fputc('\n', file);
	}
	for (at = 0; at < floats; at++) {
		if (at % FLOATS_A_LINE == 0)
			fprintf(file, "%sfloats %" PRIu64, at ? "\n" : "", at);
		fprintf(file, " %.9g", (double)program->floats[at]);
	}
	if (floats)
		fputc('\n', file);
	write_bytes("consts", program->consts, program->const_size, file);
	write_bytes("weights", program->weights, header->section[NPU_SECTION_WEIGHTS].bytes, file);
}

/* ------------------------------------------------------------- memory map */

static void write_region(const struct npu_program *program, const struct npu_region *region,
			 FILE *file)
{
	const struct npu_instruction *words =
		npu_instruction_of(program->insns[region->insn].opcode);
	const char *layer = npu_program_layer(program, region->insn);

	fprintf(file, "#   %10" PRIu64 " to %10" PRIu64 "  ", region->begin, region->end - 1);
	if (region->made == NPU_FROM_START)
		fputs("from the start", file);
	else
		fprintf(file, "from insn %" PRIu32, region->made);
	if (region->last == program->insn_count)
		fputs(" to the end", file);
	else
		fprintf(file, " to insn %" PRIu32, region->last);
	fprintf(file, ": %s of %s", words->tensor[region->tensor], words->mnemonic);
	if (layer) {
		fputc(' ', file);
		write_quoted(layer, file);
	}
	fputc('\n', file);
}

static int write_map(const struct npu_program *program, FILE *file, struct npu_error *err)
{
	struct npu_region *regions;
	uint32_t slot = NPU_MAX_SLOTS;
	size_t count, i;
	int ret = npu_program_regions(program, &regions, &count, err);

	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		if (regions[i].slot != slot) {
			slot = regions[i].slot;
			fprintf(file, "# memory of slot %" PRIu32 ", %s, bytes\n", slot,
				npu_slot_kind_name(program->slots[slot].kind));
		}
		write_region(program, &regions[i], file);
	}
	free(regions);
	return 0;
}

int npu_program_write_text(const struct npu_program *program, bool full, FILE *file,
			   struct npu_error *err)
{
	uint32_t i;

	write_header(program, file);
	for (i = 0; i < program->inputs + program->outputs; i++)
		write_io(program, i, file);
	write_labels(program, file);
	for (i = 0; i < program->insn_count; i++)
		write_insn(program, i, file);
	if (full)
		write_contents(program, file);
	return write_map(program, file, err);
}
