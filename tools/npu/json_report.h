/* SPDX-License-Identifier: MIT */
/*
 * Results for other programs (--json). json-c writes them: quoting and number formats are not
 * worth a second implementation, and Debian has it on every architecture.
 */
#ifndef NPU_JSON_REPORT_H
#define NPU_JSON_REPORT_H

#include <json-c/json.h>

#include "npu_train.h"

/* A number with nine significant digits, or null if it is not finite. */
struct json_object *json_number(double number);
struct json_object *json_count(uint64_t number);
/* A string, or null. */
struct json_object *json_text(const char *text);
struct json_object *json_truth(bool value);

/* Print on stdout, indented, and release. */
void json_report_print(struct json_object *object);

#endif
