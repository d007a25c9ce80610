// SPDX-License-Identifier: MIT
/* PNG and JPEG files, written here by libpng and libjpeg, and folders of them. */
#include <errno.h>
#include <math.h>
#include <png.h>
#include <sys/stat.h>

#include "data_case.h"

#include <jpeglib.h>

/* @pixel: rows of @channels bytes, or big-endian pairs of them where @depth is 16. */
static void write_png(const char *path, uint32_t width, uint32_t height, int colour, int depth,
		      int interlace, const uint8_t *pixel, size_t row)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	const png_color palette[] = { { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 } };
	png_bytep rows[64];
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_in_range(height, 1, 64);
	png_init_io(png, f);
	png_set_IHDR(png, info, width, height, depth, colour, interlace, PNG_COMPRESSION_TYPE_BASE,
		     PNG_FILTER_TYPE_BASE);
	if (colour == PNG_COLOR_TYPE_PALETTE) {
		png_set_PLTE(png, info, palette, 3);
		png_set_tRNS(png, info, (png_bytep) "\xff\x80", 2, NULL);
	}
	png_write_info(png, info);
	for (uint32_t i = 0; i < height; i++)
		rows[i] = (png_bytep)pixel + i * row;
	png_write_image(png, rows);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	assert_int_equal(fclose(f), 0);
}

static void write_grey(const char *path, uint32_t width, uint32_t height, const uint8_t *pixel)
{
	write_png(path, width, height, PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, pixel, width);
}

