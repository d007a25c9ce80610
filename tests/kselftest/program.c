// SPDX-License-Identifier: GPL-2.0-only
/* PROGRAM_CREATE and LAUNCH_CREATE: every field at its limits and beyond. */
#include "npu_test.h"
#include "kselftest_harness.h"

FIXTURE(program)
{
	int fd;
	struct npu_insn insn;
	int8_t table[256];
	struct drm_npu_program_create args;
};

FIXTURE_SETUP(program)
{
	self->fd = npu_open();
	ASSERT_GE(self->fd, 0);
	self->insn = insn_table(100);
	table_of_doubles(self->table);
	self->args = (struct drm_npu_program_create){
		.insns = (uintptr_t)&self->insn,
		.consts = (uintptr_t)self->table,
		.insn_count = 1,
		.const_size = 256,
		.slot_count = 2,
		.isa_version = NPU_ISA_VERSION,
	};
}

FIXTURE_TEARDOWN(program)
{
	close(self->fd);
}

#define create(self) npu_ioctl((self)->fd, DRM_IOCTL_NPU_PROGRAM_CREATE, &(self)->args)

TEST_F(program, valid)
{
	ASSERT_EQ(0, create(self));
	EXPECT_EQ(0, destroy(self->fd, DRM_IOCTL_NPU_PROGRAM_DESTROY, self->args.handle));
	EXPECT_EQ(-ENOENT, destroy(self->fd, DRM_IOCTL_NPU_PROGRAM_DESTROY, self->args.handle));
}

/* Programs of an older instruction set run. */
TEST_F(program, isa_version_1)
{
	self->args.isa_version = 1;
	EXPECT_EQ(0, create(self));
}

/* They must not hold what it does not have. */
TEST_F(program, isa_version_1_with_newer)
{
	struct npu_scale scales[3] = { { 1 << 30, 0 }, { 1 << 30, 0 }, { 1 << 30, 0 } };
	struct npu_insn insn = { .opcode = NPU_OP_SUB };
	int i;

	for (i = 0; i < 3; i++)
		insn.t[i] = vector_of(i, NPU_TYPE_INT8, 32);
	insn.binary.act_min = -128;
	insn.binary.act_max = 127;
	self->args = (struct drm_npu_program_create){
		.insns = (uintptr_t)&insn,
		.insn_count = 1,
		.consts = (uintptr_t)scales,
		.const_size = sizeof(scales),
		.slot_count = 3,
		.isa_version = 1,
	};
	EXPECT_EQ(-EINVAL, create(self));
	self->args.isa_version = 2;
	EXPECT_EQ(0, create(self));
	/* broadcasts are newer than ADD */
	insn.opcode = NPU_OP_ADD;
	self->args.handle = 0;
	self->args.isa_version = 1;
	EXPECT_EQ(0, create(self));
	insn.t[2].dim[3] = 1;
	self->args.handle = 0;
	EXPECT_EQ(-EINVAL, create(self));
	self->args.isa_version = 2;
	EXPECT_EQ(0, create(self));
}

#define REFUSED(name, field, value, error)      \
	TEST_F(program, name)                   \
	{                                       \
		self->args.field = (value);     \
		EXPECT_EQ(error, create(self)); \
	}

REFUSED(flags, flags, 1, -EINVAL)
REFUSED(handle_set, handle, 1, -EINVAL)
REFUSED(isa_version_0, isa_version, 0, -EINVAL)
REFUSED(isa_version_next, isa_version, NPU_ISA_VERSION + 1, -EINVAL)
REFUSED(no_insns, insn_count, 0, -EINVAL)
REFUSED(too_many_insns, insn_count, NPU_MAX_INSNS + 1, -EINVAL)
REFUSED(insns_most, insn_count, NPU_MAX_INSNS, -EFAULT)
REFUSED(const_size_too_large, const_size, NPU_MAX_CONSTS + 1, -EINVAL)
REFUSED(const_size_largest, const_size, NPU_MAX_CONSTS, -EFAULT)
REFUSED(const_size_0_with_consts, const_size, 0, -EINVAL)
REFUSED(const_size_too_small, const_size, 255, -EINVAL)
REFUSED(slot_count_too_large, slot_count, NPU_MAX_SLOTS + 1, -EINVAL)
REFUSED(slot_not_used, slot_count, 3, -EINVAL)
REFUSED(slot_missing, slot_count, 1, -EINVAL)
REFUSED(insns_unreadable, insns, 8, -EFAULT)
REFUSED(insns_kernel, insns, 0xffffffff81000000ull, -EFAULT)
REFUSED(consts_unreadable, consts, 8, -EFAULT)

