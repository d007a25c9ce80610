/* SPDX-License-Identifier: MIT */
/* Files with given content, and calls that have to fail with a given sentence. */
#ifndef TESTS_DATA_CASE_H
#define TESTS_DATA_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "npu_train.h"

/* A folder of this program, for its files; removed with them by leave_folder(). */
static char case_folder[] = "/tmp/npu-test-XXXXXX";

static inline int enter_folder(void **state)
{
	(void)state;
	return mkdtemp(case_folder) && !chdir(case_folder) ? 0 : -1;
}

static inline int leave_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", case_folder);
	return chdir("/") || system(command);
}

static inline void write_bytes(const char *path, const void *bytes, size_t size)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* All of a file; the caller frees it. */
static inline uint8_t *read_bytes(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	*size = ftell(f);
	rewind(f);
	bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, f), *size);
	fclose(f);
	return bytes;
}

/* The message is one line and has @part in it; shown if not. */
static inline void assert_says(const struct npu_error *err, int code, const char *part)
{
	if (err->code != code || !strstr(err->message, part) || strchr(err->message, '\n'))
		fail_msg("code %d instead of %d, or \"%s\" lacks \"%s\"", err->code, code,
			 err->message, part);
}

/* Numbers for damage that is the same in every run (Marsaglia's xorshift). */
static inline uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif
