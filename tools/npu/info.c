// SPDX-License-Identifier: MIT
/* npu info: is there an NPU, may I use it, and if not, what is to be done? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inference.h"
#include "node_check.h"
#include "terminal.h"

#define FINDING_COLUMN 5

struct information {
	struct inference_options options;
	bool json;
	struct inference run;
	struct node_check check;
};

static void print_device(const struct information *info)
{
	const struct npu_device_info *device = &info->run.info;
	struct table *table = table_create(2);
	char where[160];

	inference_where(&info->run, where, sizeof(where));
	table_left(table, 1);
	table_cell(table, "libnpu");
	table_cell(table, "%s", npu_version());
	table_cell(table, "programs run");
	table_cell(table, "%s", where);
	table_cell(table, "cores");
	table_cell(table, "%u", device->cores);
	table_cell(table, "module npu");
	table_cell(table, "%s", info->check.module_loaded ? "loaded" : "not loaded");
	table_cell(table, "io_uring");
	table_cell(table, "%s", info->check.uring_works ? "available" : "not available");
	for (size_t i = 0; i < info->check.nodes; i++) {
		const struct node *node = &info->check.node[i];

		table_cell(table, "device node");
		table_cell(table, "%s  %s %s:%s, %s", node->path, node->mode, node->owner,
			   node->group, node->usable ? "usable" : "not usable by this user");
	}
	table_print(table, false);
}

static void print_findings(const struct node_check *check)
{
	if (check->findings == 0) {
		printf("\n%sNothing needs fixing.%s\n", terminal_style(stdout, STYLE_GOOD),
		       terminal_style(stdout, STYLE_NONE));
		return;
	}
	printf("\nTo fix:\n");
	for (size_t i = 0; i < check->findings; i++) {
		printf("  %zu. ", i + 1);
		terminal_fill(FINDING_COLUMN, check->finding[i].problem);
		printf("%*s", FINDING_COLUMN, "");
		terminal_fill(FINDING_COLUMN, check->finding[i].remedy);
	}
}

static void print_json(const struct information *info)
{
	struct json_object *object = json_object_new_object();
	struct json_object *nodes = json_object_new_array();
	struct json_object *findings = json_object_new_array();

	for (size_t i = 0; i < info->check.nodes; i++) {
		const struct node *node = &info->check.node[i];
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "path", json_text(node->path));
		json_object_object_add(entry, "mode", json_text(node->mode));
		json_object_object_add(entry, "owner", json_text(node->owner));
		json_object_object_add(entry, "group", json_text(node->group));
		json_object_object_add(entry, "usable", json_truth(node->usable));
		json_object_array_add(nodes, entry);
	}
	for (size_t i = 0; i < info->check.findings; i++) {
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "problem", json_text(info->check.finding[i].problem));
		json_object_object_add(entry, "remedy", json_text(info->check.finding[i].remedy));
		json_object_array_add(findings, entry);
	}
	json_object_object_add(object, "version", json_text(npu_version()));
	json_object_object_add(object, "device", inference_json(&info->run));
	json_object_object_add(object, "module_loaded", json_truth(info->check.module_loaded));
	json_object_object_add(object, "io_uring", json_truth(info->check.uring_works));
	json_object_object_add(object, "nodes", nodes);
	json_object_object_add(object, "to_fix", findings);
	json_report_print(object);
}

static int run_info(int argc, char **argv)
{
	struct information info = { 0 };
	const struct cli_option options[] = {
		{ 'd', "device", "WHERE", "auto, driver (exit code 3 if there is none) or embedded",
		  CLI_CHOICE, &info.options.device, inference_devices, 0, 0 },
		{ 0, "node", "PATH", "the device node; default: found by the driver's name",
		  CLI_TEXT, &info.options.node, NULL, 0, 0 },
		{ 0, "json", NULL, "print JSON", CLI_FLAG, &info.json, NULL, 0, 0 },
		CLI_OPTIONS_END,
	};
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_info, options, argc, argv, &first, 0, 0);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	code = inference_open_device(&info.run, &info.options);
	if (code != CLI_OK)
		return code;
	node_check_run(&info.check, info.options.node);
	if (info.json) {
		print_json(&info);
	} else {
		print_device(&info);
		print_findings(&info.check);
	}
	inference_close(&info.run);
	return CLI_OK;
}

const struct cli_command cli_info = {
	.name = "info",
	.summary = "show the device, permissions, and what to fix",
	.arguments = "",
	.text = "Say where programs would run, and why not on the NPU if they would not: no\n"
		"module, no device node, no permission, no io_uring. For each there is the\n"
		"command that mends it.\n",
	.examples = "  npu info\n"
		    "  npu info --device driver || echo there is no NPU here\n"
		    "  npu info --json | jq .to_fix\n",
	.run = run_info,
};
