// SPDX-License-Identifier: MIT
/* npu dump --json */
#include <stdlib.h>

#include "cli.h"
#include "dump_json.h"
#include "json_report.h"
#include "train/compile/instruction.h"
#include "train/compile/memory_map.h"
#include "train/compile/program_text.h"

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static struct json_object *numbers(const uint32_t *number, size_t count)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_object_array_add(array, json_count(number[i]));
	return array;
}

static struct json_object *hex(const uint8_t *bytes, uint64_t count)
{
	static const char digit[] = "0123456789abcdef";
	char *text = malloc(2 * count + 1);
	struct json_object *object;
	uint64_t i;

	if (!text)
		return NULL;
	for (i = 0; i < count; i++) {
		text[2 * i] = digit[bytes[i] >> 4];
		text[2 * i + 1] = digit[bytes[i] & 15];
	}
	text[2 * count] = '\0';
	object = json_object_new_string_len(text, (int)(2 * count));
	free(text);
	return object;
}

static struct json_object *sections_of(const struct npu_program *program)
{
	struct json_object *object = json_object_new_object(), *section;
	unsigned int i;

	for (i = 0; npu_section_name(i); i++) {
		const struct npu_file_span *span = npu_section_span(npu_program_header(program), i);

		section = json_object_new_object();
		add(section, "at", json_count(span->offset));
		add(section, "bytes", json_count(span->bytes));
		add(object, npu_section_name(i), section);
	}
	return object;
}

static struct json_object *slots_of(const struct npu_program *program)
{
	struct json_object *array = json_object_new_array(), *slot;
	uint32_t i;

	for (i = 0; i < program->slot_count; i++) {
		slot = json_object_new_object();
		add(slot, "kind", json_text(npu_slot_kind_name(program->slots[i].kind)));
		add(slot, "bytes", json_count(program->slots[i].bytes));
		json_object_array_add(array, slot);
	}
	return array;
}

/* Inputs or outputs. */
static struct json_object *io_of(const struct npu_program *program, uint32_t first, uint32_t count)
{
	struct json_object *array = json_object_new_array(), *object;
	uint32_t i;

	for (i = first; i < first + count; i++) {
		const struct npu_file_tensor *t = &program->tensors[i];

		object = json_object_new_object();
		add(object, "name", json_text(program->strings + t->name));
		add(object, "slot", json_count(t->slot));
		add(object, "offset", json_count(t->offset));
		add(object, "type", json_text(npu_type_name(t->type)));
		add(object, "dim", numbers(t->dim, 4));
		add(object, "scale", json_number((double)t->scale));
		add(object, "zero_point", json_object_new_int(t->zero_point));
		add(object, "preprocess_count", json_count(t->preprocess_count));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *labels_of(const struct npu_program *program)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; i < program->label_count; i++)
		json_object_array_add(array, json_text(npu_program_label(program, i)));
	return array;
}

static struct json_object *tensors_of(const struct npu_insn *insn,
				      const struct npu_instruction *words)
{
	struct json_object *object = json_object_new_object(), *tensor;
	unsigned int i;

	for (i = 0; i < NPU_INSN_TENSORS && words->tensor[i]; i++) {
		const struct npu_tensor *t = &insn->t[i];

		if (t->type == NPU_TYPE_NONE)
			continue;
		tensor = json_object_new_object();
		add(tensor, "slot", json_count(t->slot));
		add(tensor, "offset", json_count(t->offset));
		add(tensor, "bytes", json_count(npu_insn_tensor_end(insn, i) - t->offset));
		add(tensor, "type", json_text(npu_type_name(t->type)));
		add(tensor, "layout", json_text(npu_layout_name(t->layout)));
		add(tensor, "dim", numbers(t->dim, 4));
		add(tensor, "stride", numbers(t->stride, 3));
		add(tensor, "zero_point", json_object_new_int(t->zero_point));
		add(object, words->tensor[i], tensor);
	}
	return object;
}

