// SPDX-License-Identifier: MIT
/* IDX and .npy files: every type and shape, and the sentence for every way to be wrong. */
#include <errno.h>
#include <math.h>
#include <zlib.h>

#include "data_case.h"

/* Two images of 2 x 3, and their labels. */
static const uint8_t images[] = {
	0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6,
};
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 3 };

static void check_images(const char *samples_path, const char *labels_path)
{
	struct npu_dataset d;
	struct npu_error err;

	if (npu_dataset_read_idx(&d, samples_path, labels_path, &err))
		fail_msg("%s", err.message);
	assert_int_equal(d.samples, 2);
	assert_int_equal(d.dim[0], 2);
	assert_int_equal(d.dim[1], 3);
	assert_int_equal(d.dim[2], 1);
	assert_int_equal(d.features, 6);
	assert_true(d.x[0] == 0 && d.x[1] == 51 / 255.0f && d.x[5] == 1 && d.x[11] == 6 / 255.0f);
	if (labels_path) {
		assert_int_equal(d.classes, 8);
		assert_int_equal(d.labels[0], 7);
		assert_int_equal(d.labels[1], 3);
	} else {
		assert_int_equal(d.classes, 0);
		assert_null(d.labels);
	}
	npu_dataset_free(&d);
}

static void write_gz(const char *path, const void *bytes, unsigned int size)
{
	gzFile f = gzopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(gzwrite(f, bytes, size), size);
	assert_int_equal(gzclose(f), Z_OK);
}

static void test_idx(void **state)
{
	(void)state;
	write_bytes("i", images, sizeof(images));
	write_bytes("l", labels, sizeof(labels));
	write_gz("i.gz", images, sizeof(images));
	write_gz("l.gz", labels, sizeof(labels));
	check_images("i", "l");
	check_images("i.gz", "l.gz");
	check_images("i", "l.gz");
	check_images("i", NULL);
}

static void test_idx_types(void **state)
{
	static const struct {
		uint8_t bytes[8 + 8];
		size_t size;
		float value;
	} one[] = {
		{ { 0, 0, 0x09, 1, 0, 0, 0, 1, 0xfe }, 9, -2 },
		{ { 0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0x00 }, 10, -256 },
		{ { 0, 0, 0x0c, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0 }, 12, -65536 },
		{ { 0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0 }, 12, 1.5f },
		{ { 0, 0, 0x0e, 1, 0, 0, 0, 1, 0x3f, 0xf8 }, 16, 1.5f },
	};
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		write_bytes("one", one[i].bytes, one[i].size);
		assert_int_equal(npu_dataset_read_idx(&d, "one", NULL, &err), 0);
		assert_int_equal(d.features, 1);
		assert_true(d.x[0] == one[i].value);
		npu_dataset_free(&d);
	}
}

/* @bytes [size] with the byte @at replaced. */
static void spoil(const char *path, const uint8_t *bytes, size_t size, size_t at, uint8_t value)
{
	uint8_t copy[64];

	memcpy(copy, bytes, size);
	copy[at] = value;
	write_bytes(path, copy, size);
}

static void test_idx_bad(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int code;
		const char *says;
	} bad[] = {
		{ 0, 1, -EINVAL, "x: not an IDX file: it begins with 01 00 instead of 00 00" },
		{ 2, 0x0a, -EINVAL, "x: type 0x0a is not one of IDX" },
		{ 3, 0, -EINVAL, "x: 0 dimensions; 1 to 4 can be read" },
		{ 3, 5, -EINVAL, "x: 5 dimensions" },
		{ 7, 0, -EINVAL, "x: holds no samples" },
		{ 11, 0, -EINVAL, "x: dimension 1 is 0" },
		{ 7, 3, -EINVAL, "x: ends in the middle of its values; the file is truncated" },
		{ 4, 0xff, -EINVAL, "x: ends in the middle of its values" },
		{ 7, 1, -EINVAL, "x: holds more bytes than its header says" },
	};
	struct npu_dataset d;
	struct npu_error err;
	uint8_t huge[16] = { 0, 0, 8, 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spoil("x", images, sizeof(images), bad[i].at, bad[i].value);
		assert_int_equal(npu_dataset_read_idx(&d, "x", NULL, &err), bad[i].code);
		assert_says(&err, bad[i].code, bad[i].says);
		assert_null(d.x);
	}
	memset(huge + 4, 0xff, 12);
	write_bytes("x", huge, sizeof(huge));
	assert_int_equal(npu_dataset_read_idx(&d, "x", NULL, &err), -EOVERFLOW);
	assert_says(&err, -EOVERFLOW, "x: its dimensions multiply to more than any file holds");

	write_bytes("i", images, sizeof(images));
	assert_int_equal(npu_dataset_read_idx(&d, "i", "i", &err), -EINVAL);
	assert_says(&err, -EINVAL, "are the two files swapped?");
	spoil("x", labels, sizeof(labels), 7, 1);
	assert_int_equal(npu_dataset_read_idx(&d, "i", "x", &err), -EINVAL);
	assert_says(&err, -EINVAL, "x: 1 labels for 2 samples in i; give the two files of one set");
	assert_int_equal(npu_dataset_read_idx(&d, "i", "absent", &err), -ENOENT);
	assert_int_equal(npu_dataset_read_idx(&d, ".", NULL, &err), -EISDIR);
}

