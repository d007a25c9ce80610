// SPDX-License-Identifier: GPL-2.0-only
/* What QUERY promises, one gets; what is beyond is refused, and gives back what it took. */
#include "npu_test.h"
#include "kselftest_harness.h"

FIXTURE(limits)
{
	struct drm_npu_device_info info;
	struct bench b;
};

FIXTURE_SETUP(limits)
{
	struct drm_npu_query args = { .size = sizeof(self->info), .data = (uintptr_t)&self->info };

	ASSERT_EQ(0, bench_nop(&self->b));
	ASSERT_EQ(0, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUERY, &args));
}

FIXTURE_TEARDOWN(limits)
{
	bench_free(&self->b);
}

TEST_F(limits, instructions)
{
	struct npu_insn *insns = calloc(self->info.max_insns, sizeof(*insns));
	uint32_t program, launch, done = syncobj_create(self->b.fd), i;

	ASSERT_NE(NULL, insns);
	for (i = 0; i < self->info.max_insns; i++)
		insns[i].opcode = NPU_OP_NOP;
	ASSERT_EQ(0, program_create(self->b.fd, insns, self->info.max_insns, NULL, 0, 0, &program));
	ASSERT_EQ(0, launch_create(self->b.fd, program, NULL, 0, 1, &launch));
	self->b.launch = launch;
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, done));
	EXPECT_EQ(0, syncobj_wait(self->b.fd, done, 0, 10000));
	/* the last one counts, too */
	insns[self->info.max_insns - 1].flags = 1;
	EXPECT_EQ(-EINVAL,
		  program_create(self->b.fd, insns, self->info.max_insns, NULL, 0, 0, &program));
	free(insns);
}

TEST_F(limits, constants)
{
	struct npu_insn insn = insn_table(64);
	char *consts = calloc(1, self->info.max_consts);
	uint32_t program;

	ASSERT_NE(NULL, consts);
	insn.table.offset = self->info.max_consts - 256;
	EXPECT_EQ(0,
		  program_create(self->b.fd, &insn, 1, consts, self->info.max_consts, 2, &program));
	insn.table.offset += 2;
	EXPECT_EQ(-EINVAL,
		  program_create(self->b.fd, &insn, 1, consts, self->info.max_consts, 2, &program));
	free(consts);
}

/* The most slots, each a different one, all scratch but the ends: a byte goes through all. */
TEST_F(limits, slots)
{
	struct npu_insn insns[NPU_MAX_SLOTS];
	struct drm_npu_slot slots[NPU_MAX_SLOTS];
	uint32_t count = self->info.max_slots, last = count - 1, done, i;
	int8_t table[256];
	uint8_t *memory;
	uint32_t bo;

	ASSERT_LE(count, NPU_MAX_SLOTS);
	for (i = 0; i < 256; i++)
		table[i] = (int8_t)(i - 128 + 1);
	for (i = 0; i < last; i++) {
		insns[i] = insn_table(64);
		insns[i].t[1].slot = i;
		insns[i].t[0].slot = i + 1;
		slots[i] = (struct drm_npu_slot){ .kind = DRM_NPU_SLOT_SCRATCH };
	}
	bo = bo_create(self->b.fd, 4096, 0);
	memory = bo_map(self->b.fd, bo, 4096);
	ASSERT_NE(NULL, memory);
	slots[0] = (struct drm_npu_slot){ .kind = DRM_NPU_SLOT_FIXED, .bo = bo };
	slots[last] = (struct drm_npu_slot){ .kind = DRM_NPU_SLOT_FIXED, .bo = bo, .offset = 64 };
	ASSERT_EQ(0, program_create(self->b.fd, insns, last, table, 256, count, &self->b.program));
	ASSERT_EQ(0, launch_create(self->b.fd, self->b.program, slots, count, 1, &self->b.launch));
	memory[63] = 5;
	done = syncobj_create(self->b.fd);
	ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, done));
	ASSERT_EQ(0, syncobj_wait(self->b.fd, done, 0, 10000));
	EXPECT_EQ(5 + last, memory[64 + 63]);
	munmap(memory, 4096);
}

TEST_F(limits, jobs_of_one_submit)
{
	uint32_t count = self->info.max_jobs, i;
	struct drm_npu_submit_job *jobs = calloc(count + 1, sizeof(*jobs));
	struct drm_npu_submit args = { .jobs = (uintptr_t)jobs, .job_count = count };

	ASSERT_NE(NULL, jobs);
	for (i = 0; i <= count; i++)
		jobs[i].job = bench_job(&self->b, 0, i);
	EXPECT_EQ(0, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	args.job_count = count + 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	free(jobs);
}

/* The most points before and after one job. */
TEST_F(limits, syncs_of_one_job)
{
	uint32_t count = self->info.max_syncs, i;
	struct drm_npu_sync *syncs = calloc(2 * count, sizeof(*syncs));
	struct drm_npu_submit_job job = {
		.job = bench_job(&self->b, 0, 0),
		.in_syncs = (uintptr_t)syncs,
		.out_syncs = (uintptr_t)(syncs + count),
		.in_count = count,
		.out_count = count,
	};
	struct drm_npu_submit args = { .jobs = (uintptr_t)&job, .job_count = 1 };

	ASSERT_NE(NULL, syncs);
	for (i = 0; i < 2 * count; i++)
		syncs[i].handle = syncobj_create(self->b.fd);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, submit(self->b.fd, bench_job(&self->b, 0, 0), 0, syncs[i].handle));
	ASSERT_EQ(0, npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args));
	for (i = count; i < 2 * count; i++)
		EXPECT_EQ(0, syncobj_wait(self->b.fd, syncs[i].handle, 0, 10000));
	free(syncs);
}

