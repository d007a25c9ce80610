/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract between npu.ko and user space: ioctls, io_uring commands and the
 * instruction set.
 *
 * Rules that hold for every structure here:
 *  - every reserved or padding field must be zero, every flag must be defined,
 *    otherwise the call answers -EINVAL; so must what a call only writes (handle of
 *    a create call, offset of BO_MMAP_OFFSET) be before the call;
 *  - handles are per open file, are never 0, and -ENOENT is the answer to one
 *    that does not exist;
 *  - all integers are little endian, all offsets and sizes are bytes unless a
 *    field says otherwise.
 */
#ifndef _UAPI_NPU_ACCEL_H_
#define _UAPI_NPU_ACCEL_H_

#if defined(__KERNEL__)
#include <drm/drm.h>
#else
#include "drm.h"
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* Version of the calls below; the major number changes when a caller would break. */
#define NPU_UAPI_VERSION_MAJOR	1
#define NPU_UAPI_VERSION_MINOR	0

/*
 * Instruction set
 * ===============
 *
 * A program is an array of fixed-size instructions plus a constant section.
 * Both are copied once, at creation, into memory that user space cannot reach.
 * An instruction names up to NPU_INSN_TENSORS tensors, each a typed, strided
 * four-dimensional view (N, H, W, C; C is dense) into a *slot*. A program never
 * holds an address: slots are bound to memory by a launch.
 *
 * The arithmetic of each instruction is in Documentation/instruction-set.rst.
 */

/* Version of the instruction encoding, in struct drm_npu_program_create. */
#define NPU_ISA_VERSION		2

#define NPU_INSN_TENSORS	8	/* tensors of one instruction */
#define NPU_MAX_INSNS		65536	/* instructions of one program */
#define NPU_MAX_SLOTS		32	/* slots of one program */
#define NPU_MAX_CONSTS		(16u << 20)	/* bytes of a constant section */
#define NPU_MAX_DIM		(1u << 24)	/* largest dimension of a tensor */
#define NPU_MAX_DEPTH		65536	/* largest K of a matrix product */
#define NPU_MAX_REACH		(1u << 30)	/* of a window over a tensor: see npu_insn.conv */
#define NPU_MAX_SOFTMAX		4096	/* longest row of a softmax */
#define NPU_MAX_NORM		4096	/* longest row of a layer normalisation */
#define NPU_MAX_RECURRENT	4096	/* inputs, and hidden units, of a recurrent instruction */
/* steps * batch * blocks of a recurrent instruction */
#define NPU_MAX_STEPS		(1u << 24)
#define NPU_SLOT_ALIGN		64	/* alignment of slot offsets and strides */
#define NPU_MAX_SLOT_BYTES	0xffffffffull	/* a slot ends below 4 GiB */

/**
 * enum npu_type - element type of a tensor
 * @NPU_TYPE_NONE: the tensor is unused; every other field of it must be zero
 * @NPU_TYPE_INT8: 8-bit signed, zero point in [-128, 127]
 * @NPU_TYPE_INT16: 16-bit signed, symmetric: the zero point must be 0
 * @NPU_TYPE_INT32: 32-bit signed (bias; input of REQUANTISE); zero point 0
 * @NPU_TYPE_INT64: 64-bit signed (bias of int16 activations); zero point 0
 */
enum npu_type {
	NPU_TYPE_NONE	= 0,
	NPU_TYPE_INT8	= 1,
	NPU_TYPE_INT16	= 2,
	NPU_TYPE_INT32	= 3,
	NPU_TYPE_INT64	= 4,
};

/**
 * enum npu_layout - how the elements of a tensor lie in memory
 * @NPU_LAYOUT_LINEAR: element (n, h, w, c) is at
 *	offset + n * stride[0] + h * stride[1] + w * stride[2] + c * sizeof(type)
 * @NPU_LAYOUT_BLOCK16X4: packed int8 weights, dim = {OC, KH, KW, IC}. With
 *	K = KH * KW * IC and k the index into that flattened product, element
 *	(o, k) is at offset + ((o / 16) * ceil(K / 4) + k / 4) * 64 + (o % 16) * 4 + k % 4.
 *	K runs over kernel rows, then kernel columns, then input channels, these
 *	fastest: k = (kh * KW + kw) * IC + ic. With groups there are as many such
 *	arrays, one after another, each of its group's OC / groups rows, and dim[3] is
 *	IC / groups; the *lanes* of an instruction are the rows of all of its blocks,
 *	groups * round_up(OC / groups, 16).
 *	Positions past OC or K are padding: they must be there and are expected
 *	to be zero, but a program never depends on their value. stride must be 0.
 * @NPU_LAYOUT_DEPTHWISE16: packed int8 weights, dim = {OC, KH, KW, 1}. Element
 *	(o, kh, kw) is at offset + ((o / 16) * KH * KW + kh * KW + kw) * 16 + o % 16.
 *	Positions past OC are padding as above. stride must be 0.
 */
