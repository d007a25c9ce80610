// SPDX-License-Identifier: MIT
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "terminal.h"

#define MAX_OPTIONS 96
#define HELP_COLUMN 27

int cli_fail(enum cli_exit code, const char *format, ...)
{
	va_list args;

	terminal_progress_end();
	fflush(stdout);
	fprintf(stderr, "%snpu:%s ", terminal_style(stderr, STYLE_ERROR),
		terminal_style(stderr, STYLE_NONE));
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

int cli_fail_error(const struct npu_error *err)
{
	if (err->message[0] == '\0')
		return cli_fail(CLI_FAILED, "%s", strerror(-err->code));
	return cli_fail(CLI_FAILED, "%s", err->message);
}

bool cli_ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text), tail = strlen(ending);

	return length >= tail && strcasecmp(text + length - tail, ending) == 0;
}

/* ------------------------------------------------------------------------ values */

static bool within(const struct cli_option *option, double number)
{
	return (option->min == 0 && option->max == 0) ||
	       (number >= option->min && number <= option->max);
}

static bool parse_unsigned(const char *text, unsigned long long *number, char **end)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, end, 0);
	return errno == 0;
}

static bool parse_bytes(const char *text, size_t *bytes)
{
	unsigned long long number;
	unsigned int shift = 0;
	char *end;

	if (!parse_unsigned(text, &number, &end))
		return false;
	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		end++;
		break;
	case 'm':
	case 'M':
		shift = 20;
		end++;
		break;
	case 'g':
	case 'G':
		shift = 30;
		end++;
		break;
	}
	if (*end != '\0' || number > SIZE_MAX >> shift)
		return false;
	*bytes = (size_t)number << shift;
	return true;
}

static bool parse_choice(const struct cli_option *option, const char *text)
{
	for (unsigned int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], text) == 0) {
			*(unsigned int *)option->value = i;
			return true;
		}
	}
	return false;
}

/* False if @text is not a value of the option. */
static bool parse_value(const struct cli_option *option, const char *text)
{
	unsigned long long number;
	double real;
	char *end;

	switch (option->kind) {
	case CLI_FLAG:
		*(bool *)option->value = true;
		return true;
	case CLI_UINT:
		if (!parse_unsigned(text, &number, &end) || *end != '\0' || number > UINT32_MAX ||
		    !within(option, (double)number))
			return false;
		*(unsigned int *)option->value = (unsigned int)number;
		return true;
	case CLI_SEED:
		if (!parse_unsigned(text, &number, &end) || *end != '\0')
			return false;
		*(uint64_t *)option->value = number;
		return true;
	case CLI_REAL:
		real = strtod(text, &end);
		if (end == text || *end != '\0' || !isfinite(real) || !within(option, real))
			return false;
		*(float *)option->value = (float)real;
		return true;
	case CLI_BYTES:
		return parse_bytes(text, option->value);
	case CLI_TEXT:
		*(const char **)option->value = text;
		return true;
	case CLI_CHOICE:
		return parse_choice(option, text);
	case CLI_SECTION:
		break;
	}
	return false;
}

static void describe_values(const struct cli_option *option, char *text, size_t bytes)
{
	size_t at = 0;

	switch (option->kind) {
	case CLI_CHOICE:
		at = (size_t)snprintf(text, bytes, "one of");
		for (unsigned int i = 0; option->choices[i] && at < bytes; i++)
			at += (size_t)snprintf(text + at, bytes - at, "%s %s", i ? "," : "",
					       option->choices[i]);
		break;
	case CLI_BYTES:
		snprintf(text, bytes, "bytes, such as 65536 or 64K or 2M");
		break;
	case CLI_REAL:
		if (option->min == 0 && option->max == 0)
			snprintf(text, bytes, "a number");
		else
			snprintf(text, bytes, "a number from %.10g to %.10g", option->min,
				 option->max);
		break;
	default:
		if (option->min == 0 && option->max == 0)
			snprintf(text, bytes, "a whole number");
		else
			snprintf(text, bytes, "a whole number from %.10g to %.10g", option->min,
				 option->max);
	}
}

/* ------------------------------------------------------------------------- parsing */

