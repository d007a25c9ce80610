// SPDX-License-Identifier: GPL-2.0-only
/* Slots stay mapped and writable while jobs run: whatever is written there is only data. */
#include <pthread.h>

#include "npu_test.h"
#include "kselftest_harness.h"

static volatile bool stop;

static void *scribble(void *arg)
{
	struct bench *b = arg;
	uint64_t x = 88172645463325252ull, i;

	while (!stop) {
		for (i = 0; i + 8 <= b->bytes && !stop; i += 8) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			memcpy(b->memory + i, &x, 8);
		}
	}
	return NULL;
}

/* Softmax and sigmoid index tables with what they read. */
static struct npu_insn insn_softmax(void)
{
	struct npu_insn insn = { .opcode = NPU_OP_SOFTMAX };
	int i;

	for (i = 0; i < 2; i++) {
		insn.t[i] = vector_of(i, NPU_TYPE_INT16, 1000);
		insn.t[i].dim[2] = 50;
		insn.t[i].stride[2] = 2000;
	}
	insn.softmax.multiplier = 1 << 30;
	insn.softmax.shift = 1;
	return insn;
}

TEST(matrix_product)
{
	uint32_t done, i;
	pthread_t thread;
	struct bench b;

	ASSERT_EQ(0, bench_long(&b, 200));
	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &b));
	for (i = 0; i < 20; i++) {
		done = syncobj_create(b.fd);
		ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, i), 0, done));
		EXPECT_EQ(0, syncobj_wait(b.fd, done, 0, 20000));
	}
	stop = true;
	pthread_join(thread, NULL);
	bench_free(&b);
}

TEST(table_lookups)
{
	struct npu_insn insn = insn_softmax();
	struct drm_npu_slot slots[2] = { { .offset = 0 }, { .offset = 100032 } };
	struct bench b = { .bytes = 200064 + 4096 };
	uint32_t done, i;
	pthread_t thread;

	b.fd = npu_open();
	b.bo = bo_create(b.fd, b.bytes, 0);
	b.memory = bo_map(b.fd, b.bo, b.bytes);
	ASSERT_NE(NULL, b.memory);
	slots[0].bo = b.bo;
	slots[1].bo = b.bo;
	ASSERT_EQ(0, program_create(b.fd, &insn, 1, NULL, 0, 2, &b.program));
	ASSERT_EQ(0, launch_create(b.fd, b.program, slots, 2, 1, &b.launch));
	b.queue = queue_create(b.fd, DRM_NPU_PRIORITY_NORMAL);
	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &b));
	for (i = 0; i < 50; i++) {
		done = syncobj_create(b.fd);
		ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, i), 0, done));
		EXPECT_EQ(0, syncobj_wait(b.fd, done, 0, 20000));
	}
	stop = true;
	pthread_join(thread, NULL);
	bench_free(&b);
}

TEST_HARNESS_MAIN
