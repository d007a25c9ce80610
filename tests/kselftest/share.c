// SPDX-License-Identifier: GPL-2.0-only
/*
 * One job on several cores: two matrix products, the second of what the first made, against plain
 * loops; and what interrupts such a job in its middle.
 */
#include <linux/sync_file.h>

#include "npu_test.h"
#include "kselftest_harness.h"

#define ROWS 300u
#define DEPTH 500u
#define MIDDLE 100u
#define CHANNELS 40u
#define IN_STRIDE 512u
#define MIDDLE_STRIDE 112u

#define GROUPS(k) (((k) + 3) / 4)
#define WEIGHTS(n, k) (((n) + 15) / 16 * GROUPS(k) * 64)

/* Offsets into one buffer, a slot each. */
#define ALIGNED(x) (((x) + 63) / 64 * 64)
#define OUT 0u
#define IN ALIGNED(ROWS * CHANNELS)
#define BETWEEN (IN + ROWS * IN_STRIDE)
#define FIRST ALIGNED(BETWEEN + ROWS * MIDDLE_STRIDE)
#define SECOND (FIRST + WEIGHTS(MIDDLE, DEPTH))
#define BYTES (SECOND + WEIGHTS(CHANNELS, MIDDLE))

FIXTURE(share)
{
	int8_t *expected;
	int8_t *memory;
	struct npu_scale scale[2];
	uint32_t launch, queue;
	unsigned int cores;
	int fd;
};

/* Multiply by @scale with double rounding, as the instruction set defines it. */
static int32_t rescale(int32_t x, const struct npu_scale *scale)
{
	int64_t product = (int64_t)x * scale->multiplier;
	int32_t high = (product + (product >= 0 ? 1 << 30 : 1 - (1 << 30))) / (1ll << 31);
	int n = -scale->shift;
	int32_t mask = (1 << n) - 1;

	return (high >> n) + ((high & mask) > (mask >> 1) + (high < 0));
}

static int8_t weight(const int8_t *packed, uint32_t depth, uint32_t n, uint32_t k)
{
	return packed[(n / 16 * GROUPS(depth) + k / 4) * 64 + n % 16 * 4 + k % 4];
}

static void product(const int8_t *in, uint32_t in_stride, const int8_t *packed, uint32_t depth,
		    const struct npu_scale *scale, int8_t *out, uint32_t out_stride,
		    uint32_t channels)
{
	uint32_t m, n, k;

	for (m = 0; m < ROWS; m++) {
		for (n = 0; n < channels; n++) {
			int32_t sum = 0;

			for (k = 0; k < depth; k++)
				sum += in[m * in_stride + k] * weight(packed, depth, n, k);
			sum = rescale(sum, scale);
			out[m * out_stride + n] = sum > 127 ? 127 : sum < -128 ? -128 : sum;
		}
	}
}

static struct npu_insn insn_product(uint8_t out, uint32_t out_stride, uint8_t in,
				    uint32_t in_stride, uint8_t weights, uint32_t depth,
				    uint32_t channels, uint32_t scales)
{
	struct npu_insn insn = { .opcode = NPU_OP_FULLY_CONNECTED };

	insn.t[0] = vector_of(out, NPU_TYPE_INT8, channels);
	insn.t[0].dim[2] = ROWS;
	insn.t[0].stride[2] = out_stride;
	insn.t[1] = vector_of(in, NPU_TYPE_INT8, depth);
	insn.t[1].dim[2] = ROWS;
	insn.t[1].stride[2] = in_stride;
	insn.t[2] = (struct npu_tensor){
		.slot = weights,
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.dim = { channels, 1, 1, depth },
	};
	insn.fc.scales = scales;
	insn.fc.scale_count = 1;
	insn.fc.act_min = -128;
	insn.fc.act_max = 127;
	return insn;
}

