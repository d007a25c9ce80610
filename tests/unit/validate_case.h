/* SPDX-License-Identifier: MIT */
/*
 * How the validator is tested: a field is set to a value, and the refusal must name it.
 */
#ifndef VALIDATE_CASE_H
#define VALIDATE_CASE_H

#include "engine_case.h"

/* @field NULL: must be accepted. */
static inline void expect(struct engine_case *c, const char *field, int line)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	struct npu_fault fault;
	uint64_t cost;
	bool valid = case_valid(c, needs, &cost, &fault);

	if (valid && field)
		fail_msg("line %d, opcode 0x%x: %s was accepted", line, c->insn.opcode, field);
	if (!valid && !field)
		fail_msg("line %d, opcode 0x%x: refused: %s %s", line, c->insn.opcode, fault.field,
			 fault.reason);
	if (!valid && strcmp(fault.field, field))
		fail_msg("line %d, opcode 0x%x: %s was blamed instead of %s (%s)", line,
			 c->insn.opcode, fault.field, field, fault.reason);
	if (!valid)
		assert_true(strlen(fault.reason) > 0);
}

#define TRY(lvalue, value, field)                   \
	do {                                        \
		__typeof__(lvalue) old_ = (lvalue); \
		(lvalue) = (value);                 \
		expect(c, field, __LINE__);         \
		(lvalue) = old_;                    \
	} while (0)

static inline struct engine_case *make(const char *name, uint32_t w, uint32_t channels,
				       uint32_t depth)
{
	struct shape s = { 1, 1, w, channels, depth, 0, false, false };
	struct rng rng = { 11 };
	size_t i;

	for (i = 0; i < OPERATIONS; i++)
		if (!strcmp(operations[i].name, name)) {
			struct engine_case *c = case_make(&operations[i], &s, &rng);

			expect(c, NULL, __LINE__);
			return c;
		}
	fail_msg("no operation %s", name);
	return NULL;
}

static inline void check_limits(struct engine_case *c, __s32 *min, __s32 *max, const char *field)
{
	bool narrow = c->insn.t[0].type == NPU_TYPE_INT8;
	int32_t low = narrow ? -128 : -32768, high = narrow ? 127 : 32767;

	*min = low;
	*max = high;
	expect(c, NULL, __LINE__);
	TRY(*min, low - 1, field);
	TRY(*max, high + 1, field);
	TRY(*min, high, NULL);
	TRY(*max, low, NULL);
	*min = 1;
	TRY(*max, 1, NULL);
	TRY(*max, 0, field);
}

/* @count scales at the end of the constant section; positive shifts up to @max_shift. */
static inline void check_scales(struct engine_case *c, __u32 *offset, uint32_t count,
				int32_t max_shift, const char *field)
{
	struct npu_scale *scale;
	uint32_t i;

	*offset = c->consts.bytes - count * sizeof(*scale);
	scale = (struct npu_scale *)(guarded_data(&c->consts) + *offset);
	for (i = 0; i < count; i++)
		scale[i] = (struct npu_scale){ 1 << 30, -1 };
	expect(c, NULL, __LINE__);
	TRY(*offset, *offset + 4, field);
	TRY(*offset, *offset + 1, field);
	TRY(*offset, c->consts.bytes, field);
	TRY(*offset, 0xfffffffcu, field);
	for (i = 0; i<count; i += count> 1 ? count - 1 : 1) {
		TRY(scale[i].multiplier, 0, NULL);
		TRY(scale[i].multiplier, INT32_MAX, NULL);
		TRY(scale[i].multiplier, (1 << 30) - 1, field);
		TRY(scale[i].multiplier, 1, field);
		TRY(scale[i].multiplier, -1, field);
		TRY(scale[i].multiplier, INT32_MIN, field);
		TRY(scale[i].shift, -31, NULL);
		TRY(scale[i].shift, -32, field);
		TRY(scale[i].shift, max_shift, NULL);
		TRY(scale[i].shift, max_shift + 1, field);
		TRY(scale[i].shift, INT32_MIN, field);
		TRY(scale[i].shift, INT32_MAX, field);
	}
}

#endif /* VALIDATE_CASE_H */
