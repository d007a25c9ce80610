// SPDX-License-Identifier: MIT
/* CSV: what is read, and the sentence for what is not. */
#include <errno.h>
#include <locale.h>
#include <math.h>

#include "data_case.h"
#include "train/data/number.h"

static int read_text(struct npu_dataset *data, const char *text,
		     const struct npu_csv_options *options, struct npu_error *err)
{
	npu_error_clear(err);
	write_bytes("t.csv", text, strlen(text));
	return npu_dataset_read_csv(data, "t.csv", options, err);
}

static void good(struct npu_dataset *data, const char *text, const struct npu_csv_options *options)
{
	struct npu_error err;

	if (read_text(data, text, options, &err))
		fail_msg("%s", err.message);
}

static void test_header_and_label(void **state)
{
	struct npu_csv_options o = { .label = "kind" };
	struct npu_dataset d;

	(void)state;
	good(&d, "width,kind,height\n1,cat,2\n3,\"ant\",4\n\n5,cat,6\n", &o);
	assert_int_equal(d.samples, 3);
	assert_int_equal(d.features, 2);
	assert_int_equal(d.dim[0] * 100 + d.dim[1] * 10 + d.dim[2], 112);
	assert_int_equal(d.classes, 2);
	assert_int_equal(d.targets, 0);
	assert_string_equal(d.feature_names[0], "width");
	assert_string_equal(d.feature_names[1], "height");
	assert_string_equal(d.class_names[0], "ant");
	assert_string_equal(d.class_names[1], "cat");
	assert_int_equal(d.labels[0], 1);
	assert_int_equal(d.labels[1], 0);
	assert_int_equal(d.labels[2], 1);
	for (int i = 0; i < 6; i++)
		assert_true(d.x[i] == i + 1);
	npu_dataset_free(&d);
	assert_null(d.x);
	assert_int_equal(d.samples, 0);
	npu_dataset_free(&d);
}

static void test_label_by_place(void **state)
{
	struct npu_csv_options o = { .label = "-1" };
	struct npu_dataset d;

	(void)state;
	/* Text in the label alone makes no header. */
	good(&d, "5.1;3.5;setosa\r\n6;2;virginica\r\n", &o);
	assert_int_equal(d.samples, 2);
	assert_null(d.feature_names);
	assert_true(d.x[1] == 3.5f);
	npu_dataset_free(&d);
	o.label = "0";
	good(&d, "10\t1\n9\t2\n10\t3\n2\t4", &o);
	assert_int_equal(d.classes, 3);
	assert_string_equal(d.class_names[0], "2");
	assert_string_equal(d.class_names[1], "9");
	assert_string_equal(d.class_names[2], "10");
	assert_int_equal(d.labels[0], 2);
	npu_dataset_free(&d);
	/* The same number written twice is one class. */
	good(&d, "1,5\n1.0,6\n0,7\n", &o);
	assert_int_equal(d.classes, 2);
	assert_int_equal(d.labels[0], 1);
	assert_int_equal(d.labels[1], 1);
	assert_int_equal(d.labels[2], 0);
	npu_dataset_free(&d);
}

static void test_targets(void **state)
{
	struct npu_csv_options o = { .targets = "y2,0" };
	struct npu_dataset d;

	(void)state;
	good(&d, "y1,a,y2\n1,2,3\n4,5,6\n", &o);
	assert_int_equal(d.targets, 2);
	assert_int_equal(d.features, 1);
	assert_int_equal(d.classes, 0);
	/* In the order of the columns. */
	assert_true(d.y[0] == 1 && d.y[1] == 3 && d.y[2] == 4 && d.y[3] == 6);
	assert_true(d.x[0] == 2 && d.x[1] == 5);
	npu_dataset_free(&d);
	good(&d, "1,2\n3,4\n", NULL);
	assert_int_equal(d.features, 2);
	assert_int_equal(d.targets + d.classes, 0);
	npu_dataset_free(&d);
}

