// SPDX-License-Identifier: MIT
/*
 * DOC: reading .ts
 *
 * The format of the UCR/UEA time series archive (timeseriesclassification.com): lines of '#' are
 * comments, lines of '@' the header, which ends with "@data"; then a series a line. The lines are
 * walked over twice, first to count channels and steps, then to read the values into their places.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "class_table.h"
#include "dataset.h"
#include "file.h"
#include "number.h"

/* Longest part of a bad value that a message quotes. */
#define QUOTED 32

/* Part of a line, without blanks around it. */
struct span {
	const char *text;
	size_t length;
};

/**
 * struct ts - a .ts file on its way into a dataset
 * @data: out
 * @path: for messages
 * @next: where the next line begins
 * @end: of the file
 * @line: number of the line read last, from 1
 * @has_class: a series ends with its class
 * @has_target: a series ends with its target
 * @closed: classes are listed; others are errors
 * @channels: of a series; 0 until the first was seen
 * @longest: steps of the longest series
 * @classes: numbered as they come
 */
struct ts {
	struct npu_dataset *data;
	const char *path;
	const char *next, *end;
	size_t line;
	bool has_class, has_target, closed;
	size_t channels, longest;
	struct npu_class_table classes;
};

static struct span trim(const char *text, size_t length)
{
	while (length && isspace((unsigned char)text[0])) {
		text++;
		length--;
	}
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	return (struct span){ text, length };
}

/* The next line that is neither blank nor a comment. Returns false at the end of the file. */
static bool next_line(struct ts *ts, struct span *line)
{
	while (ts->next < ts->end) {
		size_t left = ts->end - ts->next;
		const char *newline = memchr(ts->next, '\n', left);
		size_t length = newline ? (size_t)(newline - ts->next) : left;

		*line = trim(ts->next, length);
		ts->next += newline ? length + 1 : length;
		ts->line++;
		if (line->length && line->text[0] != '#')
			return true;
	}
	return false;
}

/* Take what comes before the next @separator off @rest. Returns false when nothing is left. */
static bool next_part(struct span *rest, char separator, struct span *part)
{
	const char *at;
	size_t length;

	if (!rest->text)
		return false;
	at = memchr(rest->text, separator, rest->length);
	length = at ? (size_t)(at - rest->text) : rest->length;
	*part = trim(rest->text, length);
	if (at)
		*rest = (struct span){ at + 1, rest->length - length - 1 };
	else
		rest->text = NULL;
	return true;
}

static bool is_word(struct span s, const char *word)
{
	return s.length == strlen(word) && !strncasecmp(s.text, word, s.length);
}

static int quoted(struct span s)
{
	return s.length < QUOTED ? (int)s.length : QUOTED;
}

/* The number of a class, or a negative errno. */
static int32_t find_class(struct ts *ts, struct span name, struct npu_error *err)
{
	size_t known = ts->classes.count;
	int32_t number;

	if (!name.length)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu: the series ends without its class; add it after a "
				     "colon",
				     ts->path, ts->line);
	number = npu_class_table_find(&ts->classes, name.text, name.length);
	if (number == -E2BIG)
		return npu_error_set(err, number,
				     "%s:%zu: more than %d classes; are these targets?", ts->path,
				     ts->line, NPU_MAX_CLASSES);
	if (number < 0)
		return npu_error_set(err, number, "%s:%zu: no memory for %zu class names", ts->path,
				     ts->line, known);
	if (ts->closed && (size_t)number == known)
		return npu_error_set(err, -ERANGE,
				     "%s:%zu: class '%.*s' is not one of the %zu that are listed; "
				     "correct it, or add it to @classLabel",
				     ts->path, ts->line, quoted(name), name.text, known);
	return number;
}

/* "@classLabel true 1 2": the names behind the flag. */
static int list_classes(struct ts *ts, struct span rest, struct npu_error *err)
{
	struct span name;

	while (next_part(&rest, ' ', &name)) {
		int32_t number = name.length ? find_class(ts, name, err) : 0;

		if (number < 0)
			return number;
	}
	return 0;
}

