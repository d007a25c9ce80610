/* SPDX-License-Identifier: MIT */
/* npu compile --max-drop: which values of a program have to be int16. */
#ifndef NPU_TOOL_COMPILE_WIDE_H
#define NPU_TOOL_COMPILE_WIDE_H

#include "dataset_file.h"
#include "json_report.h"

#define COMPILE_ANY (-1.0f) /* of a limit: none */

/**
 * struct compile_wide - what is asked for, and what came of it
 * @max_drop: points of accuracy that may be lost, or COMPILE_ANY
 * @min_sqnr: dB that outputs must have, or COMPILE_ANY
 * @path: data to measure on, NULL for samples that do not calibrate
 * @labels: its answers, as of struct dataset_file
 * @samples: that were measured on
 * @wide: [1 + layers], NULL where nothing is asked for; owned
 * @report: figures
 */
struct compile_wide {
	float max_drop, min_sqnr;
	const char *path, *labels;
	size_t samples;
	bool *wide;
	struct npu_wide_report report;
};

static inline bool compile_wide_asked(const struct compile_wide *wide)
{
	return wide->max_drop >= 0 || wide->min_sqnr >= 0;
}

/*
 * Choose, and put @wide->wide into @options. @data: to calibrate on; @rest: to measure on where
 * @wide names no other; @file: how both were read.
 */
int compile_wide_choose(struct compile_wide *wide, const struct npu_model *model,
			const struct dataset_file *file, const struct npu_dataset *data,
			const struct npu_dataset *rest, struct npu_compile_options *options,
			struct npu_error *err);

void compile_wide_print(const struct compile_wide *wide, const struct npu_model *model);
struct json_object *compile_wide_json(const struct compile_wide *wide,
				      const struct npu_model *model);

#endif
