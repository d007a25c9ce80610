/* SPDX-License-Identifier: MIT */
/*
 * From the text that `npu dump --full` prints back to the bytes of the file, as
 * Documentation/assembly.rst describes it. For tests only: it does not check what it makes, the
 * library does that when it loads the result.
 */
#ifndef PROGRAM_ASSEMBLER_H
#define PROGRAM_ASSEMBLER_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu_image.h"
#include "train/compile/instruction.h"
#include "train/compile/program_text.h"

/**
 * struct assembler - a text on its way
 * @at: what is read next
 * @line: number of that line, from 1
 * @token: the last one read
 * @image: the file so far; data is NULL before the statement "program"
 * @error: why it ended, "" if it did not
 */
struct assembler {
	const char *at;
	unsigned int line;
	char token[4096];
	struct npu_image image;
	char error[256];
};

__attribute__((format(printf, 2, 3))) static inline bool assembler_fail(struct assembler *a,
									const char *format, ...)
{
	char what[160];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(a->error, sizeof(a->error), "line %u: %s: '%.60s'", a->line, what, a->token);
	return false;
}

/* ----------------------------------------------------------------- tokens */

/* To the next token of the statement; false at its end. */
static inline bool assembler_reach(struct assembler *a)
{
	for (;;) {
		if (*a->at == '#')
			a->at += strcspn(a->at, "\n");
		else if (*a->at == ' ')
			a->at++;
		else if (*a->at == '\n' && a->at[1] == ' ')
			a->at++, a->line++;
		else
			return *a->at && *a->at != '\n';
	}
}

/* The next token of the statement, false at its end. A token ends at a space outside of quotes. */
static inline bool assembler_next(struct assembler *a)
{
	bool quoted = false;
	size_t length = 0;

	if (!assembler_reach(a))
		return false;
	while (*a->at && *a->at != '\n' && (quoted || *a->at != ' ') &&
	       length + 2 < sizeof(a->token)) {
		if (*a->at == '"')
			quoted = !quoted;
		if (*a->at == '\\')
			a->token[length++] = *a->at++;
		a->token[length++] = *a->at++;
	}
	a->token[length] = '\0';
	return true;
}

/* To the start of the next statement; false at the end of the text. */
static inline bool assembler_statement(struct assembler *a)
{
	while (assembler_reach(a) || *a->at == '\n')
		if (*a->at == '\n')
			a->at++, a->line++;
		else
			return true;
	return false;
}

/* The token is NAME=NUMBER[,NUMBER]...: the numbers; false if it is another name. */
static inline bool assembler_numbers(struct assembler *a, const char *name, int64_t *number,
				     unsigned int count)
{
	size_t length = strlen(name);
	char *at = a->token + length;
	unsigned int i;

	if (strncmp(a->token, name, length) || *at != '=')
		return false;
	for (i = 0; i < count; i++) {
		number[i] = strtoll(at + 1, &at, 10);
		if (*at != (i + 1 < count ? ',' : '\0'))
			return assembler_fail(a, "%u numbers expected", count);
	}
	return true;
}

/* The next token is one plain number. */
static inline bool assembler_index(struct assembler *a, uint64_t *number)
{
	char *end;

	if (!assembler_next(a))
		return assembler_fail(a, "a number is missing behind this");
	*number = strtoull(a->token, &end, 10);
	return !*end || assembler_fail(a, "a number expected");
}

/* ------------------------------------------------------------------ places */

static inline struct npu_file_header *assembler_header(struct assembler *a)
{
	return (struct npu_file_header *)a->image.data;
}

/* @bytes of a section from @at on; NULL if they are not all in it. */
static inline void *assembler_place(struct assembler *a, unsigned int section, uint64_t at,
				    uint64_t bytes)
{
	const struct npu_file_span *span;

	if (!a->image.data) {
		assembler_fail(a, "'program' has to come first");
		return NULL;
	}
	span = npu_section_span(assembler_header(a), section);
	if (at > span->bytes || bytes > span->bytes - at) {
		assembler_fail(a, "beyond the end of section %s", npu_section_name(section));
		return NULL;
	}
	return a->image.data + span->offset + at;
}