static int read_header_line(struct ts *ts, struct span line, bool like, struct npu_error *err)
{
	struct span rest = line, key, flag = { "", 0 };
	bool on;

	next_part(&rest, ' ', &key);
	rest = rest.text ? trim(rest.text, rest.length) : rest;
	next_part(&rest, ' ', &flag);
	on = is_word(flag, "true");
	if (is_word(key, "@timestamps") && on)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu: series with time stamps cannot be read; write values "
				     "at equal steps",
				     ts->path, ts->line);
	if (is_word(key, "@targetlabel"))
		ts->has_target = on;
	if (!is_word(key, "@classlabel"))
		return 0;
	ts->has_class = on;
	if (!on || like || !rest.text)
		return 0;
	return list_classes(ts, rest, err);
}

static int read_header(struct ts *ts, const struct npu_dataset *like, struct npu_error *err)
{
	struct span line;
	int ret;

	if (like && like->classes) {
		ret = npu_class_table_start(&ts->classes, like, ts->path, err);
		if (ret)
			return ret;
	}
	while (next_line(ts, &line)) {
		if (line.text[0] != '@')
			return npu_error_set(
				err, -EINVAL,
				"%s:%zu: a series before the line @data; is this a .ts "
				"file?",
				ts->path, ts->line);
		if (is_word(line, "@data")) {
			ts->closed = ts->classes.count > 0;
			return 0;
		}
		ret = read_header_line(ts, line, like, err);
		if (ret)
			return ret;
	}
	return npu_error_set(err, -EINVAL,
			     "%s:%zu: ends before the line @data; it is truncated or "
			     "no .ts file",
			     ts->path, ts->line);
}

static size_t count_parts(struct span s, char separator)
{
	size_t count = 1;

	for (size_t i = 0; i < s.length; i++)
		count += s.text[i] == separator;
	return count;
}

/* Channels and steps of a series, which have to agree with each other and with other series. */
static int measure_line(struct ts *ts, struct span line, struct npu_error *err)
{
	size_t parts = count_parts(line, ':'), steps = 0;
	size_t channels = parts - (ts->has_class || ts->has_target);
	struct span channel;

	if (!channels)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu: values and their class have to be separated by a "
				     "colon, and there is none",
				     ts->path, ts->line);
	if (ts->channels && channels != ts->channels)
		return npu_error_set(err, -EINVAL,
				     "%s:%zu: %zu channels where the first series has %zu; "
				     "correct the line or leave it out",
				     ts->path, ts->line, channels, ts->channels);
	ts->channels = channels;
	for (size_t c = 0; c < channels && next_part(&line, ':', &channel); c++) {
		size_t count = count_parts(channel, ',');

		if (c && count != steps)
			return npu_error_set(err, -EINVAL,
					     "%s:%zu: channel %zu has %zu values where channel 1 "
					     "has %zu; correct the line or leave it out",
					     ts->path, ts->line, c + 1, count, steps);
		steps = count;
	}
	if (steps > UINT32_MAX)
		return npu_error_set(err, -EOVERFLOW, "%s:%zu: a series of %zu steps; cut it",
				     ts->path, ts->line, steps);
	ts->longest = steps > ts->longest ? steps : ts->longest;
	return 0;
}

/* Walk over the series, to count them; then go back. */
static int measure(struct ts *ts, size_t *samples, struct npu_error *err)
{
	const char *start = ts->next;
	size_t line_before = ts->line;
	struct span line;

	for (*samples = 0; next_line(ts, &line); ++*samples) {
		int ret = measure_line(ts, line, err);

		if (ret)
			return ret;
	}
	if (!*samples)
		return npu_error_set(err, -ENODATA,
				     "%s:%zu: no series after @data; add a line for each", ts->path,
				     ts->line);
	ts->next = start;
	ts->line = line_before;
	return 0;
}

static int read_value(struct ts *ts, struct span s, size_t channel, size_t step, float *value,
		      struct npu_error *err)
{
	if (npu_number_parse(s.text, s.length, value) && isfinite(*value))
		return 0;
	if (!s.length || is_word(s, "?") || is_word(s, "nan"))
		return npu_error_set(err, -EINVAL,
				     "%s:%zu: value %zu of channel %zu is missing; fill it in or "
				     "leave the line out",
				     ts->path, ts->line, step + 1, channel + 1);
	return npu_error_set(err, -EINVAL,
			     "%s:%zu: value %zu of channel %zu is '%.*s', not a number that f32 "
			     "holds; correct it",
			     ts->path, ts->line, step + 1, channel + 1, quoted(s), s.text);
}

