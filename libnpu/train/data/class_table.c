// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "class_table.h"
#include "dataset.h"
#include "number.h"

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t hash(const char *name, size_t length)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h;
}

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *find_slot(const struct npu_class_table *table, const char *name, size_t length)
{
	size_t i = hash(name, length) & (table->slots - 1);

	while (table->slot[i]) {
		const char *other = table->name[table->slot[i] - 1];

		if (strlen(other) == length && !memcmp(other, name, length))
			break;
		i = (i + 1) & (table->slots - 1);
	}
	return &table->slot[i];
}

/* Twice the room, of which at most half is used. */
static int grow(struct npu_class_table *table)
{
	size_t slots = table->slots ? 2 * table->slots : 64;
	char **name = reallocarray(table->name, slots / 2, sizeof(*name));
	uint32_t *slot;

	if (!name)
		return -ENOMEM;
	table->name = name;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(table->slot);
	table->slot = slot;
	table->slots = slots;
	for (size_t i = 0; i < table->count; i++)
		*find_slot(table, name[i], strlen(name[i])) = i + 1;
	return 0;
}

int32_t npu_class_table_find(struct npu_class_table *table, const char *name, size_t length)
{
	uint32_t *slot;

	if (table->count == table->slots / 2 && grow(table))
		return -ENOMEM;
	/* What is kept ends at a NUL, and so must what is looked up. */
	length = strnlen(name, length);
	slot = find_slot(table, name, length);
	if (*slot)
		return *slot - 1;
	if (table->count == NPU_MAX_CLASSES)
		return -E2BIG;
	table->name[table->count] = strndup(name, length);
	if (!table->name[table->count])
		return -ENOMEM;
	*slot = ++table->count;
	return *slot - 1;
}

/* A name on its way to its place. */
struct entry {
	char *name;
	float value;
	int32_t number;
};

static int compare_numbers(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->number - y->number;
}

static int compare_names(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int npu_class_table_sort(struct npu_class_table *table, int32_t *order)
{
	struct entry *entry = malloc(table->count * sizeof(*entry));
	bool numbers = true;
	size_t places = 0;

	if (!entry)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++) {
		entry[i] = (struct entry){ table->name[i], 0, (int32_t)i };
		numbers = numbers &&
			  npu_number_parse(entry[i].name, strlen(entry[i].name), &entry[i].value);
	}
	qsort(entry, table->count, sizeof(*entry), numbers ? compare_numbers : compare_names);
	for (size_t i = 0; i < table->count; i++) {
		if (numbers && i && entry[i].value == entry[i - 1].value)
			free(entry[i].name);
		else
			table->name[places++] = entry[i].name;
		order[entry[i].number] = (int32_t)places - 1;
	}
	table->count = places;
	free(entry);
	return 0;
}

int npu_class_table_finish(struct npu_class_table *table, struct npu_dataset *data, bool sort,
			   const char *path, struct npu_error *err)
{
	int32_t *order = sort ? malloc(table->count * sizeof(*order)) : NULL;

	if (sort && (!order || npu_class_table_sort(table, order))) {
		free(order);
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu classes", path,
				     table->count);
	}
	for (size_t i = 0; sort && i < data->samples; i++)
		data->labels[i] = order[data->labels[i]];
	free(order);
	data->classes = table->count;
	data->class_names = table->name;
	table->name = NULL;
	table->count = 0;
	return 0;
}

int npu_class_table_start(struct npu_class_table *table, const struct npu_dataset *like,
			  const char *path, struct npu_error *err)
{
	if (!like->classes || !like->class_names)
		return npu_error_set(err, -EINVAL,
				     "%s: the dataset whose classes it shall have has no names of "
				     "classes; read both without 'like'",
				     path);
	for (size_t i = 0; i < like->classes; i++) {
		const char *name = like->class_names[i];
		int32_t number = npu_class_table_find(table, name, strlen(name));

		if (number < 0)
			return npu_error_set(err, number, "%s: no memory for %zu classes", path,
					     like->classes);
	}
	return 0;
}

void npu_class_table_free(struct npu_class_table *table)
{
	npu_strings_free(table->name, table->count);
	free(table->slot);
	memset(table, 0, sizeof(*table));
}
