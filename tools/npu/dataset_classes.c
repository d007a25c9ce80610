// SPDX-License-Identifier: MIT
/* Classes of a file and of a model: the same names have the same numbers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_file.h"

/* Number of the model's class @name, or -1. */
static int class_number(const char *(*names)(const void *model, size_t i), const void *model,
			size_t outputs, const char *name)
{
	for (size_t i = 0; i < outputs; i++) {
		const char *known = names(model, i);

		if (known && strcmp(known, name) == 0)
			return (int)i;
	}
	return -1;
}

/* Renumber the labels by the names of their classes. */
static int renumber(const char *path, struct npu_dataset *data,
		    const char *(*names)(const void *model, size_t i), const void *model,
		    size_t classes, struct npu_error *err)
{
	int32_t *number = malloc(data->classes * sizeof(*number));

	if (!number)
		return dataset_file_fail(err, -ENOMEM, "no memory for %zu class names",
					 data->classes);
	for (size_t c = 0; c < data->classes; c++) {
		number[c] = class_number(names, model, classes, data->class_names[c]);
		if (number[c] < 0) {
			free(number);
			return dataset_file_fail(err, -EINVAL,
						 "%s: a class '%s' that the model was not trained "
						 "on; is it the right file and --label?",
						 path, data->class_names[c]);
		}
	}
	for (size_t i = 0; i < data->samples; i++)
		data->labels[i] = number[data->labels[i]];
	free(number);
	return 0;
}

/* The model's names in place of the file's. */
static int rename_classes(struct npu_dataset *data,
			  const char *(*names)(const void *model, size_t i), const void *model,
			  size_t classes, struct npu_error *err)
{
	char **name = calloc(classes, sizeof(*name));
	size_t known = 0;

	while (name && known < classes) {
		const char *of_model = names(model, known);

		name[known] = strdup(of_model ? of_model : "");
		if (!name[known])
			break;
		known++;
	}
	if (!name || known < classes) {
		while (known--)
			free(name[known]);
		free(name);
		return dataset_file_fail(err, -ENOMEM, "no memory for %zu class names", classes);
	}
	for (size_t c = 0; c < data->classes; c++)
		free(data->class_names[c]);
	free(data->class_names);
	data->class_names = name;
	data->classes = classes;
	return 0;
}

int dataset_file_match_classes(const char *path, struct npu_dataset *data,
			       const char *(*names)(const void *model, size_t i), const void *model,
			       size_t outputs, struct npu_error *err)
{
	/* One output for two classes is the probability of the second. */
	size_t classes = outputs == 1 ? 2 : outputs;
	int ret;

	if (!data->classes)
		return 0;
	if (data->class_names && names(model, 0)) {
		ret = renumber(path, data, names, model, classes, err);
		return ret < 0 ? ret : rename_classes(data, names, model, classes, err);
	}
	if (data->classes > classes && outputs == 1)
		return dataset_file_fail(err, -EINVAL,
					 "%s: it has %zu classes, but the model one output, which "
					 "at most tells two apart; is it the right file?",
					 path, data->classes);
	if (data->classes > classes)
		return dataset_file_fail(
			err, -EINVAL,
			"%s: labels up to %zu, but the model has %zu classes, from 0 on; is it the "
			"right file?",
			path, data->classes - 1, classes);
	if (data->class_names && data->classes != classes)
		return rename_classes(data, names, model, classes, err);
	data->classes = classes;
	return 0;
}
