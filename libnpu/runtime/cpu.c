// SPDX-License-Identifier: MIT
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>

#include "device.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* The compiler's test of "avx2" and "avx512f" includes what the operating system saves. */
uint32_t npu_cpu_features(void)
{
	uint32_t features = 0;
	unsigned int eax, ebx, ecx, edx;

	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2"))
		return 0;
	features |= DRM_NPU_ISA_AVX2;
	/* Leaf 7.1, EAX bit 4; older compilers have no name for it. */
	if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & (1u << 4)))
		features |= DRM_NPU_ISA_AVX_VNNI;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
		features |= DRM_NPU_ISA_AVX512_VNNI;
	return features;
}
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

uint32_t npu_cpu_features(void)
{
	uint32_t features = DRM_NPU_ISA_NEON;

	if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
		features |= DRM_NPU_ISA_DOTPROD;
	if (getauxval(AT_HWCAP2) & HWCAP2_I8MM)
		features |= DRM_NPU_ISA_I8MM;
	return features;
}
#else
uint32_t npu_cpu_features(void)
{
	return 0;
}
#endif

unsigned int npu_cpu_count(void)
{
	cpu_set_t set;

	/* Fails on machines with more than CPU_SETSIZE CPUs; one is always right to say. */
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}
