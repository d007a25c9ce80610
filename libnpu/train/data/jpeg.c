// SPDX-License-Identifier: MIT
/* JPEG by libjpeg-turbo, which has to be left by longjmp() when it is not content. */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>
#include <jerror.h>

#include "runtime/error.h"
#include "picture.h"

/**
 * struct reading - a file on its way; outlives the jump, unlike variables
 * @manager: first, for libjpeg
 * @message: why it jumped
 * @row: one row of 8 bits a channel
 */
struct reading {
	struct jpeg_error_mgr manager;
	jmp_buf jump;
	char message[JMSG_LENGTH_MAX];
	struct jpeg_decompress_struct jpeg;
	uint8_t *row;
	struct npu_picture *picture;
};

static void on_error(j_common_ptr jpeg)
{
	struct reading *r = (struct reading *)jpeg->err;

	jpeg->err->format_message(jpeg, r->message);
	longjmp(r->jump, 1);
}

/*
 * Where data is damaged or cut off, libjpeg warns and fills with grey, from which nothing shall
 * learn. What is only unusual passes.
 */
static void on_message(j_common_ptr jpeg, int level)
{
	int code = jpeg->err->msg_code;

	if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_TOO_MUCH_DATA &&
	    code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
		on_error(jpeg);
}

static void no_output(j_common_ptr jpeg)
{
	(void)jpeg;
}

/* Returns false for colours that have no way to RGB here. */
static bool choose_colours(struct jpeg_decompress_struct *jpeg)
{
	if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK ||
	    jpeg->jpeg_color_space == JCS_UNKNOWN)
		return false;
	jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
	/* The exact one: the same pixels on every machine. */
	jpeg->dct_method = JDCT_ISLOW;
	return true;
}

static void read_rows(struct reading *r)
{
	struct npu_picture *p = r->picture;
	size_t values = (size_t)p->width * p->channels;

	jpeg_start_decompress(&r->jpeg);
	for (uint32_t i = 0; i < p->height; i++) {
		uint16_t *to = p->pixel + i * values;

		jpeg_read_scanlines(&r->jpeg, &r->row, 1);
		for (size_t k = 0; k < values; k++)
			to[k] = r->row[k] * 257;
	}
	jpeg_finish_decompress(&r->jpeg);
}

static int decode(struct reading *r, const char *path, const void *bytes, size_t size,
		  struct npu_error *err)
{
	int ret;

	if (setjmp(r->jump))
		return npu_error_set(err, -EINVAL,
				     "%s: cannot be read as JPEG (%s); save it again or leave it "
				     "out",
				     path, r->message);
	jpeg_create_decompress(&r->jpeg);
	jpeg_mem_src(&r->jpeg, bytes, size);
	jpeg_read_header(&r->jpeg, TRUE);
	if (!choose_colours(&r->jpeg))
		return npu_error_set(
			err, -EINVAL,
			"%s: its colours are neither grey nor RGB (CMYK is for print); "
			"save it as RGB",
			path);
	r->picture->height = r->jpeg.image_height;
	r->picture->width = r->jpeg.image_width;
	r->picture->channels = r->jpeg.out_color_space == JCS_RGB ? 3 : 1;
	ret = npu_picture_allocate(r->picture, path, err);
	if (ret)
		return ret;
	r->row = malloc((size_t)r->picture->width * r->picture->channels);
	if (!r->row)
		return npu_error_set(err, -ENOMEM, "%s: no memory for a row", path);
	read_rows(r);
	return 0;
}

int npu_jpeg_decode(struct npu_picture *picture, const char *path, const void *bytes, size_t size,
		    struct npu_error *err)
{
	struct reading r = { .picture = picture };
	int ret;

	r.jpeg.err = jpeg_std_error(&r.manager);
	r.manager.error_exit = on_error;
	r.manager.emit_message = on_message;
	r.manager.output_message = no_output;
	ret = decode(&r, path, bytes, size, err);
	jpeg_destroy_decompress(&r.jpeg);
	free(r.row);
	if (ret) {
		free(picture->pixel);
		picture->pixel = NULL;
	}
	return ret;
}
