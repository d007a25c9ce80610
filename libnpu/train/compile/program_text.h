/* SPDX-License-Identifier: MIT */
/* A program as text: the assembly language of Documentation/assembly.rst. */
#ifndef NPU_COMPILE_PROGRAM_TEXT_H
#define NPU_COMPILE_PROGRAM_TEXT_H

#include <stdio.h>

#include "runtime/program.h"

/* Words for enum npu_file_slot_kind; NULL where there is none. */
const char *npu_slot_kind_name(uint32_t kind);

/*
 * Sections as enum npu_file_section, and behind those, as number NPU_SECTIONS, the names of
 * instructions: a word, NULL past the last, and the place in the file.
 */
const char *npu_section_name(unsigned int section);
struct npu_file_span *npu_section_span(struct npu_file_header *header, unsigned int section);

/* Header of the file that was loaded. */
struct npu_file_header *npu_program_header(const struct npu_program *program);

/* Name of the layer that instruction @insn comes from; NULL if the program does not say. */
const char *npu_program_layer(const struct npu_program *program, uint32_t insn);

/* The real number that a scale of the constant section multiplies with. */
double npu_scale_real(const struct npu_program *program, uint32_t offset, uint32_t i);

/**
 * npu_program_write_text - write a program as text
 * @full: with the content of all sections, so that it can be assembled to the same bytes
 * @file: its errors are the caller's business
 */
int npu_program_write_text(const struct npu_program *program, bool full, FILE *file,
			   struct npu_error *err);

#endif