enum npu_layout {
	NPU_LAYOUT_LINEAR	= 0,
	NPU_LAYOUT_BLOCK16X4	= 1,
	NPU_LAYOUT_DEPTHWISE16	= 2,
};

/**
 * struct npu_tensor - a view into a slot
 * @slot: index of the slot, below the program's slot count
 * @type: enum npu_type; NPU_TYPE_NONE where the instruction has no such tensor
 * @layout: enum npu_layout
 * @reserved: zero
 * @offset: bytes from the start of the slot, a multiple of the element size
 * @zero_point: the integer that stands for real 0
 * @dim: N, H, W, C, each at least 1 and at most NPU_MAX_DIM; bias and other
 *	vectors are {1, 1, 1, length}
 * @stride: bytes from one index to the next of N, H, W, multiples of the element
 *	size; C is dense. A stride whose dimension is 1 is not used but must still
 *	be a multiple of the element size. Those of a tensor that is written must
 *	not let two elements overlap.
 */
struct npu_tensor {
	__u8  slot;
	__u8  type;
	__u8  layout;
	__u8  reserved;
	__u32 offset;
	__s32 zero_point;
	__u32 dim[4];
	__u32 stride[3];
};

/**
 * struct npu_scale - a real multiplier as an integer pair, in the constant section
 * @multiplier: Q0.31 significand, 0 or in [2^30, 2^31)
 * @shift: power of two, in [-31, 30]; positive shifts left
 */
struct npu_scale {
	__s32 multiplier;
	__s32 shift;
};

