// SPDX-License-Identifier: MIT
/*
 * DOC: reading CSV
 *
 * The file is read whole and scanned in place; numbers go straight into the dataset's rows. Every
 * message starts with file:line:column, the column in bytes, so that an editor can jump there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "class_table.h"
#include "csv_scan.h"
#include "dataset.h"
#include "file.h"
#include "number.h"

/* Longest part of a bad field that a message quotes. */
#define QUOTED 32

enum role {
	FEATURE,
	LABEL,
	TARGET,
	IGNORED,
};

/**
 * struct reader - a CSV file on its way into a dataset
 * @data: out
 * @options: the caller's
 * @scan: the records
 * @columns: of every record
 * @role: [columns]
 * @name: [columns], or NULL without a header
 * @classes: of the label column, numbered as they come
 * @capacity: samples that the dataset's arrays have room for
 */
struct reader {
	struct npu_dataset *data;
	const struct npu_csv_options *options;
	struct npu_csv_scanner scan;
	size_t columns;
	enum role *role;
	char **name;
	struct npu_class_table classes;
	size_t capacity;
};

static bool is_number(const struct npu_csv_field *field)
{
	float value;

	return npu_number_parse(field->text, field->length, &value);
}

/* "3" or "-1": a column by its place, from the front or from the end. */
static bool parse_place(const char *text, size_t length, size_t columns, size_t *column)
{
	char copy[24], *end;
	long place;

	if (!length || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	place = strtol(copy, &end, 10);
	if (*end)
		return false;
	*column = place < 0 ? columns + place : (size_t)place;
	return *column < columns;
}

static int find_column(const struct reader *r, const char *text, size_t length, size_t *column,
		       struct npu_error *err)
{
	bool found = false;

	for (size_t i = 0; r->name && i < r->columns; i++) {
		if (strlen(r->name[i]) != length || memcmp(r->name[i], text, length))
			continue;
		if (found)
			return npu_error_set(err, -EINVAL,
					     "%s:1: two columns are called '%.*s'; name one by its "
					     "number, from 0",
					     r->scan.path, (int)length, text);
		found = true;
		*column = i;
	}
	if (found || parse_place(text, length, r->columns, column))
		return 0;
	if (!r->name)
		return npu_error_set(err, -ENOENT,
				     "%s: no column %.*s in a file without a header; its %zu "
				     "columns are 0 to %zu, or -1 for the last",
				     r->scan.path, (int)length, text, r->columns, r->columns - 1);
	if (r->columns == 1)
		return npu_error_set(err, -ENOENT,
				     "%s: no column '%.*s', only '%s'; commas, semicolons or tabs "
				     "part columns",
				     r->scan.path, (int)length, text, r->name[0]);
	return npu_error_set(err, -ENOENT, "%s: no column '%.*s'; there are %zu, from '%s' to '%s'",
			     r->scan.path, (int)length, text, r->columns, r->name[0],
			     r->name[r->columns - 1]);
}

/* What a column is for that is named nowhere. */
static enum role default_role(const struct reader *r)
{
	return r->options->features ? IGNORED : FEATURE;
}

static int assign(struct reader *r, const char *text, size_t length, enum role role,
		  struct npu_error *err)
{
	size_t column;
	int ret = find_column(r, text, length, &column, err);

	if (ret)
		return ret;
	if (r->role[column] != default_role(r))
		return npu_error_set(err, -EINVAL,
				     "%s: column '%.*s' is named twice among label, targets and "
				     "features",
				     r->scan.path, (int)length, text);
	r->role[column] = role;
	return 0;
}

/* The columns of a list "a,b,3". */
static int assign_list(struct reader *r, const char *list, enum role role, struct npu_error *err)
{
	for (;;) {
		size_t length = strcspn(list, ",");
		int ret = assign(r, list, length, role, err);

		if (ret)
			return ret;
		r->data->targets += role == TARGET;
		if (!list[length])
			return 0;
		list += length + 1;
	}
}

/* What each column is for; counts features and targets. */
static int assign_roles(struct reader *r, struct npu_error *err)
{
	const struct npu_csv_options *o = r->options;
	size_t features = 0;
	int ret = 0;

	if (o->label && o->targets)
		return npu_error_set(err, -EINVAL,
				     "%s: both a label column and targets asked for; a file is "
				     "read for one or the other",
				     r->scan.path);
	for (size_t i = 0; i < r->columns; i++)
		r->role[i] = default_role(r);
	if (o->label)
		ret = assign(r, o->label, strlen(o->label), LABEL, err);
	else if (o->targets)
		ret = assign_list(r, o->targets, TARGET, err);
	if (!ret && o->features)
		ret = assign_list(r, o->features, FEATURE, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < r->columns; i++)
		features += r->role[i] == FEATURE;
	if (!features)
		return npu_error_set(
			err, -EINVAL,
			"%s: no column is left for features; is the separator '%c' right?",
			r->scan.path, r->scan.separator);
	return npu_dataset_set_shape(r->data, r->scan.path, (uint64_t[]){ 1, features }, 2, err);
}

/* Is a column of the list no number in the first record, or named otherwise than by its place? */
static bool list_needs_header(const struct reader *r, const char *list)
{
	size_t length, column;

	for (;; list += length + 1) {
		length = strcspn(list, ",");
		if (!parse_place(list, length, r->columns, &column) ||
		    !is_number(&r->scan.field[column]))
			return true;
		if (!list[length])
			return false;
	}
}

/*
 * Does the first record name the columns? The label may be text in any record, and so may columns
 * that are not read.
 */
static bool first_is_header(const struct reader *r)
{
	size_t label = SIZE_MAX;

	if (r->options->header)
		return r->options->header > 0;
	if (r->options->features)
		return list_needs_header(r, r->options->features);
	if (r->options->label)
		parse_place(r->options->label, strlen(r->options->label), r->columns, &label);
	for (size_t i = 0; i < r->columns; i++)
		if (i != label && r->scan.field[i].length && !is_number(&r->scan.field[i]))
			return true;
	return false;
}

static int keep_header(struct reader *r)
{
	r->name = calloc(r->columns, sizeof(*r->name));
	if (!r->name)
		return -ENOMEM;
	for (size_t i = 0; i < r->columns; i++) {
		r->name[i] = strndup(r->scan.field[i].text, r->scan.field[i].length);
		if (!r->name[i])
			return -ENOMEM;
	}
	return 0;
}

static int keep_feature_names(struct reader *r)
{
	size_t f = 0;

	if (!r->name)
		return 0;
	r->data->feature_names = calloc(r->data->features, sizeof(char *));
	if (!r->data->feature_names)
		return -ENOMEM;
	for (size_t i = 0; i < r->columns; i++) {
		if (r->role[i] != FEATURE)
			continue;
		r->data->feature_names[f++] = r->name[i];
		r->name[i] = NULL;
	}
	return 0;
}

/* Room for one more sample. */
static int grow(struct reader *r, struct npu_error *err)
{
	struct npu_dataset *d = r->data;
	size_t larger = r->capacity ? 2 * r->capacity : 64;
	float *x, *y = NULL;
	int32_t *labels = NULL;
	size_t bytes;

	if (d->samples < r->capacity)
		return 0;
	if (__builtin_mul_overflow(larger, (d->features + d->targets) * sizeof(float), &bytes))
		goto no_memory;
	x = realloc(d->x, larger * d->features * sizeof(float));
	if (!x)
		goto no_memory;
	d->x = x;
	if (d->targets) {
		y = realloc(d->y, larger * d->targets * sizeof(float));
		if (!y)
			goto no_memory;
		d->y = y;
	}
	if (r->options->label) {
		labels = realloc(d->labels, larger * sizeof(*labels));
		if (!labels)
			goto no_memory;
		d->labels = labels;
	}
	r->capacity = larger;
	return 0;
no_memory:
	return npu_error_set(err, -ENOMEM, "%s:%zu: no memory for %zu samples of %zu features",
			     r->scan.path, r->scan.line, larger, d->features);
}

/* What a message calls column @i: "field 3 (width)". */
static void describe_field(const struct reader *r, size_t i, char *text, size_t size)
{
	size_t feature = 0;
	const char *name = r->name ? r->name[i] : NULL;

	/* The names of features have moved into the dataset. */
	if (r->data->feature_names && r->role[i] == FEATURE) {
		for (size_t k = 0; k < i; k++)
			feature += r->role[k] == FEATURE;
		name = r->data->feature_names[feature];
	}
	if (name)
		snprintf(text, size, "field %zu (%.64s)", i + 1, name);
	else
		snprintf(text, size, "field %zu", i + 1);
}

/* Say why a field is no number. */
static int explain_field(const struct reader *r, size_t i, struct npu_error *err)
{
	const struct npu_csv_field *f = &r->scan.field[i];
	int shown = f->length < QUOTED ? (int)f->length : QUOTED;
	const char *remedy = "correct it, or leave the column out";
	char field[96];

	describe_field(r, i, field, sizeof(field));
	if (!f->length)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu:%zu: %s is empty; fill it in or leave the line out",
				     r->scan.path, f->line, f->column, field);
	if (is_number(f))
		return npu_error_set(err, -ERANGE,
				     "%s:%zu:%zu: %s is '%.*s', too large for a 32-bit float; "
				     "scale the column down",
				     r->scan.path, f->line, f->column, field, shown, f->text);
	if (memchr(f->text, ',', f->length))
		remedy = "write a point instead of the comma";
	else if (!r->name && !r->data->samples)
		remedy = "if this is a header, say so";
	else if (!r->options->label)
		remedy = "if the column holds classes, name it as the label";
	return npu_error_set(err, -EINVAL, "%s:%zu:%zu: %s is '%.*s', not a number; %s",
			     r->scan.path, f->line, f->column, field, shown, f->text, remedy);
}

