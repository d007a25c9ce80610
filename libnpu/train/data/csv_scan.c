// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "csv_scan.h"

/* The separator that the first line has most of, outside quotes; a comma where it has none. */
static char find_separator(const char *p, const char *end)
{
	static const char candidate[] = { ',', ';', '\t' };
	size_t count[3] = { 0 };
	bool quoted = false;
	int best = 0;

	for (; p < end && (quoted || (*p != '\n' && *p != '\r')); p++) {
		if (*p == '"')
			quoted = !quoted;
		for (int i = 0; i < 3 && !quoted; i++)
			count[i] += *p == candidate[i];
	}
	for (int i = 1; i < 3; i++)
		if (count[i] > count[best])
			best = i;
	return candidate[best];
}

static bool is_blank(const struct npu_csv_scanner *s, char c)
{
	return (c == ' ' || c == '\t') && c != s->separator;
}

/* Past the end of line at @p, which is "\n", "\r\n" or "\r". */
static char *skip_newline(struct npu_csv_scanner *s, char *p)
{
	if (*p == '\r' && p + 1 < s->end && p[1] == '\n')
		p++;
	s->line++;
	s->line_start = p + 1;
	return p + 1;
}

static void skip_blank_lines(struct npu_csv_scanner *s)
{
	char *p = s->next;

	while (p < s->end) {
		while (p < s->end && is_blank(s, *p))
			p++;
		if (p < s->end && *p != '\n' && *p != '\r')
			return;
		if (p < s->end)
			p = skip_newline(s, p);
		s->next = p;
	}
}

int npu_csv_open(struct npu_csv_scanner *scanner, const char *path, char *text, size_t size,
		 char separator, struct npu_error *err)
{
	char *end = text + size;

	if (size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return npu_error_set(err, -EILSEQ, "%s: is UTF-16; save it as UTF-8", path);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	*scanner = (struct npu_csv_scanner){
		.path = path,
		.next = text,
		.end = end,
		.line = 1,
		.line_start = text,
	};
	skip_blank_lines(scanner);
	scanner->separator = separator ? separator : find_separator(scanner->next, end);
	return 0;
}

void npu_csv_close(struct npu_csv_scanner *scanner)
{
	free(scanner->field);
}

static struct npu_csv_field *add_field(struct npu_csv_scanner *s)
{
	if (s->fields == s->capacity) {
		size_t larger = s->capacity ? 2 * s->capacity : 64;
		struct npu_csv_field *grown = reallocarray(s->field, larger, sizeof(*grown));

		if (!grown)
			return NULL;
		s->field = grown;
		s->capacity = larger;
	}
	return &s->field[s->fields++];
}

/* The text in quotes from @p on, closed up. Returns what follows the quote, or NULL. */
static char *scan_quoted(struct npu_csv_scanner *s, char *p, struct npu_csv_field *field)
{
	char *to = ++p;

	field->text = to;
	while (p < s->end) {
		if (*p == '"' && (p + 1 == s->end || p[1] != '"')) {
			field->length = to - field->text;
			return p + 1;
		}
		if (*p == '"')
			p++;
		if (*p == '\n') {
			s->line++;
			s->line_start = p + 1;
		}
		*to++ = *p++;
	}
	return NULL;
}

static bool ends_field(const struct npu_csv_scanner *s, const char *p)
{
	return p == s->end || *p == s->separator || *p == '\n' || *p == '\r';
}

static char *scan_plain(struct npu_csv_scanner *s, char *p, struct npu_csv_field *field)
{
	char *last;

	field->text = p;
	while (!ends_field(s, p))
		p++;
	for (last = p; last > field->text && is_blank(s, last[-1]);)
		last--;
	field->length = last - field->text;
	return p;
}

/* One field from @p on. Returns its end, at a separator, a newline or the end; NULL on error. */
static char *scan_field(struct npu_csv_scanner *s, char *p, struct npu_error *err)
{
	struct npu_csv_field *field = add_field(s);

	if (!field) {
		npu_error_set(err, -ENOMEM, "%s:%zu: no memory for a line of %zu fields", s->path,
			      s->line, s->fields);
		return NULL;
	}
	while (p < s->end && is_blank(s, *p))
		p++;
	field->line = s->line;
	field->column = p - s->line_start + 1;
	if (p == s->end || *p != '"')
		return scan_plain(s, p, field);
	p = scan_quoted(s, p, field);
	if (!p) {
		npu_error_set(err, -EINVAL,
			      "%s:%zu:%zu: a quote that is opened here is never closed; add the "
			      "closing one",
			      s->path, field->line, field->column);
		return NULL;
	}
	while (p < s->end && is_blank(s, *p))
		p++;
	if (ends_field(s, p))
		return p;
	npu_error_set(
		err, -EINVAL,
		"%s:%zu:%zu: text after a closing quote; write a quote inside a quoted field twice",
		s->path, s->line, (size_t)(p - s->line_start) + 1);
	return NULL;
}

int npu_csv_next(struct npu_csv_scanner *scanner, struct npu_error *err)
{
	struct npu_error reason = { .code = -EINVAL };
	char *p;

	scanner->fields = 0;
	skip_blank_lines(scanner);
	p = scanner->next;
	if (p == scanner->end)
		return 0;
	for (;;) {
		p = scan_field(scanner, p, &reason);
		if (!p) {
			if (err)
				*err = reason;
			return reason.code;
		}
		if (p == scanner->end)
			break;
		if (*p != scanner->separator) {
			p = skip_newline(scanner, p);
			break;
		}
		p++;
	}
	scanner->next = p;
	return 1;
}
