// SPDX-License-Identifier: GPL-2.0-only
/* QUERY: negotiated size, plausible values, refused fields. */
#include "npu_test.h"
#include "kselftest_harness.h"

FIXTURE(query)
{
	int fd;
};

FIXTURE_SETUP(query)
{
	self->fd = npu_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(query)
{
	close(self->fd);
}

TEST_F(query, size)
{
	struct drm_npu_query args = { .type = DRM_NPU_QUERY_DEVICE };

	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &args));
	EXPECT_EQ(sizeof(struct drm_npu_device_info), args.size);
}

TEST_F(query, values)
{
	struct drm_npu_device_info info = { 0 };
	struct drm_npu_query args = { .size = sizeof(info), .data = (uintptr_t)&info };

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &args));
	EXPECT_EQ(NPU_UAPI_VERSION_MAJOR, info.uapi_major);
	EXPECT_EQ(NPU_ISA_VERSION, info.isa_version);
	EXPECT_GE(info.cores, 1);
	EXPECT_LE(info.cores, 4);
	EXPECT_EQ(NPU_MAX_INSNS, info.max_insns);
	EXPECT_EQ(NPU_MAX_SLOTS, info.max_slots);
	EXPECT_GT(info.max_pinned, 0);
	EXPECT_STREQ("simd", info.backend);
	EXPECT_NE(0, info.variant[0]);
	EXPECT_TRUE(info.features & DRM_NPU_FEATURE_URING);
}

/* An old caller knows a shorter structure, a new one a longer: both get what there is. */
TEST_F(query, old_and_new_callers)
{
	struct {
		struct drm_npu_device_info info;
		uint8_t more[64];
	} out;
	struct drm_npu_query args = { .size = 8, .data = (uintptr_t)&out };

	memset(&out, 0xaa, sizeof(out));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &args));
	EXPECT_EQ(sizeof(out.info), args.size);
	EXPECT_EQ(NPU_UAPI_VERSION_MINOR, out.info.uapi_minor);
	EXPECT_EQ(0xaaaaaaaa, out.info.isa_version);

	memset(&out, 0xaa, sizeof(out));
	args.size = sizeof(out);
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &args));
	EXPECT_EQ(sizeof(out.info), args.size);
	EXPECT_EQ(0xaa, out.more[0]);
}

TEST_F(query, refused)
{
	struct drm_npu_query args = { .type = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &args));
	args.type = DRM_NPU_QUERY_DEVICE;
	args.size = 64;
	args.data = 8;
	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_NPU_QUERY, &args));
}

TEST_F(query, driver_name)
{
	char name[16] = "";
	struct drm_version args = { .name_len = sizeof(name) - 1, .name = name };

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_VERSION, &args));
	EXPECT_STREQ("npu", name);
}

TEST_HARNESS_MAIN
