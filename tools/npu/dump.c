// SPDX-License-Identifier: MIT
/* npu dump: a compiled program as text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "dump_json.h"
#include "train/compile/program_text.h"

static int dump(const struct npu_program *program, const char *path, bool full, bool json)
{
	struct npu_error err = { 0 };

	if (json)
		return dump_json(program, path, full);
	if (npu_program_write_text(program, full, stdout, &err) < 0)
		return cli_fail_error(&err);
	if (fflush(stdout) || ferror(stdout))
		return cli_fail(CLI_FAILED, "standard output cannot be written: %s",
				strerror(errno));
	return CLI_OK;
}

static int run_dump(int argc, char **argv)
{
	bool full = false, json = false;
	const struct cli_option options[] = {
		{ 0, "full", NULL, "weights, constants and strings, too", CLI_FLAG, &full, NULL, 0,
		  0 },
		{ 0, "json", NULL, "print JSON", CLI_FLAG, &json, NULL, 0, 0 },
		CLI_OPTIONS_END,
	};
	struct npu_program *program;
	struct npu_error err = { 0 };
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_dump, options, argc, argv, &first, 1, 1);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	if (npu_program_load(&program, argv[first], &err) < 0)
		return cli_fail_error(&err);
	code = dump(program, argv[first], full, json);
	npu_program_free(program);
	return code;
}

const struct cli_command cli_dump = {
	.name = "dump",
	.summary = "show a program as text: instructions, slots, memory",
	.arguments = "FILE.npu",
	.text = "Print what is in a compiled program: the sections of the file and the slots of\n"
		"memory that it needs; inputs, outputs and names of the classes; each\n"
		"instruction with its tensors (slot+offset:type[NxHxWxC]) and parameters; and\n"
		"which bytes hold what, from which instruction to which. With --full everything\n"
		"is there, and the text stands for the same bytes as the file.\n",
	.examples = "  npu dump model.npu\n"
		    "  npu dump model.npu | grep '^insn'\n"
		    "  npu dump model.npu --json | jq '.instructions[].opcode'\n",
	.run = run_dump,
};