FIXTURE_SETUP(share)
{
	const struct npu_insn insns[] = {
		insn_product(2, MIDDLE_STRIDE, 1, IN_STRIDE, 3, DEPTH, MIDDLE, 0),
		insn_product(0, CHANNELS, 2, MIDDLE_STRIDE, 4, MIDDLE, CHANNELS,
			     sizeof(struct npu_scale)),
	};
	const uint32_t offset[] = { OUT, IN, BETWEEN, FIRST, SECOND };
	struct drm_npu_slot slots[5] = { 0 };
	struct drm_npu_device_info info;
	struct drm_npu_query query = { .type = DRM_NPU_QUERY_DEVICE, .data = (uintptr_t)&info,
				       .size = sizeof(info) };
	uint32_t bo, program, i;
	int8_t *between;

	self->fd = npu_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &query));
	self->cores = info.cores;
	bo = bo_create(self->fd, BYTES, 0);
	self->memory = bo_map(self->fd, bo, BYTES);
	ASSERT_NE(NULL, self->memory);
	srand(1);
	for (i = IN; i < BYTES; i++)
		self->memory[i] = rand() >> 8;
	self->scale[0] = (struct npu_scale){ 1518500250, -11 };
	self->scale[1] = (struct npu_scale){ 1300000000, -10 };
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, offset[i] % NPU_SLOT_ALIGN);
		slots[i].kind = DRM_NPU_SLOT_FIXED;
		slots[i].bo = bo;
		slots[i].offset = offset[i];
	}
	ASSERT_EQ(0, program_create(self->fd, insns, 2, self->scale, sizeof(self->scale), 5,
				    &program));
	ASSERT_EQ(0, launch_create(self->fd, program, slots, 5, 1, &self->launch));
	self->queue = queue_create(self->fd, DRM_NPU_PRIORITY_NORMAL);

	between = calloc(ROWS, MIDDLE_STRIDE);
	self->expected = malloc(ROWS * CHANNELS);
	ASSERT_TRUE(between && self->expected);
	product(self->memory + IN, IN_STRIDE, self->memory + FIRST, DEPTH, &self->scale[0],
		between, MIDDLE_STRIDE, MIDDLE);
	product(between, MIDDLE_STRIDE, self->memory + SECOND, MIDDLE, &self->scale[1],
		self->expected, CHANNELS, CHANNELS);
	free(between);
}

FIXTURE_TEARDOWN(share)
{
	munmap(self->memory, BYTES);
	free(self->expected);
	close(self->fd);
	EXPECT_TRUE(all_gone(0));
}

static struct drm_npu_job job_of(FIXTURE_DATA(share) *self, uint32_t cookie)
{
	return (struct drm_npu_job){ self->queue, self->launch, 0, cookie };
}

/* How the job of a signalled syncobj ended. */
static int status_of(int fd, uint32_t done)
{
	struct sync_fence_info fence = { 0 };
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&fence };
	int file = syncobj_export(fd, done), ret;

	if (file < 0)
		return file;
	ret = npu_ioctl(file, SYNC_IOC_FILE_INFO, &info);
	close(file);
	return ret ? ret : fence.status < 0 ? fence.status : 0;
}

/* Run it once; false, and why, if its output is not what it should be. */
static bool runs_right(FIXTURE_DATA(share) *self)
{
	uint32_t done = syncobj_create(self->fd), i;
	int ret;

	memset(self->memory, 0x55, ROWS * CHANNELS);
	ret = submit(self->fd, job_of(self, 0), 0, done);
	if (!ret)
		ret = syncobj_wait(self->fd, done, 0, 20000);
	if (!ret)
		ret = status_of(self->fd, done);
	if (ret) {
		printf("# the job: %s\n", strerror(-ret));
		return false;
	}
	for (i = 0; i < ROWS * CHANNELS; i++) {
		if (self->memory[i] != self->expected[i]) {
			printf("# row %u, channel %u: %d, not %d\n", i / CHANNELS, i % CHANNELS,
			       self->memory[i], self->expected[i]);
			return false;
		}
	}
	return true;
}

/* Pieces that cores have run for another, ever; -1 if nobody says. */
static long long helped(void)
{
	long long count = -1;
	glob_t found;
	FILE *file;

	glob("/sys/kernel/debug/accel/*/helped", 0, NULL, &found);
	glob("/sys/kernel/debug/dri/*/helped", GLOB_APPEND, NULL, &found);
	file = found.gl_pathc ? fopen(found.gl_pathv[0], "r") : NULL;
	globfree(&found);
	if (!file)
		return -1;
	if (fscanf(file, "%lld", &count) != 1)
		count = -1;
	fclose(file);
	return count;
}

