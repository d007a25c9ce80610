/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NPU_VECTOR_ARM64_H
#define NPU_VECTOR_ARM64_H

#include <asm/cpufeature.h>
#include <asm/hwcap.h>
#include <asm/neon.h>

static inline u32 vector_features(void)
{
	u32 features = 0;

	if (!IS_ENABLED(CONFIG_KERNEL_MODE_NEON) || !cpu_has_neon())
		return 0;
	features |= DRM_NPU_ISA_NEON;
	if (cpu_have_named_feature(ASIMDDP))
		features |= DRM_NPU_ISA_DOTPROD;
	if (cpu_have_named_feature(I8MM))
		features |= DRM_NPU_ISA_I8MM;
	return features;
}

static inline void vector_begin(void)
{
	kernel_neon_begin();
}

static inline void vector_end(void)
{
	kernel_neon_end();
}

#endif /* NPU_VECTOR_ARM64_H */
