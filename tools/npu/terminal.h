/* SPDX-License-Identifier: MIT */
/* What a person sees: styles, a progress line, aligned tables. */
#ifndef NPU_TERMINAL_H
#define NPU_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum terminal_style {
	STYLE_NONE,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_ERROR,
};

/* Escape sequence for @style; "" unless @stream is a terminal and NO_COLOR is unset. */
const char *terminal_style(FILE *stream, enum terminal_style style);

/* Print words from @column, where the cursor is, to the right margin, in as many lines as it takes.
 */
void terminal_fill(int column, const char *text);

/*
 * A line on stderr that is redrawn in place: shown only on a terminal, and only when the work
 * has taken more than half a second. @fraction is in [0, 1]; @note may be "".
 */
void terminal_progress_begin(const char *what);
void terminal_progress(double fraction, const char *note);
void terminal_progress_end(void); /* wipes the line; harmless if there is none */

/* Seconds of CLOCK_MONOTONIC. */
double terminal_clock(void);

/* ----------------------------------------------------------------------- tables */

struct table;

/*
 * A table with @columns columns; the first is flush left, the others flush right. NULL if there is
 * no memory, which the functions below accept.
 */
struct table *table_create(size_t columns);
/* The next cell, row by row; what goes past the memory is dropped by table_print(). */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);
/* Make column @column flush left. */
void table_left(struct table *table, size_t column);
/* Print with the first row as heading if @heading, and free. */
void table_print(struct table *table, bool heading);

#endif
