/* SPDX-License-Identifier: MIT */
#ifndef NPU_DUMP_JSON_H
#define NPU_DUMP_JSON_H

#include <stdbool.h>

#include "npu.h"

/* Print @program, of the file @path, as JSON; @full: with all bytes. Returns an enum cli_exit. */
int dump_json(const struct npu_program *program, const char *path, bool full);

#endif