TEST_F(share, same_bits)
{
	long long before = helped();
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_TRUE(runs_right(self));
	}
	ASSERT_GE(before, 0);
	EXPECT_EQ(self->cores > 1, helped() > before);
}

/* Helpers leave for a job of their own: as many jobs as cores, and more. */
TEST_F(share, beside_other_jobs)
{
	struct bench other[3];
	uint32_t done[3];
	int i, round;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, bench_long(&other[i], 20));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 3; i++) {
			done[i] = syncobj_create(other[i].fd);
			ASSERT_EQ(0, submit(other[i].fd, bench_job(&other[i], 0, 0), 0, done[i]));
		}
		EXPECT_TRUE(runs_right(self));
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, syncobj_wait(other[i].fd, done[i], 0, 20000));
	}
	for (i = 0; i < 3; i++)
		bench_free(&other[i]);
}

/* Abort at any moment: nobody writes any more once the job has ended. */
TEST_F(share, aborted)
{
	uint32_t done, count;
	int i, ret, aborted = 0;
	size_t byte;

	for (i = 0; i < 100; i++) {
		done = syncobj_create(self->fd);
		ASSERT_EQ(0, submit(self->fd, job_of(self, 9), 0, done));
		usleep(i * 50);
		ret = cancel(self->fd, self->queue, 9, &count);
		ASSERT_TRUE(!ret || ret == -ENOENT);
		aborted += !ret;
		ASSERT_EQ(0, syncobj_wait(self->fd, done, 0, 20000));
		memset(self->memory, 0x55, ROWS * CHANNELS);
		usleep(200);
		for (byte = 0; byte < ROWS * CHANNELS && self->memory[byte] == 0x55; byte++)
			;
		ASSERT_EQ(ROWS * CHANNELS, byte);
	}
	EXPECT_LT(0, aborted);
	EXPECT_TRUE(runs_right(self));
}

/* What is more urgent gets a core at once, though all of them are at work on one job. */
TEST_F(share, preempted)
{
	struct bench load, urgent;
	uint32_t done, count;
	int i;

	ASSERT_EQ(0, bench_long(&load, 20000));
	ASSERT_EQ(0, bench_nop(&urgent));
	urgent.queue = queue_create(urgent.fd, DRM_NPU_PRIORITY_HIGH);
	ASSERT_EQ(0, submit(load.fd, bench_job(&load, 0, 1), 0, 0));
	for (i = 0; i < 20; i++) {
		usleep(3000);
		done = syncobj_create(urgent.fd);
		ASSERT_EQ(0, submit(urgent.fd, bench_job(&urgent, 0, 0), 0, done));
		EXPECT_EQ(0, syncobj_wait(urgent.fd, done, 0, 2000));
	}
	EXPECT_EQ(0, cancel(load.fd, load.queue, 1, &count));
	EXPECT_TRUE(runs_right(self));
	bench_free(&load);
	bench_free(&urgent);
}

/* Time of cores that helped is the client's, too. */
static uint64_t device_ns(int fd)
{
	unsigned long long ns = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "drm-engine-npu: %llu", &ns) == 1)
			break;
	fclose(file);
	return ns;
}

/* Runs a job; device time over wall time. */
static double cores_used(struct bench *b)
{
	uint64_t ns = device_ns(b->fd);
	struct timespec before, after;
	uint32_t done = syncobj_create(b->fd);

	clock_gettime(CLOCK_MONOTONIC, &before);
	if (submit(b->fd, bench_job(b, 0, 0), 0, done) || syncobj_wait(b->fd, done, 0, 60000))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &after);
	return (device_ns(b->fd) - ns) / ((after.tv_sec - before.tv_sec) * 1e9 + after.tv_nsec -
					  before.tv_nsec);
}

TEST_F(share, time_is_charged)
{
	double cores, most = 0;
	struct bench b;
	int i;

	if (self->cores < 2)
		SKIP(return, "one core");
	ASSERT_EQ(0, bench_long(&b, 400));
	/* a busy host may take the second CPU away for a while */
	for (i = 0; i < 10 && most < 1.2; i++) {
		cores = cores_used(&b);
		ASSERT_LT(0, cores);
		EXPECT_GE(1.01 * self->cores, cores);
		if (cores > most)
			most = cores;
	}
	EXPECT_LT(1.2, most);
	bench_free(&b);
}

TEST_HARNESS_MAIN
