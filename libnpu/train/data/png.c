// SPDX-License-Identifier: MIT
/* PNG by libpng, which leaves by longjmp() when it is not content. */
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "picture.h"

/**
 * struct reading - a file on its way; outlives the jump, unlike variables
 * @at: the next byte
 * @left: bytes
 * @message: why libpng jumped
 * @pixel: as libpng has it, with alpha
 * @row: [height], where each row goes
 * @channels: 1 to 4 in @pixel
 */
struct reading {
	const uint8_t *at;
	size_t left;
	char message[80];
	png_structp png;
	png_infop info;
	uint16_t *pixel;
	png_bytep *row;
	uint32_t height, width, channels;
};

static void on_error(png_structp png, png_const_charp message)
{
	struct reading *r = png_get_error_ptr(png);

	strncpy(r->message, message, sizeof(r->message) - 1);
	png_longjmp(png, 1);
}

/* Oddities in what no pixel depends on. */
static void on_warning(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static void give_bytes(png_structp png, png_bytep to, size_t size)
{
	struct reading *r = png_get_io_ptr(png);

	if (size > r->left)
		png_error(png, "it is truncated");
	memcpy(to, r->at, size);
	r->at += size;
	r->left -= size;
}

/* Sizes, and that every row shall have 16 bits a channel and no palette. */
static void read_header(struct reading *r)
{
	png_set_read_fn(r->png, r, give_bytes);
	png_read_info(r->png, r->info);
	r->height = png_get_image_height(r->png, r->info);
	r->width = png_get_image_width(r->png, r->info);
	if ((uint64_t)r->height * r->width > NPU_MAX_PIXELS)
		png_error(r->png, "it has too many pixels");
	png_set_expand_16(r->png);
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		png_set_swap(r->png);
	png_set_interlace_handling(r->png);
	png_read_update_info(r->png, r->info);
	r->channels = png_get_channels(r->png, r->info);
}

static void read_pixels(struct reading *r)
{
	size_t row = png_get_rowbytes(r->png, r->info);

	r->pixel = calloc(r->height, row);
	r->row = calloc(r->height, sizeof(*r->row));
	if (!r->pixel || !r->row)
		png_error(r->png, "no memory for its pixels");
	for (uint32_t i = 0; i < r->height; i++)
		r->row[i] = (png_bytep)r->pixel + i * row;
	png_read_image(r->png, r->row);
	png_read_end(r->png, NULL);
}

/* Over black: what is transparent has no colour of its own. */
static void take_alpha(const struct reading *r, struct npu_picture *picture)
{
	size_t pixels = (size_t)r->height * r->width;
	const uint16_t *from = r->pixel;
	uint16_t *to = picture->pixel;

	for (size_t i = 0; i < pixels; i++, from += r->channels)
		for (uint32_t c = 0; c < picture->channels; c++) {
			uint32_t alpha = picture->channels < r->channels ? from[r->channels - 1]
									 : 65535;

			*to++ = ((uint64_t)from[c] * alpha + 32767) / 65535;
		}
}

static int decode(struct reading *r, const char *path, struct npu_error *err)
{
	r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
	if (r->png)
		r->info = png_create_info_struct(r->png);
	if (!r->info)
		return npu_error_set(err, -ENOMEM, "%s: no memory to read it", path);
	if (setjmp(png_jmpbuf(r->png)))
		return npu_error_set(err, -EINVAL,
				     "%s: cannot be read as PNG (%s); save it again or leave it "
				     "out",
				     path, r->message);
	read_header(r);
	read_pixels(r);
	return 0;
}

int npu_png_decode(struct npu_picture *picture, const char *path, const void *bytes, size_t size,
		   struct npu_error *err)
{
	struct reading r = { .at = bytes, .left = size };
	int ret = decode(&r, path, err);

	if (!ret) {
		*picture = (struct npu_picture){ r.height, r.width, r.channels < 3 ? 1 : 3, NULL };
		ret = npu_picture_allocate(picture, path, err);
	}
	if (!ret)
		take_alpha(&r, picture);
	free(r.pixel);
	free(r.row);
	png_destroy_read_struct(&r.png, &r.info, NULL);
	return ret;
}
