/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_NUMBER_H
#define NPU_DATA_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The decimal number ("-1.5e-3") that is the whole of @text, correctly rounded to f32, whatever
 * the locale. Returns false if it is not one; "nan", "inf" and hexadecimal are not. A number too
 * large for f32 gives infinity.
 */
bool npu_number_parse(const char *text, size_t length, float *value);

#endif /* NPU_DATA_NUMBER_H */
