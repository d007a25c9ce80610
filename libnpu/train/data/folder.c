// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/error.h"
#include "dataset.h"
#include "folder.h"

/* A file and its class, on their way to their place. */
struct entry {
	char *path;
	int32_t label;
};

/**
 * struct listing - a folder being read
 * @root: the folder
 * @options: the caller's
 * @suffixes: see npu_folder_list()
 * @entry: [count], in the order of the file system
 * @classes: numbered as they come
 * @outside: files that have no class, since they are in no sub-folder
 */
struct listing {
	const char *root;
	const struct npu_folder_options *options;
	const char *const *suffixes;
	struct entry *entry;
	size_t count, capacity;
	struct npu_class_table classes;
	size_t outside;
};

static int no_memory(const struct listing *l, struct npu_error *err)
{
	return npu_error_set(err, -ENOMEM, "%s: no memory to list %zu files", l->root, l->count);
}

static bool is_wanted(const struct listing *l, const char *name)
{
	size_t length = strlen(name);

	if (name[0] == '.')
		return false;
	if (l->options->match)
		return !fnmatch(l->options->match, name, 0);
	for (const char *const *s = l->suffixes; *s; s++)
		if (length > strlen(*s) && !strcasecmp(name + length - strlen(*s), *s))
			return true;
	return false;
}

static int find_class(struct listing *l, const char *path, const char *name, size_t length,
		      int32_t *label, struct npu_error *err)
{
	size_t known = l->classes.count;

	*label = npu_class_table_find(&l->classes, name, length);
	if (*label == -E2BIG)
		return npu_error_set(err, *label, "%s: more than %d classes; are they meant to be?",
				     l->root, NPU_MAX_CLASSES);
	if (*label < 0)
		return no_memory(l, err);
	if (l->options->like && (size_t)*label == known)
		return npu_error_set(err, -ERANGE,
				     "%s: class '%.*s' is not among the %zu of the data that this "
				     "shall be like; leave the file out, or train with the class",
				     path, (int)length, name, known);
	return 0;
}

/* What the name of a file says of its class. */
static int find_prefix(struct listing *l, const char *path, const char *name, int32_t *label,
		       struct npu_error *err)
{
	size_t length = strcspn(name, "_");

	if (!name[length] || !length)
		return npu_error_set(err, -EINVAL,
				     "%s: its name has no class before a '_', as in "
				     "seven_theo_12.wav; rename it, or take the class from the "
				     "sub-folder",
				     path);
	return find_class(l, path, name, length, label, err);
}

/* Takes over @path. */
static int add(struct listing *l, char *path, int32_t label, struct npu_error *err)
{
	if (l->count == l->capacity) {
		size_t larger = l->capacity ? 2 * l->capacity : 256;
		struct entry *grown = reallocarray(l->entry, larger, sizeof(*grown));

		if (!grown) {
			free(path);
			return no_memory(l, err);
		}
		l->entry = grown;
		l->capacity = larger;
	}
	l->entry[l->count++] = (struct entry){ path, label };
	return 0;
}

static int list(struct listing *l, const char *path, const char *class, struct npu_error *err);

/* One name in a folder; @class is that of the folder, NULL in the root. */
static int visit(struct listing *l, const char *folder, const char *name, const char *class,
		 struct npu_error *err)
{
	bool by_folder = l->options->class_of == NPU_CLASS_OF_FOLDER;
	int32_t label = 0;
	struct stat st;
	char *path;
	int ret = 0;

