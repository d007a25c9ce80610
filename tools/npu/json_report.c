// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "json_report.h"

struct json_object *json_number(double number)
{
	char text[32];

	if (!isfinite(number))
		return NULL;
	snprintf(text, sizeof(text), "%.9g", number);
	return json_object_new_double_s(number, text);
}

struct json_object *json_count(uint64_t number)
{
	return json_object_new_uint64(number);
}

struct json_object *json_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

struct json_object *json_truth(bool value)
{
	return json_object_new_boolean(value);
}

void json_report_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
