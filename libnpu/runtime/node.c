// SPDX-License-Identifier: MIT
/* Finding and asking the device node of npu.ko. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "device.h"
#include "error.h"

#define DRIVER_NAME "npu"

/* Where nodes are, in the order in which they are tried: sysfs class, path, first minor. */
static const struct {
	const char *class;
	const char *path;
	int first;
} node_kinds[] = {
	{ "/sys/class/accel/accel%d/device/driver", "/dev/accel/accel%d", 0 },
	{ "/sys/class/drm/renderD%d/device/driver", "/dev/dri/renderD%d", 128 },
};

#define NODES_OF_A_KIND 64

static bool driver_is_npu(int fd)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !drmIoctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, DRIVER_NAME);
}

/* Of a node that can't be opened: is npu.ko behind it? */
static bool sysfs_says_npu(const char *link)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	const char *base;

	if (n < 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	return !strcmp(base ? base + 1 : target, DRIVER_NAME);
}

static int denied(const char *path, struct npu_error *err)
{
	return npu_error_set(err, -EACCES,
			     "%s: permission denied: add yourself to the group that "
			     "owns it (`sudo usermod -aG render $USER`, then log in again) or "
			     "install the udev rule 60-npu.rules",
			     path);
}

static int open_path(const char *path, struct npu_error *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return denied(path, err);
	if (fd < 0)
		return npu_error_set(err, -errno, "%s: cannot be opened: %s; is npu.ko loaded?",
				     path, strerror(errno));
	if (!driver_is_npu(fd)) {
		close(fd);
		return npu_error_set(err, -ENODEV,
				     "%s: not a device of npu.ko; leave the path out "
				     "to look for one",
				     path);
	}
	return fd;
}

int npu_node_open(const char *wanted, char *path, size_t path_bytes, struct npu_error *err)
{
	char link[64], refused[64] = "";

	if (wanted) {
		if ((size_t)snprintf(path, path_bytes, "%s", wanted) >= path_bytes)
			return npu_error_set(err, -ENAMETOOLONG,
					     "the device path is longer than "
					     "%zu characters",
					     path_bytes - 1);
		return open_path(path, err);
	}
	for (size_t kind = 0; kind < sizeof(node_kinds) / sizeof(node_kinds[0]); kind++) {
		for (int i = 0; i < NODES_OF_A_KIND; i++) {
			int minor = node_kinds[kind].first + i;
			int fd;

			snprintf(path, path_bytes, node_kinds[kind].path, minor);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				if (driver_is_npu(fd))
					return fd;
				close(fd);
				continue;
			}
			snprintf(link, sizeof(link), node_kinds[kind].class, minor);
			if ((errno == EACCES || errno == EPERM) && !refused[0] &&
			    sysfs_says_npu(link))
				snprintf(refused, sizeof(refused), "%s", path);
		}
	}
	path[0] = '\0';
	if (refused[0])
		return denied(refused, err);
	return npu_error_set(err, -ENODEV,
			     "no NPU device: no node under /dev/accel or /dev/dri "
			     "belongs to npu.ko; load it with `sudo modprobe npu`");
}

int npu_node_query(int fd, const char *path, struct drm_npu_device_info *info,
		   struct npu_error *err)
{
	struct drm_npu_query query = {
		.type = DRM_NPU_QUERY_DEVICE,
		.size = sizeof(*info),
		.data = (uintptr_t)info,
	};

	/* What an older driver does not know stays zero. */
	memset(info, 0, sizeof(*info));
	if (drmIoctl(fd, DRM_IOCTL_NPU_QUERY, &query))
		return npu_error_set(err, -errno,
				     "%s: the driver does not answer: %s; is the "
				     "device still there?",
				     path, strerror(errno));
	info->backend[sizeof(info->backend) - 1] = '\0';
	info->variant[sizeof(info->variant) - 1] = '\0';
	if (info->uapi_major != NPU_UAPI_VERSION_MAJOR)
		return npu_error_set(err, -EPROTO,
				     "%s: the driver has interface version %u.%u, "
				     "this library %d.%d: install the npu.ko and libnpu that "
				     "belong together",
				     path, info->uapi_major, info->uapi_minor,
				     NPU_UAPI_VERSION_MAJOR, NPU_UAPI_VERSION_MINOR);
	if (!info->isa_version || !info->cores || !info->max_queued || !info->max_jobs)
		return npu_error_set(err, -EPROTO,
				     "%s: the driver's description of itself is not "
				     "complete: install the npu.ko and libnpu that belong together",
				     path);
	return 0;
}
