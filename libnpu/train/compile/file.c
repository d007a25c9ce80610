// SPDX-License-Identifier: MIT
/* A program as a file. */
#include "npu_train.h"
#include "train/data/file.h"

int npu_model_compile_file(const struct npu_model *model, const float *samples, size_t count,
			   const struct npu_compile_options *options, const char *path,
			   struct npu_error *err)
{
	struct npu_file_part part;
	void *image;
	int ret = npu_model_compile(model, samples, count, options, &image, &part.size, err);

	if (ret)
		return ret;
	part.bytes = image;
	ret = npu_file_write(path, &part, 1, err);
	npu_image_free(image);
	return ret;
}
