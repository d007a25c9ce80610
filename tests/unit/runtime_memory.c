// SPDX-License-Identifier: MIT
/* Memory: the quote is exact, one block is enough, and after opening nothing is allocated. */
#include <errno.h>
#include <stdatomic.h>

#include "runtime_device.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC false
static atomic_ulong mallocs;
#else
/* glibc's own, behind ours that count. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);

#define COUNTS_MALLOC true
static atomic_ulong mallocs;

void *malloc(size_t bytes)
{
	mallocs++;
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	mallocs++;
	return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
	mallocs++;
	return __libc_realloc(memory, bytes);
}

int posix_memalign(void **memory, size_t align, size_t bytes)
{
	mallocs++;
	*memory = __libc_memalign(align, bytes);
	return *memory ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t bytes)
{
	mallocs++;
	return __libc_memalign(align, bytes);
}
#endif

struct counter {
	size_t now;
	size_t peak;
	unsigned int blocks;
	bool refuse;
};

/* Keeps the size in front of what it hands out. */
static void *counting_alloc(void *context, size_t bytes, size_t align)
{
	struct counter *counter = context;
	void *memory = NULL;

	assert_true(align >= 1 && (align & (align - 1)) == 0);
	if (counter->refuse)
		return NULL;
	align = align < 64 ? 64 : align;
	assert_int_equal(posix_memalign(&memory, align, align + bytes), 0);
	memcpy((uint8_t *)memory + align - 16, &bytes, sizeof(bytes));
	memcpy((uint8_t *)memory + align - 8, &memory, sizeof(memory));
	counter->now += bytes;
	counter->blocks++;
	if (counter->now > counter->peak)
		counter->peak = counter->now;
	return (uint8_t *)memory + align;
}

static void counting_free(void *context, void *memory)
{
	struct counter *counter = context;
	size_t bytes;
	void *base;

	memcpy(&bytes, (uint8_t *)memory - 16, sizeof(bytes));
	memcpy(&base, (uint8_t *)memory - 8, sizeof(base));
	counter->now -= bytes;
	counter->blocks--;
	free(base);
}

struct setup {
	struct npu_mlp mlp;
	struct npu_image image;
	struct npu_program *program;
	struct npu_device *device;
	struct counter counter;
	struct npu_allocator allocator;
};

static int open_setup(void **state)
{
	static const unsigned int width[] = { 1000, 300, 10 };
	struct setup *setup = calloc(1, sizeof(*setup));
	struct npu_error err;

	npu_mlp_init(&setup->mlp, 2, width, 1);
	setup->image = npu_mlp_image(&setup->mlp, 0);
	setup->allocator = (struct npu_allocator){ counting_alloc, counting_free, &setup->counter };
	setup->device = test_device(&setup->allocator);
	if (npu_program_load_memory(&setup->program, setup->image.data, setup->image.bytes, &err))
		fail_msg("%s", err.message);
	*state = setup;
	return 0;
}

static int close_setup(void **state)
{
	struct setup *setup = *state;

	npu_program_free(setup->program);
	npu_device_close(setup->device);
	assert_int_equal(setup->counter.now, 0);
	assert_int_equal(setup->counter.blocks, 0);
	free(setup->image.data);
	npu_mlp_free(&setup->mlp);
	free(setup);
	return 0;
}

static void test_quote(void **state)
{
	struct setup *setup = *state;

	for (unsigned int requests = 0; requests < 70; requests += 23) {
		for (unsigned int threads = 0; threads < 4; threads++) {
			struct npu_session_options options = { .requests = requests,
							       .threads = threads };
			struct npu_memory_quote quote;
			struct npu_session *session;
			struct npu_error err;
			size_t before = setup->counter.now;

			assert_int_equal(npu_session_quote(setup->device, setup->program, &options,
							   &quote, &err),
					 0);
			assert_int_equal(npu_session_open(&session, setup->device, setup->program,
							  &options, &err),
					 0);
			assert_int_equal(setup->counter.now - before, quote.heap_bytes);
			assert_true(test_on_driver() ? quote.device_bytes >= 1000
						     : quote.device_bytes == 0);
			npu_session_close(session);
			assert_int_equal(setup->counter.now, before);
		}
	}
}

