// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "terminal.h"

#define SHOW_AFTER 0.5 /* seconds; a line that flashes by tells nobody anything */
#define REDRAW_EVERY 0.1
#define BAR_CELLS 24
#define TEXT_WIDTH 79

static bool understands_escapes(FILE *stream)
{
	const char *term = getenv("TERM");

	return term && strcmp(term, "dumb") != 0 && isatty(fileno(stream));
}

const char *terminal_style(FILE *stream, enum terminal_style style)
{
	static const char *const sequence[] = {
		[STYLE_NONE] = "\033[0m",  [STYLE_BOLD] = "\033[1m",	 [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_ERROR] = "\033[1;31m",
	};
	const char *no_color = getenv("NO_COLOR");

	if ((no_color && no_color[0]) || !understands_escapes(stream))
		return "";
	return sequence[style];
}

void terminal_fill(int column, const char *text)
{
	int at = column;

	while (*text) {
		int word = (int)strcspn(text, " ");

		if (at > column && at + 1 + word > TEXT_WIDTH) {
			printf("\n%*s", column, "");
			at = column;
		}
		at += printf("%s%.*s", at > column ? " " : "", word, text);
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

double terminal_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The process has one terminal and so one progress line. */
static struct {
	const char *what;
	double began, drawn;
	bool visible;
} line;

void terminal_progress_begin(const char *what)
{
	line.what = what;
	line.began = terminal_clock();
	line.drawn = 0;
	line.visible = false;
}

void terminal_progress(double fraction, const char *note)
{
	double now;
	int full;

	if (!line.what || !understands_escapes(stderr))
		return;
	now = terminal_clock();
	if (now - line.began < SHOW_AFTER || now - line.drawn < REDRAW_EVERY)
		return;
	fraction = fraction < 1 ? fraction : 1;
	full = (int)(fraction * BAR_CELLS);
	fprintf(stderr, "\r%s [%.*s%.*s] %3.0f %%  %s\033[K", line.what, full,
		"########################", BAR_CELLS - full, "........................",
		fraction * 100, note);
	fflush(stderr);
	line.drawn = now;
	line.visible = true;
}

void terminal_progress_end(void)
{
	if (line.visible)
		fprintf(stderr, "\r\033[K");
	line.visible = false;
	line.drawn = 0;
}