static struct json_object *parameters_of(const struct npu_insn *insn,
					 const struct npu_instruction *words)
{
	struct json_object *object = json_object_new_object(), *value;
	unsigned int i, j;

	for (i = 0; i < words->parameters; i++) {
		const struct npu_insn_parameter *parameter = &words->parameter[i];

		value = json_object_new_int64(npu_insn_parameter_read(insn, parameter, 0));
		if (parameter->count > 1) {
			json_object_put(value);
			value = json_object_new_array();
			for (j = 0; j < parameter->count; j++)
				json_object_array_add(value,
						      json_object_new_int64(npu_insn_parameter_read(
							      insn, parameter, j)));
		}
		add(object, parameter->name, value);
	}
	return object;
}

static struct json_object *scales_of(const struct npu_program *program, const struct npu_insn *insn)
{
	struct json_object *array = json_object_new_array();
	uint32_t offset, i, count = npu_insn_scales(insn, &offset);

	for (i = 0; i < count; i++)
		json_object_array_add(array, json_number(npu_scale_real(program, offset, i)));
	return array;
}

static struct json_object *instructions_of(const struct npu_program *program)
{
	struct json_object *array = json_object_new_array(), *object;
	uint32_t i;

	for (i = 0; i < program->insn_count; i++) {
		const struct npu_insn *insn = &program->insns[i];
		const struct npu_instruction *words = npu_instruction_of(insn->opcode);

		object = json_object_new_object();
		add(object, "layer", json_text(npu_program_layer(program, i)));
		add(object, "opcode", json_text(words->mnemonic));
		add(object, "tensors", tensors_of(insn, words));
		add(object, "parameters", parameters_of(insn, words));
		add(object, "scales", scales_of(program, insn));
		json_object_array_add(array, object);
	}
	return array;
}

/* Who makes a region and who uses it last; null for neither, from the start or to the end. */
static struct json_object *memory_of(const struct npu_program *program,
				     const struct npu_region *regions, size_t count)
{
	struct json_object *array = json_object_new_array(), *object;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct npu_region *region = &regions[i];
		const struct npu_instruction *words =
			npu_instruction_of(program->insns[region->insn].opcode);

		object = json_object_new_object();
		add(object, "slot", json_count(region->slot));
		add(object, "begin", json_count(region->begin));
		add(object, "end", json_count(region->end));
		add(object, "made",
		    region->made == NPU_FROM_START ? NULL : json_count(region->made));
		add(object, "last",
		    region->last == program->insn_count ? NULL : json_count(region->last));
		add(object, "instruction", json_count(region->insn));
		add(object, "tensor", json_text(words->tensor[region->tensor]));
		json_object_array_add(array, object);
	}
	return array;
}

static void add_contents(const struct npu_program *program, struct json_object *object)
{
	const struct npu_file_header *header = npu_program_header(program);
	uint64_t floats = header->section[NPU_SECTION_FLOATS].bytes / sizeof(float), i;
	struct json_object *array = json_object_new_array();

	for (i = 0; i < floats; i++)
		json_object_array_add(array, json_number((double)program->floats[i]));
	add(object, "floats", array);
	add(object, "consts", hex(program->consts, program->const_size));
	add(object, "weights", hex(program->weights, header->section[NPU_SECTION_WEIGHTS].bytes));
}

int dump_json(const struct npu_program *program, const char *path, bool full)
{
	const struct npu_file_header *header = npu_program_header(program);
	struct json_object *object;
	struct npu_region *regions;
	struct npu_error err = { 0 };
	size_t count;

	if (npu_program_regions(program, &regions, &count, &err) < 0)
		return cli_fail_error(&err);
	object = json_object_new_object();
	add(object, "program", json_text(path));
	add(object, "version", json_count(header->version));
	add(object, "isa_version", json_count(header->isa_version));
	add(object, "file_bytes", json_count(header->file_bytes));
	add(object, "sections", sections_of(program));
	add(object, "slots", slots_of(program));
	add(object, "inputs", io_of(program, 0, program->inputs));
	add(object, "outputs", io_of(program, program->inputs, program->outputs));
	add(object, "labels", labels_of(program));
	add(object, "instructions", instructions_of(program));
	add(object, "memory", memory_of(program, regions, count));
	if (full)
		add_contents(program, object);
	free(regions);
	json_report_print(object);
	return CLI_OK;
}
