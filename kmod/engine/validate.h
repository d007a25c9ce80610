/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The pieces of npu_insn_validate(). All return false with the fault filled on refusal. */
#ifndef NPU_VALIDATE_H
#define NPU_VALIDATE_H

#include "npu_engine.h"

/**
 * struct npu_check - one validation
 * @insn: what is checked
 * @consts: the constant section
 * @const_size: its bytes
 * @slot_count: slots of the program
 * @needs: raised
 * @end: of each checked tensor, the furthest byte plus one
 * @fault: where a refusal goes
 */
struct npu_check {
	const struct npu_insn *insn;
	const __u8 *consts;
	__u32 const_size;
	__u32 slot_count;
	struct npu_slot_need *needs;
	__u64 end[NPU_INSN_TENSORS];
	struct npu_fault *fault;
};

#define NPU_TYPE_MASK(type) (1u << NPU_TYPE_##type)
#define NPU_ANY_TYPE \
	(NPU_TYPE_MASK(INT8) | NPU_TYPE_MASK(INT16) | NPU_TYPE_MASK(INT32) | NPU_TYPE_MASK(INT64))
#define NPU_ACTIVATION (NPU_TYPE_MASK(INT8) | NPU_TYPE_MASK(INT16))

/* A shift of 64-bit accumulators (int16 activations) must leave their rounding a bit. */
#define NPU_MAX_SHIFT_64 7

bool npu_refuse(struct npu_check *check, const char *field, const char *reason);
bool npu_refuse_type(struct npu_check *check, unsigned int index, const char *reason);
bool npu_refuse_dim(struct npu_check *check, unsigned int index, unsigned int d,
		    const char *reason);
bool npu_refuse_zero_point(struct npu_check *check, unsigned int index, const char *reason);

/* t[0], written; @types is a set of NPU_TYPE_MASK(). */
bool npu_check_output(struct npu_check *check, __u32 types);
bool npu_check_input(struct npu_check *check, unsigned int index, __u32 types);

/* Packed weights in @layout, of @groups (at least 1) equal parts of the output channels. */
bool npu_check_weights(struct npu_check *check, unsigned int index, __u32 layout, __u32 groups);

/* A tensor that is written and, with @read, read as well. */
bool npu_check_state(struct npu_check *check, unsigned int index, __u32 types, bool read);

/* t[index] is zero; so are tensors @first and up. */
bool npu_check_none(struct npu_check *check, unsigned int index);
bool npu_check_unused(struct npu_check *check, unsigned int first);

/* t[index] has the dimensions of t[0]. */
bool npu_check_same_dims(struct npu_check *check, unsigned int index);

/*
 * No input among t[1] ... t[count - 1] shares bytes with t[0]; with @in_place it may be
 * the identical view.
 */
bool npu_check_overlap(struct npu_check *check, unsigned int count, bool in_place);

/* No tensor of the set @written (bit i is t[i]) shares bytes with any other. */
bool npu_check_apart(struct npu_check *check, __u32 written);

/* Parameters from raw[used] on are zero. */
bool npu_check_raw(struct npu_check *check, unsigned int used);

/* @bytes of the constant section from @offset on. */
bool npu_check_constant(struct npu_check *check, const char *field, __u32 offset, __u64 bytes,
			__u32 alignment);

/* @count scales whose shifts are in [-31, max_shift]. */
bool npu_check_scales(struct npu_check *check, const char *field, __u32 offset, __u32 count,
		      __s32 max_shift);

/* [min, max] is not empty and lies within the type of t[0]. */
bool npu_check_range(struct npu_check *check, const char *field, __s32 min, __s32 max);

/* t[index] has the type of t[0]. */
bool npu_check_same_type(struct npu_check *check, unsigned int index);

/* Opcodes that move a window over an image: the convolutions, and pooling. */
bool npu_check_conv(struct npu_check *check);
bool npu_check_pool(struct npu_check *check);

/* Opcodes whose tensors differ in shape. */
bool npu_check_binary(struct npu_check *check, __u32 scales, __s32 max_shift);
bool npu_check_batch_matmul(struct npu_check *check);
bool npu_check_reduce(struct npu_check *check);
bool npu_check_pad(struct npu_check *check);
bool npu_check_slice(struct npu_check *check);
bool npu_check_transpose(struct npu_check *check);
bool npu_check_resize(struct npu_check *check);
bool npu_check_embedding(struct npu_check *check);

/* The argument of a sigmoid or tanh of int16. */
bool npu_check_sigmoid_s16(struct npu_check *check, const char *multiplier_field,
			   const char *shift_field, __s32 multiplier, __s32 shift);

/* RNN, LSTM, GRU; LAYER_NORM. */
bool npu_check_recurrent(struct npu_check *check);
bool npu_check_layer_norm(struct npu_check *check);

#endif /* NPU_VALIDATE_H */
