// SPDX-License-Identifier: MIT
/*
 * DOC: parts of datasets
 *
 * Of a dataset in memory a part is a copy: training then walks over memory of its own. Of one that
 * is larger than memory it has to be a view: numbers of samples, and a reference to where they
 * come from. The labels and what else is small are copied in either case.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "dataset.h"
#include "shared.h"

/**
 * struct view - context of a part that reads its samples from where the whole does
 * @shared: so that parts can have parts
 * @source: x, read, context and shape of the whole; owns nothing
 * @origin: keeps @source.context or @source.x alive; NULL where the caller does
 * @index: numbers in @source of the part's samples
 */
struct view {
	struct npu_shared shared;
	struct npu_dataset source;
	struct npu_shared *origin;
	size_t index[];
};

int npu_dataset_sample(const struct npu_dataset *data, size_t sample, float *x,
		       struct npu_error *err)
{
	if (!data->x)
		return data->read(data, sample, x, err);
	memcpy(x, data->x + sample * data->features, data->features * sizeof(*x));
	return 0;
}

static int read_view(const struct npu_dataset *data, size_t sample, float *x, struct npu_error *err)
{
	const struct view *view = data->context;

	return npu_dataset_sample(&view->source, view->index[sample], x, err);
}

static void destroy_view(struct npu_shared *shared)
{
	struct view *view = (struct view *)shared;

	npu_shared_put(view->origin);
	free(view);
}

static int attach_view(struct npu_dataset *part, const struct npu_dataset *data,
		       const size_t *index, size_t count)
{
	struct view *view;
	size_t size;

	if (__builtin_mul_overflow(count, sizeof(*index), &size) ||
	    __builtin_add_overflow(size, sizeof(*view), &size))
		return -ENOMEM;
	view = malloc(size);
	if (!view)
		return -ENOMEM;
	view->source = *data;
	view->origin = npu_shared_get(data);
	memcpy(view->index, index, count * sizeof(*index));
	npu_shared_attach(part, &view->shared, destroy_view);
	part->read = read_view;
	return 0;
}

/* Elements @index[0..@count) of @from [samples][@size bytes], or -ENOMEM. */
static int gather(void *to_pointer, const void *from, size_t size, const size_t *index,
		  size_t count)
{
	char *to = reallocarray(NULL, count, size);

	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		memcpy(to + i * size, (const char *)from + index[i] * size, size);
	memcpy(to_pointer, &to, sizeof(to));
	return 0;
}

static int copy_names(struct npu_dataset *part, const struct npu_dataset *data)
{
	if (data->feature_names) {
		part->feature_names = npu_strings_copy(data->feature_names, data->features);
		if (!part->feature_names)
			return -ENOMEM;
	}
	if (data->class_names) {
		part->class_names = npu_strings_copy(data->class_names, data->classes);
		if (!part->class_names)
			return -ENOMEM;
	}
	return 0;
}

/* All but the samples themselves. */
static int copy_rest(struct npu_dataset *part, const struct npu_dataset *data, const size_t *index,
		     size_t count)
{
	int ret = copy_names(part, data);

	if (!ret && data->y)
		ret = gather(&part->y, data->y, data->targets * sizeof(*data->y), index, count);
	if (!ret && data->labels)
		ret = gather(&part->labels, data->labels, sizeof(*data->labels), index, count);
	if (!ret && data->lengths)
		ret = gather(&part->lengths, data->lengths, sizeof(*data->lengths), index, count);
	if (!ret && data->weights)
		ret = gather(&part->weights, data->weights, sizeof(*data->weights), index, count);
	return ret;
}

int npu_dataset_take(struct npu_dataset *part, const struct npu_dataset *data, const size_t *index,
		     size_t count, struct npu_error *err)
{
	int ret;

	memset(part, 0, sizeof(*part));
	if (!count)
		return npu_error_set(err, -EINVAL,
				     "dataset: a part of no samples; name at least one");
	for (size_t i = 0; i < count; i++)
		if (index[i] >= data->samples)
			return npu_error_set(err, -ERANGE,
					     "dataset: sample %zu of a set of %zu; they are "
					     "numbered from 0",
					     index[i], data->samples);
	part->samples = count;
	memcpy(part->dim, data->dim, sizeof(part->dim));
	part->features = data->features;
	part->targets = data->targets;
	part->classes = data->classes;
	if (data->read || data->release)
		ret = attach_view(part, data, index, count);
	else
		ret = gather(&part->x, data->x, data->features * sizeof(*data->x), index, count);
	if (!ret)
		ret = copy_rest(part, data, index, count);
	if (!ret)
		return 0;
	npu_dataset_free(part);
	return npu_error_set(err, ret, "dataset: no memory for a part of %zu samples", count);
}
