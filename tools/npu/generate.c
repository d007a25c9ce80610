// SPDX-License-Identifier: MIT
/* npu generate: data that a straight line cannot sort, to try the other commands on. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json_report.h"

#define TURNS 1.25 /* of a spiral arm */

static const char *const shapes[] = { "spirals", "rings", NULL };
enum {
	SPIRALS,
	RINGS
};

struct picture {
	unsigned int shape;
	unsigned int samples;
	unsigned int classes;
	float noise;
	uint64_t seed;
	const char *output;
};

/* splitmix64 (Steele, Lea and Flood 2014): one addition and a mix a number, any seed is good. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* In [0, 1). */
static double uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* Mean 0, variance 1 (Box and Muller 1958). */
static double normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(1 - uniform(state)));

	return radius * cos(2 * M_PI * uniform(state));
}

/* A point of @class: on its arm or ring, which has radius at most 1, plus noise. */
static void place(const struct picture *picture, unsigned int class, uint64_t *state, double *x,
		  double *y)
{
	double along = uniform(state);
	double radius, angle;

	if (picture->shape == SPIRALS) {
		/* The root spreads the points evenly over the disc, not crowded in its middle. */
		radius = sqrt(0.02 + 0.98 * along);
		angle = 2 * M_PI * (radius * TURNS + (double)class / picture->classes);
	} else {
		radius = (class + 0.5) / picture->classes;
		angle = 2 * M_PI * along;
	}
	*x = radius * cos(angle) + picture->noise * normal(state);
	*y = radius * sin(angle) + picture->noise * normal(state);
}

static int write_picture(const struct picture *picture, FILE *file)
{
	uint64_t state = picture->seed;

	fprintf(file, "x,y,class\n");
	for (unsigned int i = 0; i < picture->samples; i++) {
		unsigned int class = i % picture->classes;
		double x, y;

		place(picture, class, &state, &x, &y);
		fprintf(file, "%.6f,%.6f,%c\n", x, y, 'A' + (char)class);
	}
	return ferror(file) ? -EIO : 0;
}

static int write_file(const struct picture *picture)
{
	FILE *file = fopen(picture->output, "w");
	int ret;

	if (!file)
		return cli_fail(CLI_FAILED, "%s: %s", picture->output, strerror(errno));
	ret = write_picture(picture, file);
	if (fclose(file) != 0 || ret < 0)
		return cli_fail(CLI_FAILED, "%s: the file could not be written whole: %s",
				picture->output, strerror(errno));
	return CLI_OK;
}

static int choose_shape(struct picture *picture, const char *word)
{
	for (unsigned int i = 0; shapes[i]; i++) {
		if (strcmp(shapes[i], word) == 0) {
			picture->shape = i;
			return CLI_OK;
		}
	}
	return cli_fail(CLI_USAGE, "generate: '%s' is not a shape; there are spirals and rings",
			word);
}

static void print_json(const struct picture *picture)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "output", json_text(picture->output));
	json_object_object_add(object, "shape", json_text(shapes[picture->shape]));
	json_object_object_add(object, "samples", json_count(picture->samples));
	json_object_object_add(object, "classes", json_count(picture->classes));
	json_object_object_add(object, "noise", json_number(picture->noise));
	json_object_object_add(object, "seed", json_count(picture->seed));
	json_report_print(object);
}

static int run_generate(int argc, char **argv)
{
	struct picture picture = { .samples = 4000, .classes = 4, .noise = 0.03f, .seed = 1 };
	bool json = false;
	const struct cli_option options[] = {
		{ 'o', "output", "FILE", "the CSV file to write; default: standard output",
		  CLI_TEXT, &picture.output, NULL, 0, 0 },
		{ 'n', "samples", "N", "points; default 4000", CLI_UINT, &picture.samples, NULL, 1,
		  1e8 },
		{ 'c', "classes", "N", "arms or rings; default 4", CLI_UINT, &picture.classes, NULL,
		  2, 26 },
		{ 0, "noise", "X", "standard deviation, the picture has radius 1; default 0.03",
		  CLI_REAL, &picture.noise, NULL, 0, 10 },
		{ 0, "seed", "N", "another seed gives other points; default 1", CLI_SEED,
		  &picture.seed, NULL, 0, 0 },
		{ 0, "json", NULL, "print what was made as JSON; needs -o", CLI_FLAG, &json, NULL,
		  0, 0 },
		CLI_OPTIONS_END,
	};
	enum cli_next next;
	int first, code;

	next = cli_parse(&cli_generate, options, argc, argv, &first, 1, 1);
	if (next != CLI_GO_ON)
		return cli_parse_exit(next);
	code = choose_shape(&picture, argv[first]);
	if (code != CLI_OK)
		return code;
	if (json && !picture.output)
		return cli_fail(CLI_USAGE, "generate: --json needs -o FILE: the points take up the "
					   "output");
	if (!picture.output)
		return write_picture(&picture, stdout) < 0
			       ? cli_fail(CLI_FAILED, "standard output: %s", strerror(errno))
			       : CLI_OK;
	code = write_file(&picture);
	if (code != CLI_OK)
		return code;
	if (json)
		print_json(&picture);
	else
		printf("wrote %s: %u points on %u %s\n", picture.output, picture.samples,
		       picture.classes, shapes[picture.shape]);
	return CLI_OK;
}

const struct cli_command cli_generate = {
	.name = "generate",
	.summary = "make data to try the other commands on",
	.arguments = "spirals|rings",
	.text = "Write points in the plane as CSV (x, y, class). The classes are the arms of\n"
		"interleaved spirals, or rings around each other: no straight line separates\n"
		"them, so a network without a hidden layer fails on them and one with hidden\n"
		"layers does not. The same options give the same file; for data to test on,\n"
		"use another --seed.\n",
	.examples = "  npu generate spirals -o train.csv\n"
		    "  npu generate spirals --seed 2 --samples 2000 -o test.csv\n"
		    "  npu generate rings --classes 3 --noise 0.05 -o rings.csv\n",
	.run = run_generate,
};
