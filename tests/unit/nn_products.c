// SPDX-License-Identifier: MIT
/*
 * Products of matrices, every variant, at the edges of its tiles: against sums in double precision,
 * with pages that may not be touched before and after every operand, and the same bits in whatever
 * blocks.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "train/nn/kernels/f32.h"
#include "train/nn/kernels/matmul.h"
#include "train/nn/rng.h"

#define AREA_FLOATS ((size_t)1 << 19)
#define GAP 1234.5f /* what lies between the rows of C */

static struct npu_rng rng;
static float *area[4];

/* Floats between two pages that may not be touched. */
static float *guarded(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = AREA_FLOATS * sizeof(float);
	char *p = mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + page, bytes, PROT_READ | PROT_WRITE), 0);
	return (float *)(p + page);
}

/* @count floats that touch the end of an area, or its begin. */
static float *place(size_t which, size_t count, bool at_end)
{
	size_t i;
	float *p = area[which] + (at_end ? AREA_FLOATS - count : 0);

	assert_true(count <= AREA_FLOATS);
	for (i = 0; i < count; i++)
		p[i] = (float)npu_rng_normal(&rng);
	return p;
}

/* Floats of @rows rows of @columns, @ld from one to the next. */
static size_t extent(size_t rows, size_t columns, size_t ld)
{
	return rows && columns ? (rows - 1) * ld + columns : 0;
}

static struct npu_gemm make_product(enum npu_gemm_form form, size_t m, size_t n, size_t k,
				    bool at_end)
{
	const bool ta = form == NPU_GEMM_TN, tb = form == NPU_GEMM_NT;
	struct npu_gemm g = {
		.form = form,
		.m = m,
		.n = n,
		.k = k,
		.lda = (ta ? m : k) + npu_rng_below(&rng, 4),
		.ldb = (tb ? k : n) + npu_rng_below(&rng, 4),
		.ldc = n + npu_rng_below(&rng, 4),
	};

	g.a = place(0, ta ? extent(k, m, g.lda) : extent(m, k, g.lda), at_end);
	g.b = place(1, tb ? extent(n, k, g.ldb) : extent(k, n, g.ldb), at_end);
	g.c = place(2, extent(m, n, g.ldc), at_end);
	g.bias = npu_rng_below(&rng, 2) ? place(3, n, at_end) : NULL;
	return g;
}

static void fill_gaps(const struct npu_gemm *g)
{
	size_t i;

	for (i = 0; i < extent(g->m, g->n, g->ldc); i++)
		g->c[i] = i % g->ldc < g->n ? NAN : GAP;
}

static void check_element(const struct npu_gemm *g, size_t i, size_t j, const char *variant)
{
	double sum = g->bias ? g->bias[j] : 0, size = fabs(sum), got = g->c[i * g->ldc + j];
	size_t k;

	for (k = 0; k < g->k; k++) {
		double a = g->form == NPU_GEMM_TN ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
		double b = g->form == NPU_GEMM_NT ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j];

		sum += a * b;
		size += fabs(a * b);
	}
	if (!(fabs(got - sum) <= 1e-6 * size))
		fail_msg("%s, form %d, %zu x %zu x %zu, row %zu, column %zu: %g, should be %g",
			 variant, g->form, g->m, g->n, g->k, i, j, got, sum);
}

/* Every row and column, the elements by turns. */
static void check_product(const struct npu_gemm *g, const char *variant)
{
	size_t i, j;

	for (i = 0; i < g->m; i++)
		for (j = i % 5; j < g->n; j += 5)
			check_element(g, i, j, variant);
	for (i = 0; i < extent(g->m, g->n, g->ldc); i++)
		if (i % g->ldc >= g->n && g->c[i] != GAP)
			fail_msg("%s, form %d, %zu x %zu x %zu: writes between the rows", variant,
				 g->form, g->m, g->n, g->k);
}

/* Blocks of any rows, and columns as wide as the variant likes. */
static void check_blocks(const struct npu_f32 *f32, const struct npu_gemm *g)
{
	size_t count = extent(g->m, g->n, g->ldc), row, rows, column;
	float *whole = malloc((count + 1) * sizeof(float));

	assert_non_null(whole);
	memcpy(whole, g->c, count * sizeof(float));
	fill_gaps(g);
	for (row = 0; row < g->m; row += rows) {
		rows = 1 + npu_rng_below(&rng, g->m < 40 ? 11 : 90);
		rows = rows < g->m - row ? rows : g->m - row;
		for (column = 0; column < g->n; column += f32->columns) {
			struct npu_gemm_block b = { row, row + rows, column,
						    column + f32->columns };

			b.column_end = b.column_end < g->n ? b.column_end : g->n;
			f32->gemm(g, &b);
		}
	}
	if (memcmp(whole, g->c, count * sizeof(float)))
		fail_msg("%s, form %d, %zu x %zu x %zu: blocks have other bits", f32->name, g->form,
			 g->m, g->n, g->k);
	free(whole);
}

