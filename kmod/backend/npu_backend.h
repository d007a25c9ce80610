/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver asks of a compute backend.
 */
#ifndef NPU_BACKEND_H
#define NPU_BACKEND_H

struct npu_device;
struct npu_exec;

/**
 * struct npu_backend - operations of a backend
 * @name: for the log, QUERY and the tests
 * @init: find out what the hardware can; @variant is the module parameter or NULL. Sets
 *	npu_device.variant and isa_features
 * @step: run the next bounded step of a job on the calling core thread, but nothing of
 *	instruction @until on. May not sleep, allocate or fail: the program was validated
 * @run: likewise, units [first, first + count) of the job's current instruction, at most as many
 *	as a step has; the job does not move
 * @cost_ns: validated cost units as time on this backend, at its slowest
 */
struct npu_backend {
	const char *name;
	int (*init)(struct npu_device *npu, const char *variant);
	void (*step)(struct npu_device *npu, struct npu_exec *exec, u32 until);
	void (*run)(struct npu_device *npu, const struct npu_exec *exec, u32 first, u32 count);
	u64 (*cost_ns)(struct npu_device *npu, u64 cost);
};

extern const struct npu_backend npu_simd_backend;

#endif /* NPU_BACKEND_H */
