// SPDX-License-Identifier: MIT
/* The header of a .npu file: is this such a file, is it whole, where are its sections? */
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "npu_accel.h"
#include "program.h"

#define SECTION_ALIGN 64
#define WEIGHTS_ALIGN 4096

static const char *const section_name[NPU_SECTIONS] = {
	[NPU_SECTION_INSNS] = "INSNS",	 [NPU_SECTION_CONSTS] = "CONSTS",
	[NPU_SECTION_SLOTS] = "SLOTS",	 [NPU_SECTION_TENSORS] = "TENSORS",
	[NPU_SECTION_FLOATS] = "FLOATS", [NPU_SECTION_STRINGS] = "STRINGS",
	[NPU_SECTION_LABELS] = "LABELS", [NPU_SECTION_WEIGHTS] = "WEIGHTS",
};

/* What each section is made of; its length must be a multiple of this. */
static const uint64_t section_element[NPU_SECTIONS] = {
	[NPU_SECTION_INSNS] = NPU_INSN_SIZE,
	[NPU_SECTION_CONSTS] = 1,
	[NPU_SECTION_SLOTS] = sizeof(struct npu_file_slot),
	[NPU_SECTION_TENSORS] = sizeof(struct npu_file_tensor),
	[NPU_SECTION_FLOATS] = sizeof(float),
	[NPU_SECTION_STRINGS] = 1,
	[NPU_SECTION_LABELS] = sizeof(uint32_t),
	[NPU_SECTION_WEIGHTS] = 1,
};

/* The most bytes a section may have, so that what is derived from it fits 32 bits. */
static const uint64_t section_most[NPU_SECTIONS] = {
	[NPU_SECTION_INSNS] = (uint64_t)NPU_MAX_INSNS * NPU_INSN_SIZE,
	[NPU_SECTION_CONSTS] = NPU_MAX_CONSTS,
	[NPU_SECTION_SLOTS] = NPU_MAX_SLOTS * sizeof(struct npu_file_slot),
	[NPU_SECTION_TENSORS] = 4096 * sizeof(struct npu_file_tensor),
	[NPU_SECTION_FLOATS] = 1u << 30,
	[NPU_SECTION_STRINGS] = 1u << 30,
	[NPU_SECTION_LABELS] = 1u << 30,
	[NPU_SECTION_WEIGHTS] = NPU_MAX_SLOT_BYTES,
};

static int check_identity(const struct npu_file_header *header, size_t bytes, const char *name,
			  struct npu_error *err)
{
	if (memcmp(header->magic, NPU_FILE_MAGIC, sizeof(header->magic)))
		return npu_error_set(err, -EINVAL,
				     "%s: not a .npu file: it does not start with "
				     "the file's mark; make one with `npu compile`",
				     name);
	if (header->version == 0 || header->version > NPU_FILE_VERSION)
		return npu_error_set(err, -EPROTO,
				     "%s: file format version %" PRIu32 ", this "
				     "library reads up to %d: compile the model again or "
				     "install the libnpu that fits",
				     name, header->version, NPU_FILE_VERSION);
	if (header->isa_version == 0 || header->isa_version > NPU_ISA_VERSION)
		return npu_error_set(err, -EPROTO,
				     "%s: instruction set version %" PRIu32 ", this "
				     "library runs up to %d: compile the model again or install a "
				     "newer libnpu",
				     name, header->isa_version, NPU_ISA_VERSION);
	if (header->file_bytes > bytes)
		return npu_error_set(err, -ENODATA,
				     "%s: truncated: the header says %" PRIu64
				     " bytes, there are %zu; copy the file again",
				     name, header->file_bytes, bytes);
	if (header->file_bytes < bytes)
		return npu_error_set(err, -EINVAL,
				     "%s: the header says %" PRIu64 " bytes, but "
				     "there are %zu; copy the file again",
				     name, header->file_bytes, bytes);
	for (size_t i = 0; i < sizeof(header->reserved) / sizeof(header->reserved[0]); i++)
		if (header->reserved[i])
			return npu_error_set(err, -EINVAL,
					     "%s: header field reserved[%zu] is "
					     "not zero; compile the model again",
					     name, i);
	return 0;
}

/**
 * struct section - what a section must be like
 * @name: for the sentence
 * @span: where the header says that it is
 * @element: bytes; its length is a multiple
 * @most: bytes
 * @align: of its start
 */
struct section {
	const char *name;
	struct npu_file_span span;
	uint64_t element, most, align;
};

static struct section section_of(const struct npu_file_header *header, enum npu_file_section i)
{
	return (struct section){
		.name = section_name[i],
		.span = header->section[i],
		.element = section_element[i],
		.most = section_most[i],
		.align = i == NPU_SECTION_WEIGHTS ? WEIGHTS_ALIGN : SECTION_ALIGN,
	};
}

static struct section names_of(const struct npu_file_header *header)
{
	return (struct section){
		.name = "NAMES",
		.span = header->names,
		.element = sizeof(uint32_t),
		.most = header->version > 1 ? NPU_MAX_INSNS * sizeof(uint32_t) : 0,
		.align = SECTION_ALIGN,
	};
}

/* One section: its length, and its place behind *@end, which moves to its end. */
static int check_section(const struct npu_file_header *header, const uint8_t *file,
			 const struct section *section, uint64_t *end, const char *name,
			 struct npu_error *err)
{
	const struct npu_file_span span = section->span;

	if (span.bytes % section->element || span.bytes > section->most)
		return npu_error_set(err, -EINVAL,
				     "%s: section %s has %" PRIu64 " bytes, which is "
				     "%s; compile the model again",
				     name, section->name, span.bytes,
				     span.bytes > section->most ? "above the limit"
								: "not a whole number of elements");
	if (span.offset % section->align)
		return npu_error_set(err, -EINVAL,
				     "%s: section %s starts at byte %" PRIu64 ", not "
				     "at a multiple of %" PRIu64 "; compile the model again",
				     name, section->name, span.offset, section->align);
	if (span.bytes == 0 && span.offset == 0)
		return 0;
	if (span.offset < *end)
		return npu_error_set(err, -EINVAL,
				     "%s: section %s overlaps what is in front of "
				     "it; compile the model again",
				     name, section->name);
	if (span.offset > header->file_bytes || span.bytes > header->file_bytes - span.offset)
		return npu_error_set(err, -EINVAL,
				     "%s: section %s ends beyond the end of the file; "
				     "compile the model again",
				     name, section->name);
	for (uint64_t at = *end; at < span.offset; at++)
		if (file[at])
			return npu_error_set(err, -EINVAL,
					     "%s: byte %" PRIu64 " in front of "
					     "section %s is not zero; compile the model again",
					     name, at, section->name);
	*end = span.offset + span.bytes;
	return 0;
}

int npu_program_check_header(const struct npu_file_header *header, const uint8_t *file,
			     size_t bytes, const char *name, struct npu_error *err)
{
	uint64_t end = sizeof(*header);
	int ret = check_identity(header, bytes, name, err);

	for (int i = 0; !ret && i < NPU_SECTIONS; i++) {
		struct section names = names_of(header), section = section_of(header, i);

		if (i == NPU_SECTION_WEIGHTS)
			ret = check_section(header, file, &names, &end, name, err);
		if (!ret)
			ret = check_section(header, file, &section, &end, name, err);
	}
	if (ret)
		return ret;
	for (uint64_t at = end; at < header->file_bytes; at++)
		if (file[at])
			return npu_error_set(err, -EINVAL,
					     "%s: byte %" PRIu64 " behind the last "
					     "section is not zero; compile the model again",
					     name, at);
	return 0;
}