/**
 * enum npu_opcode - what an instruction does
 *
 * The tensors of each, t[0] first ("out" is written, the others are read):
 *
 * @NPU_OP_NOP: nothing; no tensors, all parameters zero
 * @NPU_OP_COPY: out, in: same type and dims, any two strided views
 * @NPU_OP_FULLY_CONNECTED: out {1,1,M,N}, in {1,1,M,K}, weights {N,1,1,K}
 *	BLOCK16X4, bias (int32; int64 allowed with int16 in) of round_up(N, 16)
 *	entries or NONE. in int8 or int16, out int8 or int16; with int8 in also int32: the
 *	sums as they are. The input's zero point must be 0: -zp * sum(w) belongs in the
 *	bias. Parameters: &npu_insn.fc
 * @NPU_OP_CONV_2D: out {N,OH,OW,OC}, in {N,IH,IW,IC}, weights {OC,KH,KW,IC / groups}
 *	BLOCK16X4, bias (types as above) of an entry for each lane or NONE. With int16 in an
 *	int32 bias means int32 accumulators, with shifts of up to 30 in the scales. A 1D
 *	convolution has H = 1. The input's zero point is the value of what lies outside the
 *	input; -zp * sum(w) belongs in the bias. Parameters: &npu_insn.conv
 * @NPU_OP_DEPTHWISE_CONV_2D: as CONV_2D, weights {OC,KH,KW,1} DEPTHWISE16; OC is a multiple
 *	of IC and output channel o reads input channel o / (OC / IC). groups is 0; the
 *	lanes are round_up(OC, 16)
 * @NPU_OP_TRANSPOSE_CONV_2D: tensors as CONV_2D, each input element is spread over the
 *	output. Here the input's zero point is subtracted from each element, so the bias
 *	has no part of it
 * @NPU_OP_MAX_POOL_2D: out {N,OH,OW,C}, in {N,IH,IW,C}: one type of int8 or int16, one
 *	zero point. Global pooling has a kernel of IH x IW. Parameters: &npu_insn.pool
 * @NPU_OP_AVERAGE_POOL_2D: as MAX_POOL_2D; what lies outside the input is not counted
 * @NPU_OP_ADD: out, in1, in2: one type of int8 or int16; each dimension of an input is that
 *	of the output or 1: then it repeats. Parameters: &npu_insn.binary, three scales:
 *	in1, in2, out
 * @NPU_OP_MUL: as ADD, one scale
 * @NPU_OP_SUB: as ADD, in1 - in2
 * @NPU_OP_MIN: as ADD, two scales: in1 to out, in2 to out
 * @NPU_OP_MAX: as MIN
 * @NPU_OP_BATCH_MATMUL: out {N,H,M,P}, left {N,H,M,K}, right {N,H,P,K}: the second matrix
 *	transposed, so that K is dense in both. N and H of an input may be 1: then it
 *	repeats. Inputs of one type of int8 or int16, out int8 or int16.
 *	Parameters: &npu_insn.matmul
 * @NPU_OP_REDUCE_MEAN: out, in: one type of int8 or int16; each dimension of the output is
 *	that of the input or 1: then the mean is over it. At most NPU_MAX_DEPTH elements
 *	become one. Parameters: &npu_insn.reduce
 * @NPU_OP_REDUCE_SUM: as REDUCE_MEAN
 * @NPU_OP_REDUCE_MAX: as REDUCE_MEAN, same zero point, no parameters
 * @NPU_OP_CLAMP: out, in: one type of int8 or int16, same dims and zero point.
 *	Parameters: &npu_insn.clamp
 * @NPU_OP_REQUANTISE: out int8 or int16, in int8, int16 or int32, same dims.
 *	Parameters: &npu_insn.requantise
 * @NPU_OP_TABLE: out, in, same dims. int8: 256 entries of one byte, index x + 128.
 *	int16: 513 entries of int16, interpolated. Parameters: &npu_insn.table
 * @NPU_OP_SIGMOID: out, in: one type of int8 or int16, same dims. int8 out has zero point
 *	-128, scale 1/256; int16 out scale 1/32768. Parameters: &npu_insn.sigmoid
 * @NPU_OP_TANH: as SIGMOID; int8 out has zero point 0, scale 1/128
 * @NPU_OP_SOFTMAX: out, in: same dims, over C (at most NPU_MAX_SOFTMAX); int8 to
 *	int8, int8 to int16, int16 to int16. int8 out has zero point -128.
 *	Parameters: &npu_insn.softmax
 * @NPU_OP_PAD: out, in: one type of int8 or int16. Parameters: &npu_insn.pad
 * @NPU_OP_SLICE: out, in: any one type. Parameters: &npu_insn.slice
 * @NPU_OP_TRANSPOSE: out, in: any one type, dims permuted. Parameters:
 *	&npu_insn.transpose
 * @NPU_OP_RESIZE_NEAREST: out {N,OH,OW,C}, in {N,IH,IW,C}: any one type. Parameters:
 *	&npu_insn.resize
 * @NPU_OP_RESIZE_BILINEAR: as RESIZE_NEAREST, int8 or int16
 * @NPU_OP_EMBEDDING: out {N,H,W,C}, index {N,H,W,1} of int16 or int32, table {1,1,V,C}: any
 *	one type for out and table. An index is clamped to [0, V - 1]. No parameters
 * @NPU_OP_LAYER_NORM: out, in: same dims, each int8 or int16; normalised over C (at most
 *	NPU_MAX_NORM). gamma, beta {1,1,1,C} of int32, both or NONE. Parameters:
 *	&npu_insn.norm
 * @NPU_OP_RNN: out {N,1,T,U}, in {N,1,T,K}, input weights {R,1,1,K} and recurrent weights
 *	{R,1,1,U} BLOCK16X4, bias {1,1,2,R} (int32; int64 allowed with int16 in) or NONE,
 *	hidden state {N,1,1,U} or NONE, NONE, lengths {N,1,1,1} of int32 or NONE.
 *	out, in and hidden are of one type of int8 or int16; out and hidden have one zero
 *	point, that of in is 0. K and U are at most NPU_MAX_RECURRENT. R, the rows, is G
 *	gates * round_up(U, 16): row (u / 16 * G + g) * 16 + u % 16 is gate g of unit u, so
 *	that all gates of sixteen units lie together. G is 1. bias row 0 belongs to the input
 *	part, row 1 to the recurrent part. Each tensor that is written (out, t[5], t[6]) shares
 *	no byte with any other. Parameters: &npu_insn.rnn
 * @NPU_OP_LSTM: as RNN with G = 4, gates input, output, forget, cell (i, o, f, c as in ONNX);
 *	t[6] is the cell state {N,1,1,U} of int16, always needed. Parameters: &npu_insn.lstm
 * @NPU_OP_GRU: as RNN with G = 3, gates update, reset, hidden (z, r, h as in ONNX); without
 *	NPU_RECURRENT_RESET_AFTER t[6] is scratch memory {N,1,1,U} for r * h, of the type and
 *	zero point of out. Parameters: &npu_insn.gru
 *
 * Numbers between the groups are kept for matrix products and windows (0x16..),
 * further arithmetic (0x2d..), further activations (0x38..), further moves (0x46..) and
 * recurrence (0x53..).
 * Opcode 0 is refused, so that zeroed memory is not a program.
 */
