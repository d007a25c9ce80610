// SPDX-License-Identifier: MIT
/*
 * The engine alone, fastest variant: one fully connected instruction, against what the multipliers
 * of this CPU can do at best.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "npu_engine.h"
#include "runtime/device.h"

/* ------------------------------------------------------------------------ peak */

/* So many chains hide the latency of a multiplication with addition. */
#define CHAINS 12
#define STEPS 2000

/* Products of bytes into int32 sums; nothing is read or written: each chain stays in a register. */
#define PEAK(variant, target, type, set, multiply_add, in_register)                      \
	target static void peak_##variant(void *unused)                                  \
	{                                                                                \
		type factor = set(3), chain[CHAINS];                                     \
		int i, k;                                                                \
                                                                                         \
		(void)unused;                                                            \
		_Pragma("GCC unroll 12") for (i = 0; i < CHAINS; i++) chain[i] = set(i); \
		for (k = 0; k < STEPS; k++)                                              \
			_Pragma("GCC unroll 12") for (i = 0; i < CHAINS; i++)            \
			{                                                                \
				chain[i] = multiply_add(chain[i], factor, factor);       \
				__asm__ volatile("" : "+" in_register(chain[i]));        \
			}                                                                \
	}

#if defined(__x86_64__)
#include <immintrin.h>

/* Words, not bytes: what is exact for all bytes. */
#define MULTIPLY_ADD_WORDS(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))

PEAK(avx512vnni, __attribute__((target("avx512f,avx512vnni"))), __m512i, _mm512_set1_epi32,
     _mm512_dpbusd_epi32, "v")
PEAK(avxvnni, __attribute__((target("avx2,avxvnni"))), __m256i, _mm256_set1_epi32,
     _mm256_dpbusd_avx_epi32, "x")
PEAK(avx2, __attribute__((target("avx2"))), __m256i, _mm256_set1_epi32, MULTIPLY_ADD_WORDS, "x")
#endif

static const struct {
	const char *variant;
	void (*run)(void *unused);
	size_t products; /* of an instruction */
} peaks[] = {
#if defined(__x86_64__)
	{ "avx512vnni", peak_avx512vnni, 64 },
	{ "avxvnni", peak_avxvnni, 32 },
	{ "avx2", peak_avx2, 16 },
#endif
	{ 0 },
};

/* -------------------------------------------------------------------- products */

/**
 * struct product - out[rows][channels] = in[rows][depth] x weights[channels][depth], int8 to int32
 * @memory: the one slot: weights, input, output
 */
struct product {
	const struct npu_variant *variant;
	struct npu_insn insn;
	struct npu_exec exec;
	unsigned char *memory;
	unsigned char workspace[NPU_WORKSPACE_BYTES] __attribute__((aligned(NPU_WORKSPACE_ALIGN)));
};

static int product_make(struct product *product, struct bench *bench, __u32 rows, __u32 depth,
			__u32 channels)
{
	__u32 weights = channels * depth, input = rows * depth, output = rows * channels * 4, i;
	struct npu_slot_need need = { 0 };
	struct npu_insn *insn = &product->insn;
	struct npu_fault fault;
	__u64 cost = 0;

	memset(product, 0, sizeof(*product));
	product->memory = aligned_alloc(64, (size_t)weights + input + output);
	if (!product->memory)
		return (int)bench_fail(bench, "no memory");
	for (i = 0; i < weights + input; i++)
		product->memory[i] = (unsigned char)(i * 37);
	insn->opcode = NPU_OP_FULLY_CONNECTED;
	insn->t[0] = (struct npu_tensor){
		.type = NPU_TYPE_INT32,
		.offset = weights + input,
		.dim = { 1, 1, rows, channels },
		.stride = { output, output, channels * 4 },
	};
	insn->t[1] = (struct npu_tensor){
		.type = NPU_TYPE_INT8,
		.offset = weights,
		.dim = { 1, 1, rows, depth },
		.stride = { input, input, depth },
	};
	insn->t[2] = (struct npu_tensor){
		.type = NPU_TYPE_INT8,
		.layout = NPU_LAYOUT_BLOCK16X4,
		.dim = { channels, 1, 1, depth },
	};
	if (!npu_insn_validate(insn, NULL, 0, 1, &need, &cost, &fault))
		return (int)bench_fail(bench, fault.reason);
	product->variant = npu_variant_find(NULL, npu_cpu_features());
	product->exec.insns = insn;
	product->exec.insn_count = 1;
	product->exec.slot[0] = product->memory;
	product->exec.workspace = product->workspace;
	return 0;
}

static void product_run(void *context)
{
	struct product *product = context;

	product->exec.insn = product->exec.unit = 0;
	while (!npu_exec_done(&product->exec))
		npu_exec_step(product->variant, &product->exec, ~0u);
}

/*
 * Seconds of one product, and into bench->reference the GOP/s that are possible. A CPU's clock
 * changes: both are measured by turns.
 */
static double product_best(struct bench *bench, struct product *product)
{
	const double budget = bench->budget;
	double best = 0, best_peak = 0, seconds;
	size_t i = 0, turn;

	while (peaks[i].run && strcmp(peaks[i].variant, npu_variant_name(product->variant)))
		i++;
	bench->budget = budget / 16;
	for (turn = 0; turn < 8; turn++) {
		if (peaks[i].run) {
			seconds = bench_time(bench, BENCH_WALL, peaks[i].run, NULL);
			best_peak = turn && best_peak < seconds ? best_peak : seconds;
		}
		seconds = bench_time(bench, BENCH_WALL, product_run, product);
		best = turn && best < seconds ? best : seconds;
	}
	bench->budget = budget;
	if (best_peak > 0)
		bench->reference =
			2.0 * CHAINS * STEPS * (double)peaks[i].products / best_peak * 1e-9;
	return best;
}

static double product_seconds(struct bench *bench, __u32 rows, __u32 depth, __u32 channels)
{
	struct product product;
	double seconds = -1;

	if (!product_make(&product, bench, rows, depth, channels))
		seconds = product_best(bench, &product);
	free(product.memory);
	return seconds;
}

/* 512 x 512 x 512: what the multipliers can do. */
static double gemm_int8(struct bench *bench)
{
	double seconds = product_seconds(bench, 512, 512, 512);

	return seconds < 0 ? seconds : 2.0 * 512 * 512 * 512 / seconds * 1e-9;
}

/* 4096 x 4096, one row: how fast weights stream in. */
static double gemv_int8(struct bench *bench)
{
	double seconds = product_seconds(bench, 1, 4096, 4096);

	bench->reference = 0;
	return seconds < 0 ? seconds : 4096.0 * 4096 / seconds * 1e-9;
}

const struct bench_row bench_engine_rows[] = {
	{ "gemm/int8-512", "GOP/s", NULL, NULL, false, gemm_int8, NULL },
	{ "gemv/int8-4096", "GB/s", NULL, NULL, false, gemv_int8, NULL },
	{ 0 },
};
