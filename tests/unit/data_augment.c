// SPDX-License-Identifier: MIT
/* Augmentation: what each option does, that it repeats, and how its draws are spread. */
#include <math.h>

#include "data_case.h"

#define H 5
#define W 6
#define C 2

static const uint32_t dim[3] = { H, W, C };
static float x[H * W * C], y[H * W * C], z[H * W * C];

static int fill_x(void **state)
{
	(void)state;
	/* Linear in place: interpolation is exact, and a value tells where it comes from. */
	for (int i = 0; i < H; i++)
		for (int j = 0; j < W; j++)
			for (int k = 0; k < C; k++)
				x[(i * W + j) * C + k] = 1000 * k + 16 * i + j;
	return 0;
}

static float at(const float *sample, int i, int j, int k)
{
	return sample[(i * W + j) * C + k];
}

static void test_nothing(void **state)
{
	const struct npu_augmentation none = { .fill = 7 };

	(void)state;
	npu_augment(&none, dim, W, x, 1, y);
	assert_memory_equal(y, x, sizeof(x));
}

static void test_shift(void **state)
{
	const struct npu_augmentation o = { .shift = { 1, 2 }, .fill = -9 };
	int seen[3][5] = { { 0 } };

	(void)state;
	for (uint64_t random = 0; random < 1500; random++) {
		int di = 9, dj = 9;

		npu_augment(&o, dim, W, x, random, y);
		/* The middle comes from somewhere within the bounds; all the rest with it. */
		for (int i = -1; i <= 1; i++)
			for (int j = -2; j <= 2; j++)
				if (at(y, 2, 2, 0) == at(x, 2 - i, 2 - j, 0)) {
					di = i;
					dj = j;
				}
		assert_true(di <= 1 && dj <= 2);
		seen[di + 1][dj + 2]++;
		for (int i = 0; i < H; i++)
			for (int j = 0; j < W; j++)
				for (int k = 0; k < C; k++) {
					bool in = i - di >= 0 && i - di < H && j - dj >= 0 &&
						  j - dj < W;

					assert_true(at(y, i, j, k) ==
						    (in ? at(x, i - di, j - dj, k) : -9));
				}
	}
	/* 15 ways, 100 times each but for chance (4.5 standard deviations). */
	for (int i = 0; i < 15; i++)
		assert_in_range(seen[i / 5][i % 5], 55, 145);
}

static void test_flip(void **state)
{
	const struct npu_augmentation o = { .flip_columns = true, .flip_rows = true };
	int seen[4] = { 0 };

	(void)state;
	for (uint64_t random = 0; random < 400; random++) {
		bool rows, columns;

		npu_augment(&o, dim, W, x, random, y);
		rows = at(y, 0, 0, 0) >= 16;
		columns = fmodf(at(y, 0, 0, 0), 16) != 0;
		for (int i = 0; i < H; i++)
			for (int j = 0; j < W; j++)
				assert_true(at(y, i, j, 1) == at(x, rows ? H - 1 - i : i,
								 columns ? W - 1 - j : j, 1));
		seen[2 * rows + columns]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 60, 140);
}

static void test_crop(void **state)
{
	const struct npu_augmentation o = { .crop = { 2, 3 } };
	int smaller = 0;

	(void)state;
	for (uint64_t random = 0; random < 300; random++) {
		float top, left, rows, columns;

		npu_augment(&o, dim, W, x, random, y);
		/* Corners show the window, all else lies evenly between them. */
		left = fmodf(at(y, 0, 0, 0), 16);
		top = (at(y, 0, 0, 0) - left) / 16;
		columns = fmodf(at(y, H - 1, W - 1, 0), 16) - left;
		rows = (at(y, H - 1, W - 1, 0) - left - columns) / 16 - top;
		assert_true(rows >= H - 1 - 2 && rows + top <= H - 1);
		assert_true(columns >= W - 1 - 3 && columns + left <= W - 1);
		smaller += rows < H - 1 && columns < W - 1;
		for (int i = 0; i < H; i++)
			for (int j = 0; j < W; j++) {
				float expected = 16 * (top + i * rows / (H - 1)) + left +
						 j * columns / (W - 1);

				assert_true(fabsf(at(y, i, j, 0) - expected) < 1e-4f);
			}
	}
	assert_in_range(smaller, 100, 200); /* 2/3 * 3/4 of them: 150 */
}

static void test_noise(void **state)
{
	const struct npu_augmentation o = { .noise = .5f };
	double sum = 0, square = 0;
	int n = 0;

	(void)state;
	for (uint64_t random = 0; random < 200; random++) {
		npu_augment(&o, dim, W, x, random, y);
		for (int i = 0; i < H * W * C; i++, n++) {
			sum += y[i] - x[i];
			square += (y[i] - x[i]) * (y[i] - x[i]);
		}
	}
	assert_true(fabs(sum / n) < .02);
	assert_true(fabs(sqrt(square / n) - .5) < .02);
}

/* One row: rows cannot move; what lies behind the end stays as it is. */
static void test_sequence(void **state)
{
	const uint32_t sequence[3] = { 1, 8, 1 };
	const struct npu_augmentation o = { .shift = { 3, 2 },
					    .crop = { 1, 1 },
					    .fill = -1,
					    .flip_columns = true,
					    .flip_rows = true,
					    .noise = .01f };
	float s[8] = { 1, 2, 3, 4, 5, 0, 0, 0 }, t[8];
	int moved = 0;

	(void)state;
	for (uint64_t random = 0; random < 50; random++) {
		npu_augment(&o, sequence, 5, s, random, t);
		assert_true(t[5] == 0 && t[6] == 0 && t[7] == 0);
		for (int i = 0; i < 5; i++)
			assert_true(t[i] > -1.1f && t[i] < 5.1f);
		moved += fabsf(t[2] - 3) > .5f;
	}
	assert_true(moved > 10);
	/* A single step, and more than there is: nothing but noise. */
	npu_augment(&(struct npu_augmentation){ .crop = { 9, 9 } }, sequence, 1, s, 5, t);
	assert_memory_equal(s, t, sizeof(s));
	npu_augment(&(struct npu_augmentation){ .shift = { ~0u, ~0u } }, sequence, 8, s, 5, t);
}

static void test_repeats(void **state)
{
	const struct npu_augmentation o = {
		.shift = { 1, 1 }, .crop = { 1, 1 }, .noise = .1f, .flip_columns = true
	};

	(void)state;
	npu_augment(&o, dim, W, x, 42, y);
	npu_augment(&o, dim, W, x, 43, z);
	assert_memory_not_equal(y, z, sizeof(y));
	npu_augment(&o, dim, W, x, 42, z);
	assert_memory_equal(y, z, sizeof(y));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_shift),
		cmocka_unit_test(test_flip),	cmocka_unit_test(test_crop),
		cmocka_unit_test(test_noise),	cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_repeats),
	};

	return cmocka_run_group_tests(tests, fill_x, NULL);
}
