/* SPDX-License-Identifier: MIT */
/*
 * The command line: subcommands, their options, failures and exit codes.
 *
 * A command declares its options once, as a table; parsing, checks of range and `--help` all
 * come from it.
 */
#ifndef NPU_CLI_H
#define NPU_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu.h"

/* What the process ends with; scripts rely on it. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NO_DEVICE = 3, /* --device driver, and there is none that could be opened */
};

/**
 * struct cli_command - a subcommand
 * @name: what is typed
 * @summary: a line for the list in `npu --help`
 * @arguments: positional arguments, for the usage line
 * @text: paragraphs of `npu NAME --help`, between usage and options
 * @more: prints what comes between options and examples; NULL for nothing
 * @examples: lines that work as they stand, given the files they name
 * @run: argv[0] is the name; returns an enum cli_exit
 */
struct cli_command {
	const char *name;
	const char *summary;
	const char *arguments;
	const char *text;
	void (*more)(void);
	const char *examples;
	int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_train, cli_eval, cli_compile, cli_run, cli_info, cli_bench,
	cli_generate, cli_dump;

/* Type of an option's value, and what struct cli_option.value points to. */
enum cli_kind {
	CLI_FLAG,    /* bool */
	CLI_UINT,    /* unsigned int, in [min, max] */
	CLI_SEED,    /* uint64_t */
	CLI_REAL,    /* float, in [min, max] */
	CLI_BYTES,   /* size_t; 64K, 2M, 1G */
	CLI_TEXT,    /* const char * */
	CLI_CHOICE,  /* unsigned int: index into choices */
	CLI_SECTION, /* no option: a heading of the help, its name */
};

/**
 * struct cli_option - an option of a command
 * @letter: short form, 0 if none
 * @name: long form
 * @argument: name of the argument in the help, NULL for a flag
 * @help: one line; says the default
 * @kind: type of the value
 * @value: where it goes; what is there before is the default
 * @choices: CLI_CHOICE: words, NULL-terminated
 * @min: smallest number
 * @max: largest number; 0 with min 0 for no limits
 */
struct cli_option {
	char letter;
	const char *name;
	const char *argument;
	const char *help;
	enum cli_kind kind;
	void *value;
	const char *const *choices;
	double min, max;
};

/* The table's last entry. */
/* clang-format off */
#define CLI_OPTIONS_END { 0, NULL, NULL, NULL, CLI_FLAG, NULL, NULL, 0, 0 }
/* clang-format on */

/* clang-format off */
#define CLI_HEADING(name) { 0, name, NULL, NULL, CLI_SECTION, NULL, NULL, 0, 0 }
/* clang-format on */

enum cli_next {
	CLI_GO_ON,
	CLI_HELP_SHOWN, /* end with CLI_OK */
	CLI_WRONG,	/* said why on stderr; end with CLI_USAGE */
};

/**
 * cli_parse - read the options and positional arguments of a command
 * @argv: as given to run(); positional arguments are moved to its end
 * @first: out: index of the first positional argument
 * @min: positional arguments at least
 * @max: at most
 */
enum cli_next cli_parse(const struct cli_command *command, const struct cli_option *options,
			int argc, char **argv, int *first, int min, int max);

/* For `return` in run(): the exit code of what cli_parse() said, if not CLI_GO_ON. */
static inline int cli_parse_exit(enum cli_next next)
{
	return next == CLI_WRONG ? CLI_USAGE : CLI_OK;
}

/* Headings and indented lines of a help, as those of options. */
void cli_print_heading(const char *heading);
void cli_print_entry(const char *name, const char *help);

void cli_print_help(const struct cli_command *command, const struct cli_option *options);

/* Print "npu: SENTENCE" on stderr; returns @code. */
__attribute__((format(printf, 2, 3))) int cli_fail(enum cli_exit code, const char *format, ...);

/* The same with the library's sentence, CLI_FAILED. */
int cli_fail_error(const struct npu_error *err);

/* Does @text end with @ending, whatever the case? */
bool cli_ends_with(const char *text, const char *ending);

#endif
