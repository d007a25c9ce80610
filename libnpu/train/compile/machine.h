/* SPDX-License-Identifier: MIT */
/* What a CPU can do, measured with a few instructions of its own. */
#ifndef NPU_COMPILE_MACHINE_H
#define NPU_COMPILE_MACHINE_H

#include "npu_engine.h"
#include "npu_train.h"

/**
 * struct npu_machine - microseconds of one of each
 * @mac: multiplication with addition
 * @output: a sum that is requantised
 * @byte: read or written, in the cache
 */
struct npu_machine {
	double mac, output, byte;
};

/* Microseconds since some time in the past. */
double npu_machine_now(void);

/* Measure @variant. -ENOMEM. */
int npu_machine_measure(const struct npu_variant *variant, struct npu_machine *machine,
			struct npu_error *err);

/* What an instruction needs that reads and writes @bytes: at least, and probably. */
double npu_machine_least_us(const struct npu_machine *machine, const struct npu_insn *insn,
			    uint64_t bytes);
double npu_machine_likely_us(const struct npu_machine *machine, const struct npu_insn *insn,
			     uint64_t bytes);

#endif
