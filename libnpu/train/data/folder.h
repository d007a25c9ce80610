/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_FOLDER_H
#define NPU_DATA_FOLDER_H

#include "class_table.h"
#include "npu_train/data.h"

/**
 * struct npu_folder - the files of a folder that are samples
 * @path: [count], as open() takes them, by byte order
 * @label: [count], numbers of @classes; NULL without classes
 * @count: files, 1 or more
 * @classes: by their names
 */
struct npu_folder {
	char **path;
	int32_t *label;
	size_t count;
	struct npu_class_table classes;
};

/*
 * @suffixes: how names end that are samples (".png"), in either case; ends with NULL. Free with
 * npu_folder_free().
 */
int npu_folder_list(struct npu_folder *folder, const char *path,
		    const struct npu_folder_options *options, const char *const *suffixes,
		    struct npu_error *err);
void npu_folder_free(struct npu_folder *folder);

/* Labels and classes go over to @data, whose samples are the files. */
int npu_folder_give_labels(struct npu_folder *folder, const char *path,
			   const struct npu_folder_options *options, struct npu_dataset *data,
			   struct npu_error *err);

#endif /* NPU_DATA_FOLDER_H */