static enum cli_next wrong_value(const struct cli_command *command, const struct cli_option *option,
				 const char *text)
{
	char values[256];

	describe_values(option, values, sizeof(values));
	cli_fail(CLI_USAGE, "%s: --%s '%s' is wrong: it takes %s", command->name, option->name,
		 text, values);
	return CLI_WRONG;
}

/* The tables that getopt_long() wants; option i has the value i + 256 and its letter. */
static void make_tables(const struct cli_option *options, struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; options[i].name; i++) {
		int has = options[i].kind == CLI_FLAG ? no_argument : required_argument;

		if (options[i].kind == CLI_SECTION)
			continue;
		*longs++ = (struct option){ options[i].name, has, NULL, (int)i + 256 };
		if (options[i].letter) {
			*shorts++ = options[i].letter;
			if (has == required_argument)
				*shorts++ = ':';
		}
	}
	*longs++ = (struct option){ "help", no_argument, NULL, 'h' };
	*longs = (struct option){ NULL, 0, NULL, 0 };
	*shorts++ = 'h';
	*shorts = '\0';
}

static const struct cli_option *find_option(const struct cli_option *options, int code)
{
	if (code >= 256)
		return &options[code - 256];
	while (options->name && options->letter != code)
		options++;
	return options;
}

static enum cli_next bad_option(const struct cli_command *command, const char *word, bool missing)
{
	cli_fail(CLI_USAGE, "%s: %s %s; see `npu %s --help`", command->name, word,
		 missing ? "needs a value" : "is not an option", command->name);
	return CLI_WRONG;
}

enum cli_next cli_parse(const struct cli_command *command, const struct cli_option *options,
			int argc, char **argv, int *first, int min, int max)
{
	struct option longs[MAX_OPTIONS + 2];
	char shorts[2 * MAX_OPTIONS + 4];
	int code;

	make_tables(options, longs, shorts);
	opterr = 0;
	optind = 1;
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct cli_option *option;

		if (code == 'h') {
			cli_print_help(command, options);
			return CLI_HELP_SHOWN;
		}
		if (code == '?' || code == ':')
			return bad_option(command, argv[optind - 1], code == ':');
		option = find_option(options, code);
		if (!parse_value(option, optarg))
			return wrong_value(command, option, optarg);
	}
	*first = optind;
	if (argc - optind >= min && argc - optind <= max)
		return CLI_GO_ON;
	if (argc - optind > max)
		cli_fail(CLI_USAGE, "%s: '%s' is one argument too many; see `npu %s --help`",
			 command->name, argv[optind + max], command->name);
	else
		cli_fail(CLI_USAGE, "%s: it takes %s; see `npu %s --help`", command->name,
			 command->arguments, command->name);
	return CLI_WRONG;
}

/* ---------------------------------------------------------------------------- help */

void cli_print_heading(const char *heading)
{
	printf("\n%s%s:%s\n", terminal_style(stdout, STYLE_BOLD), heading,
	       terminal_style(stdout, STYLE_NONE));
}

/* Two columns; the first may be too wide for a line that it shares. */
static void print_columns(const char *left, const char *help)
{
	printf("%-*s", HELP_COLUMN, left);
	if (strlen(left) >= HELP_COLUMN)
		printf("\n%*s", HELP_COLUMN, "");
	terminal_fill(HELP_COLUMN, help);
}

void cli_print_entry(const char *name, const char *help)
{
	char left[80];

	snprintf(left, sizeof(left), "  %s", name);
	print_columns(left, help);
}

static void print_option(char letter, const char *name, const char *argument, const char *help)
{
	char left[80];

	snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
		 letter ? "," : " ", name, argument ? " " : "", argument ? argument : "");
	print_columns(left, help);
}

void cli_print_help(const struct cli_command *command, const struct cli_option *options)
{
	printf("%sUsage:%s npu %s [OPTION]...%s%s\n\n%s", terminal_style(stdout, STYLE_BOLD),
	       terminal_style(stdout, STYLE_NONE), command->name, command->arguments[0] ? " " : "",
	       command->arguments, command->text);
	cli_print_heading("Options");
	print_option('h', "help", NULL, "this text");
	for (; options->name; options++)
		if (options->kind == CLI_SECTION)
			cli_print_heading(options->name);
		else
			print_option(options->letter, options->name, options->argument,
				     options->help);
	if (command->more)
		command->more();
	cli_print_heading("Examples");
	fputs(command->examples, stdout);
}