static int add_label(struct reader *r, size_t i, struct npu_error *err)
{
	const struct npu_csv_field *f = &r->scan.field[i];
	int32_t number;

	if (!f->length)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu:%zu: the label, field %zu, is empty; fill it in or "
				     "leave the line out",
				     r->scan.path, f->line, f->column, i + 1);
	number = npu_class_table_find(&r->classes, f->text, f->length);
	if (number == -E2BIG)
		return npu_error_set(err, number,
				     "%s:%zu:%zu: the label column has more than %d different "
				     "values; are these targets?",
				     r->scan.path, f->line, f->column, NPU_MAX_CLASSES);
	if (number < 0)
		return npu_error_set(err, number, "%s:%zu: no memory for %zu class names",
				     r->scan.path, f->line, r->classes.count);
	r->data->labels[r->data->samples] = number;
	return 0;
}

/* The record that was read becomes a sample. */
static int add_sample(struct reader *r, struct npu_error *err)
{
	struct npu_dataset *d = r->data;
	float *x, *y;
	int ret;

	if (r->scan.fields != r->columns)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu:%zu: %zu fields where the first line has %zu; correct "
				     "the line, or quote fields that contain '%c'",
				     r->scan.path, r->scan.field[0].line,
				     r->scan.field[r->scan.fields - 1].column, r->scan.fields,
				     r->columns, r->scan.separator);
	ret = grow(r, err);
	if (ret)
		return ret;
	x = d->x + d->samples * d->features;
	y = d->targets ? d->y + d->samples * d->targets : NULL;
	for (size_t i = 0; i < r->columns; i++) {
		const struct npu_csv_field *f = &r->scan.field[i];
		float *to;

		if (r->role[i] == LABEL) {
			ret = add_label(r, i, err);
			if (ret)
				return ret;
		}
		if (r->role[i] == LABEL || r->role[i] == IGNORED)
			continue;
		to = r->role[i] == FEATURE ? x++ : y++;
		if (!npu_number_parse(f->text, f->length, to) || !isfinite(*to))
			return explain_field(r, i, err);
	}
	d->samples++;
	return 0;
}