static void test_some_features(void **state)
{
	struct npu_csv_options o = { .features = "price,sold" };
	struct npu_dataset d;

	(void)state;
	/* The date is no number and is not read. */
	good(&d, "date,sold,price\n1949-01,1,2\n1949-02,3,4\n", &o);
	assert_int_equal(d.features, 2);
	assert_string_equal(d.feature_names[0], "sold");
	assert_memory_equal(d.x, ((float[]){ 1, 2, 3, 4 }), 4 * sizeof(float));
	npu_dataset_free(&d);
	/* Without a header: the first line is a sample. */
	o = (struct npu_csv_options){ .features = "1", .targets = "2" };
	good(&d, "1949-01,1,2\n1949-02,3,4\n", &o);
	assert_int_equal(d.samples, 2);
	assert_memory_equal(d.x, ((float[]){ 1, 3 }), 2 * sizeof(float));
	assert_memory_equal(d.y, ((float[]){ 2, 4 }), 2 * sizeof(float));
	npu_dataset_free(&d);
	/* By number, under a header. */
	o = (struct npu_csv_options){ .features = "1" };
	good(&d, "date,sold\n1949-01,1\n", &o);
	assert_int_equal(d.samples, 1);
	assert_string_equal(d.feature_names[0], "sold");
	npu_dataset_free(&d);
}

static void test_forms(void **state)
{
	struct npu_csv_options o = { .label = "na\"me\n, x", .header = 1, .separator = ',' };
	struct npu_dataset d;

	(void)state;
	/* BOM, CR line ends, blanks around, quotes, separators and newlines in quotes. */
	good(&d,
	     "\xef\xbb\xbf"
	     "a;b , \"na\"\"me\n, x\"\r +1.5e-2 ,a\r\r-.5,\"a,\nb\"\r",
	     &o);
	assert_int_equal(d.samples, 2);
	assert_string_equal(d.feature_names[0], "a;b");
	assert_string_equal(d.class_names[1], "a,\nb");
	assert_true(d.x[0] == 1.5e-2f && d.x[1] == -.5f);
	npu_dataset_free(&d);
	o = (struct npu_csv_options){ .header = -1 };
	good(&d, "1\n2\n3", &o);
	assert_int_equal(d.samples, 3);
	assert_int_equal(d.features, 1);
	npu_dataset_free(&d);
}

static void test_many_rows_and_classes(void **state)
{
	struct npu_csv_options o = { .label = "1" };
	struct npu_dataset d;
	FILE *f = fopen("many.csv", "w");
	struct npu_error err;

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 5000; i++)
		fprintf(f, "%d,c%03d\n", i, i % 777);
	fclose(f);
	assert_int_equal(npu_dataset_read_csv(&d, "many.csv", &o, &err), 0);
	assert_int_equal(d.samples, 5000);
	assert_int_equal(d.classes, 777);
	for (int i = 0; i < 5000; i++) {
		assert_true(d.x[i] == i);
		assert_int_equal(d.labels[i], i % 777);
	}
	npu_dataset_free(&d);
}

