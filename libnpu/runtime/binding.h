/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_BINDING_H
#define NPU_RUNTIME_BINDING_H

#include <stdatomic.h>

#include "cut.h"
#include "program.h"

/* Programs that a session has at once: the one in use, and those that requests still run. */
#define NPU_BINDINGS 4

/* No slot of the kind that is asked for. */
#define NPU_NO_SLOT UINT32_MAX

/**
 * struct npu_binding_plan - where everything of a program in a session lies
 * @heap_bytes: end of the block that it lies in
 * @device_bytes: of its buffer object
 * @shares_io: inputs and outputs are in the memory of the session's first program
 * @cuts_offset: embedded with threads, in the block: a struct npu_cut for each instruction
 * @scratch_offset: where it is computed in process, in the block: scratch memory of each seat
 * @scratch_stride: from one seat's to the next
 * @snapshot_offset: driver with failover, in the block: the state before the job in flight
 * @slot_offset: in the block or buffer object: of each slot
 * @slot_stride: of each IO slot: from one request to the next
 */
struct npu_binding_plan {
	uint64_t heap_bytes;
	uint64_t device_bytes;
	bool shares_io;
	uint64_t cuts_offset;
	uint64_t scratch_offset;
	uint64_t scratch_stride;
	uint64_t snapshot_offset;
	uint64_t slot_offset[NPU_MAX_SLOTS];
	uint64_t slot_stride[NPU_MAX_SLOTS];
};

/**
 * struct npu_binding - a program in a session's memory
 * @program: NULL while it is not in use
 * @index: in the session; 0 for the program that the session was opened with
 * @in_flight: requests that run it
 * @block: what @plan's offsets are in; its own but for the first, whose is the session's
 * @slot_base: address of each slot, of request 0 for IO; NULL where the process has none
 * @slot_stride: of each IO slot: from one request to the next
 * @scratch: scratch memory of seat 0, NULL if there is none
 * @cuts: embedded with threads: of each instruction
 * @cut_for: how many threads they are for, the leader's of the crew
 * @total_ns: sum of their times
 * @measured: runs that those are of
 * @bo: driver: one buffer object
 * @map: driver: where it is mapped
 * @handle: driver: of the program
 * @launch: driver: handle
 */
struct npu_binding {
	const struct npu_program *program;
	unsigned int index;
	unsigned int in_flight;
	uint8_t *block;
	struct npu_binding_plan plan;
	uint8_t *slot_base[NPU_MAX_SLOTS];
	uint64_t slot_stride[NPU_MAX_SLOTS];

	uint8_t *scratch;
	struct npu_cut *cuts;
	unsigned int cut_for;
	_Atomic uint64_t total_ns;
	atomic_uint measured;

	uint32_t bo;
	uint8_t *map;
	uint32_t handle;
	uint32_t launch;
};

struct npu_plan;
struct npu_session;

/* The program's only slot of a kind other than IO, or NPU_NO_SLOT. */
uint32_t npu_program_slot(const struct npu_program *program, enum npu_file_slot_kind kind);
/* Reserve the IO slots of all requests at the end of *@end, unless they are shared. */
void npu_binding_plan_io(struct npu_binding_plan *bound, const struct npu_plan *plan,
			 const struct npu_program *program, uint64_t *end);
/* Reserve scratch memory of @seats at the end of the block. */
void npu_binding_plan_scratch(struct npu_binding_plan *bound, const struct npu_program *program,
			      unsigned int seats);
/* Set what lies in the block, and the IO slots, which lie from @io on or are shared. */
void npu_binding_place(struct npu_session *session, struct npu_binding *binding, uint8_t *io);
/*
 * Request @request as the engine takes it, in process, with the scratch memory of seat @seat and a
 * thread's @workspace.
 */
void npu_binding_exec(const struct npu_binding *binding, unsigned int request, unsigned int seat,
		      uint8_t *workspace, struct npu_exec *exec);

#endif