/* A full queue answers EAGAIN, and takes jobs again when it has drained. */
TEST_F(limits, jobs_of_one_queue)
{
	struct drm_npu_submit_job jobs[256] = { 0 };
	struct drm_npu_submit args = { .jobs = (uintptr_t)jobs, .job_count = 256 };
	struct bench slow;
	uint32_t i, queued = 0;
	int ret = 0;

	ASSERT_EQ(0, bench_long_on(&slow, self->b.fd, 40000));
	self->b.queue = slow.queue;
	ASSERT_EQ(0, submit(slow.fd, bench_job(&slow, 0, 1), 0, 0));
	usleep(50000); /* it runs, and waits no more */
	for (i = 0; i < 256; i++)
		jobs[i].job = bench_job(&self->b, 0, 2);
	while (!ret && queued <= self->info.max_queued) {
		ret = npu_ioctl(self->b.fd, DRM_IOCTL_NPU_SUBMIT, &args);
		if (!ret)
			queued += args.job_count;
		else if (args.job_count > 1) {
			args.job_count = 1;
			ret = 0;
		}
	}
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_EQ(self->info.max_queued, queued);
	EXPECT_EQ(0, cancel(self->b.fd, slow.queue, 1, NULL));
	for (i = 0; i < 500; i++) {
		ret = submit(self->b.fd, bench_job(&self->b, 0, 2), 0, 0);
		if (ret != -EAGAIN)
			break;
		usleep(10000);
	}
	EXPECT_EQ(0, ret);
}

/* No user binds more memory than he may; what was refused is not charged. */
TEST_F(limits, pinned_memory)
{
	const uint32_t row = 1u << 20;
	uint32_t rows = self->info.max_pinned / row + 1, program, launch, small;
	struct npu_insn insn = {
		.opcode = NPU_OP_COPY,
		.t = { vector_of(0, NPU_TYPE_INT8, row), vector_of(1, NPU_TYPE_INT8, row) },
	};
	struct drm_npu_slot slots[2] = { { .kind = DRM_NPU_SLOT_FIXED } };
	int i;

	insn.t[0].dim[2] = rows;
	insn.t[0].stride[2] = row;
	insn.t[1].dim[2] = rows;
	slots[0].bo = bo_create(self->b.fd, (uint64_t)rows * row, 0);
	slots[1].bo = bo_create(self->b.fd, row, 0);
	ASSERT_NE(0, slots[0].bo);
	ASSERT_EQ(0, program_create(self->b.fd, &insn, 1, NULL, 0, 2, &program));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-ENOMEM, launch_create(self->b.fd, program, slots, 2, 1, &launch));

	insn.t[0].dim[2] = 1;
	insn.t[1].dim[2] = 1;
	insn.t[0].stride[2] = 0;
	slots[0].bo = bo_create(self->b.fd, row, 0);
	ASSERT_EQ(0, program_create(self->b.fd, &insn, 1, NULL, 0, 2, &small));
	EXPECT_EQ(0, launch_create(self->b.fd, small, slots, 2, 1, &launch));
}

/* Nor more objects, of any kind. */
TEST_F(limits, objects)
{
	struct drm_npu_queue_create args = { .priority = DRM_NPU_PRIORITY_LOW };
	struct npu_insn insn = insn_nop();
	uint32_t handle, i;
	int ret = 0;

	for (i = 0; i < 100000 && !ret; i++) {
		args.handle = 0;
		ret = npu_ioctl(self->b.fd, DRM_IOCTL_NPU_QUEUE_CREATE, &args);
	}
	EXPECT_EQ(-ENOSPC, ret);
	for (i = 0, ret = 0; i < 100000 && !ret; i++)
		ret = program_create(self->b.fd, &insn, 1, NULL, 0, 0, &handle);
	EXPECT_EQ(-ENOSPC, ret);
	for (i = 0, ret = 0; i < 100000 && !ret; i++)
		ret = launch_create(self->b.fd, self->b.program, NULL, 0, 1, &handle);
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(0, destroy(self->b.fd, DRM_IOCTL_NPU_QUEUE_DESTROY, self->b.queue));
	EXPECT_NE(0, queue_create(self->b.fd, DRM_NPU_PRIORITY_LOW));
}

TEST_HARNESS_MAIN