enum npu_opcode {
	NPU_OP_NOP		= 0x01,
	NPU_OP_COPY		= 0x02,
	NPU_OP_FULLY_CONNECTED	= 0x10,
	NPU_OP_CONV_2D		= 0x11,
	NPU_OP_DEPTHWISE_CONV_2D = 0x12,
	NPU_OP_TRANSPOSE_CONV_2D = 0x13,
	NPU_OP_MAX_POOL_2D	= 0x14,
	NPU_OP_AVERAGE_POOL_2D	= 0x15,
	NPU_OP_ADD		= 0x20,
	NPU_OP_MUL		= 0x21,
	NPU_OP_SUB		= 0x22,
	NPU_OP_MIN		= 0x23,
	NPU_OP_MAX		= 0x24,
	NPU_OP_BATCH_MATMUL	= 0x28,
	NPU_OP_REDUCE_MEAN	= 0x29,
	NPU_OP_REDUCE_SUM	= 0x2a,
	NPU_OP_REDUCE_MAX	= 0x2b,
	NPU_OP_LAYER_NORM	= 0x2c,
	NPU_OP_CLAMP		= 0x30,
	NPU_OP_REQUANTISE	= 0x31,
	NPU_OP_TABLE		= 0x32,
	NPU_OP_SIGMOID		= 0x33,
	NPU_OP_TANH		= 0x34,
	NPU_OP_SOFTMAX		= 0x35,
	NPU_OP_PAD		= 0x40,
	NPU_OP_SLICE		= 0x41,
	NPU_OP_TRANSPOSE	= 0x42,
	NPU_OP_RESIZE_NEAREST	= 0x43,
	NPU_OP_RESIZE_BILINEAR	= 0x44,
	NPU_OP_EMBEDDING	= 0x45,
	NPU_OP_RNN		= 0x50,
	NPU_OP_LSTM		= 0x51,
	NPU_OP_GRU		= 0x52,
};

/* Flags of npu_insn.resize; they exclude each other. */
#define NPU_RESIZE_ALIGN_CORNERS	(1u << 0)
#define NPU_RESIZE_HALF_PIXEL		(1u << 1)

/**
 * DOC: flags of npu_insn.rnn, npu_insn.lstm and npu_insn.gru
 *
 * NPU_RECURRENT_BACKWARDS: from the last step to the first; what belongs to step t of the input
 * is still at step t of the output.
 *
 * NPU_RECURRENT_INITIAL: start from what the state operands hold (the hidden state must be
 * there), else from zero and they are only written.
 *
 * NPU_RECURRENT_RESET_AFTER: GRU only: the reset gate acts on R h + bias, not on h.
 */
#define NPU_RECURRENT_BACKWARDS		(1u << 0)
#define NPU_RECURRENT_INITIAL		(1u << 1)
#define NPU_RECURRENT_RESET_AFTER	(1u << 2)

/**
 * enum npu_rnn_activation - of npu_insn.rnn
 * @NPU_RNN_TANH: of a sum in Q3.12, gives Q0.15
 * @NPU_RNN_SIGMOID: likewise
 * @NPU_RNN_LINEAR: the sum itself, in the compiler's scale; a ReLU by act_min
 * @NPU_RNN_TABLE: 513 entries of int16, interpolated, in the compiler's scales
 */
enum npu_rnn_activation {
	NPU_RNN_TANH	= 0,
	NPU_RNN_SIGMOID	= 1,
	NPU_RNN_LINEAR	= 2,
	NPU_RNN_TABLE	= 3,
};

