/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_PROGRAM_H
#define NPU_RUNTIME_PROGRAM_H

#include "format.h"
#include "npu.h"
#include "npu_engine.h"

/**
 * struct npu_program - a loaded and checked .npu file
 * @map: the mapped file, NULL when the caller keeps the memory
 * @map_bytes: length of @map
 * @head: private copy of everything in front of the weights. What was checked must be what
 *	runs, and the file behind a mapping can still be written by others
 * @weights: weights in place, in the mapping or in the caller's memory; any value is legal
 * @io: @inputs, then @outputs
 *
 * The other pointers lead into @head.
 */
struct npu_program {
	void *map;
	size_t map_bytes;
	uint8_t *head;
	const uint8_t *weights;
	const struct npu_insn *insns;
	const uint8_t *consts;
	const struct npu_file_slot *slots;
	const struct npu_file_tensor *tensors;
	const float *floats;
	const char *strings;
	const uint32_t *labels;
	const uint32_t *names; /* [insn_count], offsets into @strings; NULL: nobody says */
	struct npu_io *io;
	uint32_t isa_version;
	uint32_t insn_count;
	uint32_t const_size;
	uint32_t slot_count;
	uint32_t label_count;
	uint32_t inputs;
	uint32_t outputs;
};

static inline size_t npu_io_width(enum npu_element element)
{
	return element == NPU_INT32 ? 4 : element == NPU_INT16 ? 2 : 1;
}

/*
 * Check the header that @file starts with, and that all its sections lie within the @bytes there
 * are. @name is the file's, for the sentence. Returns 0 or a negative errno.
 */
int npu_program_check_header(const struct npu_file_header *header, const uint8_t *file,
			     size_t bytes, const char *name, struct npu_error *err);

/*
 * Check all that the header does not show: instructions, slots, tensors, strings. @program's
 * pointers and counts are set by the caller. Returns 0 or a negative errno.
 */
int npu_program_check(const struct npu_program *program, const struct npu_file_header *header,
		      const char *name, struct npu_error *err);

#endif
