/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels, decided by what their configuration and headers offer, never by
 * their version number.
 */
#ifndef NPU_COMPAT_H
#define NPU_COMPAT_H

/* Without the accel subsystem the device is a render node. */
#if IS_ENABLED(CONFIG_DRM_ACCEL)
#include <drm/drm_accel.h>
#define NPU_COMPAT_FEATURES	DRIVER_COMPUTE_ACCEL
#define NPU_COMPAT_FOPS		DRM_ACCEL_FOPS
#else
#define NPU_COMPAT_FEATURES	DRIVER_RENDER
#define NPU_COMPAT_FOPS			\
	.open		= drm_open,	\
	.release	= drm_release,	\
	.unlocked_ioctl	= drm_ioctl,	\
	.compat_ioctl	= drm_compat_ioctl, \
	.poll		= drm_poll,	\
	.read		= drm_read,	\
	.llseek		= noop_llseek,	\
	.mmap		= drm_gem_mmap,	\
	.fop_flags	= FOP_UNSIGNED_OFFSET
#endif

#endif /* NPU_COMPAT_H */
