// SPDX-License-Identifier: MIT
/*
 * The area under the ROC curve, of each class against the others.
 *
 * It is exact as long as all outputs can be kept: they are sorted in the end. Where they outgrow
 * their memory, they become a histogram. Its cells are of a relative width, near 0 and, in mirrored
 * form, near 1, since that is where the outputs of a good classifier crowd. Two samples in a cell
 * count as equal; what that may have changed is known and told.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_stream.h"
#include "runtime/error.h"

#define FINEST 8 /* bits of a float's fraction that tell cells apart; there is no use for more */
#define LEAST_EXPONENT (-32)
#define EXPONENTS 64u

/**
 * struct npu_scores - what the AUC is made from
 * @outputs: of a sample
 * @bytes: memory that may be used
 * @count: samples that are kept
 * @room: for how many there is memory
 * @y: [room][outputs]
 * @labels: [room]
 * @weights: [room]
 * @fraction: bits of the fraction in the histogram
 * @cells: of the histogram of a class
 * @histogram: [outputs][cells][2], weight of the other classes and of the class; NULL while samples
 *	are kept
 */
struct npu_scores {
	size_t outputs, bytes;
	size_t count, room;
	float *y;
	int32_t *labels;
	float *weights;
	unsigned int fraction;
	size_t cells;
	double *histogram;
};

/* What samples of the class and others, from the lowest output on, add up to. */
struct ranking {
	double positive, negative;
	double area;  /* pairs in the right order, half of equal ones */
	double equal; /* pairs that count as equal */
};

struct npu_scores *npu_scores_create(size_t outputs, size_t bytes)
{
	struct npu_scores *scores = calloc(1, sizeof(*scores));

	if (scores) {
		scores->outputs = outputs;
		scores->bytes = bytes;
	}
	return scores;
}

static void drop_samples(struct npu_scores *scores)
{
	free(scores->y);
	free(scores->labels);
	free(scores->weights);
	scores->y = scores->weights = NULL;
	scores->labels = NULL;
	scores->count = scores->room = 0;
}

void npu_scores_free(struct npu_scores *scores)
{
	if (!scores)
		return;
	drop_samples(scores);
	free(scores->histogram);
	free(scores);
}

/* Is a sample with @label one of the class that output @o speaks for? */
static bool is_positive(const struct npu_scores *scores, int32_t label, size_t o)
{
	return scores->outputs == 1 ? label == 1 : (size_t)label == o;
}

/* ----------------------------------------------------------------------- histogram */

/* Number of the cell that a magnitude falls into, from 0; -0 is one, too. */
static size_t cell_of_magnitude(float magnitude, unsigned int fraction)
{
	uint32_t bits, least = (uint32_t)(127 + LEAST_EXPONENT) << 23;

	magnitude = fabsf(magnitude);
	memcpy(&bits, &magnitude, sizeof(bits));
	if (bits < least)
		return 0;
	bits = (bits - least) >> (23 - fraction);
	return bits < EXPONENTS << fraction ? bits : (EXPONENTS << fraction) - 1;
}

/* Cells of [0, 1/2], and as many of (1/2, 1]. */
static size_t half_cells(unsigned int fraction)
{
	return cell_of_magnitude(0.5f, fraction) + 1;
}

static size_t all_cells(unsigned int fraction)
{
	return 2 * ((size_t)EXPONENTS << fraction) + 2 * half_cells(fraction);
}

/* Never falls as @y rises: below 0, to 1/2, to 1, above. */
static size_t cell_of(float y, unsigned int fraction)
{
	size_t outside = (size_t)EXPONENTS << fraction, half = half_cells(fraction);

	if (y < 0)
		return outside - 1 - cell_of_magnitude(-y, fraction);
	if (y <= 0.5f)
		return outside + cell_of_magnitude(y, fraction);
	if (y <= 1)
		return outside + 2 * half - 1 - cell_of_magnitude(1 - y, fraction);
	return outside + 2 * half + cell_of_magnitude(y - 1, fraction);
}

static void count_sample(struct npu_scores *scores, const float *y, int32_t label, double weight)
{
	double *cells = scores->histogram;

	for (size_t o = 0; o < scores->outputs; o++, cells += 2 * scores->cells)
		cells[2 * cell_of(y[o], scores->fraction) + is_positive(scores, label, o)] +=
			weight;
}

/* From kept samples to a histogram, the finest that has room. */
static int start_histogram(struct npu_scores *scores, struct npu_error *err)
{
	size_t cell = 2 * sizeof(double) * scores->outputs;

	scores->fraction = FINEST;
	while (scores->fraction && all_cells(scores->fraction) > scores->bytes / cell)
		scores->fraction--;
	scores->cells = all_cells(scores->fraction);
	scores->histogram = calloc(scores->cells, cell);
	if (!scores->histogram)
		return npu_error_set(err, -ENOMEM,
				     "metrics: out of memory for the AUC of %zu outputs; leave it "
				     "out",
				     scores->outputs);
	for (size_t i = 0; i < scores->count; i++)
		count_sample(scores, scores->y + i * scores->outputs, scores->labels[i],
			     (double)scores->weights[i]);
	drop_samples(scores);
	return 0;
}

/* ----------------------------------------------------------------------- kept samples */

