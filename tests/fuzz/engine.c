// SPDX-License-Identifier: MIT
/*
 * Validator and interpreter: whatever is accepted runs within its operands, and gives the same
 * bits in every variant that this CPU has, however it is cut.
 *
 * Slots are as long as the validator said, to the byte, and the address sanitizer watches their
 * ends. A difference is reported by abort().
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine_input.h"
#include "runtime/device.h"

#define MOST_BYTES (1u << 20) /* of all slots */
#define MOST_COST 1000000     /* about a millisecond of the scalar variant */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/**
 * struct machine - a program of one instruction and its memory
 * @before: [slots] contents before the run
 * @expected: [slots] contents after it, by the scalar variant
 */
struct machine {
	struct npu_insn insn;
	struct npu_exec exec;
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	uint32_t slots;
	uint8_t *before[NPU_MAX_SLOTS], *expected[NPU_MAX_SLOTS];
	uint64_t random;
};

static void *exact(size_t bytes)
{
	void *memory;

	if (posix_memalign(&memory, NPU_SLOT_ALIGN, bytes ? bytes : 1))
		abort();
	return memory;
}

static void make_memory(struct machine *m)
{
	uint32_t s;
	size_t i;

	for (s = 0; s < m->slots; s++) {
		size_t bytes = m->needs[s].bytes;

		m->exec.slot[s] = exact(bytes);
		m->before[s] = exact(bytes);
		m->expected[s] = exact(bytes);
		/* one in four is all of one value: sums that never cancel */
		if (fuzz_random(&m->random) % 4 == 0)
			memset(m->before[s], (int)fuzz_random(&m->random), bytes);
		else
			for (i = 0; i < bytes; i++)
				m->before[s][i] = (uint8_t)fuzz_random(&m->random);
	}
}

static void free_memory(struct machine *m)
{
	uint32_t s;

	for (s = 0; s < m->slots; s++) {
		free(m->exec.slot[s]);
		free(m->before[s]);
		free(m->expected[s]);
	}
}

static void reset(struct machine *m)
{
	uint32_t s;

	for (s = 0; s < m->slots; s++)
		memcpy(m->exec.slot[s], m->before[s], m->needs[s].bytes);
	/* what is in the workspace means nothing */
	memset(m->exec.workspace, (int)fuzz_random(&m->random), NPU_WORKSPACE_BYTES);
	m->exec.insn = 0;
	m->exec.unit = 0;
}

/* In steps of budgets at random. */
static void run_steps(struct machine *m, const struct npu_variant *variant)
{
	uint32_t scale = fuzz_random(&m->random) % 20;

	while (!npu_exec_done(&m->exec))
		npu_exec_step(variant, &m->exec, fuzz_random(&m->random) % (2u << scale));
}

/* Each wave in pieces, those in any order. */
static void run_pieces(struct machine *m, const struct npu_variant *variant)
{
	uint32_t units = npu_insn_units(&m->insn), wave = npu_insn_wave(&m->insn), first;

	for (first = 0; first < units; first += wave) {
		uint32_t count = units - first < wave ? units - first : wave;
		uint32_t cut = fuzz_random(&m->random) % count;
		uint32_t cut2 = cut + fuzz_random(&m->random) % (count - cut);

		npu_insn_run(variant, &m->exec, 0, first + cut2, count - cut2);
		npu_insn_run(variant, &m->exec, 0, first, cut);
		npu_insn_run(variant, &m->exec, 0, first + cut, cut2 - cut);
	}
}

static void compare(const struct machine *m, const struct npu_variant *variant, const char *how)
{
	uint32_t s;

	for (s = 0; s < m->slots; s++) {
		if (!memcmp(m->exec.slot[s], m->expected[s], m->needs[s].bytes))
			continue;
		fprintf(stderr, "opcode 0x%x: %s, %s, differs from scalar in slot %u\n",
			m->insn.opcode, npu_variant_name(variant), how, s);
		abort();
	}
}

/* What is only read must stay as it was. */
static void check_read_only(const struct machine *m)
{
	uint32_t s;

	for (s = 0; s < m->slots; s++)
		if (!(m->needs[s].access & NPU_SLOT_WRITE) &&
		    memcmp(m->before[s], m->exec.slot[s], m->needs[s].bytes)) {
			fprintf(stderr, "opcode 0x%x: slot %u was written\n", m->insn.opcode, s);
			abort();
		}
}

static void run_all(struct machine *m)
{
	const struct npu_variant *variant;
	unsigned int i;
	uint32_t s;

	reset(m);
	npu_exec_step(npu_variant_at(0), &m->exec, UINT32_MAX);
	while (!npu_exec_done(&m->exec))
		npu_exec_step(npu_variant_at(0), &m->exec, UINT32_MAX);
	check_read_only(m);
	for (s = 0; s < m->slots; s++)
		memcpy(m->expected[s], m->exec.slot[s], m->needs[s].bytes);
	for (i = 0; (variant = npu_variant_at(i)); i++) {
		if (npu_variant_features(variant) & ~npu_cpu_features())
			continue;
		reset(m);
		run_steps(m, variant);
		compare(m, variant, "in steps");
		reset(m);
		run_pieces(m, variant);
		compare(m, variant, "in pieces");
	}
}

static bool small_enough(const struct machine *m, uint64_t cost)
{
	uint64_t bytes = 0;
	uint32_t s;

	for (s = 0; s < m->slots; s++)
		bytes += m->needs[s].bytes;
	return bytes <= MOST_BYTES && cost <= MOST_COST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t workspace[NPU_WORKSPACE_BYTES] __attribute__((aligned(NPU_WORKSPACE_ALIGN)));
	struct npu_fault fault = { 0 };
	struct engine_input input;
	struct machine m = { 0 };
	size_t const_size;
	uint8_t *consts;
	__u64 cost = 0;

	if (size < sizeof(input))
		return -1;
	memcpy(&input, data, sizeof(input));
	const_size = size - sizeof(input);
	consts = exact(const_size);
	memcpy(consts, data + sizeof(input), const_size);
	m.insn = input.insn;
	m.slots = input.slots % (NPU_MAX_SLOTS + 1);
	m.random = input.seed;
	m.exec.insns = &m.insn;
	m.exec.insn_count = 1;
	m.exec.consts = consts;
	m.exec.workspace = workspace;
	if (npu_insn_validate(&m.insn, consts, (__u32)const_size, m.slots, m.needs, &cost,
			      &fault)) {
		if (small_enough(&m, cost)) {
			make_memory(&m);
			run_all(&m);
			free_memory(&m);
		}
	} else if (!fault.field || !fault.reason) {
		fprintf(stderr, "opcode 0x%x was refused without a reason\n", m.insn.opcode);
		abort();
	}
	free(consts);
	return 0;
}
