// SPDX-License-Identifier: GPL-2.0-only
/* What /proc/PID/fdinfo says, in the format of the kernel's drm-usage-stats. */
#include "npu_test.h"
#include "kselftest_harness.h"

/* The number after "key:", or -1. */
static long long fdinfo(int fd, const char *key)
{
	char path[64], line[256];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = strtoll(line + strlen(key) + 1, NULL, 10);
	fclose(file);
	return value;
}

TEST(engine_time_counts_the_running_job)
{
	long long first, second;
	struct bench b;

	ASSERT_EQ(0, bench_long(&b, 40000));
	EXPECT_EQ(0, fdinfo(b.fd, "drm-engine-npu"));
	EXPECT_GE(fdinfo(b.fd, "drm-engine-capacity-npu"), 1);
	ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, 1), 0, 0));
	usleep(100000);
	first = fdinfo(b.fd, "drm-engine-npu");
	usleep(100000);
	second = fdinfo(b.fd, "drm-engine-npu");
	EXPECT_GT(first, 1000000);
	EXPECT_GT(second, first);
	cancel(b.fd, b.queue, 1, NULL);
	bench_free(&b);
}

TEST(jobs_are_counted)
{
	uint32_t done;
	struct bench b;
	int i;

	ASSERT_EQ(0, bench_nop(&b));
	for (i = 0; i < 5; i++) {
		done = syncobj_create(b.fd);
		ASSERT_EQ(0, submit(b.fd, bench_job(&b, 0, 0), 0, done));
		ASSERT_EQ(0, syncobj_wait(b.fd, done, 0, 5000));
	}
	EXPECT_EQ(5, fdinfo(b.fd, "npu-jobs-done"));
	EXPECT_EQ(0, fdinfo(b.fd, "npu-jobs-failed"));
	bench_free(&b);
}

TEST(memory)
{
	struct bench b;

	ASSERT_EQ(0, bench_double(&b, 4096 * 16, 4, 0));
	EXPECT_GE(fdinfo(b.fd, "drm-total-memory"), 512);
	EXPECT_GE(fdinfo(b.fd, "drm-resident-memory"), 512);
	EXPECT_EQ(0, fdinfo(b.fd, "drm-shared-memory"));
	bench_free(&b);
}

TEST(names)
{
	char path[64], text[2048];
	int fd = npu_open(), info;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	got = read(info, text, sizeof(text) - 1);
	ASSERT_GT(got, 0);
	text[got] = 0;
	EXPECT_NE(NULL, strstr(text, "drm-driver:\tnpu\n"));
	EXPECT_NE(NULL, strstr(text, "drm-client-id:\t"));
	close(info);
	close(fd);
}

TEST_HARNESS_MAIN