static void test_idx_damage(void **state)
{
	struct npu_dataset d;
	struct npu_error err;
	uint8_t copy[256], *packed;
	uint32_t random = 3;
	size_t size;

	(void)state;
	write_gz("i.gz", images, sizeof(images));
	packed = read_bytes("i.gz", &size);
	assert_true(size < sizeof(copy));
	for (size_t n = 0; n < sizeof(images); n++) {
		write_bytes("x", images, n);
		assert_int_not_equal(npu_dataset_read_idx(&d, "x", NULL, &err), 0);
	}
	for (size_t n = 0; n < size; n++) {
		write_bytes("x", packed, n);
		assert_int_not_equal(npu_dataset_read_idx(&d, "x", NULL, &err), 0);
	}
	for (int i = 0; i < 2000; i++) {
		const uint8_t *from = i & 1 ? packed : images;
		size_t n = i & 1 ? size : sizeof(images);

		memcpy(copy, from, n);
		copy[next_random(&random) % n] ^= 1 << next_random(&random) % 8;
		write_bytes("x", copy, n);
		if (!npu_dataset_read_idx(&d, "x", NULL, &err))
			npu_dataset_free(&d);
	}
	free(packed);
}

/* A .npy file of version @version with that header and those values. */
static size_t make_npy(uint8_t *to, int version, const char *header, const void *values,
		       size_t bytes)
{
	size_t length = strlen(header), start = version == 1 ? 10 : 12;

	memcpy(to, "\x93NUMPY", 6);
	to[6] = version;
	to[7] = 0;
	memset(to + 8, 0, 4);
	to[8] = length & 255;
	to[9] = length >> 8;
	memcpy(to + start, header, length);
	if (bytes)
		memcpy(to + start + length, values, bytes);
	return start + length + bytes;
}

static void write_npy(const char *path, int version, const char *header, const void *values,
		      size_t bytes)
{
	uint8_t file[512];

	write_bytes(path, file, make_npy(file, version, header, values, bytes));
}

static void test_npy_types(void **state)
{
	static const struct {
		const char *type;
		uint8_t bytes[16];
		size_t size;
		float first, second;
	} each[] = {
		{ "|i1", { 0xff, 5 }, 2, -1, 5 },
		{ "|u1", { 0xff, 5 }, 2, 255, 5 },
		{ "<i2", { 0xfe, 0xff, 1, 1 }, 4, -2, 257 },
		{ "<u2", { 0xfe, 0xff, 1, 1 }, 4, 65534, 257 },
		{ "<i4", { 0xff, 0xff, 0xff, 0xff, 0, 0, 1 }, 8, -1, 65536 },
		{ "<i8", { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 9 }, 16, -1, 9 },
		{ "<f4", { 0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0 }, 8, 1.5f, -2 },
		{ "<f8",
		  { 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0 },
		  16,
		  1.5f,
		  -2 },
	};
	struct npu_dataset d;
	struct npu_error err;
	char header[128];

	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		for (int version = 1; version <= 3; version++) {
			snprintf(header, sizeof(header),
				 "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }   \n",
				 each[i].type);
			write_npy("a.npy", version, header, each[i].bytes, each[i].size);
			if (npu_dataset_read_npy(&d, "a.npy", NULL, &err))
				fail_msg("%s", err.message);
			assert_int_equal(d.samples, 2);
			assert_int_equal(d.features, 1);
			assert_true(d.x[0] == each[i].first && d.x[1] == each[i].second);
			npu_dataset_free(&d);
		}
}