/* The token is "TEXT"@OFFSET: puts the text there. */
static inline bool assembler_string(struct assembler *a, uint32_t *offset)
{
	char text[sizeof(a->token)], *to = text, *from = a->token + 1, *place;

	if (a->token[0] != '"')
		return assembler_fail(a, "a string expected");
	for (; *from && *from != '"'; from++) {
		if (from[0] == '\\' && from[1] == 'x') {
			char digits[3] = { from[2], from[2] ? from[3] : '\0', '\0' };

			*to++ = (char)strtol(digits, NULL, 16);
			from += 3;
		} else {
			from += *from == '\\';
			*to++ = *from;
		}
	}
	*to++ = '\0';
	if (from[0] != '"' || from[1] != '@')
		return assembler_fail(a, "a string ends in \"@OFFSET");
	*offset = (uint32_t)strtoul(from + 2, NULL, 10);
	place = assembler_place(a, NPU_SECTION_STRINGS, *offset, (uint64_t)(to - text));
	if (place)
		memcpy(place, text, (size_t)(to - text));
	return place != NULL;
}

/* ----------------------------------------------------------------- tensors */

/* TYPE[.LAYOUT] up to the bracket; moves *@at there. */
static inline bool assembler_type(struct assembler *a, const char **at, struct npu_tensor *t)
{
	uint32_t type, layout;

	for (type = 0; npu_type_name(type); type++)
		for (layout = 0; npu_layout_name(layout); layout++) {
			char both[64];
			size_t length;

			snprintf(both, sizeof(both), layout ? "%s.%s[" : "%s[", npu_type_name(type),
				 npu_layout_name(layout));
			length = strlen(both) - 1;
			if (strncmp(*at, both, length + 1))
				continue;
			t->type = (uint8_t)type;
			t->layout = (uint8_t)layout;
			*at += length;
			return true;
		}
	return assembler_fail(a, "no such type");
}

static inline void assembler_dense(struct npu_tensor *t)
{
	uint32_t stride = t->dim[3] * npu_element_bytes(t->type);
	int d;

	for (d = 2; d >= 0 && t->layout == NPU_LAYOUT_LINEAR; d--) {
		t->stride[d] = stride;
		stride *= t->dim[d];
	}
}

/* sSLOT+OFFSET:TYPE[NxHxWxC], then /STRIDE,STRIDE,STRIDE and zZERO_POINT where they are given. */
static inline bool assembler_tensor(struct assembler *a, const char *text, struct npu_tensor *t)
{
	unsigned int slot;
	int used = 0;

	memset(t, 0, sizeof(*t));
	if (sscanf(text, "s%u+%" SCNu32 ":%n", &slot, &t->offset, &used) != 2 || !used)
		return assembler_fail(a, "a tensor is sSLOT+OFFSET:TYPE[NxHxWxC]");
	t->slot = (uint8_t)slot;
	text += used;
	if (!assembler_type(a, &text, t))
		return false;
	used = 0;
	if (sscanf(text, "[%" SCNu32 "x%" SCNu32 "x%" SCNu32 "x%" SCNu32 "]%n", &t->dim[0],
		   &t->dim[1], &t->dim[2], &t->dim[3], &used) != 4 ||
	    !used)
		return assembler_fail(a, "four dimensions expected");
	text += used;
	assembler_dense(t);
	if (*text == '/') {
		used = 0;
		sscanf(text, "/%" SCNu32 ",%" SCNu32 ",%" SCNu32 "%n", &t->stride[0], &t->stride[1],
		       &t->stride[2], &used);
		if (!used)
			return assembler_fail(a, "three strides expected");
		text += used;
	}
	if (*text == 'z') {
		used = 0;
		sscanf(text, "z%" SCNd32 "%n", &t->zero_point, &used);
		text += used;
	}
	return !*text || assembler_fail(a, "too much behind a tensor");
}

/* -------------------------------------------------------------- statements */

static inline bool assembler_program(struct assembler *a)
{
	int64_t version, isa, bytes;
	struct npu_file_header *header;

	if (!assembler_next(a) || !assembler_numbers(a, "version", &version, 1) ||
	    !assembler_next(a) || !assembler_numbers(a, "isa", &isa, 1) || !assembler_next(a) ||
	    !assembler_numbers(a, "bytes", &bytes, 1))
		return a->error[0] ? false : assembler_fail(a, "version, isa and bytes expected");
	if (bytes < (int64_t)sizeof(*header) || bytes > 1 << 30 || a->image.data)
		return assembler_fail(a, "no such size");
	a->image.bytes = (size_t)bytes;
	a->image.data = aligned_alloc(4096, (a->image.bytes + 4095) / 4096 * 4096);
	if (!a->image.data)
		return assembler_fail(a, "no memory");
	memset(a->image.data, 0, a->image.bytes);
	header = assembler_header(a);
	memcpy(header->magic, NPU_FILE_MAGIC, sizeof(header->magic));
	header->version = (uint32_t)version;
	header->isa_version = (uint32_t)isa;
	header->file_bytes = (uint64_t)bytes;
	return true;
}

