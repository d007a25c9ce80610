/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_CLASS_TABLE_H
#define NPU_DATA_CLASS_TABLE_H

#include <stddef.h>
#include <stdint.h>

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

void npu_class_table_free(struct npu_class_table *table);

#endif /* NPU_DATA_CLASS_TABLE_H */