static void test_npy_shapes(void **state)
{
	static const struct {
		const char *shape;
		uint32_t dim[3];
	} each[] = {
		{ "(2, 12)", { 1, 1, 12 } },
		{ "(2,3,4)", { 3, 4, 1 } },
		{ "(2, 2, 3, 2)", { 2, 3, 2 } },
		{ "(24,)", { 1, 1, 1 } },
	};
	struct npu_dataset d;
	struct npu_error err;
	uint8_t values[24];
	char header[128];

	(void)state;
	for (int i = 0; i < 24; i++)
		values[i] = i;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		snprintf(header, sizeof(header),
			 "{\"shape\": %s, \"descr\": \"|u1\", \"fortran_order\": False}",
			 each[i].shape);
		write_npy("a.npy", 1, header, values, sizeof(values));
		assert_int_equal(npu_dataset_read_npy(&d, "a.npy", NULL, &err), 0);
		assert_memory_equal(d.dim, each[i].dim, sizeof(d.dim));
		assert_int_equal(d.samples * d.features, 24);
		for (int k = 0; k < 24; k++)
			assert_true(d.x[k] == k);
		npu_dataset_free(&d);
	}
}

static void test_npy_y(void **state)
{
	static const float x[] = { 1, 2, 3 }, y[] = { 4, 5, 6, 7, 8, 9 };
	static const uint8_t ints[] = { 2, 0, 1 };
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_write_npy("x.npy", x, 3, 1, &err), 0);
	assert_int_equal(npu_write_npy("y.npy", y, 3, 2, &err), 0);
	write_npy("l.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", ints, 3);
	assert_int_equal(npu_dataset_read_npy(&d, "x.npy", "y.npy", &err), 0);
	assert_int_equal(d.targets, 2);
	assert_memory_equal(d.x, x, sizeof(x));
	assert_memory_equal(d.y, y, sizeof(y));
	npu_dataset_free(&d);
	assert_int_equal(npu_dataset_read_npy(&d, "x.npy", "l.npy", &err), 0);
	assert_int_equal(d.classes, 3);
	assert_int_equal(d.labels[0], 2);
	npu_dataset_free(&d);
	assert_int_equal(npu_write_npy("y.npy", y, 2, 3, &err), 0);
	assert_int_equal(npu_dataset_read_npy(&d, "x.npy", "y.npy", &err), -EINVAL);
	assert_says(&err, -EINVAL,
		    "y.npy: 2 rows for 3 samples in x.npy; give the two arrays of one set");
	write_npy("l.npy", 1, "{'descr': '|i1', 'fortran_order': False, 'shape': (3,)}", "\1\xff\1",
		  3);
	assert_int_equal(npu_dataset_read_npy(&d, "x.npy", "l.npy", &err), -ERANGE);
	assert_says(&err, -ERANGE,
		    "l.npy: label 1 is -1; labels are 0 to 65535: number the classes from 0");
}

