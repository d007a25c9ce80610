// SPDX-License-Identifier: MIT
/* What fit did, as a file. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "npu_train/training.h"
#include "runtime/error.h"
#include "train/data/file.h"

/* A line of either format is shorter: seven figures of at most 24 characters, and their names. */
#define LINE 320

void npu_history_free(struct npu_history *history)
{
	if (!history)
		return;
	free(history->epoch);
	memset(history, 0, sizeof(*history));
}

/* @value with a point, whatever the locale has; @missing where it is not finite. */
static size_t put_number(char *to, double value, const char *missing)
{
	char text[64];
	const char *from = text;
	char *at = to;

	if (!isfinite(value))
		return (size_t)sprintf(to, "%s", missing);
	snprintf(text, sizeof(text), "%.9g", value);
	while (*from) {
		if (strchr("0123456789+-e", *from)) {
			*at++ = *from++;
			continue;
		}
		*at++ = '.'; /* for however many bytes the locale's is */
		while (*from && !strchr("0123456789", *from))
			from++;
	}
	*at = 0;
	return (size_t)(at - to);
}

static size_t put_epoch(char *to, const struct npu_epoch *e, bool json)
{
	const struct {
		const char *name;
		double value;
	} figures[] = {
		{ "loss", e->loss },	     { "accuracy", e->accuracy },
		{ "val_loss", e->val_loss }, { "val_accuracy", e->val_accuracy },
		{ "rate", e->rate },	     { "seconds", e->seconds },
	};
	char *at = to;
	size_t i;

	at += sprintf(at, json ? "  {\"epoch\": %u" : "%u", e->epoch);
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		at += json ? sprintf(at, ", \"%s\": ", figures[i].name) : sprintf(at, ",");
		at += put_number(at, figures[i].value, json ? "null" : "");
	}
	return (size_t)(at - to) + (size_t)sprintf(at, json ? "}" : "\n");
}

static char *put_csv(char *at, const struct npu_history *history)
{
	unsigned int i;

	at += sprintf(at, "epoch,loss,accuracy,val_loss,val_accuracy,rate,seconds\n");
	for (i = 0; i < history->epochs; i++)
		at += put_epoch(at, &history->epoch[i], false);
	return at;
}

static char *put_json(char *at, const struct npu_history *history)
{
	unsigned int i;

	at += sprintf(at, "{\"best_epoch\": %u, \"stopped_early\": %s, \"epochs\": [\n",
		      history->best_epoch, history->stopped_early ? "true" : "false");
	for (i = 0; i < history->epochs; i++) {
		at += put_epoch(at, &history->epoch[i], true);
		at += sprintf(at, i + 1 < history->epochs ? ",\n" : "\n");
	}
	return at + sprintf(at, "]}\n");
}

static bool is_json(const char *path)
{
	const char *end = strrchr(path, '.');

	return end && !strcmp(end, ".json");
}

int npu_history_write(const struct npu_history *history, const char *path, struct npu_error *err)
{
	char *text = malloc(((size_t)history->epochs + 2) * LINE), *end;
	struct npu_file_part part = { .bytes = text };
	int ret;

	if (!text)
		return npu_error_set(err, -ENOMEM, "%s: out of memory for the history", path);
	end = is_json(path) ? put_json(text, history) : put_csv(text, history);
	part.size = (size_t)(end - text);
	ret = npu_file_write(path, &part, 1, err);
	free(text);
	return ret;
}
