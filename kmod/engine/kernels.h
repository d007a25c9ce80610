/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Inside of the engine: what a kernel is, which there are, and how one finds its data.
 */
#ifndef NPU_KERNELS_H
#define NPU_KERNELS_H

#include "npu_engine.h"

/* A kernel serves an opcode for one type of its first input. */
enum npu_kernel_id {
	NPU_KERNEL_NOP,
	NPU_KERNEL_COPY,
	NPU_KERNEL_FULLY_CONNECTED_S8,
	NPU_KERNEL_FULLY_CONNECTED_S16,
	NPU_KERNEL_CONV_S8,
	NPU_KERNEL_CONV_S16,
	NPU_KERNEL_DEPTHWISE_CONV_S8,
	NPU_KERNEL_DEPTHWISE_CONV_S16,
	NPU_KERNEL_TRANSPOSE_CONV_S8,
	NPU_KERNEL_TRANSPOSE_CONV_S16,
	NPU_KERNEL_MAX_POOL_S8,
	NPU_KERNEL_MAX_POOL_S16,
	NPU_KERNEL_AVERAGE_POOL_S8,
	NPU_KERNEL_AVERAGE_POOL_S16,
	NPU_KERNEL_ADD_S8,
	NPU_KERNEL_ADD_S16,
	NPU_KERNEL_MUL_S8,
	NPU_KERNEL_MUL_S16,
	NPU_KERNEL_SUB_S8,
	NPU_KERNEL_SUB_S16,
	NPU_KERNEL_EXTREMUM_S8,
	NPU_KERNEL_EXTREMUM_S16,
	NPU_KERNEL_BATCH_MATMUL_S8,
	NPU_KERNEL_BATCH_MATMUL_S16,
	NPU_KERNEL_REDUCE,
	NPU_KERNEL_CLAMP_S8,
	NPU_KERNEL_CLAMP_S16,
	NPU_KERNEL_REQUANTISE_S8,
	NPU_KERNEL_REQUANTISE_S16,
	NPU_KERNEL_REQUANTISE_S32,
	NPU_KERNEL_TABLE_S8,
	NPU_KERNEL_TABLE_S16,
	NPU_KERNEL_SIGMOID_S8,
	NPU_KERNEL_SIGMOID_S16,
	NPU_KERNEL_TANH_S8,
	NPU_KERNEL_TANH_S16,
	NPU_KERNEL_SOFTMAX_S8,
	NPU_KERNEL_SOFTMAX_S16,
	NPU_KERNEL_PAD,
	NPU_KERNEL_SLICE,
	NPU_KERNEL_TRANSPOSE,
	NPU_KERNEL_RESIZE,
	NPU_KERNEL_EMBEDDING,
	NPU_KERNEL_LAYER_NORM_S8,
	NPU_KERNEL_LAYER_NORM_S16,
	NPU_KERNEL_RNN_S8,
	NPU_KERNEL_RNN_S16,
	NPU_KERNEL_LSTM_S8,
	NPU_KERNEL_LSTM_S16,
	NPU_KERNEL_GRU_S8,
	NPU_KERNEL_GRU_S16,
	NPU_KERNELS,
};

/* Runs units [first, first + count), count at least 1, of a validated instruction. */
typedef void (*npu_kernel)(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			   __u32 count);

/**
 * struct npu_variant - the kernels for one kind of CPU
 * @name: for people and for npu_variant_find()
 * @features: DRM_NPU_ISA_* that it needs
 * @units_per_us: cost units that it is sure to do in a microsecond
 * @products: how many times more products of int8 than that; for the length of steps
 * @kernel: NPU_KERNELS entries; NULL where the scalar one serves, without vector registers
 */
struct npu_variant {
	const char *name;
	__u32 features;
	__u32 units_per_us;
	__u32 products;
	const npu_kernel *kernel;
};

extern const npu_kernel npu_scalar_kernels[NPU_KERNELS];
extern const npu_kernel npu_avx2_kernels[NPU_KERNELS];
extern const npu_kernel npu_avxvnni_kernels[NPU_KERNELS];
extern const npu_kernel npu_avx512vnni_kernels[NPU_KERNELS];
extern const npu_kernel npu_neon_kernels[NPU_KERNELS];
extern const npu_kernel npu_dotprod_kernels[NPU_KERNELS];
extern const npu_kernel npu_i8mm_kernels[NPU_KERNELS];

enum npu_kernel_id npu_kernel_of(const struct npu_insn *insn);

static inline __u32 npu_type_bytes(__u32 type)
{
	static const __u8 bytes[] = { 0, 1, 2, 4, 8 };

	return bytes[type];
}

static inline void *npu_tensor_address(const struct npu_exec *exec, const struct npu_tensor *t)
{
	return exec->slot[t->slot] + t->offset;
}

static inline const struct npu_scale *npu_scales(const void *consts, __u32 offset)
{
	return (const struct npu_scale *)((const __u8 *)consts + offset);
}

static inline __u32 npu_round_up(__u32 x, __u32 multiple)
{
	return (x + multiple - 1) / multiple * multiple;
}

/*
 * A value that becomes an index is read once: memory may change between two reads, and
 * the compiler is free to make two out of one.
 */
static inline __s32 npu_read_once_s8(const __s8 *p)
{
	return *(const volatile __s8 *)p;
}

