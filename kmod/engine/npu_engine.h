/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The engine: what an NPU program means, and how it is run.
 *
 * The same sources are compiled into npu.ko and into libnpu. They include no
 * kernel header and no libc, allocate nothing, take no lock and never fail: what
 * could be wrong with a program was refused by npu_insn_validate(), and slot
 * contents are only ever data (any value is legal and gives a defined result).
 *
 * An instruction is a number of independent *units* of work (a row of a softmax,
 * sixteen output channels of one row of a matrix product, ...). Running units
 * [first, first + count) in any order, in any number of calls, on any number of
 * cores gives the same bits; so a job can stop between any two units, and the
 * whole state of a stopped job is (instruction, unit). Only instructions over a
 * sequence have an order among their units, which npu_insn_wave() tells.
 */
#ifndef NPU_ENGINE_H
#define NPU_ENGINE_H

#include "../uapi/npu_accel.h"

#ifdef __KERNEL__
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif

#define NPU_SLOT_READ	(1u << 0)
#define NPU_SLOT_WRITE	(1u << 1)

/* Memory that kernels work in, and its alignment: each thread that runs the engine has its own. */
#define NPU_WORKSPACE_BYTES 65536
#define NPU_WORKSPACE_ALIGN 64

/**
 * struct npu_slot_need - what a program requires of a slot
 * @bytes: the furthest byte that any instruction reaches, plus one
 * @access: NPU_SLOT_READ, NPU_SLOT_WRITE
 */
struct npu_slot_need {
	__u64 bytes;
	__u32 access;
	__u32 pad;
};

/**
 * struct npu_fault - why an instruction was refused
 * @field: the field as the uAPI header spells it ("t[2].stride[1]", "fc.scales")
 * @reason: a clause that completes "FIELD ..." ("is not zero", "ends beyond 4 GiB")
 */
struct npu_fault {
	const char *field;
	const char *reason;
};

/**
 * npu_insn_validate - check one instruction and account for what it needs
 * @insn: in memory that nobody else can write
 * @consts: the constant section, likewise; NULL if @const_size is 0
 * @const_size: bytes
 * @slot_count: slots of the program, at most NPU_MAX_SLOTS
 * @needs: @slot_count entries, raised to what @insn needs
 * @cost: increased by the instruction's cost, saturating
 * @fault: filled on refusal
 *
 * One cost unit is about the time in which the AVX2 variant multiplies and adds sixteen pairs
 * of numbers, a quarter of a nanosecond.
 *
 * Return: true if the instruction may run.
 */
bool npu_insn_validate(const struct npu_insn *insn, const void *consts, __u32 const_size,
		       __u32 slot_count, struct npu_slot_need *needs, __u64 *cost,
		       struct npu_fault *fault);

/* The oldest version of the instruction set that has a validated instruction. */
__u32 npu_insn_version(const struct npu_insn *insn);

struct npu_variant;

/* CPU features that a variant needs are the DRM_NPU_ISA_* bits of the uAPI. */

/**
 * npu_variant_find - the variant to run on this CPU
 * @name: "scalar", "avx2", "avx512vnni", ..., or NULL for the fastest that @features allows
 * @features: DRM_NPU_ISA_* that the caller may use
 *
 * Return: the variant, NULL if @name does not exist or needs more than @features.
 */
const struct npu_variant *npu_variant_find(const char *name, __u32 features);

/* The i-th variant, slowest ("scalar") first; NULL past the end. For tests. */
const struct npu_variant *npu_variant_at(unsigned int i);

const char *npu_variant_name(const struct npu_variant *variant);
__u32 npu_variant_features(const struct npu_variant *variant);

/* Cost units that the variant is sure to do in a microsecond; turns costs into times. */
__u32 npu_variant_units_per_us(const struct npu_variant *variant);

/**
 * struct npu_exec - a job in the engine; the caller fills it and owns what it points to
 * @insns: validated instructions
 * @insn_count: how many
 * @insn: the next instruction; done when it equals @insn_count
 * @unit: the next unit of it
 * @consts: the constant section
 * @slot: base address of each slot, aligned to NPU_SLOT_ALIGN, at least as large as the need
 * @workspace: NPU_WORKSPACE_BYTES of memory of the thread that makes the next call, aligned to
 *	NPU_WORKSPACE_ALIGN. What is in it counts only during a call
 */
struct npu_exec {
	const struct npu_insn *insns;
	__u32 insn_count;
	__u32 insn;
	__u32 unit;
	const void *consts;
	__u8 *slot[NPU_MAX_SLOTS];
	void *workspace;
};

static inline bool npu_exec_done(const struct npu_exec *exec)
{
	return exec->insn == exec->insn_count;
}

/**
 * npu_exec_vector - does the next step use vector registers?
 *
 * In the kernel those must be claimed around npu_exec_step(). A step never goes on from
 * an instruction that does not use them to one that does.
 */
bool npu_exec_vector(const struct npu_variant *variant, const struct npu_exec *exec);

/**
 * npu_exec_step - run the next units
 * @variant: how
 * @exec: where to; advanced
 * @budget: cost units; the step ends at the first unit boundary at or beyond it, so it always
 *	makes progress
 */
void npu_exec_step(const struct npu_variant *variant, struct npu_exec *exec, __u32 budget);

/* Units of an instruction, at least 1 (0 for NOP is not possible), and the cost of one of them. */
__u32 npu_insn_units(const struct npu_insn *insn);
__u32 npu_insn_unit_cost(const struct npu_insn *insn);

/*
 * Units that do not depend on each other: those of wave k, [k * wave, (k + 1) * wave), need all
 * earlier ones, and nothing of each other.
 */
__u32 npu_insn_wave(const struct npu_insn *insn);

/* Run units [first, first + count) of one instruction: for tests and for sharing it out. */
void npu_insn_run(const struct npu_variant *variant, const struct npu_exec *exec, __u32 insn,
		  __u32 first, __u32 count);

#endif /* NPU_ENGINE_H */