static inline bool assembler_section(struct assembler *a)
{
	int64_t at, bytes;
	unsigned int i;

	if (!assembler_next(a) || !a->image.data)
		return assembler_fail(a, "a section is missing, or 'program' before it");
	for (i = 0; npu_section_name(i) && strcmp(npu_section_name(i), a->token); i++)
		;
	if (!npu_section_name(i))
		return assembler_fail(a, "no such section");
	if (!assembler_next(a) || !assembler_numbers(a, "at", &at, 1) || !assembler_next(a) ||
	    !assembler_numbers(a, "bytes", &bytes, 1))
		return a->error[0] ? false : assembler_fail(a, "at and bytes expected");
	if (at < 0 || bytes < 0 || (uint64_t)at + (uint64_t)bytes > a->image.bytes)
		return assembler_fail(a, "beyond the end of the file");
	*npu_section_span(assembler_header(a), i) =
		(struct npu_file_span){ (uint64_t)at, (uint64_t)bytes };
	return true;
}

static inline bool assembler_slot(struct assembler *a)
{
	struct npu_file_slot *slot;
	uint64_t index = 0;
	int64_t bytes;
	uint32_t kind;

	if (!assembler_index(a, &index))
		return false;
	slot = assembler_place(a, NPU_SECTION_SLOTS, index * sizeof(*slot), sizeof(*slot));
	if (!slot || !assembler_next(a))
		return false;
	for (kind = 0; npu_slot_kind_name(kind) && strcmp(npu_slot_kind_name(kind), a->token);
	     kind++)
		;
	if (!npu_slot_kind_name(kind))
		return assembler_fail(a, "no such kind of slot");
	if (!assembler_next(a) || !assembler_numbers(a, "bytes", &bytes, 1))
		return a->error[0] ? false : assembler_fail(a, "bytes expected");
	slot->kind = kind;
	slot->bytes = (uint64_t)bytes;
	return true;
}

/* What follows the tensor of an input or output. */
static inline bool assembler_io_fields(struct assembler *a, struct npu_file_tensor *t)
{
	while (assembler_next(a)) {
		int64_t number;

		if (!strncmp(a->token, "scale=", 6))
			t->scale = strtof(a->token + 6, NULL);
		else if (assembler_numbers(a, "mean", &number, 1))
			t->mean = (uint32_t)number;
		else if (assembler_numbers(a, "factor", &number, 1))
			t->factor = (uint32_t)number;
		else if (assembler_numbers(a, "preprocess_count", &number, 1))
			t->preprocess_count = (uint32_t)number;
		else
			return a->error[0] ? false : assembler_fail(a, "no such field");
	}
	return true;
}

static inline bool assembler_io(struct assembler *a, bool input)
{
	struct npu_file_header *header;
	struct npu_file_tensor *file;
	struct npu_tensor t;
	uint64_t index = 0;

	if (!assembler_index(a, &index) || !assembler_place(a, NPU_SECTION_TENSORS, 0, 0))
		return false;
	/* inputs come first */
	header = assembler_header(a);
	if (input)
		header->inputs++;
	else
		header->outputs++;
	index += input ? 0 : header->inputs;
	file = assembler_place(a, NPU_SECTION_TENSORS, index * sizeof(*file), sizeof(*file));
	if (!file || !assembler_next(a) || !assembler_string(a, &file->name) ||
	    !assembler_next(a) || !assembler_tensor(a, a->token, &t))
		return false;
	file->slot = t.slot;
	file->offset = t.offset;
	file->type = t.type;
	memcpy(file->dim, t.dim, sizeof(file->dim));
	file->zero_point = t.zero_point;
	return assembler_io_fields(a, file);
}

static inline bool assembler_label(struct assembler *a)
{
	uint64_t index = 0;
	uint32_t *label;

	if (!assembler_index(a, &index))
		return false;
	label = assembler_place(a, NPU_SECTION_LABELS, index * sizeof(*label), sizeof(*label));
	return label && assembler_next(a) && assembler_string(a, label);
}

/* The token is a tensor or a parameter of the instruction. */
static inline bool assembler_operand(struct assembler *a, const struct npu_instruction *words,
				     struct npu_insn *insn)
{
	size_t length = strcspn(a->token, "=");
	int64_t number[16];
	unsigned int i, j;

