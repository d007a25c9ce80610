/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_CLASS_TABLE_H
#define NPU_DATA_CLASS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npu_train/data.h"

/**
 * struct npu_class_table - class names, numbered as they come
 * @name: [count]
 * @count: different names so far
 * @slot: [slots] hash table of numbers + 1, 0 where empty
 */
struct npu_class_table {
	char **name;
	size_t count;
	uint32_t *slot;
	size_t slots;
};

/* Number of the class of that name, new if need be. Return: -ENOMEM, or -E2BIG at the limit. */
int32_t npu_class_table_find(struct npu_class_table *table, const char *name, size_t length);

/*
 * Sort the names, as numbers if all are, and give in @order[number] the place of each. Names
 * that are the same number share a place: table->count may fall. -ENOMEM leaves all as it was.
 */
int npu_class_table_sort(struct npu_class_table *table, int32_t *order);

/*
 * The classes of @data: names go to it, sorted if @sort, and data->labels, which are numbers of the
 * table, follow. -ENOMEM; @path is for the error.
 */
int npu_class_table_finish(struct npu_class_table *table, struct npu_dataset *data, bool sort,
			   const char *path, struct npu_error *err);

/* Start with the classes of @like, in their order. -EINVAL if they have no names. */
int npu_class_table_start(struct npu_class_table *table, const struct npu_dataset *like,
			  const char *path, struct npu_error *err);

void npu_class_table_free(struct npu_class_table *table);

#endif /* NPU_DATA_CLASS_TABLE_H */
