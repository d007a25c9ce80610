/* SPDX-License-Identifier: MIT */
#ifndef NPU_RUNTIME_ERROR_H
#define NPU_RUNTIME_ERROR_H

#include <errno.h>

#include "npu.h"

/*
 * Fill @err, unless it is NULL, with @code (a negative errno) and the sentence. Returns @code,
 * so that a function can end with `return npu_error_set(err, -EINVAL, "...", ...);`.
 * Shared by both libraries, not part of the API.
 */
__attribute__((format(printf, 3, 4), visibility("default"))) int
npu_error_set(struct npu_error *err, int code, const char *format, ...);

#endif
