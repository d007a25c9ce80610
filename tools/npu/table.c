// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "terminal.h"

#define CELL_BYTES 96
#define MAX_COLUMNS 32

struct table {
	size_t columns;
	size_t cells, room;
	bool left[MAX_COLUMNS];
	char (*cell)[CELL_BYTES];
};

struct table *table_create(size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table) {
		table->columns = columns < MAX_COLUMNS ? columns : MAX_COLUMNS;
		table->left[0] = true;
	}
	return table;
}

void table_left(struct table *table, size_t column)
{
	if (table && column < MAX_COLUMNS)
		table->left[column] = true;
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list args;

	if (!table)
		return;
	if (table->cells == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		void *cell = realloc(table->cell, room * CELL_BYTES);

		if (!cell)
			return;
		table->cell = cell;
		table->room = room;
	}
	va_start(args, format);
	vsnprintf(table->cell[table->cells++], CELL_BYTES, format, args);
	va_end(args);
}

/* Columns on the screen: bytes that do not continue a UTF-8 sequence. */
static size_t screen_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void print_row(const struct table *table, size_t row, const size_t *width)
{
	for (size_t c = 0; c < table->columns; c++) {
		const char *text = table->cell[row * table->columns + c];
		int pad = (int)(width[c] - screen_width(text));
		bool last = c + 1 == table->columns;

		if (table->left[c])
			printf("  %s%*s", text, last ? 0 : pad, "");
		else
			printf("  %*s%s", pad, "", text);
	}
}

void table_print(struct table *table, bool heading)
{
	size_t width[MAX_COLUMNS] = { 0 };
	size_t rows;

	if (!table)
		return;
	rows = table->cells / table->columns;
	for (size_t i = 0; i < rows * table->columns; i++) {
		size_t cell = screen_width(table->cell[i]);

		if (cell > width[i % table->columns])
			width[i % table->columns] = cell;
	}
	for (size_t row = 0; row < rows; row++) {
		bool dim = heading && row == 0;

		if (dim)
			fputs(terminal_style(stdout, STYLE_DIM), stdout);
		print_row(table, row, width);
		printf("%s\n", dim ? terminal_style(stdout, STYLE_NONE) : "");
	}
	free(table->cell);
	free(table);
}
