// SPDX-License-Identifier: MIT
/* seeds_program FOLDER: .npu files for the fuzzer of the loader to start from. */
#include "../unit/case_image.h"

static void write_seed(const char *folder, struct npu_image image, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(image.data, image.bytes, 1, file) != 1 || fclose(file)) {
		perror(path);
		exit(1);
	}
	free(image.data);
}

int main(int argc, char **argv)
{
	static const unsigned int width[] = { 10, 7, 5, 3 };
	const struct shape shape = { .n = 1, .h = 2, .w = 3, .c = 5, .depth = 6 };
	struct rng rng = { 41 };
	struct npu_mlp mlp;
	unsigned int o;

	if (argc != 2)
		return 2;
	npu_mlp_init(&mlp, 3, width, 1);
	write_seed(argv[1], npu_mlp_image(&mlp, 0), "network");
	write_seed(argv[1], npu_mlp_image(&mlp, 1), "network-with-labels");
	npu_mlp_free(&mlp);
	for (o = 0; o < OPERATIONS; o++) {
		struct engine_case *c = case_make(&operations[o], &shape, &rng);

		write_seed(argv[1], image_of_case(c), operations[o].name);
		case_free(c);
	}
	return 0;
}