static void test_bad_input(void **state)
{
	static const struct {
		const char *text;
		struct npu_csv_options options;
		int code;
		const char *says;
	} bad[] = {
		{ "a,b\n1,2\n3\n",
		  { 0 },
		  -EINVAL,
		  "t.csv:3:1: 1 fields where the first line has 2; correct the line" },
		{ "1,2\n3,4,5\n", { 0 }, -EINVAL, "t.csv:2:5: 3 fields where" },
		{ "a,b\n1,x7\n",
		  { 0 },
		  -EINVAL,
		  "t.csv:2:3: field 2 (b) is 'x7', not a number; if the column holds classes, name "
		  "it as the label" },
		{ "a,b\n1,\n",
		  { 0 },
		  -EINVAL,
		  "t.csv:2:3: field 2 (b) is empty; fill it in or leave the line out" },
		{ "a;b\n1,5;2\n",
		  { 0 },
		  -EINVAL,
		  "t.csv:2:1: field 1 (a) is '1,5', not a number; write a point instead of the "
		  "comma" },
		{ "1,2\n3,nan\n", { 0 }, -EINVAL, "t.csv:2:3: field 2 is 'nan', not a number" },
		{ "1,2\n3,0x10\n", { 0 }, -EINVAL, "'0x10', not a number" },
		{ "1,2\n3,1e99\n",
		  { 0 },
		  -ERANGE,
		  "t.csv:2:3: field 2 is '1e99', too large for a 32-bit float; scale" },
		{ "a,b\n1,2\n",
		  { .header = -1 },
		  -EINVAL,
		  "t.csv:1:1: field 1 is 'a', not a number; if this is a header, say so" },
		{ "",
		  { 0 },
		  -ENODATA,
		  "t.csv:1:1: the file is empty; it needs a line for each sample" },
		{ "\n \r\n\n", { 0 }, -ENODATA, "the file is empty" },
		{ "a,b\n", { 0 }, -ENODATA, "no samples after the header; add a line" },
		{ "a,b\n1,2\n",
		  { .label = "c" },
		  -ENOENT,
		  "no column 'c'; there are 2, from 'a' to 'b'" },
		{ "a b\n1 2\n",
		  { .label = "b" },
		  -ENOENT,
		  "no column 'b', only 'a b'; commas, semicolons or tabs" },
		{ "1,2\n",
		  { .label = "2" },
		  -ENOENT,
		  "its 2 columns are 0 to 1, or -1 for the last" },
		{ "1,2\n", { .label = "-3" }, -ENOENT, "no column -3" },
		{ "a,a,b\n1,2,3\n",
		  { .label = "a" },
		  -EINVAL,
		  "two columns are called 'a'; name one by its number" },
		{ "a,b\n1,2\n", { .targets = "a,a" }, -EINVAL, "column 'a' is named twice" },
		{ "a,b\n1,2\n", { .targets = "a", .features = "a" }, -EINVAL, "named twice" },
		{ "a,b\n1,2\n", { .features = "c" }, -ENOENT, "no column 'c'" },
		{ "a,b\n1,2\n",
		  { .targets = "a,b" },
		  -EINVAL,
		  "no column is left for features; is the separator ',' right?" },
		{ "a,b\n1,2\n",
		  { .targets = "a", .label = "b" },
		  -EINVAL,
		  "both a label column and targets" },
		{ "a,b\n1,\n",
		  { .label = "b" },
		  -EINVAL,
		  "t.csv:2:3: the label, field 2, is empty" },
		{ "1,\"2\n3,4\n",
		  { 0 },
		  -EINVAL,
		  "t.csv:1:3: a quote that is opened here is never closed; add" },
		{ "1,\"2\"3\n",
		  { 0 },
		  -EINVAL,
		  "t.csv:1:6: text after a closing quote; write a quote inside a quoted field "
		  "twice" },
		{ "\xff\xfe"
		  "1",
		  { 0 },
		  -EILSEQ,
		  "is UTF-16; save it as UTF-8" },
	};
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(&d, bad[i].text, &bad[i].options, &err), bad[i].code);
		assert_says(&err, bad[i].code, bad[i].says);
		assert_null(d.x);
	}
	assert_int_equal(npu_dataset_read_csv(&d, "absent.csv", NULL, &err), -ENOENT);
	assert_says(&err, -ENOENT, "absent.csv: cannot open it: No such file");
	assert_int_equal(npu_dataset_read_csv(&d, ".", NULL, &err), -EISDIR);
	assert_int_equal(npu_dataset_read_csv(&d, "absent.csv", NULL, NULL), -ENOENT);
}

static void test_too_many_classes(void **state)
{
	struct npu_csv_options o = { .label = "0" };
	struct npu_dataset d;
	struct npu_error err;
	FILE *f = fopen("classes.csv", "w");

	(void)state;
	assert_non_null(f);
	for (int i = 0; i <= 65536; i++)
		fprintf(f, "%d,1\n", i);
	fclose(f);
	assert_int_equal(npu_dataset_read_csv(&d, "classes.csv", &o, &err), -E2BIG);
	assert_says(&err, -E2BIG,
		    "classes.csv:65537:1: the label column has more than 65536 different values; "
		    "are these targets?");
}