static void run_case(const struct npu_f32 *f32, enum npu_gemm_form form, size_t m, size_t n,
		     size_t k)
{
	struct npu_gemm g = make_product(form, m, n, k, npu_rng_below(&rng, 2));

	fill_gaps(&g);
	f32->gemm(&g, &(struct npu_gemm_block){ 0, m, 0, n });
	check_product(&g, f32->name);
	check_blocks(f32, &g);
}

/* Around 0, a vector, some vectors and the tiles of all variants. */
static const size_t edges[] = { 0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12,
				13, 15, 16, 17, 18, 19, 23, 24, 25, 31, 32, 33, 47,
				48, 49, 50, 63, 64, 65, 66, 79, 80, 81, 95, 96, 97 };

#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void for_all(void (*run)(const struct npu_f32 *f32, enum npu_gemm_form form))
{
	const struct npu_f32 *f32;
	size_t v;
	int form;

	for (v = 0; (f32 = npu_f32_variant(v)); v++)
		for (form = NPU_GEMM_NN; form <= NPU_GEMM_TN; form++)
			run(f32, form);
}

static size_t any_edge(void)
{
	return edges[npu_rng_below(&rng, EDGES)];
}

static void run_rows_and_columns(const struct npu_f32 *f32, enum npu_gemm_form form)
{
	size_t i, j;

	for (i = 0; i < EDGES; i++)
		for (j = 0; j < EDGES; j++)
			run_case(f32, form, edges[i], edges[j], edges[(i * 7 + j * 3) % 12]);
}

static void test_rows_and_columns(void **state)
{
	(void)state;
	for_all(run_rows_and_columns);
}

static void run_depths(const struct npu_f32 *f32, enum npu_gemm_form form)
{
	static const size_t deep[] = { 127, 128, 129, 255, 256, 257, 511, 512, 513, 700, 1025 };
	size_t i;

	for (i = 0; i < EDGES; i++)
		run_case(f32, form, any_edge(), any_edge(), edges[i]);
	for (i = 0; i < sizeof(deep) / sizeof(deep[0]); i++)
		run_case(f32, form, 1 + any_edge() % 40, any_edge(), deep[i]);
}

static void test_depths(void **state)
{
	(void)state;
	for_all(run_depths);
}

/* More rows, or columns, than are computed in one go. */
static void run_large(const struct npu_f32 *f32, enum npu_gemm_form form)
{
	static const size_t large[] = { 319, 320, 321, 480, 481, 720, 721, 1500 };
	size_t i;

	for (i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		run_case(f32, form, large[i], 1 + any_edge() % 50, 1 + any_edge());
		run_case(f32, form, 1 + any_edge() % 50, large[i], 1 + any_edge());
	}
}

static void test_large(void **state)
{
	(void)state;
	for_all(run_large);
}

/* By threads, the bits of one thread. */
static void run_threads(const struct npu_f32 *f32, enum npu_gemm_form form)
{
	static const size_t shapes[][3] = { { 400, 33, 65 }, { 7, 600, 200 }, { 2, 300, 1100 },
					    { 1, 600, 850 }, { 96, 96, 96 },  { 200, 200, 300 },
					    { 50, 20, 900 }, { 600, 10, 130 } };
	struct npu_error err;
	size_t i, threads;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct npu_gemm g =
			make_product(form, shapes[i][0], shapes[i][1], shapes[i][2], true);
		size_t count = extent(g.m, g.n, g.ldc);
		float *one = malloc(count * sizeof(float));

		assert_non_null(one);
		fill_gaps(&g);
		npu_matmul(NULL, f32, &g);
		memcpy(one, g.c, count * sizeof(float));
		for (threads = 2; threads <= 5; threads++) {
			struct npu_pool *pool;

			assert_int_equal(npu_pool_create(&pool, (unsigned int)threads, &err), 0);
			fill_gaps(&g);
			npu_matmul(pool, f32, &g);
			npu_pool_free(pool);
			if (memcmp(one, g.c, count * sizeof(float)))
				fail_msg("%s, form %d, %zu threads: other bits", f32->name, form,
					 threads);
		}
		free(one);
	}
}

static void test_threads(void **state)
{
	(void)state;
	for_all(run_threads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_and_columns),
		cmocka_unit_test(test_depths),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_threads),
	};
	size_t i;

	npu_rng_seed(&rng, 1, 0);
	for (i = 0; i < 4; i++)
		area[i] = guarded();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
