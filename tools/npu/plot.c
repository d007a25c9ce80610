// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plot.h"
#include "plot_axis.h"

#define WIDTH 760
#define LEFT 78
#define RIGHT 24
#define TOP 44
#define BOTTOM 52
#define GAP 34
#define MAX_SERIES 2
#define MAX_PANELS 3
#define MAX_POINTS 1500 /* of a curve: two a pixel; of more, every so-manieth */
#define FEW_POINTS 40	/* up to which each is marked */
#define WIDE_RATIO 40	/* of the largest to the smallest, from which an axis may be logarithmic */

/* In the middle between black and white: readable on both. */
#define INK "#787878"

/* A curve: a figure of each epoch. */
struct series {
	const char *name;
	const char *color;
	size_t at; /* offset of a float in struct npu_epoch */
};

/**
 * struct panel - axes with curves that share them
 * @title: of the vertical axis
 * @series: [count]
 * @height: in pixels, without what is around
 * @percent: figures are shares
 * @x: epochs
 * @y: figures
 */
struct panel {
	const char *title;
	struct series series[MAX_SERIES];
	size_t count;
	double height;
	bool percent;
	struct plot_axis x, y;
};

static const struct panel all_panels[MAX_PANELS] = {
	{ .title = "loss",
	  .series = { { "training", "#3f87e5", offsetof(struct npu_epoch, loss) },
		      { "validation", "#e07b16", offsetof(struct npu_epoch, val_loss) } },
	  .count = 2,
	  .height = 220 },
	{ .title = "accuracy",
	  .series = { { "training", "#3f87e5", offsetof(struct npu_epoch, accuracy) },
		      { "validation", "#e07b16", offsetof(struct npu_epoch, val_accuracy) } },
	  .count = 2,
	  .height = 180,
	  .percent = true },
	{ .title = "learning rate",
	  .series = { { "learning rate", "#2f9e68", offsetof(struct npu_epoch, rate) } },
	  .count = 1,
	  .height = 90 },
};

static double figure(const struct npu_epoch *epoch, const struct series *series)
{
	float value;

	memcpy(&value, (const char *)epoch + series->at, sizeof(value));
	return (double)value;
}

/*
 * Is an axis from @low to @high better logarithmic? Not if only a few figures are small: the last
 * of a cosine would stretch it over many decades, and the rest would look flat.
 */
static bool is_wide(const struct panel *panel, const struct npu_history *history, double low,
		    double high)
{
	size_t small = 0, all = 0;

	if (panel->percent || low <= 0 || high / low <= WIDE_RATIO)
		return false;
	for (size_t s = 0; s < panel->count; s++)
		for (unsigned int i = 0; i < history->epochs; i++) {
			double value = figure(&history->epoch[i], &panel->series[s]);

			all += isfinite(value);
			small += value < high / 10;
		}
	return small > all / 4;
}

/* Leave out curves without a figure. Returns whether any is left. */
static bool measure_panel(struct panel *panel, const struct npu_history *history)
{
	double low = INFINITY, high = -INFINITY;
	size_t kept = 0;

	for (size_t s = 0; s < panel->count; s++) {
		bool any = false;

		for (unsigned int i = 0; i < history->epochs; i++) {
			double value = figure(&history->epoch[i], &panel->series[s]);

			if (!isfinite(value))
				continue;
			any = true;
			low = fmin(low, value);
			high = fmax(high, value);
		}
		if (any)
			panel->series[kept++] = panel->series[s];
	}
	panel->count = kept;
	if (!kept)
		return false;
	panel->y.logarithmic = is_wide(panel, history, low, high);
	plot_axis_fit(&panel->y, low, high);
	if (panel->percent) {
		panel->y.low = fmax(panel->y.low, 0);
		panel->y.high = fmin(panel->y.high, 1);
		if (panel->y.low >= panel->y.high)
			panel->y.low = panel->y.high - 0.5;
	}
	return true;
}

/* ------------------------------------------------------------------------- drawing */

static void draw_line(FILE *file, double x1, double y1, double x2, double y2, const char *extra)
{
	fprintf(file,
		"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"" INK "\"%s/>\n",
		x1, y1, x2, y2, extra);
}

static void draw_text(FILE *file, double x, double y, const char *anchor, const char *text)
{
	fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
		text);
}

static void draw_vertical_axis(FILE *file, const struct panel *panel)
{
	double tick[PLOT_MAX_TICKS], middle = (panel->y.from + panel->y.to) / 2;
	size_t count = plot_axis_ticks(&panel->y, panel->height < 120 ? 3 : 5, tick);
	char text[32];

	for (size_t i = 0; i < count; i++) {
		double y = plot_axis_place(&panel->y, tick[i]);

		if (panel->percent)
			snprintf(text, sizeof(text), "%.4g %%", tick[i] * 100);
		else
			snprintf(text, sizeof(text), "%.4g", fabs(tick[i]) < 1e-12 ? 0 : tick[i]);
		draw_line(file, panel->x.from, y, panel->x.to, y, " stroke-opacity=\"0.25\"");
		draw_text(file, panel->x.from - 8, y + 4, "end", text);
	}
	draw_line(file, panel->x.from, panel->y.from, panel->x.from, panel->y.to, "");
	fprintf(file,
		"<text transform=\"translate(18 %.1f) rotate(-90)\" "
		"text-anchor=\"middle\">%s</text>\n",
		middle, panel->title);
}