static void test_block(void **state)
{
	struct setup *setup = *state;
	struct npu_session_options options = { .requests = 5, .threads = 2 };
	struct npu_memory_quote quote;
	struct npu_session *session;
	struct npu_request *request;
	struct npu_error err;
	size_t before = setup->counter.now;
	int8_t want[10];
	void *block = NULL;

	assert_int_equal(npu_session_quote(setup->device, setup->program, &options, &quote, &err),
			 0);
	/* Not a byte more, which a sanitizer sees; content is no matter. */
	assert_int_equal(posix_memalign(&block, 4096, quote.heap_bytes), 0);
	memset(block, 0xa5, quote.heap_bytes);
	options.memory = block;
	options.memory_bytes = quote.heap_bytes - 1;
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 -ENOSPC);
	assert_non_null(strstr(err.message, "npu_session_quote"));
	options.memory = (uint8_t *)block + 1;
	options.memory_bytes = quote.heap_bytes;
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "aligned"));
	options.memory = block;
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 0);
	assert_int_equal(setup->counter.now, before);
	for (unsigned int i = 0; i < 5; i++) {
		request = npu_session_request(session, i);
		npu_mlp_random_input(&setup->mlp, i, npu_request_input(request, 0));
		assert_int_equal(npu_infer(request, &err), 0);
		npu_mlp_reference(&setup->mlp, npu_request_input(request, 0), want);
		assert_memory_equal(npu_request_output(request, 0), want, 10);
	}
	npu_session_close(session);
	free(block);
}

/* Of 1320 bytes a request: every input can take an O_DIRECT read of 512-byte blocks. */
static void test_alignment(void **state)
{
	struct setup *setup = *state;
	struct npu_session_options options = { .requests = 9 };
	struct npu_session *session;
	struct npu_error err;

	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 0);
	for (unsigned int i = 0; i < 9; i++)
		assert_int_equal(
			(uintptr_t)npu_request_input(npu_session_request(session, i), 0) % 512, 0);
	npu_session_close(session);
}

static void test_limits(void **state)
{
	struct setup *setup = *state;
	struct npu_session_options options = { .requests = NPU_MAX_REQUESTS + 1 };
	struct npu_session *session;
	struct npu_memory_quote quote;
	struct npu_error err;

	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "options.requests"));
	assert_int_equal(npu_session_quote(setup->device, setup->program, &options, &quote, NULL),
			 -EINVAL);
	options.requests = 1;
	options.threads = NPU_MAX_THREADS + 1;
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "options.threads"));
	options.threads = 0;
	setup->counter.refuse = true;
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 -ENOMEM);
	setup->counter.refuse = false;
	assert_non_null(strstr(err.message, "no memory"));
}

static void nothing_allocated(struct setup *setup, unsigned int threads)
{
	struct npu_session_options options = { .requests = 16, .threads = threads };
	struct npu_request *requests[16], *done[16];
	struct npu_session *session;
	struct npu_error err;
	unsigned long before;
	size_t bytes;
	int reaped = 0, ret = 0;

	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 0);
	for (unsigned int i = 0; i < 16; i++)
		requests[i] = npu_session_request(session, i);
	before = mallocs;
	bytes = setup->counter.now;
	ret |= npu_session_eventfd(session) < 0;
	ret |= npu_infer(requests[3], &err);
	ret |= npu_submit(session, requests, 16, &err);
	npu_cancel(requests[15]);
	while (!ret && reaped < 16) {
		int n = npu_reap(session, done, 16, -1, &err);

		ret |= n <= 0;
		reaped += n;
	}
	ret |= npu_submit(session, requests, 0, &err);
	/* Nothing in between that could allocate itself. */
	before = mallocs - before;
	bytes = setup->counter.now - bytes;
	assert_int_equal(ret, 0);
	assert_int_equal(before, 0);
	assert_int_equal(bytes, 0);
	npu_session_close(session);
}

