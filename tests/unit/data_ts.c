// SPDX-License-Identifier: MIT
/* .ts files: what is read, and the sentence for what is not. */
#include <errno.h>

#include "data_case.h"

static int read_text(struct npu_dataset *data, const char *text,
		     const struct npu_ts_options *options, struct npu_error *err)
{
	npu_error_clear(err);
	write_bytes("t.ts", text, strlen(text));
	return npu_dataset_read_ts(data, "t.ts", options, err);
}

static void good(struct npu_dataset *data, const char *text, const struct npu_ts_options *options)
{
	struct npu_error err;

	if (read_text(data, text, options, &err))
		fail_msg("%s", err.message);
}

static const char two_channels[] = "# about\n@problemName x\n@classLabel true b a\n\n@data\n"
				   "1,2,3:10,20,30:b\r\n 4 , 5:40,50: a \n# more\n6:60:b";

static void test_sequences(void **state)
{
	const float x[] = { 1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 0, 0, 6, 60, 0, 0, 0, 0 };
	struct npu_dataset d;

	(void)state;
	good(&d, two_channels, NULL);
	assert_int_equal(d.samples, 3);
	assert_int_equal(d.dim[0] * 100 + d.dim[1] * 10 + d.dim[2], 132);
	assert_memory_equal(d.x, x, sizeof(x));
	assert_memory_equal(d.lengths, ((uint32_t[]){ 3, 2, 1 }), 12);
	assert_int_equal(d.classes, 2);
	assert_string_equal(d.class_names[0], "a");
	assert_memory_equal(d.labels, ((int32_t[]){ 1, 0, 1 }), 12);
	npu_dataset_free(&d);
}

static void test_steps(void **state)
{
	struct npu_ts_options o = { .steps = 2 };
	struct npu_dataset d, same;

	(void)state;
	good(&d, two_channels, &o);
	assert_int_equal(d.dim[1], 2);
	assert_memory_equal(d.x, ((float[]){ 1, 10, 2, 20, 4, 40, 5, 50 }), 8 * sizeof(float));
	assert_memory_equal(d.lengths, ((uint32_t[]){ 2, 2, 1 }), 12);
	/* Other series, of which one class is missing: numbered as before. */
	good(&same, "@classLabel true a b c\n@data\n7,8,9:70,80,90:b\n",
	     &(struct npu_ts_options){ .like = &d });
	assert_int_equal(same.dim[1], 2);
	assert_int_equal(same.classes, 2);
	assert_int_equal(same.labels[0], 1);
	assert_null(same.lengths);
	npu_dataset_free(&same);
	npu_dataset_free(&d);
	o.steps = 5;
	good(&d, two_channels, &o);
	assert_int_equal(d.dim[1], 5);
	assert_memory_equal(d.lengths, ((uint32_t[]){ 3, 2, 1 }), 12);
	npu_dataset_free(&d);
}

static void test_targets(void **state)
{
	struct npu_dataset d;

	(void)state;
	good(&d, "@targetLabel true\n@classLabel false\n@data\n1,2:0.5\n3,4:-1\n", NULL);
	assert_int_equal(d.targets, 1);
	assert_int_equal(d.classes, 0);
	assert_null(d.lengths);
	assert_true(d.y[0] == .5f && d.y[1] == -1);
	npu_dataset_free(&d);
	good(&d, "@data\n1,2:3,4\n", NULL);
	assert_int_equal(d.dim[2], 2);
	assert_null(d.labels);
	npu_dataset_free(&d);
}

#define HEADER "@classLabel true a b\n@data\n"

