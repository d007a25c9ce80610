// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The variants, slowest first, and the choice among them.
 *
 * Files are built for the baseline of the architecture, except those of simd/, each of which is
 * a variant with its own flags (libnpu/isa-flags.mk, kmod/Kbuild). On other architectures they
 * are empty; so they are for sparse, which does not know the intrinsics.
 */
#include "kernels.h"

const npu_kernel npu_scalar_kernels[NPU_KERNELS] = {
	[NPU_KERNEL_COPY] = npu_copy,
	[NPU_KERNEL_FULLY_CONNECTED_S8] = npu_fully_connected,
	[NPU_KERNEL_FULLY_CONNECTED_S16] = npu_fully_connected,
	[NPU_KERNEL_CONV_S8] = npu_conv,
	[NPU_KERNEL_CONV_S16] = npu_conv,
	[NPU_KERNEL_DEPTHWISE_CONV_S8] = npu_depthwise_conv_s8,
	[NPU_KERNEL_DEPTHWISE_CONV_S16] = npu_depthwise_conv_s16,
	[NPU_KERNEL_TRANSPOSE_CONV_S8] = npu_transpose_conv,
	[NPU_KERNEL_TRANSPOSE_CONV_S16] = npu_transpose_conv,
	[NPU_KERNEL_MAX_POOL_S8] = npu_max_pool,
	[NPU_KERNEL_MAX_POOL_S16] = npu_max_pool,
	[NPU_KERNEL_AVERAGE_POOL_S8] = npu_average_pool,
	[NPU_KERNEL_AVERAGE_POOL_S16] = npu_average_pool,
	[NPU_KERNEL_ADD_S8] = npu_add_s8,
	[NPU_KERNEL_ADD_S16] = npu_add_s16,
	[NPU_KERNEL_MUL_S8] = npu_mul_s8,
	[NPU_KERNEL_MUL_S16] = npu_mul_s16,
	[NPU_KERNEL_SUB_S8] = npu_sub_s8,
	[NPU_KERNEL_SUB_S16] = npu_sub_s16,
	[NPU_KERNEL_EXTREMUM_S8] = npu_extremum_s8,
	[NPU_KERNEL_EXTREMUM_S16] = npu_extremum_s16,
	[NPU_KERNEL_BATCH_MATMUL_S8] = npu_batch_matmul,
	[NPU_KERNEL_BATCH_MATMUL_S16] = npu_batch_matmul,
	[NPU_KERNEL_REDUCE] = npu_reduce,
	[NPU_KERNEL_CLAMP_S8] = npu_clamp_s8,
	[NPU_KERNEL_CLAMP_S16] = npu_clamp_s16,
	[NPU_KERNEL_REQUANTISE_S8] = npu_requantise,
	[NPU_KERNEL_REQUANTISE_S16] = npu_requantise,
	[NPU_KERNEL_REQUANTISE_S32] = npu_requantise,
	[NPU_KERNEL_TABLE_S8] = npu_table_s8,
	[NPU_KERNEL_TABLE_S16] = npu_table_s16,
	[NPU_KERNEL_SIGMOID_S8] = npu_sigmoid_s8,
	[NPU_KERNEL_SIGMOID_S16] = npu_sigmoid_s16,
	[NPU_KERNEL_TANH_S8] = npu_tanh_s8,
	[NPU_KERNEL_TANH_S16] = npu_tanh_s16,
	[NPU_KERNEL_SOFTMAX_S8] = npu_softmax_s8,
	[NPU_KERNEL_SOFTMAX_S16] = npu_softmax_s16,
	[NPU_KERNEL_PAD] = npu_pad,
	[NPU_KERNEL_SLICE] = npu_slice,
	[NPU_KERNEL_TRANSPOSE] = npu_transpose,
	[NPU_KERNEL_RESIZE] = npu_resize,
	[NPU_KERNEL_EMBEDDING] = npu_embedding,
	[NPU_KERNEL_LAYER_NORM_S8] = npu_layer_norm,
	[NPU_KERNEL_LAYER_NORM_S16] = npu_layer_norm,
	[NPU_KERNEL_RNN_S8] = npu_rnn,
	[NPU_KERNEL_RNN_S16] = npu_rnn,
	[NPU_KERNEL_LSTM_S8] = npu_lstm,
	[NPU_KERNEL_LSTM_S16] = npu_lstm,
	[NPU_KERNEL_GRU_S8] = npu_gru,
	[NPU_KERNEL_GRU_S16] = npu_gru,
};

/*
 * Units a microsecond: what a slow board of the kind still reaches with weights that come
 * from memory, not what is measured on a fast one.
 */
static const struct npu_variant variants[] = {
	{ "scalar", 0, 100, 1, npu_scalar_kernels },
#ifdef __x86_64__
	{ "avx2", DRM_NPU_ISA_AVX2, 4000, 1, npu_avx2_kernels },
	{ "avxvnni", DRM_NPU_ISA_AVX2 | DRM_NPU_ISA_AVX_VNNI, 4000, 2, npu_avxvnni_kernels },
	{ "avx512vnni", DRM_NPU_ISA_AVX2 | DRM_NPU_ISA_AVX512_VNNI, 9000, 4,
	  npu_avx512vnni_kernels },
#endif
#ifdef __aarch64__
	{ "neon", DRM_NPU_ISA_NEON, 1000, 1, npu_neon_kernels },
	{ "dotprod", DRM_NPU_ISA_NEON | DRM_NPU_ISA_DOTPROD, 2000, 2, npu_dotprod_kernels },
	{ "i8mm", DRM_NPU_ISA_NEON | DRM_NPU_ISA_DOTPROD | DRM_NPU_ISA_I8MM, 2000, 2,
	  npu_i8mm_kernels },
#endif
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

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
