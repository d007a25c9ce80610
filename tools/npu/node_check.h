/* SPDX-License-Identifier: MIT */
/* What stands between this user and the NPU. */
#ifndef NPU_NODE_CHECK_H
#define NPU_NODE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define NODE_CHECK_NODES 16
#define NODE_CHECK_FINDINGS 8

/**
 * struct node - a device node of the driver
 * @path: /dev/accel/accelN or /dev/dri/renderDN
 * @mode: "0660"
 * @owner: name or number
 * @group: likewise
 * @usable: this process may read and write it
 */
struct node {
	char path[64];
	char mode[8];
	char owner[32];
	char group[32];
	bool usable;
};

/**
 * struct finding - something to fix
 * @problem: a sentence
 * @remedy: a sentence, with the command where there is one
 */
struct finding {
	char problem[160];
	char remedy[240];
};

struct node_check {
	bool module_loaded;
	bool uring_works;
	size_t nodes;
	struct node node[NODE_CHECK_NODES];
	size_t findings;
	struct finding finding[NODE_CHECK_FINDINGS];
};

/* @path: look at this node only; NULL for all that belong to the driver. */
void node_check_run(struct node_check *check, const char *path);

#endif