/**
 * struct npu_insn - one instruction, NPU_INSN_SIZE bytes
 * @opcode: enum npu_opcode
 * @reserved: zero
 * @flags: zero: none is defined yet
 * @reserved2: zero
 * @t: the tensors, in the order that enum npu_opcode gives; the rest NPU_TYPE_NONE
 * @fc: FULLY_CONNECTED. scale_count is 1, or round_up(N, 16) for per-channel scales;
 *	the output is clamped to [act_min, act_max], which lies within its type; with
 *	int16 in, shifts are at most 7. With int32 out all of them are 0
 * @conv: CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV_2D. The first four as in fc, with an
 *	entry for each lane where there are per-channel scales. stride and dilation are at
 *	least 1, pad is what precedes the input (for TRANSPOSE_CONV_2D: what is cut off the
 *	start of the output); [0] is of H, [1] of W, all at most NPU_MAX_DIM. What follows
 *	the input is implied by the output's dims. groups divides IC and OC. In each
 *	direction (positions - 1) * stride + (kernel - 1) * dilation is at most
 *	NPU_MAX_REACH, positions being those of the output (of the input for
 *	TRANSPOSE_CONV_2D). pool, CONV_2D only, is 0, or an output is the maximum of pool[0] x
 *	pool[1] neighbours, side by side, of what it would be without: there are as many times
 *	more positions, and KH * KW * IC / groups * pool[0] * pool[1] is at most NPU_MAX_DEPTH
 * @pool: MAX_POOL_2D and AVERAGE_POOL_2D. kernel and stride are at least 1, KH * KW is at
 *	most NPU_MAX_DEPTH, pad is less than kernel, and each window meets the input:
 *	(OH - 1) * stride[0] - pad[0] < IH, likewise for W
 * @binary: ADD, SUB, MUL, MIN, MAX. scales is the constant-section offset of three (ADD,
 *	SUB), two (MIN, MAX) or one (MUL) struct npu_scale; those of ADD and SUB may only
 *	shift right (shift <= 0). (2^30, 1) leaves a value as it is
 * @matmul: BATCH_MATMUL, scales is the offset of one struct npu_scale; with int16 inputs its
 *	shift is at most 7
 * @reduce: REDUCE_MEAN and REDUCE_SUM, scales is the offset of one struct npu_scale, for
 *	the mean without its division by the number of elements
 * @clamp: CLAMP
 * @requantise: REQUANTISE, scales is the offset of one struct npu_scale
 * @table: TABLE, offset of the table in the constant section, 2-aligned
 * @sigmoid: SIGMOID and TANH. int8: multiplier in [2^30, 2^31), shift in [0, 30] and
 *	radius in [0, 255]: inputs at least radius from the zero point saturate.
 *	int16: multiplier in [0, 32767], shift in [0, 15], radius 0; multiplier
 *	0 stands for a power-of-two input scale, where shift is at most 13
 * @softmax: SOFTMAX. int8: multiplier in [2^30, 2^31), shift in [0, 30], diff_min in
 *	[-255 << 5, 0] as the reference computes it.
 *	int16: multiplier as in a struct npu_scale, shift in [-31, 7], diff_min 0
 * @pad: PAD. before[d] is the output's index of the input's first element, all of which
 *	lie within the output; the rest of the output is value, which lies within its type
 * @slice: SLICE. Output index i of dimension d is input index begin[d] + i * step[d], which
 *	lies within the input for each i; step may be 0 or negative
 * @transpose: TRANSPOSE. Dimension d of the output is dimension perm[d] of the input
 * @resize: RESIZE_NEAREST and RESIZE_BILINEAR, flags NPU_RESIZE_*
 * @norm: LAYER_NORM. scales is the offset of one struct npu_scale; epsilon is added to the
 *	variance times C^2, in units of the input's, low word first, below 2^61
 * @rnn: RNN. flags NPU_RECURRENT_*. scales is the offset of 2 * scale_count + 1 struct
 *	npu_scale: of the input part, of the recurrent part, of the output. scale_count is G
 *	(index g) or R (index as the rows of weights). activation is enum npu_rnn_activation;
 *	table is the offset of its table, 2-aligned, or 0. The output is clamped to
 *	[act_min, act_max]. With int16 in, shifts of the two parts are at most 7
 * @lstm: LSTM. As rnn with three scales at the end: forget gate * cell state, input gate *
 *	cell gate, output gate * tanh(cell state). cell_multiplier and cell_shift are of the
 *	tanh of the cell state, as in @sigmoid for int16; cell_clip, in [0, 32767], bounds the
 *	cell state
 * @gru: GRU. As rnn with two scales at the end: hidden state to Q0.15, Q1.30 to output
 * @raw: the parameters as words; those that the opcode does not use are zero
 *
 * Constant-section offsets are multiples of 4 unless said otherwise.
 */
struct npu_insn {
	__u16 opcode;
	__u16 reserved;
	__u32 flags;
	__u64 reserved2;
	struct npu_tensor t[NPU_INSN_TENSORS];
	union {
		struct {
			__u32 scales;
			__u32 scale_count;
			__s32 act_min;
			__s32 act_max;
		} fc;
		struct {
			__u32 scales;
			__u32 scale_count;
			__s32 act_min;
			__s32 act_max;
			__u32 stride[2];
			__u32 pad[2];
			__u32 dilation[2];
			__u32 groups;
			__u16 pool[2];
		} conv;
		struct {
			__s32 act_min;
			__s32 act_max;
			__u32 kernel[2];
			__u32 stride[2];
			__u32 pad[2];
		} pool;
		struct {
			__u32 scales;
			__s32 act_min;
			__s32 act_max;
		} binary;
		struct {
			__s32 min;
			__s32 max;
		} clamp;
		struct {
			__u32 scales;
			__s32 act_min;
			__s32 act_max;
		} requantise;
		struct {
			__u32 offset;
		} table;
		struct {
			__s32 multiplier;
			__s32 shift;
			__s32 radius;
		} sigmoid;
		struct {
			__s32 multiplier;
			__s32 shift;
			__s32 diff_min;
		} softmax;
		struct {
			__u32 scales;
			__s32 act_min;
			__s32 act_max;
		} matmul;
		struct {
			__u32 scales;
			__s32 act_min;
			__s32 act_max;
		} reduce;
		struct {
			__u32 before[4];
			__s32 value;
		} pad;
		struct {
			__u32 begin[4];
			__s32 step[4];
		} slice;
		struct {
			__u32 perm[4];
		} transpose;
		struct {
			__u32 flags;
		} resize;
		struct {
			__u32 scales;
			__s32 act_min;
			__s32 act_max;
			__u32 epsilon[2];
		} norm;
		struct {
			__u32 flags;
			__u32 scales;
			__u32 scale_count;
			__s32 act_min;
			__s32 act_max;
			__u32 activation;
			__u32 table;
		} rnn;
		struct {
			__u32 flags;
			__u32 scales;
			__u32 scale_count;
			__s32 act_min;
			__s32 act_max;
			__s32 cell_multiplier;
			__s32 cell_shift;
			__s32 cell_clip;
		} lstm;
		struct {
			__u32 flags;
			__u32 scales;
			__u32 scale_count;
			__s32 act_min;
			__s32 act_max;
		} gru;
		__u32 raw[12];
	};
};