/* What a swap takes is what was quoted, and then nothing more; closing gives all of it back. */
static void swap_programs(struct setup *setup, unsigned int threads)
{
	static const unsigned int width[] = { 1000, 500, 20, 10 };
	struct npu_session_options options = { .requests = 4, .threads = threads };
	struct npu_session *session;
	struct npu_program *next;
	struct npu_mlp mlp;
	struct npu_image image;
	struct npu_error err;
	size_t closed = setup->counter.now;

	npu_mlp_init(&mlp, 3, width, 1);
	image = npu_mlp_image(&mlp, 0);
	if (npu_program_load_memory(&next, image.data, image.bytes, &err))
		fail_msg("%s", err.message);
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 0);
	for (unsigned int round = 0; round < 4; round++) {
		const struct npu_program *program = round % 2 ? setup->program : next;
		struct npu_memory_quote quote;
		size_t before = setup->counter.now;
		unsigned int blocks = setup->counter.blocks;
		int ret = 0;

		assert_int_equal(npu_session_swap_quote(session, program, &quote, &err), 0);
		setup->counter.refuse = true;
		if (quote.heap_bytes)
			assert_int_equal(npu_session_swap(session, program, &err), -ENOMEM);
		setup->counter.refuse = false;
		assert_ptr_not_equal(npu_session_program(session), program);
		assert_int_equal(npu_session_swap(session, program, &err), 0);
		/* The first one has its memory until the end, later ones give theirs back. */
		if (!round)
			assert_int_equal(setup->counter.now - before, quote.heap_bytes);
		assert_true(setup->counter.blocks <= blocks + 1);
		assert_true(test_on_driver() == (quote.device_bytes > 0));
		before = mallocs;
		for (unsigned int i = 0; i < 4; i++)
			ret |= npu_infer(npu_session_request(session, i), &err);
		before = mallocs - before;
		assert_int_equal(ret, 0);
		assert_int_equal(before, 0);
	}
	npu_session_close(session);
	assert_int_equal(setup->counter.now, closed);
	npu_program_free(next);
	free(image.data);
	npu_mlp_free(&mlp);
}

static void test_swap(void **state)
{
	swap_programs(*state, 0);
	swap_programs(*state, 2);
}

/* What a lost device would need is there from the start. */
static void test_failover(void **state)
{
	struct setup *setup = *state;
	struct npu_session_options options = { .requests = 3 };
	struct npu_memory_quote without, with;
	struct npu_session *session;
	struct npu_error err;
	size_t before = setup->counter.now;

	assert_int_equal(npu_session_quote(setup->device, setup->program, &options, &without, &err),
			 0);
	options.failover = true;
	assert_int_equal(npu_session_quote(setup->device, setup->program, &options, &with, &err),
			 0);
	assert_int_equal(with.device_bytes, without.device_bytes);
	if (test_on_driver())
		assert_true(with.heap_bytes > without.heap_bytes);
	else
		assert_int_equal(with.heap_bytes, without.heap_bytes);
	assert_int_equal(npu_session_open(&session, setup->device, setup->program, &options, &err),
			 0);
	assert_int_equal(setup->counter.now - before, with.heap_bytes);
	npu_session_close(session);
	assert_int_equal(setup->counter.now, before);
}

static void test_nothing_after_open(void **state)
{
	if (!COUNTS_MALLOC)
		skip_because("a sanitizer has malloc() to itself");
	nothing_allocated(*state, 0);
	nothing_allocated(*state, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_nothing_after_open),
	};

	return cmocka_run_group_tests(tests, open_setup, close_setup);
}
