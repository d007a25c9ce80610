/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_CSV_SCAN_H
#define NPU_DATA_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "npu.h"

/**
 * struct npu_csv_field - a field of a record
 * @text: in the scanner's buffer, without quotes and outer blanks; not NUL-terminated
 * @length: bytes
 * @line: where it starts, from 1
 * @column: where it starts, in bytes, from 1
 */
struct npu_csv_field {
	char *text;
	size_t length;
	size_t line, column;
};

/**
 * struct npu_csv_scanner - walks over the records of a CSV file (RFC 4180)
 * @path: for messages
 * @separator: between fields
 * @next: first byte that was not read
 * @end: past the last byte
 * @line: number of the line that @next is in, from 1
 * @line_start: first byte of that line
 * @field: [fields], of the record read last; the scanner's own
 * @fields: how many
 */
struct npu_csv_scanner {
	const char *path;
	char separator;
	char *next, *end;
	size_t line;
	char *line_start;
	struct npu_csv_field *field;
	size_t fields;
	size_t capacity;
};

/* @text [size] is written to: quotes are taken out in place. */
int npu_csv_open(struct npu_csv_scanner *scanner, const char *path, char *text, size_t size,
		 char separator, struct npu_error *err);

/* The next record that is not blank. Return: 1, 0 at the end, or a negative errno. */
int npu_csv_next(struct npu_csv_scanner *scanner, struct npu_error *err);

void npu_csv_close(struct npu_csv_scanner *scanner);

#endif /* NPU_DATA_CSV_SCAN_H */