	for (i = 0; i < NPU_INSN_TENSORS && words->tensor[i]; i++)
		if (strlen(words->tensor[i]) == length &&
		    !strncmp(words->tensor[i], a->token, length))
			return assembler_tensor(a, a->token + length + (a->token[length] == '='),
						&insn->t[i]);
	for (i = 0; i < words->parameters; i++) {
		const struct npu_insn_parameter *parameter = &words->parameter[i];

		if (!assembler_numbers(a, parameter->name, number, parameter->count))
			continue;
		for (j = 0; j < parameter->count; j++)
			npu_insn_parameter_write(insn, parameter, j, number[j]);
		return true;
	}
	return a->error[0] ? false : assembler_fail(a, "%s has no such operand", words->mnemonic);
}

static inline bool assembler_insn(struct assembler *a)
{
	const struct npu_instruction *words;
	struct npu_insn *insn;
	uint64_t index = 0;
	uint32_t *layer;

	if (!assembler_index(a, &index))
		return false;
	insn = assembler_place(a, NPU_SECTION_INSNS, index * sizeof(*insn), sizeof(*insn));
	if (!insn || !assembler_next(a))
		return false;
	if (strcmp(a->token, "-")) {
		layer = assembler_place(a, NPU_SECTIONS, index * sizeof(*layer), sizeof(*layer));
		if (!layer || !assembler_string(a, layer))
			return false;
	}
	words = assembler_next(a) ? npu_instruction_named(a->token) : NULL;
	if (!words)
		return assembler_fail(a, "no such instruction");
	insn->opcode = words->opcode;
	while (assembler_next(a))
		if (!assembler_operand(a, words, insn))
			return false;
	return true;
}

/* Hexadecimal bytes. */
static inline bool assembler_bytes(struct assembler *a, enum npu_file_section section)
{
	uint64_t at = 0, count, i;
	uint8_t *place;

	if (!assembler_index(a, &at) || !assembler_next(a))
		return false;
	count = strlen(a->token) / 2;
	place = assembler_place(a, section, at, count);
	for (i = 0; place && i < count; i++) {
		unsigned int byte;

		if (sscanf(a->token + 2 * i, "%2x", &byte) != 1)
			return assembler_fail(a, "hexadecimal digits expected");
		place[i] = (uint8_t)byte;
	}
	return place != NULL;
}

static inline bool assembler_floats(struct assembler *a)
{
	uint64_t at = 0;
	float *place;

	if (!assembler_index(a, &at))
		return false;
	for (; assembler_next(a); at++) {
		place = assembler_place(a, NPU_SECTION_FLOATS, at * sizeof(*place), sizeof(*place));
		if (!place)
			return false;
		*place = strtof(a->token, NULL);
	}
	return true;
}

static inline bool assembler_one(struct assembler *a)
{
	uint32_t offset;

	assembler_next(a);
	if (!strcmp(a->token, "program"))
		return assembler_program(a);
	if (!strcmp(a->token, "section"))
		return assembler_section(a);
	if (!strcmp(a->token, "slot"))
		return assembler_slot(a);
	if (!strcmp(a->token, "input") || !strcmp(a->token, "output"))
		return assembler_io(a, a->token[0] == 'i');
	if (!strcmp(a->token, "label"))
		return assembler_label(a);
	if (!strcmp(a->token, "insn"))
		return assembler_insn(a);
	if (!strcmp(a->token, "string"))
		return assembler_next(a) && assembler_string(a, &offset);
	if (!strcmp(a->token, "floats"))
		return assembler_floats(a);
	if (!strcmp(a->token, "consts"))
		return assembler_bytes(a, NPU_SECTION_CONSTS);
	if (!strcmp(a->token, "weights"))
		return assembler_bytes(a, NPU_SECTION_WEIGHTS);
	return assembler_fail(a, "no such statement");
}

/* The file that @text stands for; free(image.data). False: a->error says why. */
static inline bool assemble(struct assembler *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	a->at = text;
	a->line = 1;
	while (assembler_statement(a)) {
		if (!assembler_one(a))
			return a->error[0] ? false : assembler_fail(a, "something is missing");
		if (assembler_next(a))
			return assembler_fail(a, "too much in a statement");
	}
	return a->image.data || assembler_fail(a, "nothing was there");
}

#endif /* PROGRAM_ASSEMBLER_H */