/* Against strtof() in the "C" locale: correctly rounded, to the bit. */
static void test_numbers(void **state)
{
	static const char *const special[] = {
		"0",
		"-0",
		"0e99",
		"1e-46",
		"1e-45",
		"1.4e-45",
		"1.17549435e-38",
		"3.4028235e38",
		"3.4028236e38",
		"1e39",
		"-1e39",
		"16777217",
		"16777217.0000001",
		"16777219",
		"0.1",
		"8388608.5",
		"8388609.5",
		"9007199791611905",
		"9007199791611904",
		"1e22",
		"1e23",
		"123456789012345678901234567890",
		".5",
		"5.",
		"1.00000005960464477539062",
		"1.00000005960464477539063",
		"0.000000000000000000000000000001",
	};
	static const char *const bad[] = {
		"",    "-",   ".",   "e5",    "1e",  "1e+", "1.2.3",
		"1 2", "inf", "nan", "0x1p3", "1,5", "1f",  "--1",
	};
	uint32_t random = 1;
	float value, expected;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		assert_true(npu_number_parse(special[i], strlen(special[i]), &value));
		expected = strtof(special[i], NULL);
		assert_memory_equal(&value, &expected, sizeof(value));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(npu_number_parse(bad[i], strlen(bad[i]), &value));
	for (int i = 0; i < 300000; i++) {
		unsigned int digits = next_random(&random) % 18 + 1;
		int exponent = (int)(next_random(&random) % 100) - 50;
		float near;
		uint32_t bits = next_random(&random) & 0x7f7fffff;

		memcpy(&near, &bits, sizeof(near));
		if (i & 1) /* near the middle of two floats */
			snprintf(text, sizeof(text), "%.*g", (int)digits,
				 ((double)near + (double)nextafterf(near, 0)) / 2);
		else
			snprintf(text, sizeof(text), "%u.%09ue%d", next_random(&random),
				 next_random(&random), exponent);
		assert_true(npu_number_parse(text, strlen(text), &value));
		expected = strtof(text, NULL);
		assert_memory_equal(&value, &expected, sizeof(value));
	}
}

/* A locale that writes decimal commas changes nothing. */
static void test_locale(void **state)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "de_DE" };
	const char *set = NULL;
	float value;

	(void)state;
	for (size_t i = 0; i < 4 && !set; i++)
		set = setlocale(LC_NUMERIC, names[i]);
	if (!set || strcmp(localeconv()->decimal_point, ",")) {
		setlocale(LC_NUMERIC, "C");
		print_message("no locale with decimal commas is installed\n");
		skip();
	}
	assert_true(npu_number_parse("1.5", 3, &value));
	assert_true(value == 1.5f);
	assert_true(npu_number_parse("1.50000000000000000000000001", 28, &value));
	assert_true(value == 1.5f);
	setlocale(LC_NUMERIC, "C");
}

/* Any bytes at all: an answer or a sentence, never a crash. */
static void test_damage(void **state)
{
	static const char text[] = "a,\"b\",c\n1,2,\"x\"\"y\"\n3,4.5e1,z\r\n5,6,x\n";
	const struct npu_csv_options o = { .label = "c" };
	const size_t size = sizeof(text) - 1;
	uint32_t random = 7;
	struct npu_dataset d;
	struct npu_error err;
	char copy[sizeof(text)];

	(void)state;
	for (size_t n = 0; n <= size; n++) {
		write_bytes("d.csv", text, n);
		if (!npu_dataset_read_csv(&d, "d.csv", &o, &err))
			npu_dataset_free(&d);
	}
	for (int i = 0; i < 3000; i++) {
		static const char odd[] = "\",\n\r;\t\0e.-9\xff";

		memcpy(copy, text, size);
		for (int k = 0; k < 3; k++)
			copy[next_random(&random) % size] =
				i & 1 ? (char)next_random(&random)
				      : odd[next_random(&random) % (sizeof(odd) - 1)];
		write_bytes("d.csv", copy, size);
		err.message[0] = '\0';
		if (!npu_dataset_read_csv(&d, "d.csv", &o, &err))
			npu_dataset_free(&d);
		else
			assert_non_null(strstr(err.message, "d.csv"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_and_label),
		cmocka_unit_test(test_label_by_place),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_some_features),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_many_rows_and_classes),
		cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_too_many_classes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_locale),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