#define NPU_INSN_SIZE	384

/*
 * Calls
 * =====
 */

#define DRM_NPU_QUERY			0x00
#define DRM_NPU_BO_CREATE		0x01
#define DRM_NPU_BO_MMAP_OFFSET		0x02
#define DRM_NPU_PROGRAM_CREATE		0x03
#define DRM_NPU_PROGRAM_DESTROY		0x04
#define DRM_NPU_LAUNCH_CREATE		0x05
#define DRM_NPU_LAUNCH_DESTROY		0x06
#define DRM_NPU_QUEUE_CREATE		0x07
#define DRM_NPU_QUEUE_DESTROY		0x08
#define DRM_NPU_SUBMIT			0x09
#define DRM_NPU_CANCEL			0x0a

/**
 * enum drm_npu_query_type - what DRM_IOCTL_NPU_QUERY returns
 * @DRM_NPU_QUERY_DEVICE: struct drm_npu_device_info
 */
enum drm_npu_query_type {
	DRM_NPU_QUERY_DEVICE = 0,
};

/**
 * struct drm_npu_query - arguments of DRM_IOCTL_NPU_QUERY
 * @type: enum drm_npu_query_type
 * @size: in: bytes at @data; out: bytes that the kernel knows. The kernel writes the
 *	smaller of the two, so old and new callers meet old and new kernels
 * @data: user address to write to, or 0 to ask only for the size
 */
struct drm_npu_query {
	__u32 type;
	__u32 size;
	__u64 data;
};

/* CPU features that the SIMD backend found, in struct drm_npu_device_info. */
#define DRM_NPU_ISA_AVX2		(1u << 0)
#define DRM_NPU_ISA_AVX_VNNI		(1u << 1)
#define DRM_NPU_ISA_AVX512_VNNI		(1u << 2)
#define DRM_NPU_ISA_NEON		(1u << 8)
#define DRM_NPU_ISA_DOTPROD		(1u << 9)
#define DRM_NPU_ISA_I8MM		(1u << 10)

/* What this kernel lets the driver do, in struct drm_npu_device_info. */
#define DRM_NPU_FEATURE_URING		(1u << 0)	/* io_uring commands */
#define DRM_NPU_FEATURE_URING_CANCEL	(1u << 1)	/* ... which exit and exec can cancel */

/**
 * struct drm_npu_device_info - DRM_NPU_QUERY_DEVICE; grows at its end only
 * @uapi_major: NPU_UAPI_VERSION_MAJOR of the driver
 * @uapi_minor: NPU_UAPI_VERSION_MINOR of the driver
 * @isa_version: the newest NPU_ISA_VERSION that it runs; it runs all older ones
 * @isa_features: DRM_NPU_ISA_*
 * @features: DRM_NPU_FEATURE_*
 * @cores: compute cores
 * @max_insns: instructions of a program
 * @max_consts: bytes of a constant section
 * @max_slots: slots of a program
 * @max_jobs: jobs of one DRM_IOCTL_NPU_SUBMIT
 * @max_queued: jobs waiting in one queue
 * @max_syncs: in- or out-points of one job
 * @max_pinned: bytes that one user may hold in buffers bound to launches, in scratch memory and
 *	in programs
 * @backlog_ns: validated work that a queue may hold when a fence is published
 * @backend: name of the compute backend, NUL-terminated
 * @variant: name of the kernel variant that it runs, NUL-terminated
 */
struct drm_npu_device_info {
	__u32 uapi_major;
	__u32 uapi_minor;
	__u32 isa_version;
	__u32 isa_features;
	__u32 features;
	__u32 cores;
	__u32 max_insns;
	__u32 max_consts;
	__u32 max_slots;
	__u32 max_jobs;
	__u32 max_queued;
	__u32 max_syncs;
	__u64 max_pinned;
	__u64 backlog_ns;
	char  backend[32];
	char  variant[32];
};

/* The buffer can be exported with PRIME_HANDLE_TO_FD; jobs that use it take a slower path. */
#define DRM_NPU_BO_SHAREABLE		(1u << 0)

/**
 * struct drm_npu_bo_create - arguments of DRM_IOCTL_NPU_BO_CREATE
 * @size: in: bytes, at least 1; out: rounded up to pages. The memory is zeroed
 * @flags: DRM_NPU_BO_SHAREABLE or 0
 * @handle: out: GEM handle, closed with DRM_IOCTL_GEM_CLOSE
 */
struct drm_npu_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_npu_bo_mmap_offset - arguments of DRM_IOCTL_NPU_BO_MMAP_OFFSET
 * @handle: GEM handle of a native buffer (an imported one is mapped by its exporter: EINVAL)
 * @pad: zero
 * @offset: out: what to pass to mmap() of the device file. The mapping is of ordinary,
 *	cached pages that can be pinned: O_DIRECT and registered io_uring buffers work
 */
