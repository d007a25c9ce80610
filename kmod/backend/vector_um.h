/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User Mode Linux on x86-64: the kernel is a process of the host, and its code may use whatever
 * the CPU and the host's kernel offer. Its own tables of CPU features are all but empty, so the
 * CPU itself is asked.
 *
 * Nothing has to be claimed. What interrupts this kernel is a signal of the host, which saves all
 * vector registers on the signal's frame and restores them when the handler returns, even if
 * other threads ran in between; what this kernel calls to switch threads is a C function, across
 * which no vector register lives; and its user processes are other processes of the host.
 */
#ifndef NPU_VECTOR_UM_H
#define NPU_VECTOR_UM_H

#include <linux/bits.h>

struct vector_cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct vector_cpuid vector_cpuid(u32 leaf, u32 subleaf)
{
	struct vector_cpuid id;

	asm volatile("cpuid" : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
		     : "a"(leaf), "c"(subleaf));
	return id;
}

/* Which registers the host saves: bits of XCR0. */
static inline u32 vector_saved(void)
{
	u32 low, high;

	if (!(vector_cpuid(1, 0).ecx & BIT(27)))
		return 0;
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static inline bool vector_has(u32 word, u32 bits)
{
	return (word & bits) == bits;
}

static inline u32 vector_features(void)
{
	struct vector_cpuid seven = {}, seven_one = {};
	u32 features = 0, saved = vector_saved();

	if (vector_cpuid(0, 0).eax >= 7) {
		seven = vector_cpuid(7, 0);
		if (seven.eax)
			seven_one = vector_cpuid(7, 1);
	}
	/* SSE, AVX; AVX2; AVX-VNNI */
	if (vector_has(saved, GENMASK(2, 1)) && vector_has(seven.ebx, BIT(5))) {
		features |= DRM_NPU_ISA_AVX2;
		if (vector_has(seven_one.eax, BIT(4)))
			features |= DRM_NPU_ISA_AVX_VNNI;
	}
	/* masks and both parts of the 512-bit registers; AVX-512 F, BW, VL; VNNI */
	if (vector_has(saved, GENMASK(2, 1) | GENMASK(7, 5)) &&
	    vector_has(seven.ebx, BIT(16) | BIT(30) | BIT(31)) && vector_has(seven.ecx, BIT(11)))
		features |= DRM_NPU_ISA_AVX512_VNNI;
	return features;
}

static inline void vector_begin(void)
{
}

static inline void vector_end(void)
{
}

#endif /* NPU_VECTOR_UM_H */
