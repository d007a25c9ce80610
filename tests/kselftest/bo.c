// SPDX-License-Identifier: GPL-2.0-only
/* Buffers: creation, mapping, pinning, sharing. */
#define _GNU_SOURCE
#include <liburing.h>

#include "npu_test.h"
#include "kselftest_harness.h"

FIXTURE(bo)
{
	int fd;
};

FIXTURE_SETUP(bo)
{
	self->fd = npu_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(bo)
{
	close(self->fd);
}

TEST_F(bo, size_is_rounded_and_memory_zeroed)
{
	struct drm_npu_bo_create args = { .size = 5000 };
	uint8_t *p;
	int i;

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &args));
	EXPECT_EQ(8192, args.size);
	EXPECT_NE(0, args.handle);
	p = bo_map(self->fd, args.handle, args.size);
	ASSERT_NE(NULL, p);
	for (i = 0; i < 8192; i++)
		ASSERT_EQ(0, p[i]);
	p[8191] = 1;
	munmap(p, 8192);
}

TEST_F(bo, refused_fields)
{
	struct drm_npu_bo_create args = { .size = 0 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &args));
	args = (struct drm_npu_bo_create){ .size = 4096, .flags = 2 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &args));
	args = (struct drm_npu_bo_create){ .size = 4096, .handle = 1 };
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &args));
	args = (struct drm_npu_bo_create){ .size = UINT64_MAX };
	EXPECT_EQ(-ENOMEM, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &args));
	args = (struct drm_npu_bo_create){ .size = 1ull << 50 };
	EXPECT_EQ(-ENOMEM, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_CREATE, &args));
}

TEST_F(bo, mmap_offset_refused_fields)
{
	struct drm_npu_bo_mmap_offset args = { .handle = 77 };

	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
	args.handle = bo_create(self->fd, 4096, 0);
	args.pad = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
	args.pad = 0;
	args.offset = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
}

TEST_F(bo, mapping_ends_with_the_buffer)
{
	uint32_t handle = bo_create(self->fd, 4096, 0);
	struct drm_npu_bo_mmap_offset args = { .handle = handle };

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 8192, PROT_READ, MAP_SHARED, self->fd, args.offset));
}

/* It would be a copy: neither side would see what the other writes. */
TEST_F(bo, no_private_mapping)
{
	struct drm_npu_bo_mmap_offset args = { .handle = bo_create(self->fd, 4096, 0) };

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
	EXPECT_EQ(MAP_FAILED,
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, args.offset));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(bo, mapping_outlives_handle_and_file)
{
	int fd = npu_open();
	uint32_t handle = bo_create(fd, 8192, 0);
	struct drm_gem_close close_args = { .handle = handle };
	uint8_t *p = bo_map(fd, handle, 8192), *q;

	ASSERT_NE(NULL, p);
	memset(p, 7, 8192);
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &close_args));
	close(fd);
	EXPECT_EQ(7, p[8191]);
	q = mremap(p, 8192, 4096, MREMAP_MAYMOVE);
	EXPECT_EQ(7, q[4095]);
	munmap(q, 4096);
}

/* Another file cannot map what is not its own. */
TEST_F(bo, handles_are_private)
{
	uint32_t handle = bo_create(self->fd, 4096, 0);
	struct drm_npu_bo_mmap_offset args = { .handle = handle };
	int other = npu_open();

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_BO_MMAP_OFFSET, &args));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, args.offset));
	close(other);
}

TEST_F(bo, only_shareable_buffers_are_exported)
{
	EXPECT_EQ(-EPERM, prime_export(self->fd, bo_create(self->fd, 4096, 0)));
}

/* One process computes on another's buffer. */
TEST_F(bo, share_between_files)
{
	struct bench b;
	uint32_t handle, queue, launch, program, done;
	struct npu_insn insn = insn_table(100);
	struct drm_npu_slot slots[2] = { { .offset = 128 }, { .offset = 0 } };
	int8_t table[256];
	int dmabuf, i;

	ASSERT_EQ(0, bench_double(&b, 100, 1, DRM_NPU_BO_SHAREABLE));
	dmabuf = prime_export(b.fd, b.bo);
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, prime_import(self->fd, dmabuf, &handle));
	table_of_doubles(table);
	ASSERT_EQ(0, program_create(self->fd, &insn, 1, table, 256, 2, &program));
	slots[0].bo = handle;
	slots[1].bo = handle;
	ASSERT_EQ(0, launch_create(self->fd, program, slots, 2, 1, &launch));
	queue = queue_create(self->fd, DRM_NPU_PRIORITY_NORMAL);
	done = syncobj_create(self->fd);
	for (i = 0; i < 100; i++)
		b.memory[i] = i;
	ASSERT_EQ(0, submit(self->fd, (struct drm_npu_job){ queue, launch, 0, 0 }, 0, done));
	ASSERT_EQ(0, syncobj_wait(self->fd, done, 0, 10000));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(i > 63 ? 127 : 2 * i, b.memory[128 + i]);
	close(dmabuf);
	bench_free(&b);
}

TEST_F(bo, registered_buffer_and_direct_read)
{
	uint32_t handle = bo_create(self->fd, 65536, 0);
	uint8_t *p = bo_map(self->fd, handle, 65536);
	struct iovec iov = { p, 65536 };
	char path[] = "/tmp/npu-bo.XXXXXX";
	struct io_uring ring;
	int file, i;

	ASSERT_NE(NULL, p);
	file = mkstemp(path);
	unlink(path);
	for (i = 0; i < 65536; i++)
		p[i] = i * 7;
	ASSERT_EQ(65536, write(file, p, 65536));
	memset(p, 0, 65536);
	fcntl(file, F_SETFL, O_DIRECT);
	ASSERT_EQ(4096, pread(file, p + 4096, 4096, 4096));
	EXPECT_EQ((uint8_t)(5000 * 7), p[5000]);

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	ASSERT_EQ(0, io_uring_register_buffers(&ring, &iov, 1));
	io_uring_prep_read_fixed(io_uring_get_sqe(&ring), file, p, 65536, 0, 0);
	ASSERT_EQ(1, io_uring_submit_and_wait(&ring, 1));
	for (i = 0; i < 65536; i++)
		ASSERT_EQ((uint8_t)(i * 7), p[i]);
	io_uring_queue_exit(&ring);
	close(file);
}

/* Real direct I/O: the block layer reads into the device's buffer. */
TEST_F(bo, direct_read_from_a_block_device)
{
	uint32_t handle = bo_create(self->fd, 8192, 0);
	uint8_t *p = bo_map(self->fd, handle, 8192);
	int disk = open("/dev/ram0", O_RDWR | O_DIRECT);

	if (disk < 0)
		SKIP(return, "no /dev/ram0");
	ASSERT_NE(NULL, p);
	memset(p, 0x5a, 4096);
	ASSERT_EQ(4096, pwrite(disk, p, 4096, 0));
	ASSERT_EQ(4096, pread(disk, p + 4096, 4096, 0));
	EXPECT_EQ(0x5a, p[8191]);
	close(disk);
}

TEST_HARNESS_MAIN
