/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NPU_VECTOR_X86_H
#define NPU_VECTOR_X86_H

#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xstate.h>

static inline u32 vector_features(void)
{
	u32 features = 0;

	if (boot_cpu_has(X86_FEATURE_AVX2) &&
	    cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM, NULL)) {
		features |= DRM_NPU_ISA_AVX2;
		if (boot_cpu_has(X86_FEATURE_AVX_VNNI))
			features |= DRM_NPU_ISA_AVX_VNNI;
	}
	if (boot_cpu_has(X86_FEATURE_AVX512F) && boot_cpu_has(X86_FEATURE_AVX512BW) &&
	    boot_cpu_has(X86_FEATURE_AVX512VL) && boot_cpu_has(X86_FEATURE_AVX512_VNNI) &&
	    cpu_has_xfeatures(XFEATURE_MASK_AVX512, NULL))
		features |= DRM_NPU_ISA_AVX512_VNNI;
	return features;
}

static inline void vector_begin(void)
{
	kernel_fpu_begin();
}

static inline void vector_end(void)
{
	kernel_fpu_end();
}

#endif /* NPU_VECTOR_X86_H */
