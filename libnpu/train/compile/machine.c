// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/error.h"
#include "train/compile/instruction.h"
#include "train/compile/machine.h"

/* A product whose operands fit the cache next to the core. */
#define ROWS 64
#define DEPTH 512
#define CHANNELS 128
#define COPIED (64u << 10)
#define REPETITIONS 50

/* One slot: weights, then input, then output. */
#define INPUT_AT (DEPTH * CHANNELS)
#define OUTPUT_AT (INPUT_AT + ROWS * DEPTH)
#define SLOT_BYTES (OUTPUT_AT + COPIED)

double npu_machine_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static struct npu_tensor matrix(uint32_t offset, uint32_t rows, uint32_t columns)
{
	return (struct npu_tensor){
		.type = NPU_TYPE_INT8,
		.offset = offset,
		.dim = { 1, 1, rows, columns },
		.stride = { rows * columns, rows * columns, columns },
	};
}

static struct npu_insn product(uint32_t depth)
{
	struct npu_insn insn = { .opcode = NPU_OP_FULLY_CONNECTED };

	insn.t[0] = matrix(OUTPUT_AT, ROWS, CHANNELS);
	insn.t[1] = matrix(INPUT_AT, ROWS, depth);
	insn.t[2] = (struct npu_tensor){
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.dim = { CHANNELS, 1, 1, depth },
	};
	insn.fc.scale_count = 1;
	insn.fc.act_min = INT8_MIN;
	insn.fc.act_max = INT8_MAX;
	return insn;
}

static struct npu_insn copy(void)
{
	struct npu_insn insn = { .opcode = NPU_OP_COPY };

	insn.t[0] = matrix(OUTPUT_AT, 1, COPIED);
	insn.t[1] = matrix(0, 1, COPIED);
	return insn;
}

/* Least time of @insn. */
static double time_of(const struct npu_variant *variant, struct npu_exec *exec,
		      const struct npu_insn *insn)
{
	double least = 0;
	int i;

	exec->insns = insn;
	exec->insn_count = 1;
	for (i = 0; i < REPETITIONS; i++) {
		double began = npu_machine_now(), took;

		npu_insn_run(variant, exec, 0, 0, npu_insn_units(insn));
		took = npu_machine_now() - began;
		least = i && least < took ? least : took;
	}
	return least;
}

int npu_machine_measure(const struct npu_variant *variant, struct npu_machine *machine,
			struct npu_error *err)
{
	static const struct npu_scale scale = { 1 << 30, -8 };
	const struct npu_insn deep = product(DEPTH), shallow = product(4), copied = copy();
	struct npu_exec exec = { .consts = &scale };
	double most, least;

	exec.slot[0] = aligned_alloc(64, SLOT_BYTES);
	exec.workspace = aligned_alloc(NPU_WORKSPACE_ALIGN, NPU_WORKSPACE_BYTES);
	if (!exec.slot[0] || !exec.workspace) {
		free(exec.slot[0]);
		free(exec.workspace);
		return npu_error_set(err, -ENOMEM, "no memory to measure the CPU");
	}
	/* any numbers will do */
	memset(exec.slot[0], 3, SLOT_BYTES);
	most = time_of(variant, &exec, &deep);
	least = time_of(variant, &exec, &shallow);
	machine->mac = most / (double)npu_insn_macs(&deep);
	machine->output = least / (double)npu_insn_outputs(&shallow);
	machine->byte = time_of(variant, &exec, &copied) / (2.0 * COPIED);
	free(exec.slot[0]);
	free(exec.workspace);
	return 0;
}

double npu_machine_least_us(const struct npu_machine *machine, const struct npu_insn *insn,
			    uint64_t bytes)
{
	double macs = (double)npu_insn_macs(insn) * machine->mac;
	double moved = (double)bytes * machine->byte;

	return macs > moved ? macs : moved;
}

double npu_machine_likely_us(const struct npu_machine *machine, const struct npu_insn *insn,
			     uint64_t bytes)
{
	return npu_machine_least_us(machine, insn, bytes) +
	       (double)npu_insn_outputs(insn) * machine->output;
}
