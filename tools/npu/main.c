// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "terminal.h"

static const struct cli_command *const commands[] = {
	&cli_generate, &cli_train, &cli_eval, &cli_compile,
	&cli_run,      &cli_bench, &cli_dump, &cli_info,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_overview(void)
{
	const char *bold = terminal_style(stdout, STYLE_BOLD);
	const char *plain = terminal_style(stdout, STYLE_NONE);

	printf("%sUsage:%s npu COMMAND [OPTION]... [FILE]...\n\n"
	       "Train small neural networks, turn them into integer programs, and run those on\n"
	       "the NPU, or in this process where there is none, with the same results.\n\n"
	       "%sCommands, in the order of the work:%s\n",
	       bold, plain, bold, plain);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n%sFrom data to the NPU in five lines:%s\n"
	       "  npu generate spirals -o train.csv\n"
	       "  npu generate spirals --seed 2 -o test.csv\n"
	       "  npu train train.csv --label class --hidden 64,64 --epochs 60 -o model.onnx\n"
	       "  npu compile model.onnx --samples train.csv --label class -o model.npu\n"
	       "  npu eval model.npu test.csv --label class\n\n"
	       "`npu COMMAND --help` explains a command. Exit codes: 0 done, 1 failed, 2 wrong\n"
	       "usage, 3 no NPU although --device driver asked for one.\n",
	       bold, plain);
}

int main(int argc, char **argv)
{
	const struct cli_command *command;
	char *help[] = { NULL, (char[]){ "--help" }, NULL };

	if (argc < 2) {
		print_overview();
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("npu %s\n", npu_version());
		return CLI_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    (strcmp(argv[1], "help") == 0 && argc == 2)) {
		print_overview();
		return CLI_OK;
	}
	if (strcmp(argv[1], "help") == 0) {
		command = find_command(argv[2]);
		help[0] = argv[2];
		if (command)
			return command->run(2, help);
		return cli_fail(CLI_USAGE, "'%s' is not a command; see `npu --help`", argv[2]);
	}
	command = find_command(argv[1]);
	if (!command)
		return cli_fail(CLI_USAGE, "'%s' is not a command; see `npu --help`", argv[1]);
	return command->run(argc - 1, argv + 1);
}