static inline __s32 npu_read_once_s16(const __s16 *p)
{
	return *(const volatile __s16 *)p;
}

static inline __s32 npu_read_once_s32(const __s32 *p)
{
	return *(const volatile __s32 *)p;
}

/* ----------------------------------------------------------------- strips */

/*
 * Where a unit is a block of sixteen channels of one row (an output pixel, a row of a matrix),
 * units are in the order of *strips* of NPU_STRIP rows, within a strip of blocks, within a
 * block of rows: what a kernel prepares for the rows of a strip serves all of its blocks, and
 * weights of a block all of its rows. The last strip may be shorter.
 */
#define NPU_STRIP 64

/**
 * struct npu_rectangle - units of one strip: some of its rows times some blocks
 * @row: the first row, counted from the start of the instruction's output
 * @rows: how many, at most NPU_STRIP
 * @block: the first block
 * @blocks: how many
 */
struct npu_rectangle {
	__u32 row, rows;
	__u32 block, blocks;
};

typedef void (*npu_rectangle_function)(const void *context, const struct npu_rectangle *rectangle);

/* Cut units [first, first + count) of @rows x @blocks into the fewest rectangles. */
void npu_strips_run(__u32 rows, __u32 blocks, __u32 first, __u32 count,
		    npu_rectangle_function function, const void *context);

/* ------------------------------------------------------------ elementwise */

/* Elements of one unit of an elementwise instruction, in the order of N, H, W, C. */
#define NPU_ELEMENTWISE_UNIT 512

/**
 * struct npu_row_context - what a row function needs to know
 * @insn: the instruction
 * @consts: the constant section
 * @memo: memory of the kernel for this run, or NULL
 */
struct npu_row_context {
	const struct npu_insn *insn;
	const void *consts;
	void *memo;
};

/* @length dense elements of t[0], t[1] and, if there is one, t[2]. */
typedef void (*npu_row)(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length);

/**
 * npu_elementwise_run - call @row for the elements of units [first, first + count)
 * @exec, @insn, @first, @count: as a kernel gets them
 * @row: called once for every piece that is dense in all tensors
 * @memo: passed on
 */
void npu_elementwise_run(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count, npu_row row, void *memo);

/* Elements of t[0], and how many of them, at most, lie dense in all tensors. */
__u32 npu_elementwise_total(const struct npu_insn *insn);
__u32 npu_elementwise_dense(const struct npu_insn *insn);

/* ADD aligns both inputs with this many bits below the point before it rescales them. */
#define NPU_ADD_BITS_S8 20
#define NPU_ADD_BITS_S16 15

/* Rows that finish what a vector kernel leaves at the end of a row. */
void npu_add_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		    const void *in2, __u32 length);
void npu_add_s16_row(const struct npu_row_context *context, void *out, const void *in1,
		     const void *in2, __u32 length);
void npu_mul_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		    const void *in2, __u32 length);
void npu_mul_s16_row(const struct npu_row_context *context, void *out, const void *in1,
		     const void *in2, __u32 length);
void npu_clamp_s8_row(const struct npu_row_context *context, void *out, const void *in1,
		      const void *in2, __u32 length);
void npu_clamp_s16_row(const struct npu_row_context *context, void *out, const void *in1,
		       const void *in2, __u32 length);
void npu_requantise_row(const struct npu_row_context *context, void *out, const void *in1,
			const void *in2, __u32 length);

/* ---------------------------------------------------------- scalar kernels */

void npu_copy(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_fully_connected(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			 __u32 count);
void npu_conv(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_depthwise_conv_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			   __u32 count);
void npu_depthwise_conv_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			    __u32 count);
void npu_transpose_conv(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
			__u32 count);
void npu_max_pool(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count);
void npu_average_pool(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count);
void npu_add_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_add_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		 __u32 count);
void npu_mul_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_mul_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		 __u32 count);
void npu_sub_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_sub_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		 __u32 count);
void npu_extremum_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count);
void npu_extremum_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count);
void npu_batch_matmul(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		      __u32 count);
void npu_reduce(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_pad(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_slice(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_transpose(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count);
void npu_resize(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_embedding(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count);
void npu_layer_norm(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count);
void npu_rnn(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_lstm(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_gru(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first, __u32 count);
void npu_clamp_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count);
void npu_clamp_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count);
void npu_requantise(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count);
void npu_table_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count);
void npu_table_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		   __u32 count);
void npu_sigmoid_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count);
void npu_sigmoid_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count);
void npu_tanh_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		 __u32 count);
void npu_tanh_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		  __u32 count);
void npu_softmax_s8(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		    __u32 count);
void npu_softmax_s16(const struct npu_exec *exec, const struct npu_insn *insn, __u32 first,
		     __u32 count);

/* ------------------------------------------------ transcendental functions */

/* e^a for a <= 0 with @integer_bits (4 or 5) before the point; result Q0.31. */
__s32 npu_exp_negative(__s32 a, __u32 integer_bits);

/* 1 / (1 + a) and (1 - a) / (1 + a) for a in [0, 1], all Q0.31. */
__s32 npu_one_over_one_plus(__s32 a);
__s32 npu_one_minus_over_one_plus(__s32 a);

extern const __u16 npu_sigmoid_samples[256];
extern const __s16 npu_exp_samples[513];
extern const __s16 npu_reciprocal_samples[513];

#endif /* NPU_KERNELS_H */