static void test_bad_input(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *part;
	} bad[] = {
		{ "", -EINVAL, "t.ts:0: ends before the line @data" },
		{ "1,2:a\n", -EINVAL, "t.ts:1: a series before the line @data" },
		{ "@timeStamps true\n@data\n", -EINVAL, "t.ts:1: series with time stamps" },
		{ HEADER, -ENODATA, "t.ts:2: no series after @data" },
		{ HEADER "1,2:a\n1,2:c\n", -ERANGE,
		  "t.ts:4: class 'c' is not one of the 2 that are listed" },
		{ HEADER "1,2\n", -EINVAL, "t.ts:3: values and their class have to be separated" },
		{ HEADER "1,2:\n", -EINVAL, "t.ts:3: the series ends without its class" },
		{ HEADER "1,2:3:a\n", -EINVAL,
		  "t.ts:3: channel 2 has 1 values where channel 1 has 2" },
		{ HEADER "1:2:a\n\n1:a\n", -EINVAL,
		  "t.ts:5: 1 channels where the first series has 2" },
		{ HEADER "1,x:a\n", -EINVAL, "t.ts:3: value 2 of channel 1 is 'x', not a number" },
		{ HEADER "1:2:a\n1:1e99:a\n", -EINVAL, "t.ts:4: value 1 of channel 2 is '1e99'" },
		{ HEADER "1,?,3:a\n", -EINVAL, "t.ts:3: value 2 of channel 1 is missing; fill" },
		{ HEADER "1,,3:a\n", -EINVAL, "t.ts:3: value 2 of channel 1 is missing" },
		{ "@targetLabel true\n@data\n1:x\n", -EINVAL, "t.ts:3: the target is 'x'" },
	};
	struct npu_dataset d, other = { .dim = { 1, 2, 3 } };
	struct npu_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(&d, bad[i].text, NULL, &err), bad[i].code);
		assert_says(&err, bad[i].code, bad[i].part);
		assert_null(d.x);
	}
	assert_int_equal(npu_dataset_read_ts(&d, "none.ts", NULL, &err), -ENOENT);
	assert_int_equal(
		read_text(&d, two_channels, &(struct npu_ts_options){ .like = &other }, &err),
		-EINVAL);
	assert_says(&err, -EINVAL,
		    "series of 2 channels where the samples they shall be like are "
		    "1 x 2 x 3");
	other.classes = 2;
	assert_int_equal(
		read_text(&d, two_channels, &(struct npu_ts_options){ .like = &other }, &err),
		-EINVAL);
	assert_says(&err, -EINVAL, "has no names of classes");
}

static void test_damage(void **state)
{
	char copy[sizeof(two_channels)];
	const size_t size = sizeof(two_channels) - 1;
	static const char odd[] = ":,@#\n\r ?\0ae-";
	uint32_t random = 1;
	struct npu_dataset d;
	struct npu_error err;

	(void)state;
	for (size_t n = 0; n <= size + 3000; n++) {
		memcpy(copy, two_channels, size);
		for (int k = 0; n > size && k < 3; k++)
			copy[next_random(&random) % size] =
				odd[next_random(&random) % (sizeof(odd) - 1)];
		write_bytes("d.ts", copy, n < size ? n : size);
		err.message[0] = '\0';
		if (!npu_dataset_read_ts(&d, "d.ts", NULL, &err))
			npu_dataset_free(&d);
		else
			assert_non_null(strstr(err.message, "d.ts"));
	}
}

static void test_real(void **state)
{
	const char *folder = getenv("NPU_DATA");
	struct npu_dataset train, test;
	struct npu_error err;
	uint32_t shortest = ~0u;
	char path[4096];

	(void)state;
	if (!folder) {
		print_message("NPU_DATA is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/datasets/timeseries/JapaneseVowels/JapaneseVowels_TEST.ts",
		 folder);
	if (access(path, R_OK)) {
		print_message("%s is not there\n", path);
		skip();
	}
	assert_int_equal(npu_dataset_read_ts(&test, path, NULL, &err), 0);
	assert_int_equal(test.samples, 370);
	assert_int_equal(test.classes, 9);
	assert_int_equal(test.dim[1], 29);
	assert_int_equal(test.dim[2], 12);
	for (size_t i = 0; i < test.samples; i++)
		shortest = test.lengths[i] < shortest ? test.lengths[i] : shortest;
	assert_int_equal(shortest, 7);
	*strstr(path, "TEST.ts") = '\0';
	strcat(path, "TRAIN.ts");
	assert_int_equal(
		npu_dataset_read_ts(&train, path, &(struct npu_ts_options){ .like = &test }, &err),
		0);
	assert_int_equal(train.samples, 270);
	assert_int_equal(train.dim[1], 29);
	assert_int_equal(train.labels[0], 0);
	assert_int_equal(train.labels[269], 8);
	assert_true(train.x[0] == 1.860936f && train.x[12] == 1.891651f);
	npu_dataset_free(&train);
	npu_dataset_free(&test);
	snprintf(path, sizeof(path),
		 "%s/datasets/timeseries/ItalyPowerDemand/ItalyPowerDemand_TRAIN.ts", folder);
	assert_int_equal(npu_dataset_read_ts(&train, path, NULL, &err), 0);
	assert_int_equal(train.samples, 67);
	assert_int_equal(train.dim[1], 24);
	assert_null(train.lengths);
	assert_string_equal(train.class_names[1], "2");
	npu_dataset_free(&train);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_targets),	  cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_damage),	  cmocka_unit_test(test_real),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
