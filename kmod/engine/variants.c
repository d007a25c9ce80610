// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The variants, slowest first, and the choice among them. */
#include "kernels.h"

const npu_kernel npu_scalar_kernels[NPU_KERNELS] = {
	[NPU_KERNEL_COPY]		= npu_copy,
	[NPU_KERNEL_FULLY_CONNECTED_S8]	= npu_fully_connected,
	[NPU_KERNEL_FULLY_CONNECTED_S16] = npu_fully_connected,
	[NPU_KERNEL_ADD_S8]		= npu_add_s8,
	[NPU_KERNEL_ADD_S16]		= npu_add_s16,
	[NPU_KERNEL_MUL_S8]		= npu_mul_s8,
	[NPU_KERNEL_MUL_S16]		= npu_mul_s16,
	[NPU_KERNEL_CLAMP_S8]		= npu_clamp_s8,
	[NPU_KERNEL_CLAMP_S16]		= npu_clamp_s16,
	[NPU_KERNEL_REQUANTISE_S8]	= npu_requantise,
	[NPU_KERNEL_REQUANTISE_S16]	= npu_requantise,
	[NPU_KERNEL_REQUANTISE_S32]	= npu_requantise,
	[NPU_KERNEL_TABLE_S8]		= npu_table_s8,
	[NPU_KERNEL_TABLE_S16]		= npu_table_s16,
	[NPU_KERNEL_SIGMOID_S8]		= npu_sigmoid_s8,
	[NPU_KERNEL_SIGMOID_S16]	= npu_sigmoid_s16,
	[NPU_KERNEL_TANH_S8]		= npu_tanh_s8,
	[NPU_KERNEL_TANH_S16]		= npu_tanh_s16,
	[NPU_KERNEL_SOFTMAX_S8]		= npu_softmax_s8,
	[NPU_KERNEL_SOFTMAX_S16]	= npu_softmax_s16,
};

/*
 * Units a microsecond: what a slow board of the kind still reaches with weights that come
 * from memory, not what is measured on a fast one.
 */
static const struct npu_variant variants[] = {
	{ "scalar", 0, 500, npu_scalar_kernels },
};

#define VARIANTS	(sizeof(variants) / sizeof(variants[0]))

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct npu_variant *npu_variant_at(unsigned int i)
{
	return i < VARIANTS ? &variants[i] : NULL;
}

const struct npu_variant *npu_variant_find(const char *name, __u32 features)
{
	unsigned int i;

	for (i = VARIANTS; i-- > 0;) {
		const struct npu_variant *variant = &variants[i];

		if ((variant->features & features) != variant->features)
			continue;
		if (!name || same_name(name, variant->name))
			return variant;
	}
	return NULL;
}

const char *npu_variant_name(const struct npu_variant *variant)
{
	return variant->name;
}

__u32 npu_variant_features(const struct npu_variant *variant)
{
	return variant->features;
}

__u32 npu_variant_units_per_us(const struct npu_variant *variant)
{
	return variant->units_per_us;
}
