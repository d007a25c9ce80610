// SPDX-License-Identifier: MIT
/* Values: ranges that follow the batches, rounding, and the way back. */
#include <math.h>
#include <string.h>

#include "fake.h"

/*
 * How far an end of a range goes towards that of the batch, if that is further out, and if it is
 * not. Were both the same, it would be the mean of what batches reach, and half of them be cut.
 */
#define OUTWARD 0.1f
#define INWARD 0.001f

#define TASK_VALUES 16384 /* as many as are worth a thread's while */

/**
 * struct grid - the real numbers that int8 stands for
 * @scale: 0 where the range is empty: nothing is rounded
 * @inverse: of @scale
 * @low, @high: the least and the greatest
 */
struct grid {
	float scale, inverse, low, high;
};

static struct grid grid_of(const struct npu_tracked *tracked, bool before, enum npu_fake_kind kind)
{
	const float *range = before ? tracked->before : tracked->after;
	float zero_point, scale = (range[1] - range[0]) / 255;

	if (kind == NPU_FAKE_UNIT)
		return (struct grid){ 1.0f / 256, 256, 0, 255.0f / 256 };
	if (kind == NPU_FAKE_SIGNED_UNIT)
		return (struct grid){ 1.0f / 128, 128, -1, 127.0f / 128 };
	if (!(scale > 1e-30f))
		return (struct grid){ 0, 0, 0, 0 };
	zero_point = rintf(-128 - range[0] / scale);
	return (struct grid){ scale, 1 / scale, (-128 - zero_point) * scale,
			      (127 - zero_point) * scale };
}

static enum npu_fake_kind kind_of(const struct npu_fake *fake, const struct npu_fake_values *values)
{
	const struct npu_fake_place *place = &fake->place[values->place];

	return values->before ? place->before : place->after;
}

static struct grid find_grid(const struct npu_fake *fake, const struct npu_fake_values *values)
{
	enum npu_fake_kind kind = kind_of(fake, values);
	size_t place = values->place;

	if (kind == NPU_FAKE_LIKE)
		place = fake->place[place].like;
	return grid_of(&fake->tracked[place], values->before, kind);
}

static void widen(const float *x, size_t count, float range[2])
{
	float low = range[0], high = range[1];
	size_t i;

	for (i = 0; i < count; i++) {
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
	}
	range[0] = low;
	range[1] = high;
}

/* The range of @values, but for steps behind the ends of sequences. */
static void find_range(const struct npu_fake_values *values, float range[2])
{
	size_t row = (size_t)values->dim[1] * values->dim[2], i, h;

	range[0] = range[1] = 0;
	if (!values->lengths) {
		widen(values->x, values->n * values->count, range);
		return;
	}
	for (i = 0; i < values->n; i++)
		for (h = 0; h < values->dim[0]; h++)
			widen(values->x + i * values->count + h * row,
			      (size_t)values->lengths[i] * values->dim[2], range);
}

void npu_fake_track(const struct npu_fake *fake, const struct npu_fake_values *values)
{
	struct npu_tracked *tracked = &fake->tracked[values->place];
	float *range = values->before ? tracked->before : tracked->after, seen[2];
	bool first = range[0] == 0 && range[1] == 0;
	int i;

	if (kind_of(fake, values) != NPU_FAKE_TRACKED)
		return;
	find_range(values, seen);
	for (i = 0; i < 2; i++) {
		float share = fabsf(seen[i]) > fabsf(range[i]) ? OUTWARD : INWARD;

		range[i] = first ? seen[i] : (1 - share) * range[i] + share * seen[i];
	}
}

/**
 * struct job - rounding of a batch, or the way back
 * @y: rounded values, or gradients
 * @back: it is the way back
 */
struct job {
	struct grid grid;
	const float *x;
	float *y;
	size_t count;
	bool back;
};

/*
 * The sum with 1.5 * 2^23 has no bits left for a fraction: it is rounded to the nearest, and exact
 * for the few hundred that there are.
 */
static void round_values(const struct grid *grid, const float *x, float *y, size_t count)
{
	const float magic = 0x1.8p23f;
	size_t i;

	for (i = 0; i < count; i++) {
		float v = x[i] < grid->low ? grid->low : x[i];

		v = v > grid->high ? grid->high : v;
		y[i] = (v * grid->inverse + magic - magic) * grid->scale;
	}
}

static void stop_outside(const struct grid *grid, const float *x, float *dy, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		dy[i] = x[i] >= grid->low && x[i] <= grid->high ? dy[i] : 0;
}

static void run_task(void *context, size_t task)
{
	const struct job *job = context;
	size_t first = task * TASK_VALUES, count = job->count - first;

	count = count < TASK_VALUES ? count : TASK_VALUES;
	if (job->back)
		stop_outside(&job->grid, job->x + first, job->y + first, count);
	else
		round_values(&job->grid, job->x + first, job->y + first, count);
}

static void run(const struct npu_fake *fake, struct npu_pool *pool,
		const struct npu_fake_values *values, float *y, bool back)
{
	struct job job = {
		.grid = find_grid(fake, values),
		.x = values->x,
		.y = y,
		.count = values->n * values->count,
		.back = back,
	};

	if (job.grid.scale > 0)
		npu_pool_run(pool, run_task, &job, (job.count + TASK_VALUES - 1) / TASK_VALUES);
	else if (!back && y != values->x)
		memcpy(y, values->x, job.count * sizeof(*y));
}

void npu_fake_round(const struct npu_fake *fake, struct npu_pool *pool,
		    const struct npu_fake_values *values, float *y)
{
	run(fake, pool, values, y, false);
}

void npu_fake_pass_through(const struct npu_fake *fake, struct npu_pool *pool,
			   const struct npu_fake_values *values, float *dy)
{
	run(fake, pool, values, dy, true);
}
