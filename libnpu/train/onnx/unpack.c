// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "import.h"

/*
 * An empty message takes two bytes in a file and over a hundred in memory. Real models take
 * about their own size; so this bounds what a made-up one can cost.
 */
#define BASE_BYTES ((size_t)16 << 20)
#define BYTES_A_BYTE 8

/* Releasing gives nothing back: unpacking allocates once and for all. */
struct budget {
	size_t left;
};

static void *budget_alloc(void *context, size_t size)
{
	struct budget *budget = context;

	if (size > budget->left)
		return NULL;
	budget->left -= size;
	return malloc(size ? size : 1);
}

static void budget_free(void *context, void *memory)
{
	(void)context;
	free(memory);
}

int npu_onnx_unpack(const char *path, const void *bytes, size_t size, NpuOnnx__Model **message,
		    struct npu_error *err)
{
	struct budget budget = { BASE_BYTES + BYTES_A_BYTE * size };
	ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };

	if (!size)
		return npu_error_set(err, -EINVAL, "%s: the file is empty", path);
	*message = npu_onnx__model__unpack(&allocator, size, bytes);
	if (!*message)
		return npu_error_set(
			err, -EINVAL,
			"%s: not an ONNX file, or a truncated one; fetch or export it again", path);
	if ((*message)->graph)
		return 0;
	npu_onnx__model__free_unpacked(*message, NULL);
	*message = NULL;
	return npu_error_set(err, -EINVAL,
			     "%s: not an ONNX model: it has no graph; fetch or export it again",
			     path);
}

/* A sentence is one line, whatever names the file holds. */
static void make_line(struct npu_error *err)
{
	for (char *p = err ? err->message : ""; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

int npu_onnx_fail(const struct npu_onnx_import *im, const NpuOnnx__Node *node, int code,
		  const char *format, ...)
{
	char why[400];
	va_list args;
	int ret;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (node)
		ret = npu_error_set(im->err, code, "%s: node '%.48s' (%.32s): %s", im->path,
				    npu_onnx_name(node->name), npu_onnx_name(node->op_type), why);
	else
		ret = npu_error_set(im->err, code, "%s: %s", im->path, why);
	make_line(im->err);
	return ret;
}

int npu_onnx_prefix(const struct npu_onnx_import *im, int code)
{
	char why[sizeof(im->err->message)];

	if (!im->err)
		return code;
	snprintf(why, sizeof(why), "%s", im->err->message);
	code = npu_error_set(im->err, code, "%s: %s", im->path, why);
	make_line(im->err);
	return code;
}
