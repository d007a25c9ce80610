/* SPDX-License-Identifier: MIT */
/*
 * The .npu file, version 2: a compiled program as it lies on disk and in memory.
 *
 * Little endian. A fixed header with a table of sections; every section starts at a
 * multiple of 64 bytes, the weights at a multiple of 4096; sections lie in the order of
 * the table, names in front of the weights; they do not overlap, and the gaps are zero; an
 * empty one has offset 0. The same model and samples give the same bytes on every CPU.
 *
 * Version 1 has no names, no slot of kind STATE and no int32 tensors; its bytes mean the same.
 */
#ifndef NPU_FORMAT_H
#define NPU_FORMAT_H

#include <stdint.h>

#define NPU_FILE_MAGIC		"NPU\r\n\x1a\n"	/* and its NUL: 8 bytes */
#define NPU_FILE_VERSION	2	/* that is written; all older ones are read */

enum npu_file_section {
	NPU_SECTION_INSNS,	/* struct npu_insn[] */
	NPU_SECTION_CONSTS,	/* constant section, as in the uAPI */
	NPU_SECTION_SLOTS,	/* struct npu_file_slot[] */
	NPU_SECTION_TENSORS,	/* struct npu_file_tensor[]: inputs, then outputs */
	NPU_SECTION_FLOATS,	/* float[]: preprocessing */
	NPU_SECTION_STRINGS,	/* NUL-terminated; offset 0 is the empty string */
	NPU_SECTION_LABELS,	/* uint32_t[]: offsets into STRINGS, one a class */
	NPU_SECTION_WEIGHTS,	/* content of the slot of kind WEIGHTS */
	NPU_SECTIONS,
};

struct npu_file_span {
	uint64_t offset;
	uint64_t bytes;
};

struct npu_file_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t isa_version;
	uint64_t file_bytes;
	uint32_t inputs;
	uint32_t outputs;
	/*
	 * uint32_t[]: offsets into STRINGS, one an instruction: the layer that it comes from.
	 * Empty: nobody says. Between the sections LABELS and WEIGHTS.
	 */
	struct npu_file_span names;
	uint32_t reserved[4];
	struct npu_file_span section[NPU_SECTIONS];
};

enum npu_file_slot_kind {
	NPU_FILE_SLOT_WEIGHTS,	/* at most one; read only; as long as section WEIGHTS */
	NPU_FILE_SLOT_IO,	/* inputs and outputs of one request */
	NPU_FILE_SLOT_SCRATCH,	/* at most one */
	NPU_FILE_SLOT_STATE,	/* at most one; of a session, kept between requests, zero at first */
};

struct npu_file_slot {
	uint32_t kind;
	uint32_t reserved;
	uint64_t bytes;		/* at least what the instructions need */
};

struct npu_file_tensor {
	uint32_t name;		/* offset into STRINGS */
	uint32_t slot;
	uint32_t offset;	/* into the slot, a multiple of 64 */
	/* enum npu_type: INT8, INT16 or INT32 (whole numbers: scale 1, zero point 0). */
	uint32_t type;
	uint32_t dim[4];	/* N, H, W, C; elements lie dense */
	float scale;
	int32_t zero_point;
	/*
	 * Inputs: real value = (x - mean[i]) * factor[i], i the index into one sample (H * W * C).
	 * Indices of the first float in FLOATS and how many: 0 (none), 1 or H * W * C.
	 */
	uint32_t mean;
	uint32_t factor;
	uint32_t preprocess_count;
	uint32_t reserved;
};

#endif /* NPU_FORMAT_H */
