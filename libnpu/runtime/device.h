/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_DEVICE_H
#define NPU_RUNTIME_DEVICE_H

#include "npu.h"
#include "npu_accel.h"
#include "npu_engine.h"

struct npu_backend_ops;

/**
 * struct npu_device - an opened device
 * @ops: the backend
 * @fd: device file, -1 if embedded
 * @cpu_features: DRM_NPU_ISA_* of the CPU that this process runs on
 * @variant: kernel variant of what is computed in process
 * @driver: driver: what DRM_IOCTL_NPU_QUERY said
 */
struct npu_device {
	const struct npu_backend_ops *ops;
	struct npu_allocator allocator;
	struct npu_device_info info;
	int fd;
	uint32_t cpu_features;
	const struct npu_variant *variant;
	struct drm_npu_device_info driver;
};

/* DRM_NPU_ISA_* that this CPU has and this operating system saves. */
uint32_t npu_cpu_features(void);
/* CPUs that this process may use. */
unsigned int npu_cpu_count(void);

/**
 * npu_node_open - open the device node of npu.ko
 * @wanted: a path, or NULL to look for a node whose driver is npu
 * @path: out, @path_bytes long: where it was found
 *
 * Return: a descriptor, or a negative errno and its sentence.
 */
int npu_node_open(const char *wanted, char *path, size_t path_bytes, struct npu_error *err);

/* Ask the driver what it is and refuse one that this library can't talk to. */
int npu_node_query(int fd, const char *path, struct drm_npu_device_info *info,
		   struct npu_error *err);

/* Can this process make a ring, and does the driver take commands from one? */
bool npu_uring_works(const struct drm_npu_device_info *info);

#endif
