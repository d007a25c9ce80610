// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend that every board has: the CPU's vector units.
 *
 * Vector registers are claimed for one step at a time. A claim turns preemption off, so a step is
 * kept to about 50 µs; an instruction that runs on ordinary registers claims nothing.
 */
#include <linux/math64.h>

#include <drm/drm_print.h>

#include "npu_backend.h"
#include "../npu_drv.h"
#include "vector.h"

#define STEP_US 50

static int simd_init(struct npu_device *npu, const char *variant)
{
	npu->isa_features = vector_features();
	npu->variant = npu_variant_find(variant && *variant ? variant : NULL, npu->isa_features);
	if (!npu->variant) {
		drm_err(&npu->drm, "variant=%s is unknown or needs what this CPU lacks\n", variant);
		return -EINVAL;
	}
	return 0;
}

static void simd_step(struct npu_device *npu, struct npu_exec *exec, u32 until)
{
	u32 budget = npu_variant_units_per_us(npu->variant) * STEP_US;
	bool vector = npu_exec_vector(npu->variant, exec);
	u32 insn_count = exec->insn_count;

	exec->insn_count = until;
	if (vector)
		vector_begin();
	npu_exec_step(npu->variant, exec, budget);
	if (vector)
		vector_end();
	exec->insn_count = insn_count;
}

static void simd_run(struct npu_device *npu, const struct npu_exec *exec, u32 first, u32 count)
{
	bool vector = npu_exec_vector(npu->variant, exec);

	if (vector)
		vector_begin();
	npu_insn_run(npu->variant, exec, exec->insn, first, count);
	if (vector)
		vector_end();
}

static u64 simd_cost_ns(struct npu_device *npu, u64 cost)
{
	u32 units = npu_variant_units_per_us(npu->variant);

	if (cost > U64_MAX / NSEC_PER_USEC)
		return U64_MAX;
	return div_u64(cost * NSEC_PER_USEC, units);
}

const struct npu_backend npu_simd_backend = {
	.name = "simd",
	.init = simd_init,
	.step = simd_step,
	.run = simd_run,
	.cost_ns = simd_cost_ns,
};
