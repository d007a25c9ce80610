// SPDX-License-Identifier: MIT
/* Products of f32 matrices, against what the multipliers of this CPU can do at best. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "train/nn/kernels/matmul.h"

/* ------------------------------------------------------------------------ peak */

/* So many chains hide the latency of a multiplication with addition. */
#define CHAINS 12
#define STEPS 2000

/* Nothing is read or written: each chain stays in a register. */
#define PEAK(variant, target, type, set, multiply_add, in_register)                      \
	target static void peak_##variant(void *unused)                                  \
	{                                                                                \
		type factor = set(0.999f), term = set(1e-6f), chain[CHAINS];             \
		int i, k;                                                                \
                                                                                         \
		(void)unused;                                                            \
		_Pragma("GCC unroll 12") for (i = 0; i < CHAINS; i++) chain[i] = set(i); \
		for (k = 0; k < STEPS; k++)                                              \
			_Pragma("GCC unroll 12") for (i = 0; i < CHAINS; i++)            \
			{                                                                \
				chain[i] = multiply_add(chain[i], factor, term);         \
				__asm__ volatile("" : "+" in_register(chain[i]));        \
			}                                                                \
	}

#if defined(__x86_64__)
#include <immintrin.h>

PEAK(avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps, "v")
PEAK(avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps, "x")
#elif defined(__aarch64__)
#include <arm_neon.h>

static inline float32x4_t multiply_add(float32x4_t a, float32x4_t b, float32x4_t c)
{
	return vfmaq_f32(c, a, b);
}

PEAK(neon, , float32x4_t, vdupq_n_f32, multiply_add, "w")
#endif

static const struct {
	const char *variant;
	void (*run)(void *unused);
	size_t lanes;
} peaks[] = {
#if defined(__x86_64__)
	{ "avx512", peak_avx512, 16 },
	{ "avx2", peak_avx2, 8 },
#elif defined(__aarch64__)
	{ "neon", peak_neon, 4 },
#endif
	{ 0 },
};

/* -------------------------------------------------------------------- products */

/**
 * struct product - a product, and what runs it
 * @pool: NULL for one thread
 */
struct product {
	struct npu_gemm gemm;
	const struct npu_f32 *f32;
	struct npu_pool *pool;
};

static void run_product(void *context)
{
	const struct product *product = context;

	npu_matmul(product->pool, product->f32, &product->gemm);
}

/*
 * Seconds of one product, and into bench->reference the GFLOP/s that are possible. A CPU's clock
 * changes: both are measured by turns.
 */
static double product_seconds(struct bench *bench, const struct product *product)
{
	const double budget = bench->budget;
	double best = 0, best_peak = 0, seconds;
	size_t i = 0, turn;

	while (peaks[i].run && strcmp(peaks[i].variant, product->f32->name))
		i++;
	bench->budget = budget / 16;
	for (turn = 0; turn < 8; turn++) {
		if (peaks[i].run) {
			seconds = bench_time(bench, BENCH_WALL, peaks[i].run, NULL);
			best_peak = turn && best_peak < seconds ? best_peak : seconds;
		}
		seconds = bench_time(bench, BENCH_WALL, run_product, (void *)product);
		best = turn && best < seconds ? best : seconds;
	}
	bench->budget = budget;
	if (best_peak > 0)
		bench->reference = 2.0 * CHAINS * STEPS * (double)peaks[i].lanes / best_peak *
				   1e-9 * bench->threads;
	return best;
}

static double measure(struct bench *bench, enum npu_gemm_form form, size_t m, size_t n, size_t k)
{
	struct product product = {
		.gemm = {
			.form = form,
			.m = m,
			.n = n,
			.k = k,
			.a = bench_floats(m * k),
			.lda = form == NPU_GEMM_TN ? m : k,
			.b = bench_floats(k * n),
			.ldb = form == NPU_GEMM_NT ? k : n,
			.c = bench_floats(m * n),
			.ldc = n,
		},
	};
	struct npu_error err = { 0 };
	double seconds = -1;
	int ret = npu_f32_select(&product.f32, &err);

	if (!ret)
		ret = npu_pool_create(&product.pool, bench->threads, &err);
	if (!ret)
		seconds = product_seconds(bench, &product);
	npu_pool_free(product.pool);
	free((void *)product.gemm.a);
	free((void *)product.gemm.b);
	free(product.gemm.c);
	return ret < 0 ? bench_fail(bench, err.message) : seconds;
}

static double cube(struct bench *bench, enum npu_gemm_form form, size_t n)
{
	double seconds = measure(bench, form, n, n, n), size = (double)n;

	return seconds < 0 ? seconds : 2 * size * size * size / seconds * 1e-9;
}

#define CUBE(n)                                     \
	static double cube_##n(struct bench *bench) \
	{                                           \
		return cube(bench, NPU_GEMM_NN, n); \
	}
CUBE(64)
CUBE(128)
CUBE(256)
CUBE(512)
CUBE(1024)

/* As the outputs of a layer have it, and the gradient of its weights. */
static double cube_nt(struct bench *bench)
{
	return cube(bench, NPU_GEMM_NT, 512);
}

static double cube_tn(struct bench *bench)
{
	return cube(bench, NPU_GEMM_TN, 512);
}

/* One row: how fast a matrix streams in. */
static double row(struct bench *bench)
{
	double seconds = measure(bench, NPU_GEMM_NT, 1, 4096, 4096);

	bench->reference = 0;
	return seconds < 0 ? seconds : 4.0 * 4096 * 4096 / seconds * 1e-9;
}

const struct bench_row bench_gemm_rows[] = {
	{ "gemm/f32-64", "GFLOP/s", "W6 gemm f32 64", NULL, true, cube_64, NULL },
	{ "gemm/f32-128", "GFLOP/s", "W6 gemm f32 128", NULL, true, cube_128, NULL },
	{ "gemm/f32-256", "GFLOP/s", "W6 gemm f32 256", NULL, true, cube_256, NULL },
	{ "gemm/f32-512", "GFLOP/s", "W6 gemm f32 512", NULL, true, cube_512, NULL },
	{ "gemm/f32-512-nt", "GFLOP/s", NULL, NULL, true, cube_nt, NULL },
	{ "gemm/f32-512-tn", "GFLOP/s", NULL, NULL, true, cube_tn, NULL },
	{ "gemm/f32-1024", "GFLOP/s", "W6 gemm f32 1024", NULL, true, cube_1024, NULL },
	{ "gemv/f32-4096", "GB/s", "W6 gemv f32 4096", NULL, true, row, NULL },
	{ 0 },
};