static void draw_horizontal_axis(FILE *file, const struct panel *panel, bool labelled)
{
	double tick[PLOT_MAX_TICKS];
	size_t count = plot_axis_ticks(&panel->x, 10, tick);
	char text[32];

	for (size_t i = 0; i < count; i++) {
		double x = plot_axis_place(&panel->x, tick[i]);

		if (tick[i] != floor(tick[i]))
			continue;
		draw_line(file, x, panel->y.from, x, panel->y.from + 5, "");
		snprintf(text, sizeof(text), "%.0f", tick[i]);
		if (labelled)
			draw_text(file, x, panel->y.from + 20, "middle", text);
	}
	draw_line(file, panel->x.from, panel->y.from, panel->x.to, panel->y.from, "");
	if (labelled)
		draw_text(file, (panel->x.from + panel->x.to) / 2, panel->y.from + 40, "middle",
			  "epoch");
}

static void draw_curve(FILE *file, const struct panel *panel, const struct series *series,
		       const struct npu_history *history)
{
	unsigned int every = history->epochs / MAX_POINTS + 1;
	bool connected = false;

	fprintf(file,
		"<path fill=\"none\" stroke-width=\"1.8\" stroke-linejoin=\"round\" "
		"stroke=\"%s\" d=\"",
		series->color);
	for (unsigned int i = 0; i < history->epochs; i += every) {
		double value = figure(&history->epoch[i], series);

		if (isfinite(value))
			fprintf(file, "%c%.1f %.1f", connected ? 'L' : 'M',
				plot_axis_place(&panel->x, history->epoch[i].epoch),
				plot_axis_place(&panel->y, value));
		connected = isfinite(value);
	}
	fprintf(file, "\"/>\n");
	for (unsigned int i = 0; i < history->epochs && history->epochs <= FEW_POINTS; i++) {
		double value = figure(&history->epoch[i], series);

		if (isfinite(value))
			fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\" fill=\"%s\"/>\n",
				plot_axis_place(&panel->x, history->epoch[i].epoch),
				plot_axis_place(&panel->y, value), series->color);
	}
}

/* Names of the curves, above the axes, from the right. */
static void draw_legend(FILE *file, const struct panel *panel)
{
	double x = panel->x.to, y = panel->y.to - 10;

	for (size_t s = panel->count; s--;) {
		const struct series *series = &panel->series[s];

		draw_text(file, x, y, "end", series->name);
		x -= 7.2 * (double)strlen(series->name) + 8;
		fprintf(file,
			"<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
			"stroke=\"%s\" stroke-width=\"3\"/>\n",
			x - 22, y - 4, x, y - 4, series->color);
		x -= 40;
	}
}

static void draw_best(FILE *file, const struct panel *panel, const struct npu_history *history,
		      bool labelled)
{
	double x = plot_axis_place(&panel->x, history->best_epoch);
	bool right = x > (panel->x.from + panel->x.to) / 2;
	char text[48];

	if (!history->best_epoch)
		return;
	draw_line(file, x, panel->y.from, x, panel->y.to, " stroke-dasharray=\"5 4\"");
	if (!labelled)
		return;
	snprintf(text, sizeof(text), "best: epoch %u", history->best_epoch);
	draw_text(file, x + (right ? -6 : 6), panel->y.to + 14, right ? "end" : "start", text);
}

static void draw_panel(FILE *file, const struct panel *panel, const struct npu_history *history,
		       bool first, bool last)
{
	draw_vertical_axis(file, panel);
	draw_horizontal_axis(file, panel, last);
	draw_best(file, panel, history, first);
	for (size_t s = 0; s < panel->count; s++)
		draw_curve(file, panel, &panel->series[s], history);
	if (panel->count > 1)
		draw_legend(file, panel);
}

/* One panel below the other; returns how many. */
static size_t lay_out(struct panel *panels, const struct npu_history *history, double *height)
{
	size_t count = 0;
	double top = TOP;

	for (size_t i = 0; i < MAX_PANELS; i++) {
		struct panel *panel = &panels[count];

		*panel = all_panels[i];
		if (!measure_panel(panel, history))
			continue;
		panel->x = (struct plot_axis){
			.low = 1, .high = history->epochs, .from = LEFT, .to = WIDTH - RIGHT
		};
		if (history->epochs < 2)
			plot_axis_fit(&panel->x, 1, 1);
		panel->y.to = top;
		panel->y.from = top + panel->height;
		top += panel->height + GAP;
		count++;
	}
	*height = top - GAP + BOTTOM;
	return count;
}

static void draw(FILE *file, const struct npu_history *history)
{
	struct panel panels[MAX_PANELS];
	double height;
	size_t count = lay_out(panels, history, &height);

	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
		"viewBox=\"0 0 %d %.0f\" role=\"img\">\n"
		"<title>Training over %u epochs</title>\n"
		"<g font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"" INK "\">\n",
		WIDTH, height, WIDTH, height, history->epochs);
	for (size_t i = 0; i < count; i++)
		draw_panel(file, &panels[i], history, i == 0, i + 1 == count);
	fprintf(file, "</g>\n</svg>\n");
}

int plot_write(const struct npu_history *history, const char *path, struct npu_error *err)
{
	FILE *file = fopen(path, "w");
	int failed = file ? 0 : errno;

	if (file) {
		draw(file, history);
		if (ferror(file))
			failed = EIO;
		if (fclose(file) && !failed)
			failed = errno;
	}
	if (!failed)
		return 0;
	snprintf(err->message, sizeof(err->message), "%s: %s", path, strerror(failed));
	return err->code = -failed;
}
