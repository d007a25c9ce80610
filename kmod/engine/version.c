// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Which version of the instruction set brought what. */
#include "kernels.h"

/* The inputs of ADD and MUL could not be broadcast at first. */
static bool is_broadcast(const struct npu_insn *insn)
{
	int i;

	for (i = 0; i < 4; i++)
		if (insn->t[1].dim[i] != insn->t[0].dim[i] ||
		    insn->t[2].dim[i] != insn->t[0].dim[i])
			return true;
	return false;
}

__u32 npu_insn_version(const struct npu_insn *insn)
{
	switch (insn->opcode) {
	case NPU_OP_NOP:
	case NPU_OP_COPY:
	case NPU_OP_CLAMP:
	case NPU_OP_REQUANTISE:
	case NPU_OP_TABLE:
	case NPU_OP_SIGMOID:
	case NPU_OP_TANH:
	case NPU_OP_SOFTMAX:
		return 1;
	case NPU_OP_FULLY_CONNECTED:
		return insn->t[0].type == NPU_TYPE_INT32 ? 2 : 1;
	case NPU_OP_ADD:
	case NPU_OP_MUL:
		return is_broadcast(insn) ? 2 : 1;
	default:
		return 2;
	}
}
