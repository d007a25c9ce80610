// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "dataset.h"
#include "folder.h"
#include "picture.h"
#include "shared.h"

#define DEFAULT_MEMORY ((size_t)256 << 20)

/**
 * struct images - context of a dataset of them
 * @shared: parts read from here too
 * @folder: the files
 * @dim: of a sample
 * @resize: see struct npu_image_options
 *
 * Read by several threads at a time: nothing in it changes.
 */
struct images {
	struct npu_shared shared;
	struct npu_folder folder;
	uint32_t dim[3];
	bool resize;
};

static void destroy_images(struct npu_shared *shared)
{
	struct images *images = (struct images *)shared;

	npu_folder_free(&images->folder);
	free(images);
}

int npu_read_image(const char *path, const uint32_t dim[3], bool resize, float *x,
		   struct npu_error *err)
{
	struct npu_picture picture;
	int ret;

	if (dim[2] != 1 && dim[2] != 3)
		return npu_error_set(err, -EINVAL,
				     "%s: images have 1 or 3 channels, and samples of %u are asked "
				     "for",
				     path, dim[2]);
	ret = npu_picture_read(&picture, path, err);
	if (ret)
		return ret;
	if (!resize && (picture.height != dim[0] || picture.width != dim[1]))
		ret = npu_error_set(err, -EINVAL,
				    "%s: %u x %u pixels where samples have %u x %u; resize it, or "
				    "ask for images to be resized",
				    path, picture.width, picture.height, dim[1], dim[0]);
	else if (npu_picture_sample(&picture, dim, x))
		ret = npu_error_set(err, -ENOMEM, "%s: no memory to resize it", path);
	free(picture.pixel);
	return ret;
}

static int read_sample(const struct npu_dataset *data, size_t sample, float *x,
		       struct npu_error *err)
{
	const struct images *images = data->context;

	return npu_read_image(images->folder.path[sample], images->dim, images->resize, x, err);
}

/* What the options leave open, the first image says. */
static int set_shape(struct images *images, const struct npu_image_options *o,
		     struct npu_error *err)
{
	const struct npu_dataset *like = o->folder.like;
	struct npu_picture first = { .height = 1 };
	int ret = 0;

	images->dim[0] = like ? like->dim[0] : o->height;
	images->dim[1] = like ? like->dim[1] : o->width;
	images->dim[2] = like ? like->dim[2] : o->channels;
	if (images->dim[0] && images->dim[1] && images->dim[2])
		return 0;
	ret = npu_picture_read(&first, images->folder.path[0], err);
	if (ret)
		return ret;
	images->dim[0] = images->dim[0] ? images->dim[0] : first.height;
	images->dim[1] = images->dim[1] ? images->dim[1] : first.width;
	images->dim[2] = images->dim[2] ? images->dim[2] : first.channels;
	free(first.pixel);
	return 0;
}

/* Decode all of them, now. */
static int load(struct npu_dataset *data, struct npu_error *err)
{
	int ret = 0;

	data->x = reallocarray(NULL, data->samples, data->features * sizeof(*data->x));
	if (!data->x)
		return npu_error_set(err, -ENOMEM,
				     "images: no memory for %zu of them; set the limit lower, and "
				     "they are read when they are needed",
				     data->samples);
	for (size_t i = 0; !ret && i < data->samples; i++)
		ret = read_sample(data, i, data->x + i * data->features, err);
	return ret;
}

/* The folder has been listed; @data gets its shape, its labels, and samples or the way to them. */
static int fill(struct npu_dataset *data, struct images *images, const char *path,
		const struct npu_image_options *o, struct npu_error *err)
{
	uint64_t shape[4] = { images->folder.count };
	size_t bytes, limit = o->memory ? o->memory : DEFAULT_MEMORY;
	bool small;
	int ret = set_shape(images, o, err);

	for (int i = 0; i < 3; i++)
		shape[i + 1] = images->dim[i];
	if (!ret)
		ret = npu_dataset_set_shape(data, path, shape, 4, err);
	if (!ret)
		ret = npu_folder_give_labels(&images->folder, path, &o->folder, data, err);
	if (ret)
		return ret;
	data->read = read_sample;
	small = !__builtin_mul_overflow(data->features, data->samples * sizeof(float), &bytes) &&
		bytes <= limit;
	return small ? load(data, err) : 0;
}

int npu_dataset_open_images(struct npu_dataset *data, const char *folder,
			    const struct npu_image_options *options, struct npu_error *err)
{
	static const char *const suffixes[] = { ".png", ".jpg", ".jpeg", NULL };
	static const struct npu_image_options defaults;
	const struct npu_image_options *o = options ? options : &defaults;
	struct images *images = calloc(1, sizeof(*images));
	int ret;

	memset(data, 0, sizeof(*data));
	if (!images)
		return npu_error_set(err, -ENOMEM, "%s: no memory to list it", folder);
	ret = npu_folder_list(&images->folder, folder, &o->folder, suffixes, err);
	if (ret) {
		free(images);
		return ret;
	}
	images->resize = o->resize;
	data->samples = images->folder.count;
	npu_shared_attach(data, &images->shared, destroy_images);
	ret = fill(data, images, folder, o, err);
	if (data->x || ret) {
		/* In memory, or not at all: the files are not needed any more. */
		npu_shared_put(&images->shared);
		data->release = NULL;
		data->context = NULL;
		data->read = NULL;
	}
	if (ret)
		npu_dataset_free(data);
	return ret;
}