/* The first record: how many columns, what they are called and what they are for. */
static int begin(struct reader *r, struct npu_error *err)
{
	int ret = npu_csv_next(&r->scan, err);
	bool header;

	if (ret < 0)
		return ret;
	if (!ret)
		return npu_error_set(err, -ENODATA,
				     "%s:1:1: the file is empty; it needs a line for each sample",
				     r->scan.path);
	r->columns = r->scan.fields;
	header = first_is_header(r);
	r->role = calloc(r->columns, sizeof(*r->role));
	if (!r->role || (header && keep_header(r)))
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu columns", r->scan.path,
				     r->columns);
	ret = assign_roles(r, err);
	if (ret)
		return ret;
	if (keep_feature_names(r))
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu names", r->scan.path,
				     r->columns);
	return header ? 0 : add_sample(r, err);
}

static int read_records(struct reader *r, struct npu_error *err)
{
	int ret = begin(r, err);

	while (!ret) {
		ret = npu_csv_next(&r->scan, err);
		if (ret <= 0)
			break;
		ret = add_sample(r, err);
	}
	if (ret)
		return ret;
	if (!r->data->samples)
		return npu_error_set(err, -ENODATA,
				     "%s:%zu:1: no samples after the header; add a line for each",
				     r->scan.path, r->scan.line);
	if (!r->options->label)
		return 0;
	return npu_class_table_finish(&r->classes, r->data, true, r->scan.path, err);
}

int npu_dataset_read_csv(struct npu_dataset *data, const char *path,
			 const struct npu_csv_options *options, struct npu_error *err)
{
	static const struct npu_csv_options defaults;
	struct reader r = { .data = data, .options = options ? options : &defaults };
	size_t size;
	char *text;
	int ret;

	memset(data, 0, sizeof(*data));
	ret = npu_file_read(path, SIZE_MAX / 2, &text, &size, err);
	if (ret)
		return ret;
	ret = npu_csv_open(&r.scan, path, text, size, r.options->separator, err);
	if (!ret)
		ret = read_records(&r, err);
	npu_csv_close(&r.scan);
	npu_class_table_free(&r.classes);
	npu_strings_free(r.name, r.name ? r.columns : 0);
	free(r.role);
	free(text);
	if (ret)
		npu_dataset_free(data);
	return ret;
}
