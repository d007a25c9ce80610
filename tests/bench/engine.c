// SPDX-License-Identifier: MIT
/* The engine alone, fastest variant: one fully connected instruction. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "npu_engine.h"
#include "runtime/device.h"

/**
 * struct product - out[rows][channels] = in[rows][depth] x weights[channels][depth]
 * @memory: the one slot: weights, input, output
 */
struct product {
	const struct npu_variant *variant;
	struct npu_insn insn;
	struct npu_exec exec;
	struct npu_scale scale;
	unsigned char *memory;
	unsigned char workspace[NPU_WORKSPACE_BYTES]
		__attribute__((aligned(NPU_WORKSPACE_ALIGN)));
};

static int product_make(struct product *product, struct bench *bench, __u32 rows, __u32 depth,
			__u32 channels)
{
	__u32 weights = channels * depth, input = rows * depth, output = rows * channels, i;
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
	product->scale = (struct npu_scale){ 1 << 30, -12 };
	insn->opcode = NPU_OP_FULLY_CONNECTED;
	insn->t[0] = (struct npu_tensor){
		.type = NPU_TYPE_INT8,
		.offset = weights + input,
		.dim = { 1, 1, rows, channels },
		.stride = { output, output, channels },
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
	insn->fc.scale_count = 1;
	insn->fc.act_min = -128;
	insn->fc.act_max = 127;
	if (!npu_insn_validate(insn, &product->scale, sizeof(product->scale), 1, &need, &cost,
			       &fault))
		return (int)bench_fail(bench, fault.reason);
	product->variant = npu_variant_find(NULL, npu_cpu_features());
	product->exec.insns = insn;
	product->exec.insn_count = 1;
	product->exec.consts = &product->scale;
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

static double product_seconds(struct bench *bench, __u32 rows, __u32 depth, __u32 channels)
{
	struct product product;
	double seconds;

	if (product_make(&product, bench, rows, depth, channels)) {
		free(product.memory);
		return -1;
	}
	seconds = bench_time(bench, BENCH_WALL, product_run, &product);
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

	return seconds < 0 ? seconds : 4096.0 * 4096 / seconds * 1e-9;
}

const struct bench_row bench_engine_rows[] = {
	{ "gemm/int8-512", "GOP/s", NULL, NULL, false, gemm_int8, NULL },
	{ "gemv/int8-4096", "GB/s", NULL, NULL, false, gemv_int8, NULL },
	{ 0 },
};