static void test_npy_bad(void **state)
{
	static const struct {
		const char *header;
		int code;
		const char *says;
	} bad[] = {
		{ "{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "a.npy: element type '<f2' cannot be read; save with .astype('<f4')" },
		{ "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "element type '>f4'" },
		{ "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "element type '<c8'" },
		{ "{'descr': '<u4', 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "element type '<u4'" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "elements that are not plain numbers" },
		{ "{'descr': '<U12', 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "elements that are not plain numbers" },
		{ "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", -EINVAL,
		  "in Fortran order; save with numpy.ascontiguousarray(x)" },
		{ "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", -EINVAL,
		  "does not say the order" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", -EINVAL,
		  "a.npy: holds no samples" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", -EINVAL,
		  "holds no samples" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1)}", -EINVAL,
		  "more than 4 dimensions" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", -EINVAL,
		  "its header has no valid shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999999,)}",
		  -EINVAL, "no valid shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
		  -EINVAL, "no valid shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1", -EINVAL,
		  "no valid shape" },
		{ "{'descr': '<f4', 'fortran_order': False}", -EINVAL, "no valid shape" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", -EINVAL,
		  "a.npy: ends in the middle of its values; the file is truncated" },
		{ "{'descr': '|i1', 'fortran_order': False, 'shape': (1,)}", -EINVAL,
		  "a.npy: holds more bytes than its header says" },
		{ "", -EINVAL, "elements that are not plain numbers" },
	};
	const float nan_value = NAN, one = 1;
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_npy("a.npy", 1, bad[i].header, &one, sizeof(one));
		assert_int_equal(npu_dataset_read_npy(&d, "a.npy", NULL, &err), bad[i].code);
		assert_says(&err, bad[i].code, bad[i].says);
		assert_null(d.x);
	}
	write_npy("a.npy", 4, bad[0].header, &one, sizeof(one));
	assert_int_equal(npu_dataset_read_npy(&d, "a.npy", NULL, &err), -EINVAL);
	assert_says(&err, -EINVAL, "a.npy: version 4.0 of .npy; 1 to 3 can be read");
	write_bytes("a.npy", "PK\3\4 and more", 13);
	assert_int_equal(npu_dataset_read_npy(&d, "a.npy", NULL, &err), -EINVAL);
	assert_says(&err, -EINVAL, "a.npy: not a .npy file; save it with numpy.save()");
	assert_int_equal(npu_write_npy("a.npy", &nan_value, 1, 1, &err), 0);
	assert_int_equal(npu_dataset_read_npy(&d, "a.npy", NULL, &err), -EDOM);
	assert_says(&err, -EDOM,
		    "a.npy: value 0 of sample 0 is nan; fill it in or leave the sample out");
	assert_int_equal(npu_write_npy("none/a.npy", &one, 1, 1, &err), -ENOENT);
	assert_says(&err, -ENOENT, "none/a.npy: cannot create it: No such file");
	assert_int_equal(npu_write_npy(".", &one, 1, 1, &err), -EISDIR);
}

static void test_npy_damage(void **state)
{
	static const float values[] = { 1, 2, 3, 4, 5, 6 };
	struct npu_dataset d;
	struct npu_error err;
	uint32_t random = 11;
	uint8_t *file, *copy;
	size_t size;

	(void)state;
	assert_int_equal(npu_write_npy("a.npy", values, 2, 3, &err), 0);
	file = read_bytes("a.npy", &size);
	assert_int_equal(size, 128 + sizeof(values));
	copy = malloc(size);
	for (size_t n = 0; n < size; n++) {
		write_bytes("x.npy", file, n);
		assert_int_not_equal(npu_dataset_read_npy(&d, "x.npy", NULL, &err), 0);
	}
	for (int i = 0; i < 3000; i++) {
		memcpy(copy, file, size);
		for (int k = 0; k < 2; k++)
			copy[next_random(&random) % 70] = (uint8_t)next_random(&random);
		write_bytes("x.npy", copy, size);
		if (!npu_dataset_read_npy(&d, "x.npy", NULL, &err))
			npu_dataset_free(&d);
	}
	free(file);
	free(copy);
}

/* The MNIST images that others packed. */
static void test_mnist(void **state)
{
	const char *folder = getenv("NPU_DATA");
	char samples[512], digits[512];
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	snprintf(samples, sizeof(samples), "%s/datasets/mnist/t10k_0_5000-images-idx3-ubyte.gz",
		 folder ? folder : "");
	snprintf(digits, sizeof(digits), "%s/datasets/mnist/t10k_0_5000-labels-idx1-ubyte.gz",
		 folder ? folder : "");
	if (!folder || access(samples, R_OK)) {
		print_message("NPU_DATA has no datasets/mnist\n");
		skip();
	}
	if (npu_dataset_read_idx(&d, samples, digits, &err))
		fail_msg("%s", err.message);
	assert_int_equal(d.samples, 5000);
	assert_int_equal(d.features, 784);
	assert_int_equal(d.dim[0], 28);
	assert_int_equal(d.classes, 10);
	npu_dataset_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idx),	   cmocka_unit_test(test_idx_types),
		cmocka_unit_test(test_idx_bad),	   cmocka_unit_test(test_idx_damage),
		cmocka_unit_test(test_npy_types),  cmocka_unit_test(test_npy_shapes),
		cmocka_unit_test(test_npy_y),	   cmocka_unit_test(test_npy_bad),
		cmocka_unit_test(test_npy_damage), cmocka_unit_test(test_mnist),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