#define BAD_INSN(name, field, value)              \
	TEST_F(program, insn_##name)              \
	{                                         \
		self->insn.field = (value);       \
		EXPECT_EQ(-EINVAL, create(self)); \
	}

BAD_INSN(opcode_0, opcode, 0)
BAD_INSN(opcode_unknown, opcode, 0x7f)
BAD_INSN(opcode_high, opcode, 0xffff)
BAD_INSN(reserved, reserved, 1)
BAD_INSN(flags, flags, 1)
BAD_INSN(reserved2, reserved2, 1)
BAD_INSN(slot, t[1].slot, 2)
BAD_INSN(slot_255, t[0].slot, 255)
BAD_INSN(type_none, t[0].type, NPU_TYPE_NONE)
BAD_INSN(type_unknown, t[0].type, 5)
BAD_INSN(layout, t[0].layout, 1)
BAD_INSN(layout_unknown, t[0].layout, 2)
BAD_INSN(tensor_reserved, t[0].reserved, 1)
BAD_INSN(offset_far, t[0].offset, 0xffffffff)
BAD_INSN(zero_point, t[0].zero_point, 128)
BAD_INSN(dim_0, t[0].dim[3], 0)
BAD_INSN(dim_other, t[0].dim[3], 99)
BAD_INSN(dim_large, t[0].dim[3], NPU_MAX_DIM + 1)
BAD_INSN(unused_tensor, t[2].offset, 1)
BAD_INSN(table_outside, table.offset, 2)
BAD_INSN(table_far, table.offset, 0xfffffffe)
BAD_INSN(raw_tail, raw[11], 1)

TEST_F(program, strides_overflow)
{
	int i;

	for (i = 0; i < 2; i++) {
		self->insn.t[i].dim[0] = NPU_MAX_DIM;
		self->insn.t[i].stride[0] = 0xffffffff;
	}
	EXPECT_EQ(-EINVAL, create(self));
}

TEST_F(program, handles_are_private)
{
	int other = npu_open();

	ASSERT_EQ(0, create(self));
	EXPECT_EQ(-ENOENT, destroy(other, DRM_IOCTL_NPU_PROGRAM_DESTROY, self->args.handle));
	close(other);
}

TEST_F(program, destroy_refused_fields)
{
	struct drm_npu_destroy args = { .pad = 1 };

	ASSERT_EQ(0, create(self));
	args.handle = self->args.handle;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_PROGRAM_DESTROY, &args));
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_LAUNCH_DESTROY, &args));
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUEUE_DESTROY, &args));
}

/* A program that changes under the copy is either valid or refused: it was copied once. */
TEST_F(program, copied_once)
{
	ASSERT_EQ(0, create(self));
	memset(&self->insn, 0xff, sizeof(self->insn));
	EXPECT_EQ(0, destroy(self->fd, DRM_IOCTL_NPU_PROGRAM_DESTROY, self->args.handle));
}

/* ------------------------------------------------------------ the launch */

FIXTURE(launch)
{
	struct bench b;
	struct drm_npu_slot slots[2];
	struct drm_npu_launch_create args;
};

FIXTURE_SETUP(launch)
{
	ASSERT_EQ(0, bench_double(&self->b, 100, 4, 0));
	self->slots[0] = (struct drm_npu_slot){ DRM_NPU_SLOT_INDEXED, self->b.bo, 0, 128 };
	self->slots[1] = (struct drm_npu_slot){ DRM_NPU_SLOT_INDEXED, self->b.bo, 512, 128 };
	self->args = (struct drm_npu_launch_create){
		.slots = (uintptr_t)self->slots,
		.slot_count = 2,
		.program = self->b.program,
		.count = 4,
	};
}

