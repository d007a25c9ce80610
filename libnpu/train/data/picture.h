/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_PICTURE_H
#define NPU_DATA_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "npu.h"

/* More pixels than this are refused before memory is taken for them. */
#define NPU_MAX_PIXELS (UINT64_C(1) << 26)

/**
 * struct npu_picture - a decoded image file
 * @height: pixels
 * @width: pixels
 * @channels: 1 grey, 3 RGB
 * @pixel: [height][width][channels], 0 to 65535
 */
struct npu_picture {
	uint32_t height, width, channels;
	uint16_t *pixel;
};

/* Decode a PNG or JPEG file. Release picture->pixel with free(). */
int npu_picture_read(struct npu_picture *picture, const char *path, struct npu_error *err);

/* The two kinds; @path is for the error. On an error nothing is left to release. */
int npu_png_decode(struct npu_picture *picture, const char *path, const void *bytes, size_t size,
		   struct npu_error *err);
int npu_jpeg_decode(struct npu_picture *picture, const char *path, const void *bytes, size_t size,
		    struct npu_error *err);

/* Memory for the pixels, once height, width and channels are set. */
int npu_picture_allocate(struct npu_picture *picture, const char *path, struct npu_error *err);

/*
 * To a sample [dim[0]][dim[1]][dim[2]], in [0, 1], of 1 or 3 channels, resized if need be. See
 * struct npu_image_options. -ENOMEM.
 */
int npu_picture_sample(const struct npu_picture *picture, const uint32_t dim[3], float *x);

#endif /* NPU_DATA_PICTURE_H */
