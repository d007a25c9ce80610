/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vector registers of this kind of CPU: which instructions there are, and the claim that
 * kernel code needs on the registers. Three functions, for each architecture in its own way:
 *
 *	vector_features()	DRM_NPU_ISA_* that this CPU and this kernel can do
 *	vector_begin()		claim; turns preemption off
 *	vector_end()		release
 */
#ifndef NPU_VECTOR_H
#define NPU_VECTOR_H

#if defined(CONFIG_UML) && defined(CONFIG_X86_64)
#include "vector_um.h"
#elif defined(CONFIG_X86_64)
#include "vector_x86.h"
#elif defined(CONFIG_ARM64)
#include "vector_arm64.h"
#else
static inline u32 vector_features(void)
{
	return 0;
}

static inline void vector_begin(void)
{
}

static inline void vector_end(void)
{
}
#endif

#endif /* NPU_VECTOR_H */