FIXTURE_TEARDOWN(launch)
{
	bench_free(&self->b);
}

#define launch(self) npu_ioctl((self)->b.fd, DRM_IOCTL_NPU_LAUNCH_CREATE, &(self)->args)

TEST_F(launch, valid)
{
	ASSERT_EQ(0, launch(self));
	EXPECT_EQ(0, destroy(self->b.fd, DRM_IOCTL_NPU_LAUNCH_DESTROY, self->args.handle));
	EXPECT_EQ(-ENOENT, destroy(self->b.fd, DRM_IOCTL_NPU_LAUNCH_DESTROY, self->args.handle));
}

#define LAUNCH_REFUSED(name, field, value, error) \
	TEST_F(launch, name)                      \
	{                                         \
		self->field = (value);            \
		EXPECT_EQ(error, launch(self));   \
	}

LAUNCH_REFUSED(flags, args.flags, 1, -EINVAL)
LAUNCH_REFUSED(handle_set, args.handle, 1, -EINVAL)
LAUNCH_REFUSED(pad, args.pad, 1, -EINVAL)
LAUNCH_REFUSED(count_0, args.count, 0, -EINVAL)
LAUNCH_REFUSED(count_beyond, args.count, 33, -ENOSPC)
LAUNCH_REFUSED(count_far, args.count, 0xffffffff, -ENOSPC)
LAUNCH_REFUSED(slot_count_1, args.slot_count, 1, -EINVAL)
LAUNCH_REFUSED(slot_count_3, args.slot_count, 3, -EINVAL)
LAUNCH_REFUSED(no_program, args.program, 999, -ENOENT)
LAUNCH_REFUSED(slots_unreadable, args.slots, 8, -EFAULT)
LAUNCH_REFUSED(kind, slots[0].kind, 3, -EINVAL)
LAUNCH_REFUSED(bo_missing, slots[0].bo, 999, -ENOENT)
LAUNCH_REFUSED(bo_0, slots[0].bo, 0, -ENOENT)
LAUNCH_REFUSED(offset_unaligned, slots[0].offset, 32, -EINVAL)
LAUNCH_REFUSED(offset_beyond, slots[0].offset, 4096, -ENOSPC)
LAUNCH_REFUSED(offset_overflow, slots[0].offset, (uint64_t)-64, -ENOSPC)
LAUNCH_REFUSED(stride_unaligned, slots[0].stride, 100, -EINVAL)
LAUNCH_REFUSED(stride_overlaps, slots[0].stride, 64, -EINVAL)
LAUNCH_REFUSED(stride_overflow, slots[0].stride, 1ull << 63, -ENOSPC)
LAUNCH_REFUSED(fixed_with_stride, slots[1].kind, DRM_NPU_SLOT_FIXED, -EINVAL)
LAUNCH_REFUSED(scratch_with_bo, slots[1].kind, DRM_NPU_SLOT_SCRATCH, -EINVAL)

TEST_F(launch, read_slots_may_overlap)
{
	self->slots[1].stride = 0;
	EXPECT_EQ(0, launch(self));
}

TEST_F(launch, outlives_program_and_buffer_handles)
{
	struct drm_gem_close close_args = { .handle = self->b.bo };
	uint32_t done = syncobj_create(self->b.fd);

	ASSERT_EQ(0, launch(self));
	EXPECT_EQ(0, destroy(self->b.fd, DRM_IOCTL_NPU_PROGRAM_DESTROY, self->b.program));
	EXPECT_EQ(0, npu_ioctl(self->b.fd, DRM_IOCTL_GEM_CLOSE, &close_args));
	self->b.memory[512] = 21;
	self->b.launch = self->args.handle;
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, done));
	ASSERT_EQ(0, syncobj_wait(self->b.fd, done, 0, 10000));
	EXPECT_EQ(42, self->b.memory[0]);
}

TEST_HARNESS_MAIN
