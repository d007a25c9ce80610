// SPDX-License-Identifier: MIT
/*
 * An image is taken in bands of rows. Where windows stick out to the left or right, a band's input
 * is first copied with zeros around it: it has to come into the cache anyway, and every tile is
 * then like any other. Above and below, taps are left out.
 */
#include <stdatomic.h>
#include <string.h>

#include "conv_slide.h"

/*
 * Floats of a band's input: half of a first-level cache, or, where each band has to read very many
 * weights, what a second-level cache holds beside a block of them.
 */
#define BAND_FLOATS 6144
#define BAND_MOST 65536
/* Outputs of a unit of a convolution of 1 x 1, where pixels are just a list. */
#define POINT_PIXELS 168

/**
 * struct band_plan - how images are cut
 * @left, @right: zeros beside a row of the image; none: it is read where it is
 * @pitch: floats of a row with them
 * @rows: output rows of a band
 * @input_rows: input rows that such a band reads
 */
struct band_plan {
	size_t left, right, pitch, rows, input_rows;
};

/**
 * struct slide_job - units of work, and who takes them
 * @n: samples
 * @bands: of a sample
 * @next: unit to take
 */
struct slide_job {
	const struct npu_slide *slide;
	const struct npu_conv_kernels *kernels;
	struct band_plan plan;
	size_t n, bands;
	float *work;
	atomic_size_t next;
};

static struct band_plan plan_bands(const struct npu_window window[2], size_t channels,
				   size_t weights)
{
	const struct npu_window *high = &window[0], *wide = &window[1];
	size_t extent, floats = weights > NPU_SLIDE_WEIGHTS ? BAND_MOST : BAND_FLOATS;
	struct band_plan plan = { 0 };

	if (!high->kernel || !wide->kernel || !high->out || !wide->out)
		return (struct band_plan){ .rows = high->out };
	plan.left = wide->before > 0 ? (size_t)wide->before : 0;
	plan.right = npu_window_after(wide);
	plan.pitch = (plan.left + wide->in + plan.right) * channels;
	extent = npu_window_extent(high);
	plan.rows = 1;
	if (floats / plan.pitch > extent)
		plan.rows += (floats / plan.pitch - extent) / high->stride;
	if (plan.rows > high->out)
		plan.rows = high->out;
	plan.input_rows = (plan.rows - 1) * high->stride + extent;
	if (plan.input_rows > high->in)
		plan.input_rows = high->in;
	return plan;
}

static bool is_copied(const struct band_plan *plan)
{
	return plan->left || plan->right;
}

static size_t scratch_of(const struct band_plan *plan)
{
	return is_copied(plan) ? npu_conv_align(plan->input_rows * plan->pitch) : 0;
}

size_t npu_slide_room(const struct npu_window window[2], size_t channels, size_t weights,
		      size_t threads)
{
	struct band_plan plan = plan_bands(window, channels, weights);

	return threads * scratch_of(&plan);
}

/* Rows [*first, *end) of the input that output rows [row, row_end) read. */
static void input_rows(const struct npu_window *high, size_t row, size_t row_end, size_t *first,
		       size_t *end)
{
	ptrdiff_t low = npu_window_start(high, row);
	ptrdiff_t past = npu_window_start(high, row_end - 1) + (ptrdiff_t)npu_window_extent(high);
	ptrdiff_t in = (ptrdiff_t)high->in;

	*first = (size_t)(low < 0 ? 0 : low > in ? in : low);
	*end = (size_t)(past < (ptrdiff_t)*first ? (ptrdiff_t)*first : past > in ? in : past);
}

static void copy_rows(const struct slide_job *job, const float *x, size_t first, size_t end,
		      float *to)
{
	size_t channels = job->slide->channels, width = job->slide->window[1].in * channels;
	size_t left = job->plan.left * channels, right = job->plan.right * channels;

	for (x += first * width; first < end; first++, x += width) {
		memset(to, 0, left * sizeof(*to));
		memcpy(to + left, x, width * sizeof(*to));
		memset(to + left + width, 0, right * sizeof(*to));
		to += job->plan.pitch;
	}
}

/* Taps that lie side by side, of inputs and of weights, are one tap of more depth. */
static void join_taps(struct npu_conv_row *row)
{
	if (row->x_tap[1] == row->depth && row->weight_tap[1] == row->depth * row->weight_step) {
		row->depth *= row->taps[1];
		row->taps[1] = 1;
	}
}

static struct npu_conv_row row_of(const struct slide_job *job)
{
	const struct npu_slide *slide = job->slide;
	const struct npu_window *high = &slide->window[0], *wide = &slide->window[1];
	struct npu_conv_row row = {
		.pixels = wide->out,
		.columns = slide->columns,
		.depth = slide->depth,
		.taps = { high->kernel, wide->kernel },
		.x_tap = { high->dilation * job->plan.pitch, wide->dilation * slide->channels },
		.weight_tap = { slide->weight_tap[0], slide->weight_tap[1] },
		.x_step = wide->stride * slide->channels,
		.weight_step = slide->weight_step,
		.y_step = slide->y_step,
		.activation = slide->activation,
	};

	if (!slide->depthwise)
		join_taps(&row);
	return row;
}

static void run_groups(const struct slide_job *job, struct npu_conv_row *row)
{
	const struct npu_slide *slide = job->slide;
	size_t g;

	for (g = 0; g < slide->groups; g++) {
		if (slide->depthwise)
			job->kernels->depthwise_row(row);
		else
			job->kernels->row(row);
		row->x += slide->depth;
		row->weight += slide->weight_group;
		row->bias = row->bias ? row->bias + slide->columns : NULL;
		row->y += slide->columns;
	}
}

