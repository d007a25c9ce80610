// SPDX-License-Identifier: MIT
/* .npy files used in place. */
#include <errno.h>
#include <sys/resource.h>
#include <zlib.h>

#include "data_case.h"

#define ROWS 200
#define COLUMNS 3

static float values[ROWS * COLUMNS];

static int write_case(void **state)
{
	for (int i = 0; i < ROWS * COLUMNS; i++)
		values[i] = i;
	return enter_folder(state) || npu_write_npy("x.npy", values, ROWS, COLUMNS, NULL) ||
	       npu_write_npy("y.npy", values, ROWS, 1, NULL);
}

static void test_open(void **state)
{
	struct npu_dataset d, copy;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_dataset_open_npy(&d, "x.npy", "y.npy", &err), 0);
	assert_int_equal(d.samples, ROWS);
	assert_int_equal(d.features, COLUMNS);
	assert_int_equal(d.targets, 1);
	assert_non_null(d.release);
	assert_null(d.read);
	assert_memory_equal(d.x, values, sizeof(values));
	assert_int_equal(npu_dataset_read_npy(&copy, "x.npy", "y.npy", &err), 0);
	assert_memory_equal(copy.x, d.x, sizeof(values));
	npu_dataset_free(&copy);
	npu_dataset_free(&d);
	assert_null(d.x);
}

/* Parts are views, also of what they outlive. */
static void test_parts(void **state)
{
	struct npu_dataset d, train, test;
	struct npu_scaler whole, half;
	float x[COLUMNS];

	(void)state;
	assert_int_equal(npu_dataset_open_npy(&d, "x.npy", "y.npy", NULL), 0);
	assert_int_equal(npu_scaler_fit_standard(&whole, &d, NULL), 0);
	assert_true(whole.mean[0] == 298.5f);
	assert_int_equal(npu_dataset_split(&d, .25f, 3, &train, &test, NULL), 0);
	npu_dataset_free(&d);
	assert_null(train.x);
	assert_int_equal(test.samples, 50);
	npu_dataset_free(&test);
	for (size_t i = 0; i < train.samples; i++) {
		assert_int_equal(train.read(&train, i, x, NULL), 0);
		/* The target is the number of the sample. */
		assert_true(x[0] == COLUMNS * train.y[i] && x[2] == x[0] + 2);
	}
	assert_int_equal(npu_scaler_fit_standard(&half, &train, NULL), 0);
	assert_true(half.mean[1] > 0);
	npu_dataset_free(&train);
	npu_scaler_free(&whole);
	npu_scaler_free(&half);
}

static void expect(const char *path, int code, const char *part)
{
	struct npu_dataset d;
	struct npu_error err = { 0 };

	assert_int_equal(npu_dataset_open_npy(&d, path, NULL, &err), code);
	assert_says(&err, code, part);
	assert_null(d.x);
	assert_null(d.context);
}

static void test_wrong(void **state)
{
	size_t size;
	uint8_t *bytes = read_bytes("x.npy", &size);
	struct npu_dataset d;
	struct npu_error err;
	gzFile gz;

	(void)state;
	expect("none.npy", -ENOENT, "none.npy: cannot open it");
	/* Damaged at every length, and too long. */
	for (size_t n = 0; n < size; n++) {
		write_bytes("cut.npy", bytes, n);
		expect("cut.npy", -EINVAL, "truncated");
	}
	bytes[size] = 0;
	write_bytes("long.npy", bytes, size + 1);
	expect("long.npy", -EINVAL, "has 2529 bytes where its header says 2528");
	gz = gzopen("x.gz", "wb");
	assert_non_null(gz);
	gzwrite(gz, bytes, size);
	gzclose(gz);
	expect("x.gz", -EINVAL, "unpack it with gunzip");
	bytes[strstr((char *)bytes + 10, "f4") - (char *)bytes + 1] = '8';
	write_bytes("f8.npy", bytes, size);
	expect("f8.npy", -EINVAL, ".astype('<f4')");
	assert_int_equal(npu_dataset_open_npy(&d, "x.npy", "cut.npy", &err), -EINVAL);
	assert_null(d.context);
	free(bytes);
}

/* A header of odd length puts the values where no float may lie. */
static void test_unaligned(void **state)
{
	static const char header[] = "\x93NUMPY\x01\x00\x3b\x00"
				     "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  ";
	char bytes[sizeof(header) + 8] = { 0 };

	(void)state;
	memcpy(bytes, header, sizeof(header) - 1);
	write_bytes("odd.npy", bytes, sizeof(header) - 1 + 8);
	expect("odd.npy", -EINVAL, "its values begin at byte 69, not at a multiple of 4");
}

/* More than the process may have of its own: reading it fails, using it in place does not. */
static void test_larger_than_memory(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	(void)state;
	print_message("the sanitizer's own memory is beyond any limit\n");
	skip();
#else
	struct rlimit before, limit;
	char header[128];
	struct npu_dataset d;
	struct npu_scaler scaler;
	struct npu_error err;
	FILE *f;
	int ret;

	(void)state;
	/* 65536 samples of 1024 values, 256 MiB, of which the disk has nothing. */
	f = fopen("large.npy", "wb");
	assert_non_null(f);
	snprintf(header, sizeof(header), "%-117s\n",
		 "{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 1024), }");
	fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
	fwrite(header, 1, 118, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(truncate("large.npy", 128 + (off_t)65536 * 4096), 0);
	assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
	limit = before;
	limit.rlim_cur = 64 << 20;
	assert_int_equal(setrlimit(RLIMIT_DATA, &limit), 0);
	ret = npu_dataset_read_npy(&d, "large.npy", NULL, &err);
	assert_int_equal(ret, -ENOMEM);
	ret = npu_dataset_open_npy(&d, "large.npy", NULL, &err);
	assert_int_equal(ret, 0);
	ret = npu_scaler_fit_standard(&scaler, &d, &err);
	assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
	assert_int_equal(ret, 0);
	assert_true(scaler.factor[1023] == 1);
	npu_scaler_free(&scaler);
	npu_dataset_free(&d);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_larger_than_memory),
	};

	return cmocka_run_group_tests(tests, write_case, leave_folder);
}