static int make_room(struct npu_scores *scores, size_t count, struct npu_error *err)
{
	size_t each = scores->outputs * sizeof(*scores->y), room = scores->room;
	void *y, *labels, *weights;

	if (count <= room)
		return 0;
	room = count > 2 * room ? count : 2 * room;
	y = realloc(scores->y, room * each);
	if (y)
		scores->y = y;
	labels = realloc(scores->labels, room * sizeof(*scores->labels));
	if (labels)
		scores->labels = labels;
	weights = realloc(scores->weights, room * sizeof(*scores->weights));
	if (weights)
		scores->weights = weights;
	if (!y || !labels || !weights)
		return npu_error_set(err, -ENOMEM,
				     "metrics: out of memory for the outputs of %zu samples; "
				     "leave the AUC out, or allow it less memory",
				     room);
	scores->room = room;
	return 0;
}

static size_t most_samples(const struct npu_scores *scores)
{
	return scores->bytes / (scores->outputs * sizeof(*scores->y) + sizeof(*scores->labels) +
				sizeof(*scores->weights));
}

int npu_scores_add(struct npu_scores *scores, const struct npu_answers *answers, const float *y,
		   struct npu_error *err)
{
	size_t wanted = scores->count + answers->samples, i;
	int ret = 0;

	if (!scores->histogram)
		ret = wanted > most_samples(scores) ? start_histogram(scores, err)
						    : make_room(scores, wanted, err);
	if (ret)
		return ret;
	for (i = 0; scores->histogram && i < answers->samples; i++)
		count_sample(scores, y + i * scores->outputs, answers->labels[i],
			     npu_answer_weight(answers, i));
	if (scores->histogram || !answers->samples)
		return 0;
	memcpy(scores->y + scores->count * scores->outputs, y,
	       answers->samples * scores->outputs * sizeof(*y));
	memcpy(scores->labels + scores->count, answers->labels,
	       answers->samples * sizeof(*scores->labels));
	for (i = 0; i < answers->samples; i++)
		scores->weights[scores->count + i] = (float)npu_answer_weight(answers, i);
	scores->count = wanted;
	return 0;
}

/* One sample, as sorted for a class: its weight is negative where it is of another class. */
struct score {
	float y, weight;
};

/* By output, then by weight: sums in this order do not depend on that of the samples. */
static int compare_scores(const void *a, const void *b)
{
	const struct score *s = a, *t = b;

	if (s->y != t->y)
		return s->y < t->y ? -1 : 1;
	return (s->weight > t->weight) - (s->weight < t->weight);
}

/* ------------------------------------------------------------------------------ area */

/* Samples with equal outputs, which are higher than those before. */
static void rank_group(struct ranking *ranking, double positive, double negative)
{
	ranking->area += positive * (ranking->negative + negative / 2);
	ranking->equal += positive * negative;
	ranking->positive += positive;
	ranking->negative += negative;
}

static void rank_kept(const struct npu_scores *scores, size_t o, struct score *sorted,
		      struct ranking *ranking)
{
	size_t i, next;

	for (i = 0; i < scores->count; i++) {
		float weight = scores->weights[i];

		sorted[i].y = scores->y[i * scores->outputs + o];
		sorted[i].weight = is_positive(scores, scores->labels[i], o) ? weight : -weight;
	}
	qsort(sorted, scores->count, sizeof(*sorted), compare_scores);
	for (i = 0; i < scores->count; i = next) {
		double positive = 0, negative = 0;

		for (next = i; next < scores->count && sorted[next].y == sorted[i].y; next++) {
			positive += sorted[next].weight > 0 ? (double)sorted[next].weight : 0;
			negative -= sorted[next].weight < 0 ? (double)sorted[next].weight : 0;
		}
		rank_group(ranking, positive, negative);
	}
	ranking->equal = 0; /* those that are equal, are */
}

static void rank_counted(const struct npu_scores *scores, size_t o, struct ranking *ranking)
{
	const double *cell = scores->histogram + 2 * o * scores->cells;

	for (size_t i = 0; i < scores->cells; i++)
		rank_group(ranking, cell[2 * i + 1], cell[2 * i]);
}

int npu_scores_finish(const struct npu_scores *scores, struct npu_metrics *metrics,
		      struct npu_error *err)
{
	struct score *sorted = calloc(scores->count + 1, sizeof(*sorted));
	double sum = 0, error = 0, known = 0;

	if (!sorted)
		return npu_error_set(err, -ENOMEM,
				     "metrics: out of memory to sort %zu outputs; leave the AUC "
				     "out",
				     scores->count);
	for (size_t o = 0; o < scores->outputs; o++) {
		struct ranking ranking = { 0 };
		double pairs;

		if (scores->histogram)
			rank_counted(scores, o, &ranking);
		else
			rank_kept(scores, o, sorted, &ranking);
		pairs = ranking.positive * ranking.negative;
		if (pairs == 0)
			continue;
		metrics->per_class[o].auc = ranking.area / pairs;
		if (scores->outputs == 1)
			metrics->per_class[1].auc = metrics->per_class[0].auc;
		sum += ranking.area / pairs;
		error += ranking.equal / 2 / pairs;
		known++;
	}
	free(sorted);
	metrics->auc = known ? sum / known : NAN;
	metrics->auc_error = known ? error / known : NAN;
	return 0;
}
