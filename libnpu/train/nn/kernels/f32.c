// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "f32.h"
#include "runtime/error.h"

#if defined(__x86_64__)
static bool cpu_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool cpu_has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

static bool cpu_has_all(void)
{
	return true;
}

static const struct {
	const struct npu_f32 *f32;
	bool (*supported)(void);
} variants[] = {
#if defined(__x86_64__)
	{ &npu_f32_avx512, cpu_has_avx512 },
	{ &npu_f32_avx2, cpu_has_avx2 },
#elif defined(__aarch64__)
	{ &npu_f32_neon, cpu_has_all },
#endif
	{ &npu_f32_reference, cpu_has_all },
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

const struct npu_f32 *npu_f32_variant(size_t i)
{
	size_t k;

	for (k = 0; k < VARIANTS; k++) {
		if (variants[k].supported() && i-- == 0)
			return variants[k].f32;
	}
	return NULL;
}

int npu_f32_select(const struct npu_f32 **f32, struct npu_error *err)
{
	const char *wanted = getenv("NPU_F32_VARIANT");
	char names[64] = "";
	size_t i;

	for (i = 0; (*f32 = npu_f32_variant(i)); i++) {
		if (!wanted || !*wanted || !strcmp(wanted, (*f32)->name))
			return 0;
		if (i > 0)
			strncat(names, ", ", sizeof(names) - strlen(names) - 1);
		strncat(names, (*f32)->name, sizeof(names) - strlen(names) - 1);
	}
	return npu_error_set(
		err, -EINVAL,
		"NPU_F32_VARIANT=%s: no such kernel variant on this CPU; use one of %s, "
		"or unset it",
		wanted, names);
}
