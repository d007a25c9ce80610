// SPDX-License-Identifier: MIT
/* seeds_engine FOLDER: valid instructions for the fuzzer of the engine to start from. */
#include "../unit/recurrent_case.h"
#include "engine_input.h"

static void write_seed(const char *folder, const struct npu_insn *insn, uint32_t slots,
		       const struct guarded *consts, const char *name, unsigned int number)
{
	struct engine_input input = { .seed = number, .slots = slots, .insn = *insn };
	char path[512];
	uint32_t i;
	FILE *file;

	/* operands begin where their slots do, and not just before a guard page */
	for (i = 0; i < NPU_INSN_TENSORS; i++)
		input.insn.t[i].offset = 0;
	snprintf(path, sizeof(path), "%s/%s-%u", folder, name, number);
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		exit(1);
	}
	fwrite(&input, sizeof(input), 1, file);
	fwrite(guarded_data(consts), 1, consts->bytes, file);
	if (fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void write_operation(const char *folder, const struct operation *op, struct rng *rng,
			    unsigned int number)
{
	const struct shape s = {
		.n = rng_range(rng, 1, 2),
		.h = rng_range(rng, 1, 3),
		.w = rng_range(rng, 1, 9),
		.c = rng_range(rng, 1, 40),
		.depth = rng_range(rng, 1, 60),
		.gap = number % 3,
	};
	struct engine_case *c = case_make(op, &s, rng);

	write_seed(folder, &c->insn, c->slots, &c->consts, op->name, number);
	case_free(c);
}

static void write_sequence(const char *folder, const struct operation *op, struct rng *rng,
			   unsigned int number)
{
	const struct sequence s = {
		.name = op->name,
		.opcode = op->opcode,
		.type = op->in,
		.bias = number % 4 ? op->bias : 0,
		.flags = (number & 1 ? NPU_RECURRENT_INITIAL : 0) |
			 (number & 2 ? NPU_RECURRENT_BACKWARDS : 0) |
			 (number & 4 && op->opcode == NPU_OP_GRU ? NPU_RECURRENT_RESET_AFTER : 0),
		.hidden = number & 1,
		.lengths = number % 3 == 0,
		.row_scales = number & 2,
		.n = rng_range(rng, 1, 3),
		.t = rng_range(rng, 1, 4),
		.k = rng_range(rng, 1, 20),
		.u = rng_range(rng, 1, 20),
		.gap = number % 3,
	};
	struct recurrent_case *c = recurrent_make(&s, rng);

	write_seed(folder, &c->insn, NPU_INSN_TENSORS, &c->consts, op->name, number);
	recurrent_free(c);
}

int main(int argc, char **argv)
{
	struct rng rng = { 31 };
	unsigned int o, i;

	if (argc != 2)
		return 2;
	for (i = 0; i < 6; i++) {
		for (o = 0; o < OPERATIONS; o++)
			write_operation(argv[1], &operations[o], &rng, i);
		for (o = 0; o < RECURRENT_OPERATIONS; o++)
			write_sequence(argv[1], &recurrent_operations[o], &rng, i);
	}
	return 0;
}