static size_t weights_of(const struct npu_slide *slide)
{
	return slide->window[0].kernel * slide->window[1].kernel * slide->columns * slide->groups *
	       (slide->depthwise ? 1 : slide->depth);
}

/**
 * struct block - some columns, for which all rows of a band are done before the next
 * @column: the first; @columns: how many
 * @weight, @bias: theirs
 */
struct block {
	size_t column, columns;
	const float *weight, *bias;
};

static struct block first_block(const struct npu_slide *slide)
{
	return (struct block){ 0, slide->block, slide->weight, slide->bias };
}

/* The next one; false where there is none. */
static bool next_block(const struct npu_slide *slide, struct block *block)
{
	block->column += block->columns;
	block->weight += slide->weight_block;
	block->bias = block->bias ? block->bias + block->columns : NULL;
	if (slide->columns - block->column < block->columns)
		block->columns = slide->columns - block->column;
	return block->columns;
}

/* Output rows [row, row_end) of @y, a block of columns; input row @first is at @x. */
static void run_rows(const struct slide_job *job, const float *x, size_t first, size_t row,
		     size_t row_end, const struct block *block, float *y)
{
	const struct npu_slide *slide = job->slide;
	const struct npu_window *high = &slide->window[0], *wide = &slide->window[1];
	struct npu_conv_row r = row_of(job);
	size_t tap, tap_end;

	x += ((ptrdiff_t)job->plan.left - wide->before) * (ptrdiff_t)slide->channels;
	y += block->column;
	r.columns = block->columns;
	for (; row < row_end; row++) {
		npu_window_inside(high, row, &tap, &tap_end);
		r.taps[0] = wide->kernel ? tap_end - tap : 0;
		r.bias = block->bias;
		r.weight = block->weight + tap * slide->weight_tap[0];
		r.y = y + row * slide->y_row;
		r.x = x;
		if (r.taps[0])
			r.x += (npu_window_start(high, row) + (ptrdiff_t)(tap * high->dilation) -
				(ptrdiff_t)first) *
			       (ptrdiff_t)job->plan.pitch;
		run_groups(job, &r);
	}
}

static void run_unit(struct slide_job *job, size_t unit, float *scratch)
{
	const struct npu_slide *slide = job->slide;
	const struct npu_window *window = slide->window;
	size_t sample = unit / job->bands, row = unit % job->bands * job->plan.rows;
	size_t row_end = row + job->plan.rows, first = 0, end;
	struct block block = first_block(slide);
	float *y;
	const float *x = slide->x + sample * window[0].in * window[1].in * slide->channels;

	if (row_end > window[0].out)
		row_end = window[0].out;
	if (is_copied(&job->plan)) {
		input_rows(&window[0], row, row_end, &first, &end);
		copy_rows(job, x, first, end, scratch);
		x = scratch;
	}
	y = slide->y + sample * slide->y_sample;
	/* A block's weights are read for every row, while they are near. */
	do {
		run_rows(job, x, first, row, row_end, &block, y);
	} while (next_block(slide, &block));
}

/* One of a few tasks, which take units until there are no more. */
static void run_units(void *context, size_t task)
{
	struct slide_job *job = context;
	float *scratch = job->work + task * scratch_of(&job->plan);
	size_t unit;

	for (;;) {
		unit = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
		if (unit >= job->n * job->bands)
			return;
		run_unit(job, unit, scratch);
	}
}

/* A kernel of 1 at every pixel: neither rows nor samples matter. */
static bool is_pointwise(const struct npu_slide *slide)
{
	const struct npu_window *window = slide->window;
	int axis;

	for (axis = 0; axis < 2; axis++)
		if (window[axis].kernel != 1 || window[axis].stride != 1 || window[axis].before ||
		    window[axis].in != window[axis].out)
			return false;
	return slide->y_row == window[1].out * slide->y_step &&
	       slide->y_sample == window[0].out * slide->y_row;
}

static void run_points(void *context, size_t unit)
{
	const struct slide_job *job = context;
	const struct npu_slide *slide = job->slide;
	struct block block = first_block(slide);
	struct npu_conv_row row = row_of(job);
	size_t first = unit * POINT_PIXELS;

	row.pixels = job->n - first < POINT_PIXELS ? job->n - first : POINT_PIXELS;
	do {
		row.x = slide->x + first * slide->channels;
		row.weight = block.weight;
		row.bias = block.bias;
		row.y = slide->y + first * slide->y_step + block.column;
		row.columns = block.columns;
		run_groups(job, &row);
	} while (next_block(slide, &block));
}

static uint64_t work_of(const struct npu_slide *slide, size_t n)
{
	return (uint64_t)n * slide->window[0].out * slide->window[1].out * weights_of(slide);
}

void npu_slide_run(const struct npu_slide *slide, struct npu_pool *pool,
		   const struct npu_conv_kernels *kernels, size_t n, float *work)
{
	struct slide_job job = { .slide = slide, .kernels = kernels, .n = n, .work = work };
	size_t threads = npu_pool_threads(pool), units;

	if (!slide->window[0].out || !slide->window[1].out)
		return;
	if (threads > 1 && work_of(slide, n) < NPU_WORTH_SHARING)
		pool = NULL;
	if (is_pointwise(slide)) {
		job.n *= slide->window[0].out * slide->window[1].out;
		npu_pool_run(pool, run_points, &job, (job.n + POINT_PIXELS - 1) / POINT_PIXELS);
		return;
	}
	job.plan = plan_bands(slide->window, slide->channels, weights_of(slide));
	job.bands = (slide->window[0].out + job.plan.rows - 1) / job.plan.rows;
	units = n * job.bands;
	npu_pool_run(pool, run_units, &job, pool && units > threads ? threads : pool ? units : 1);
}
