/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests use of cmocka, for programs that are compiled for another architecture: there
 * is no package of cmocka for a cross compiler. Prints TAP; a test ends at what it finds wrong.
 */
#ifndef NPU_TEST_CMOCKA_H
#define NPU_TEST_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	void *initial_state;
};

static jmp_buf test_end;
enum {
	TEST_RUNS,
	TEST_FAILED,
	TEST_SKIPPED
};

#define fail_msg(...)                                    \
	do {                                             \
		printf("# %s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                     \
		printf("\n");                            \
		longjmp(test_end, TEST_FAILED);          \
	} while (0)
#define print_message printf
#define skip() longjmp(test_end, TEST_SKIPPED)
#define assert_true(x)                      \
	do {                                \
		if (!(x))                   \
			fail_msg("%s", #x); \
	} while (0)
#define assert_false(x) assert_true(!(x))
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_null(p) assert_true((p) == NULL)
#define assert_int_equal(a, b) assert_true((long long)(a) == (long long)(b))
#define assert_int_not_equal(a, b) assert_true((long long)(a) != (long long)(b))
#define assert_in_range(x, from, to) assert_true((x) >= (from) && (x) <= (to))
#define assert_ptr_equal(a, b) assert_true((a) == (b))
#define assert_ptr_not_equal(a, b) assert_true((a) != (b))
#define assert_string_equal(a, b) assert_true(!strcmp(a, b))
#define assert_memory_equal(a, b, size) assert_true(!memcmp(a, b, size))
#define assert_memory_not_equal(a, b, size) assert_true(memcmp(a, b, size))

#define cmocka_unit_test(test)    \
	{                         \
#test, test, NULL \
	}
#define cmocka_run_group_tests(tests, setup, teardown) \
	run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

static int run_tests(const struct CMUnitTest *tests, size_t count)
{
	static const char *const after[] = { "", "", " # SKIP" };
	volatile int failed = 0; /* longjmp would lose what a register holds */
	volatile size_t i;

	printf("1..%zu\n", count);
	for (i = 0; i < count; i++) {
		void *state = tests[i].initial_state;
		int end = setjmp(test_end);

		if (end == TEST_RUNS)
			tests[i].test_func(&state);
		failed += end == TEST_FAILED;
		printf("%s %zu - %s%s\n", end == TEST_FAILED ? "not ok" : "ok", i + 1,
		       tests[i].name, after[end]);
		fflush(stdout);
	}
	return failed;
}

#endif /* NPU_TEST_CMOCKA_H */