static int read_label(struct ts *ts, struct span s, size_t sample, struct npu_error *err)
{
	struct npu_dataset *d = ts->data;

	if (ts->has_class) {
		d->labels[sample] = find_class(ts, s, err);
		return d->labels[sample] < 0 ? d->labels[sample] : 0;
	}
	if (npu_number_parse(s.text, s.length, &d->y[sample]) && isfinite(d->y[sample]))
		return 0;
	return npu_error_set(err, -EINVAL, "%s:%zu: the target is '%.*s', not a number; correct it",
			     ts->path, ts->line, quoted(s), s.text);
}

static int read_series(struct ts *ts, struct span line, size_t sample, struct npu_error *err)
{
	struct npu_dataset *d = ts->data;
	float *x = d->x + sample * d->features, beyond;
	size_t t = 0;
	struct span part, value;

	for (size_t c = 0; c < ts->channels && next_part(&line, ':', &part); c++)
		for (t = 0; next_part(&part, ',', &value); t++) {
			float *to = t < d->dim[1] ? &x[t * ts->channels + c] : &beyond;
			int ret = read_value(ts, value, c, t, to, err);

			if (ret)
				return ret;
		}
	d->lengths[sample] = t < d->dim[1] ? t : d->dim[1];
	if (!ts->has_class && !ts->has_target)
		return 0;
	next_part(&line, ':', &part);
	return read_label(ts, part, sample, err);
}

static int make_room(struct ts *ts, const struct npu_ts_options *o, size_t samples,
		     struct npu_error *err)
{
	const struct npu_dataset *like = o->like;
	size_t steps = like ? like->dim[1] : o->steps ? o->steps : ts->longest;
	struct npu_dataset *d = ts->data;
	int ret;

	if (like && (like->dim[0] != 1 || like->dim[2] != ts->channels))
		return npu_error_set(err, -EINVAL,
				     "%s: series of %zu channels where the samples they shall be "
				     "like are %u x %u x %u; read both from files of one set",
				     ts->path, ts->channels, like->dim[0], like->dim[1],
				     like->dim[2]);
	ret = npu_dataset_alloc(d, samples, (uint32_t[]){ 1, steps, ts->channels },
				ts->has_target && !ts->has_class, ts->has_class, err);
	if (ret)
		return ret;
	/* How many there are is known at the end. */
	d->classes = 0;
	d->lengths = calloc(samples, sizeof(*d->lengths));
	if (!d->lengths)
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu series", ts->path,
				     samples);
	return 0;
}

static int read_file(struct ts *ts, const struct npu_ts_options *o, struct npu_error *err)
{
	struct npu_dataset *d = ts->data;
	bool shorter = false;
	size_t samples;
	struct span line;
	int ret = read_header(ts, o->like, err);

	if (!ret)
		ret = measure(ts, &samples, err);
	if (!ret)
		ret = make_room(ts, o, samples, err);
	for (size_t i = 0; !ret && next_line(ts, &line); i++) {
		ret = read_series(ts, line, i, err);
		shorter |= !ret && d->lengths[i] < d->dim[1];
	}
	if (ret)
		return ret;
	if (!shorter) {
		free(d->lengths);
		d->lengths = NULL;
	}
	if (!ts->has_class)
		return 0;
	return npu_class_table_finish(&ts->classes, d, !o->like, ts->path, err);
}

int npu_dataset_read_ts(struct npu_dataset *data, const char *path,
			const struct npu_ts_options *options, struct npu_error *err)
{
	static const struct npu_ts_options defaults;
	struct ts ts = { .data = data, .path = path };
	size_t size;
	char *text;
	int ret;

	memset(data, 0, sizeof(*data));
	ret = npu_file_read(path, SIZE_MAX / 2, &text, &size, err);
	if (ret)
		return ret;
	ts.next = text;
	ts.end = text + size;
	ret = read_file(&ts, options ? options : &defaults, err);
	npu_class_table_free(&ts.classes);
	free(text);
	if (ret)
		npu_dataset_free(data);
	return ret;
}
