// SPDX-License-Identifier: MIT
/* seeds_engine FOLDER: valid instructions for the fuzzer of the engine to start from. */
#include "../unit/engine_case.h"
#include "engine_input.h"

static void write_seed(const char *folder, const struct engine_case *c, const char *name,
		       unsigned int number)
{
	struct engine_input input = { .seed = number, .slots = c->slots, .insn = c->insn };
	char path[512];
	uint32_t i;
	FILE *file;

	/* operands begin where their slots do, and not just before a guard page */
	for (i = 0; i < c->slots; i++)
		input.insn.t[i].offset = 0;
	snprintf(path, sizeof(path), "%s/%s-%u", folder, name, number);
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		exit(1);
	}
	fwrite(&input, sizeof(input), 1, file);
	fwrite(c->exec.consts, 1, c->consts.bytes, file);
	if (fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct rng rng = { 31 };
	unsigned int o, i;

	if (argc != 2)
		return 2;
	for (o = 0; o < OPERATIONS; o++)
		for (i = 0; i < 6; i++) {
			const struct shape s = {
				.n = rng_range(&rng, 1, 2),
				.h = rng_range(&rng, 1, 3),
				.w = rng_range(&rng, 1, 9),
				.c = rng_range(&rng, 1, 40),
				.depth = rng_range(&rng, 1, 60),
				.gap = i % 3,
			};
			struct engine_case *c = case_make(&operations[o], &s, &rng);

			write_seed(argv[1], c, operations[o].name, i);
			case_free(c);
		}
	return 0;
}