/* Smooth, so that little is lost: R, G and B rise in one direction each. */
static void write_jpeg(const char *path, uint32_t width, uint32_t height, int channels, int space)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	FILE *f = fopen(path, "wb");
	uint8_t row[256];
	JSAMPROW rows[] = { row };

	assert_non_null(f);
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_stdio_dest(&jpeg, f);
	jpeg.image_width = width;
	jpeg.image_height = height;
	jpeg.input_components = channels;
	jpeg.in_color_space = space;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, 95, TRUE);
	jpeg_start_compress(&jpeg, TRUE);
	for (uint32_t i = 0; i < height; i++) {
		for (uint32_t j = 0; j < width; j++)
			for (int c = 0; c < channels; c++)
				row[j * channels + c] = c == 0 ? 8 * j : c == 1 ? 8 * i : 128;
		jpeg_write_scanlines(&jpeg, rows, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	assert_int_equal(fclose(f), 0);
}

static void expect_pixels(const char *path, const uint32_t dim[3], const float *expected)
{
	struct npu_error err;
	float x[64];

	if (npu_read_image(path, dim, false, x, &err))
		fail_msg("%s", err.message);
	for (uint32_t i = 0; i < dim[0] * dim[1] * dim[2]; i++)
		if (fabsf(x[i] - expected[i]) > 1e-6f)
			fail_msg("%s: value %u is %g, not %g", path, i, (double)x[i],
				 (double)expected[i]);
}

static void test_png(void **state)
{
	static const uint8_t grey[] = { 0, 51, 102, 153, 204, 255 };
	static const uint8_t rgb[] = { 255, 0, 0, 0, 255, 0 }, indices[] = { 0, 1, 2 };
	static const uint8_t alpha[] = { 200, 255, 200, 51 }, deep[] = { 0x80, 0x01, 0x00, 0x01 };
	const uint32_t two_by_three[] = { 2, 3, 1 }, one_by_two[] = { 1, 2, 1 };

	(void)state;
	write_grey("g.png", 3, 2, grey);
	expect_pixels("g.png", two_by_three, (float[]){ 0, .2f, .4f, .6f, .8f, 1 });
	write_png("i.png", 3, 2, PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_ADAM7, grey, 3);
	expect_pixels("i.png", two_by_three, (float[]){ 0, .2f, .4f, .6f, .8f, 1 });
	expect_pixels("g.png", (uint32_t[]){ 2, 3, 3 },
		      (float[]){ 0, 0, 0, .2f, .2f, .2f, .4f, .4f, .4f, .6f, .6f, .6f, .8f, .8f,
				 .8f, 1, 1, 1 });
	write_png("c.png", 2, 1, PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE, rgb, 6);
	expect_pixels("c.png", (uint32_t[]){ 1, 2, 3 }, (float[]){ 1, 0, 0, 0, 1, 0 });
	expect_pixels("c.png", one_by_two, (float[]){ .299f, .587f });
	write_png("p.png", 3, 1, PNG_COLOR_TYPE_PALETTE, 8, PNG_INTERLACE_NONE, indices, 3);
	expect_pixels("p.png", (uint32_t[]){ 1, 3, 3 },
		      (float[]){ 1, 0, 0, 0, 128 / 255.f, 0, 0, 0, 1 });
	write_png("a.png", 2, 1, PNG_COLOR_TYPE_GRAY_ALPHA, 8, PNG_INTERLACE_NONE, alpha, 4);
	expect_pixels("a.png", one_by_two, (float[]){ 200 / 255.f, 40 / 255.f });
	write_png("d.png", 2, 1, PNG_COLOR_TYPE_GRAY, 16, PNG_INTERLACE_NONE, deep, 4);
	expect_pixels("d.png", one_by_two, (float[]){ 32769 / 65535.f, 1 / 65535.f });
	write_png("b.png", 2, 1, PNG_COLOR_TYPE_GRAY, 1, PNG_INTERLACE_NONE, (uint8_t[]){ 0x40 },
		  1);
	expect_pixels("b.png", one_by_two, (float[]){ 0, 1 });
}

static void test_jpeg(void **state)
{
	float x[24 * 32 * 3];
	struct npu_error err;

	(void)state;
	write_jpeg("c.jpg", 32, 24, 3, JCS_RGB);
	assert_int_equal(npu_read_image("c.jpg", (uint32_t[]){ 24, 32, 3 }, false, x, &err), 0);
	for (int i = 0; i < 24; i++)
		for (int j = 0; j < 32; j++) {
			const float *p = &x[3 * (32 * i + j)];

			assert_true(fabsf(p[0] - 8 * j / 255.f) < .05f);
			assert_true(fabsf(p[1] - 8 * i / 255.f) < .05f);
			assert_true(fabsf(p[2] - 128 / 255.f) < .05f);
		}
	write_jpeg("g.jpg", 32, 24, 1, JCS_GRAYSCALE);
	assert_int_equal(npu_read_image("g.jpg", (uint32_t[]){ 24, 32, 1 }, false, x, &err), 0);
	assert_true(fabsf(x[32 * 5 + 20] - 160 / 255.f) < .02f);
	write_jpeg("k.jpg", 8, 8, 4, JCS_CMYK);
	assert_int_equal(npu_read_image("k.jpg", (uint32_t[]){ 8, 8, 3 }, false, x, &err), -EINVAL);
	assert_says(&err, -EINVAL, "k.jpg: its colours are neither grey nor RGB");
}

/* The sum of the documentation, over all pixels. */
static double slow_resize(const uint8_t *pixel, int height, int width, int out_height,
			  int out_width, int i, int j)
{
	double sy = (double)height / out_height, sx = (double)width / out_width;
	double ry = fmax(sy, 1), rx = fmax(sx, 1), sum = 0, weights = 0;

	for (int k = 0; k < height; k++)
		for (int l = 0; l < width; l++) {
			double dy = fabs(k + .5 - (i + .5) * sy) / ry;
			double dx = fabs(l + .5 - (j + .5) * sx) / rx;
			double w = fmax(0, 1 - dy) * fmax(0, 1 - dx);

			sum += w * pixel[k * width + l] / 255;
			weights += w;
		}
	return sum / weights;
}

static void test_resize(void **state)
{
	static const uint32_t size[][2] = { { 3, 4 },  { 7, 9 },  { 14, 18 }, { 1, 1 },
					    { 5, 30 }, { 30, 2 }, { 7, 5 } };
	uint8_t pixel[7 * 9];
	uint32_t random = 3;
	float x[900];

	(void)state;
	for (int i = 0; i < 63; i++)
		pixel[i] = next_random(&random);
	write_grey("r.png", 9, 7, pixel);
	for (size_t s = 0; s < sizeof(size) / sizeof(size[0]); s++) {
		uint32_t h = size[s][0], w = size[s][1];

		assert_int_equal(npu_read_image("r.png", (uint32_t[]){ h, w, 1 }, true, x, NULL),
				 0);
		for (uint32_t i = 0; i < h; i++)
			for (uint32_t j = 0; j < w; j++)
				assert_true(fabs(x[i * w + j] -
						 slow_resize(pixel, 7, 9, h, w, i, j)) < 1e-5);
	}
}

static void make_folder(void)
{
	static const uint8_t light[] = { 200, 210, 220, 230 }, dark[] = { 1, 2, 3, 4 };

	mkdir("f", 0777);
	mkdir("f/light", 0777);
	mkdir("f/dark", 0777);
	mkdir("f/.cache", 0777);
	write_grey("f/light/b.png", 2, 2, light);
	write_grey("f/light/a.PNG", 2, 2, light);
	write_grey("f/dark/z.png", 2, 2, dark);
	write_grey("f/.cache/n.png", 2, 2, dark);
	write_bytes("f/dark/.hidden.png", "", 0);
}

static void check_folder(const struct npu_dataset *d)
{
	float x[4];

	assert_int_equal(d->samples, 3);
	assert_int_equal(d->dim[0] * 100 + d->dim[1] * 10 + d->dim[2], 221);
	assert_int_equal(d->classes, 2);
	assert_string_equal(d->class_names[0], "dark");
	assert_memory_equal(d->labels, ((int32_t[]){ 0, 1, 1 }), 12);
	if (d->x) {
		assert_null(d->read);
		assert_true(d->x[3] == 4 / 255.f && d->x[8] == 200 / 255.f);
		return;
	}
	assert_int_equal(d->read(d, 0, x, NULL), 0);
	assert_true(x[3] == 4 / 255.f);
	assert_int_equal(d->read(d, 2, x, NULL), 0);
	assert_true(x[0] == 200 / 255.f);
}

static void test_folder(void **state)
{
	struct npu_image_options o = { .memory = 47 };
	struct npu_dataset d, train, test;
	struct npu_scaler scaler;
	struct npu_error err;
	float x[4];

	(void)state;
	make_folder();
	assert_int_equal(npu_dataset_open_images(&d, "f", NULL, &err), 0);
	assert_non_null(d.x);
	check_folder(&d);
	/* Another folder with the same classes and shape. */
	mkdir("t", 0777);
	mkdir("t/light", 0777);
	write_grey("t/light/1.png", 2, 2, (uint8_t[]){ 9, 9, 9, 9 });
	o.folder.like = &d;
	assert_int_equal(npu_dataset_open_images(&test, "t", &o, &err), 0);
	assert_int_equal(test.labels[0], 1);
	npu_dataset_free(&test);
	npu_dataset_free(&d);
	/* Three samples of 16 bytes are more than 47. */
	o = (struct npu_image_options){ .memory = 47 };
	assert_int_equal(npu_dataset_open_images(&d, "f", &o, &err), 0);
	assert_null(d.x);
	check_folder(&d);
	assert_int_equal(npu_scaler_fit_standard(&scaler, &d, &err), 0);
	assert_true(fabsf(scaler.mean[0] - 401 / 3.f / 255) < 1e-6f);
	npu_scaler_free(&scaler);
	assert_int_equal(npu_dataset_split(&d, .3f, 1, &train, &test, &err), 0);
	npu_dataset_free(&d);
	for (size_t i = 0; i < train.samples; i++) {
		assert_int_equal(train.read(&train, i, x, NULL), 0);
		assert_int_equal(x[0] > .5f, train.labels[i]);
	}
	npu_dataset_free(&train);
	npu_dataset_free(&test);
}

static void expect_folder(struct npu_image_options o, int code, const char *part)
{
	struct npu_dataset d;
	struct npu_error err;

	assert_int_equal(npu_dataset_open_images(&d, "f", &o, &err), code);
	assert_says(&err, code, part);
	assert_null(d.x);
	assert_null(d.context);
}

static void test_bad_folder(void **state)
{
	struct npu_image_options o = { .memory = 1 };
	struct npu_dataset d;
	struct npu_error err;
	float x[4];

	(void)state;
	expect_folder((struct npu_image_options){ .channels = 2 }, -EINVAL, "1 or 3 channels");
	expect_folder((struct npu_image_options){ .height = 3 }, -EINVAL,
		      "f/dark/z.png: 2 x 2 pixels where samples have 2 x 3; resize it, or ask for "
		      "images to be resized");
	write_grey("f/light/big.png", 3, 2, (uint8_t[6]){ 0 });
	expect_folder((struct npu_image_options){ 0 }, -EINVAL,
		      "f/light/big.png: 3 x 2 pixels where samples have 2 x 2");
	/* Read later, found later. */
	assert_int_equal(npu_dataset_open_images(&d, "f", &o, &err), 0);
	assert_int_equal(d.samples, 4);
	assert_int_equal(d.read(&d, 3, x, &err), -EINVAL);
	assert_says(&err, -EINVAL, "f/light/big.png: 3 x 2 pixels");
	npu_dataset_free(&d);
	write_bytes("f/light/big.png", "GIF89a", 6);
	expect_folder((struct npu_image_options){ 0 }, -EINVAL,
		      "f/light/big.png: neither PNG nor JPEG");
	unlink("f/light/big.png");
	write_bytes("f/x.png", "", 0);
	expect_folder((struct npu_image_options){ .folder.class_of = NPU_CLASS_OF_PREFIX }, -EINVAL,
		      "f/x.png: its name has no class before a '_'");
}

/* Cut at every length, then bytes changed: refused or read, never worse. */
static void damage(const char *path, const uint32_t dim[3])
{
	size_t size;
	uint8_t *bytes = read_bytes(path, &size);
	uint32_t random = 5;
	struct npu_error err;
	float x[24 * 32 * 3];

	for (size_t n = 0; n < size; n++) {
		write_bytes("cut", bytes, n);
		assert_int_equal(npu_read_image("cut", dim, true, x, &err), -EINVAL);
		assert_says(&err, -EINVAL, "cut: ");
	}
	for (int i = 0; i < 1500; i++) {
		uint8_t *copy = malloc(size);

		memcpy(copy, bytes, size);
		for (int k = 0; k < 3; k++)
			copy[next_random(&random) % size] = next_random(&random);
		write_bytes("changed", copy, size);
		free(copy);
		if (npu_read_image("changed", dim, false, x, &err))
			assert_non_null(strstr(err.message, "changed: "));
	}
	free(bytes);
}

static void test_damage(void **state)
{
	uint8_t rgb[24 * 32 * 3];
	uint32_t random = 9;

	(void)state;
	for (size_t i = 0; i < sizeof(rgb); i++)
		rgb[i] = next_random(&random) & 0x11;
	write_png("n.png", 32, 24, PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7, rgb, 96);
	damage("n.png", (uint32_t[]){ 24, 32, 3 });
	write_jpeg("n.jpg", 32, 24, 3, JCS_RGB);
	damage("n.jpg", (uint32_t[]){ 24, 32, 3 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png),	   cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_resize),	   cmocka_unit_test(test_folder),
		cmocka_unit_test(test_bad_folder), cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