	if (name[0] == '.')
		return 0;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return no_memory(l, err);
	if (stat(path, &st))
		ret = npu_error_set(err, -errno, "%s: cannot read it: %s", path, strerror(errno));
	else if (S_ISDIR(st.st_mode) && by_folder && !class)
		ret = list(l, path, name, err);
	if (ret || !S_ISREG(st.st_mode) || !is_wanted(l, name)) {
		free(path);
		return ret;
	}
	if (by_folder && !class) {
		l->outside++;
		free(path);
		return 0;
	}
	if (by_folder)
		ret = find_class(l, path, class, strlen(class), &label, err);
	else if (l->options->class_of == NPU_CLASS_OF_PREFIX)
		ret = find_prefix(l, path, name, &label, err);
	if (!ret)
		return add(l, path, label, err);
	free(path);
	return ret;
}

static int list(struct listing *l, const char *path, const char *class, struct npu_error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int ret = 0;

	if (!dir)
		return npu_error_set(err, -errno, "%s: cannot list it: %s", path, strerror(errno));
	while (!ret) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			break;
		ret = visit(l, path, entry->d_name, class, err);
	}
	if (!ret && errno)
		ret = npu_error_set(err, -errno, "%s: cannot list it: %s", path, strerror(errno));
	closedir(dir);
	return ret;
}

static int explain_empty(const struct listing *l, struct npu_error *err)
{
	const char *match = l->options->match;

	if (l->outside)
		return npu_error_set(err, -ENOENT,
				     "%s: its %zu files are in no sub-folder, whose name would be "
				     "their class; make one for each class, or take the class from "
				     "the names of the files",
				     l->root, l->outside);
	return npu_error_set(err, -ENOENT, "%s: no file '%s%s' in %s; is it the right folder?",
			     l->root, match ? "" : "*", match ? match : l->suffixes[0],
			     l->options->class_of == NPU_CLASS_OF_FOLDER ? "its sub-folders"
									 : "it");
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* Entries, in order, to @folder, which takes over their paths. */
static int finish(struct listing *l, struct npu_folder *folder, struct npu_error *err)
{
	bool labelled = l->options->class_of != NPU_CLASS_OF_NONE;

	if (!l->count)
		return explain_empty(l, err);
	qsort(l->entry, l->count, sizeof(*l->entry), compare_entries);
	folder->path = calloc(l->count, sizeof(*folder->path));
	if (labelled)
		folder->label = calloc(l->count, sizeof(*folder->label));
	if (!folder->path || (labelled && !folder->label))
		return no_memory(l, err);
	for (size_t i = 0; i < l->count; i++) {
		folder->path[i] = l->entry[i].path;
		if (labelled)
			folder->label[i] = l->entry[i].label;
	}
	folder->count = l->count;
	folder->classes = l->classes;
	l->count = 0;
	l->classes = (struct npu_class_table){ 0 };
	return 0;
}

int npu_folder_list(struct npu_folder *folder, const char *path,
		    const struct npu_folder_options *options, const char *const *suffixes,
		    struct npu_error *err)
{
	struct listing l = { .root = path, .options = options, .suffixes = suffixes };
	int ret = 0;

	memset(folder, 0, sizeof(*folder));
	if (options->like && options->class_of != NPU_CLASS_OF_NONE)
		ret = npu_class_table_start(&l.classes, options->like, path, err);
	if (!ret)
		ret = list(&l, path, NULL, err);
	if (!ret)
		ret = finish(&l, folder, err);
	if (ret)
		npu_folder_free(folder);
	for (size_t i = 0; i < l.count; i++)
		free(l.entry[i].path);
	free(l.entry);
	npu_class_table_free(&l.classes);
	return ret;
}

void npu_folder_free(struct npu_folder *folder)
{
	npu_strings_free(folder->path, folder->count);
	free(folder->label);
	npu_class_table_free(&folder->classes);
	memset(folder, 0, sizeof(*folder));
}

int npu_folder_give_labels(struct npu_folder *folder, const char *path,
			   const struct npu_folder_options *options, struct npu_dataset *data,
			   struct npu_error *err)
{
	if (!folder->label)
		return 0;
	data->labels = folder->label;
	folder->label = NULL;
	return npu_class_table_finish(&folder->classes, data, !options->like, path, err);
}
