/* SPDX-License-Identifier: MIT */
#ifndef NPU_COMPILE_REPORT_H
#define NPU_COMPILE_REPORT_H

#include "json_report.h"
#include "npu_train.h"

/* What became of each layer, as a table for people. */
void compile_report_print(const struct npu_compile_report *report);

/* The same for programs. */
struct json_object *compile_report_json(const struct npu_compile_report *report);

/* Of a network that no program holds whole; @lowered says how much of it one can hold. */
void compile_report_print_f32(const struct npu_model *model, const struct npu_lowered *lowered,
			      const float *sample);
struct json_object *compile_report_json_f32(const struct npu_model *model,
					    const struct npu_lowered *lowered, const float *sample);

#endif
