/* SPDX-License-Identifier: MIT */
/*
 * The words of every instruction: its mnemonic, and its tensors and parameters by name. One table,
 * for what writes programs as text, reads them back, reports on them, or makes them up in tests.
 */
#ifndef NPU_COMPILE_INSTRUCTION_H
#define NPU_COMPILE_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_accel.h"

/**
 * struct npu_insn_parameter - a parameter of an instruction
 * @name: as the uAPI header spells it, without the name of the structure
 * @at: bytes from the start of the instruction to the first of @count numbers
 * @bytes: of one of them
 * @count: how many
 * @negative: they are signed
 */
struct npu_insn_parameter {
	const char *name;
	uint16_t at;
	uint8_t bytes, count;
	bool negative;
};

/**
 * struct npu_instruction - what is the same for all instructions of an opcode
 * @opcode: enum npu_opcode
 * @mnemonic: in a program's text
 * @tensor: names of the tensors that it may have, in their order; NULL past the last
 * @parameter: of @parameters
 * @parameters: how many
 * @scales: struct npu_scale at the parameter "scales"
 * @counted: and this many for each of the parameter "scale_count"
 * @written: bit i: tensor i, which is not the first, is written
 */
struct npu_instruction {
	uint16_t opcode;
	const char *mnemonic;
	const char *tensor[NPU_INSN_TENSORS];
	const struct npu_insn_parameter *parameter;
	uint8_t parameters;
	uint8_t scales, counted;
	uint8_t written;
};

/* The @i-th, in the order of opcodes; NULL past the last. */
const struct npu_instruction *npu_instruction_at(size_t i);

/* NULL: there is none. */
const struct npu_instruction *npu_instruction_of(uint16_t opcode);
const struct npu_instruction *npu_instruction_named(const char *mnemonic);

/* Number @i of a parameter. */
int64_t npu_insn_parameter_read(const struct npu_insn *insn,
				const struct npu_insn_parameter *parameter, unsigned int i);
/* Cut to the parameter's size. */
void npu_insn_parameter_write(struct npu_insn *insn, const struct npu_insn_parameter *parameter,
			      unsigned int i, int64_t number);

/* Scales of an instruction, and where they are in the constant section; 0 if it has none. */
uint32_t npu_insn_scales(const struct npu_insn *insn, uint32_t *offset);

/* Tensor @i is written, and is read: states can be both. */
bool npu_insn_writes(const struct npu_insn *insn, unsigned int i);
bool npu_insn_reads(const struct npu_insn *insn, unsigned int i);

/*
 * The furthest byte of tensor @i of a validated instruction, plus one, counted from the start of
 * its slot.
 */
uint64_t npu_insn_tensor_end(const struct npu_insn *insn, unsigned int i);

/* Multiplications with addition, and elements of all that is requantised, of a valid instruction.
 */
uint64_t npu_insn_macs(const struct npu_insn *insn);
uint64_t npu_insn_outputs(const struct npu_insn *insn);

/* Its elements lie one after another, N, H, W, C, and all strides say so. */
bool npu_tensor_is_dense(const struct npu_tensor *t);

/* "int8", ...; "none" for NPU_TYPE_NONE, NULL for what is no type. */
const char *npu_type_name(uint32_t type);
/* Of an element; 0 for NPU_TYPE_NONE. */
uint32_t npu_element_bytes(uint32_t type);
/* "linear", "block16x4", ...; NULL for what is no layout. */
const char *npu_layout_name(uint32_t layout);

#endif