struct drm_npu_bo_mmap_offset {
	__u32 handle;
	__u32 pad;
	__u64 offset;
};

/**
 * struct drm_npu_program_create - arguments of DRM_IOCTL_NPU_PROGRAM_CREATE
 * @insns: user address of @insn_count struct npu_insn
 * @consts: user address of the constant section, 0 if @const_size is 0
 * @insn_count: 1 to max_insns
 * @const_size: bytes, 0 to max_consts
 * @slot_count: slots that a launch must bind, 0 to max_slots; each must be used
 * @isa_version: NPU_ISA_VERSION that the program was made for
 * @flags: zero
 * @handle: out
 *
 * -EINVAL: the program is malformed; drm.debug=0x2 logs the instruction and field.
 */
struct drm_npu_program_create {
	__u64 insns;
	__u64 consts;
	__u32 insn_count;
	__u32 const_size;
	__u32 slot_count;
	__u32 isa_version;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_npu_destroy - arguments of DRM_IOCTL_NPU_{PROGRAM,LAUNCH,QUEUE}_DESTROY
 * @handle: the object. A program stays alive while launches use it, a launch while
 *	jobs do. Destroying a queue cancels its jobs and returns without waiting
 * @pad: zero
 */
struct drm_npu_destroy {
	__u32 handle;
	__u32 pad;
};

/**
 * enum drm_npu_slot_kind - how a launch binds a slot
 * @DRM_NPU_SLOT_FIXED: one range, the same for every job
 * @DRM_NPU_SLOT_INDEXED: job i uses offset + i * stride
 * @DRM_NPU_SLOT_SCRATCH: memory of the queue, private to the file, zeroed when allocated; its
 *	content is undefined at the start of a job
 */
enum drm_npu_slot_kind {
	DRM_NPU_SLOT_FIXED	= 0,
	DRM_NPU_SLOT_INDEXED	= 1,
	DRM_NPU_SLOT_SCRATCH	= 2,
};

/**
 * struct drm_npu_slot - memory of one slot
 * @kind: enum drm_npu_slot_kind
 * @bo: GEM handle; 0 for scratch
 * @offset: bytes into the buffer, a multiple of NPU_SLOT_ALIGN; 0 for scratch
 * @stride: bytes between indices, a multiple of NPU_SLOT_ALIGN, 0 unless indexed; a slot
 *	that the program writes must have a stride of at least its size (if count is over 1)
 */
struct drm_npu_slot {
	__u32 kind;
	__u32 bo;
	__u64 offset;
	__u64 stride;
};

/**
 * struct drm_npu_launch_create - arguments of DRM_IOCTL_NPU_LAUNCH_CREATE
 * @slots: user address of @slot_count struct drm_npu_slot
 * @slot_count: the program's slot count
 * @program: handle
 * @count: indices, at least 1: jobs use 0 to @count - 1
 * @flags: zero
 * @handle: out
 * @pad: zero
 *
 * The sizes come from the program. -ENOSPC: a slot ends outside its buffer. -ENOMEM:
 * no memory, or over max_pinned.
 */
struct drm_npu_launch_create {
	__u64 slots;
	__u32 slot_count;
	__u32 program;
	__u32 count;
	__u32 flags;
	__u32 handle;
	__u32 pad;
};

/**
 * enum drm_npu_priority - urgency of a queue
 * @DRM_NPU_PRIORITY_LOW: when nothing else wants the core, with a minimum share
 * @DRM_NPU_PRIORITY_NORMAL: the default
 * @DRM_NPU_PRIORITY_HIGH: before normal; needs CAP_SYS_NICE
 * @DRM_NPU_PRIORITY_REALTIME: before everything; needs CAP_SYS_NICE
 */
enum drm_npu_priority {
	DRM_NPU_PRIORITY_LOW		= 0,
	DRM_NPU_PRIORITY_NORMAL		= 1,
	DRM_NPU_PRIORITY_HIGH		= 2,
	DRM_NPU_PRIORITY_REALTIME	= 3,
};

/**
 * struct drm_npu_queue_create - arguments of DRM_IOCTL_NPU_QUEUE_CREATE
 * @priority: enum drm_npu_priority
 * @flags: zero
 * @handle: out
 * @pad: zero
 *
 * The jobs of a queue run one after another, in the order of submission.
 */
struct drm_npu_queue_create {
	__u32 priority;
	__u32 flags;
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_npu_job - what to run; also the payload of NPU_URING_CMD_SUBMIT
 * @queue: queue handle
 * @launch: launch handle
 * @index: index into the launch, below its count
 * @cookie: the caller's, for CANCEL; need not be unique
 */
struct drm_npu_job {
	__u32 queue;
	__u32 launch;
	__u32 index;
	__u32 cookie;
};

/**
 * struct drm_npu_sync - a point on a timeline
 * @handle: syncobj handle
 * @pad: zero
 * @point: timeline point, 0 for a binary syncobj
 */
struct drm_npu_sync {
	__u32 handle;
	__u32 pad;
	__u64 point;
};

/**
 * struct drm_npu_submit_job - one job of DRM_IOCTL_NPU_SUBMIT
 * @job: what to run
 * @in_syncs: user address of @in_count struct drm_npu_sync to wait for before it starts; each
 *	must already have a fence (-EINVAL otherwise). The job fails with the error of a
 *	fence that failed
 * @out_syncs: user address of @out_count struct drm_npu_sync that get its fence; as ever with
 *	timelines, points must grow for a wait to mean what it says. None for a job that
 *	writes an imported buffer (-EINVAL)
 * @in_count: 0 to max_syncs
 * @out_count: 0 to max_syncs
 * @flags: zero
 * @pad: zero
 */
struct drm_npu_submit_job {
	struct drm_npu_job job;
	__u64 in_syncs;
	__u64 out_syncs;
	__u32 in_count;
	__u32 out_count;
	__u32 flags;
	__u32 pad;
};

/**
 * struct drm_npu_submit - arguments of DRM_IOCTL_NPU_SUBMIT
 * @jobs: user address of @job_count struct drm_npu_submit_job
 * @job_count: 1 to max_jobs
 * @flags: zero
 *
 * All jobs are queued, or none is. -EAGAIN: a queue is full. -EBUSY: a queue holds more than
 * backlog_ns of work and the job publishes a fence.
 */
struct drm_npu_submit {
	__u64 jobs;
	__u32 job_count;
	__u32 flags;
};

/**
 * struct drm_npu_cancel - arguments of DRM_IOCTL_NPU_CANCEL; also the payload of
 *	NPU_URING_CMD_CANCEL
 * @queue: queue handle
 * @cookie: jobs of that queue with this cookie end with -ECANCELED: at once those that have
 *	not started, after its current step the one that runs
 * @count: ioctl, out: how many; must be 0 on input
 * @pad: zero
 *
 * -ENOENT: no such job.
 */
struct drm_npu_cancel {
	__u32 queue;
	__u32 cookie;
	__u32 count;
	__u32 pad;
};

#define DRM_IOCTL_NPU_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_QUERY, struct drm_npu_query)
#define DRM_IOCTL_NPU_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_BO_CREATE, struct drm_npu_bo_create)
#define DRM_IOCTL_NPU_BO_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_BO_MMAP_OFFSET, struct drm_npu_bo_mmap_offset)
#define DRM_IOCTL_NPU_PROGRAM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_PROGRAM_CREATE, struct drm_npu_program_create)
#define DRM_IOCTL_NPU_PROGRAM_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_NPU_PROGRAM_DESTROY, struct drm_npu_destroy)
#define DRM_IOCTL_NPU_LAUNCH_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_LAUNCH_CREATE, struct drm_npu_launch_create)
#define DRM_IOCTL_NPU_LAUNCH_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_NPU_LAUNCH_DESTROY, struct drm_npu_destroy)
#define DRM_IOCTL_NPU_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_QUEUE_CREATE, struct drm_npu_queue_create)
#define DRM_IOCTL_NPU_QUEUE_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_NPU_QUEUE_DESTROY, struct drm_npu_destroy)
#define DRM_IOCTL_NPU_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_SUBMIT, struct drm_npu_submit)
#define DRM_IOCTL_NPU_CANCEL \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_NPU_CANCEL, struct drm_npu_cancel)

/*
 * io_uring commands
 * =================
 *
 * IORING_OP_URING_CMD on the device file; sqe->cmd_op holds one of these, the 16 command
 * bytes of an ordinary 64-byte SQE hold the payload. Flags, when there are any, will be
 * other values of cmd_op. sqe->ioprio, addr, len, uring_cmd_flags, buf_index and
 * splice_fd_in must be zero, and so must the second half of a 128-byte SQE. On kernels
 * before 6.14 a command linked behind another needs IOSQE_ASYNC, or its SQE must stay as
 * it is until its turn has come.
 *
 * NPU_URING_CMD_SUBMIT, struct drm_npu_job: cqe->res is 0 or -errno once the job has
 * ended; -EBUSY where the ioctl says -EAGAIN, a full queue. On a ring with
 * IORING_SETUP_CQE32, big_cqe[0] is device ns (low 32 bits) and queued µs (high 32 bits),
 * each saturating.
 *
 * NPU_URING_CMD_CANCEL, struct drm_npu_cancel: cqe->res is the number of jobs or -ENOENT.
 *
 * The values are _IOW('N', nr, payload) so that they cannot collide with an ioctl.
 */
#define NPU_URING_CMD_SUBMIT	_IOW('N', 0x00, struct drm_npu_job)
#define NPU_URING_CMD_CANCEL	_IOW('N', 0x01, struct drm_npu_cancel)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_NPU_ACCEL_H_ */
