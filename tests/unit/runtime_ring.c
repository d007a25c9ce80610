// SPDX-License-Identifier: MIT
/* Inference in the application's own io_uring, the same code on both backends. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include "runtime_device.h"

#define MANY 64

/* user_data of what is not an inference; those have their request's index. */
enum {
	TAG_READ = 1000,
	TAG_WRITE = 2000,
	TAG_TIMER = 3000,
};

static bool no_ring(void)
{
	struct io_uring ring;
	int ret = io_uring_queue_init(2, &ring, 0);

	if (ret) {
		print_message("# io_uring is not available: %s\n", strerror(-ret));
		return true;
	}
	io_uring_queue_exit(&ring);
	return false;
}

static int scratch_file(void)
{
	char path[] = "runtime_ring.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void open_ring(struct io_uring *ring, unsigned int flags)
{
	assert_int_equal(io_uring_queue_init(4 * MANY, ring, flags), 0);
}

/* The next CQE that is not to be ignored, copied. */
static void next_cqe(struct io_uring *ring, struct io_uring_cqe *next)
{
	struct __kernel_timespec limit = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;

	do {
		int ret = io_uring_wait_cqe_timeout(ring, &cqe, &limit);

		if (ret)
			fail_msg("no completion: %s", strerror(-ret));
		next->user_data = cqe->user_data;
		next->res = cqe->res;
		next->flags = cqe->flags;
		io_uring_cqe_seen(ring, cqe);
	} while (next->user_data == NPU_USER_DATA_IGNORE);
}

static void no_more_cqes(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;

	assert_int_equal(io_uring_peek_cqe(ring, &cqe), -EAGAIN);
}

static struct npu_request *request_of(const struct test_setup *setup, uint64_t user_data)
{
	struct npu_request *request = npu_session_request(setup->session, user_data);

	assert_non_null(request);
	return request;
}

/* 64 inferences, a file read and a timer share a ring. */
static void test_many(void **state)
{
	struct __kernel_timespec soon = { .tv_nsec = 5000000 };
	struct test_setup setup;
	struct io_uring ring;
	char text[16];
	int fd;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, MANY, 2, 0);
	open_ring(&ring, 0);
	fd = scratch_file();
	assert_int_equal(write(fd, "beside it", 9), 9);
	for (unsigned int round = 0; round < 10; round++) {
		unsigned int infers = 0, others = 0;
		struct io_uring_sqe *sqe;

		for (unsigned int i = 0; i < MANY; i++) {
			struct npu_request *request = npu_session_request(setup.session, i);

			test_fill(&setup, request, i + round);
			assert_non_null(npu_prep_infer(&ring, request, i));
			if (i == 10) {
				sqe = io_uring_get_sqe(&ring);
				io_uring_prep_read(sqe, fd, text, sizeof(text), 0);
				sqe->user_data = TAG_READ;
			} else if (i == 20) {
				sqe = io_uring_get_sqe(&ring);
				io_uring_prep_timeout(sqe, &soon, 0, 0);
				sqe->user_data = TAG_TIMER;
			}
		}
		assert_true(io_uring_submit(&ring) >= MANY + 2);
		while (infers + others < MANY + 2) {
			struct io_uring_cqe cqe;
			struct npu_request *request;

			next_cqe(&ring, &cqe);
			if (cqe.user_data == TAG_READ) {
				assert_int_equal(cqe.res, 9);
				others++;
			} else if (cqe.user_data == TAG_TIMER) {
				assert_int_equal(cqe.res, -ETIME);
				others++;
			} else {
				request = request_of(&setup, cqe.user_data);
				assert_int_equal(npu_infer_result(request, &cqe), 0);
				assert_int_equal(npu_infer_result(request, &cqe), -ENOENT);
				test_expect(&setup, npu_request_output(request, 0),
					    cqe.user_data + round);
				infers++;
			}
		}
		no_more_cqes(&ring);
	}
	close(fd);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* read(file -> input), infer, write(output -> file): one submission, for every request. */
static void test_chain(void **state)
{
	struct test_setup setup;
	struct io_uring ring;
	int in, out;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 8, 2, 0);
	open_ring(&ring, 0);
	in = scratch_file();
	out = scratch_file();
	for (unsigned int i = 0; i < 8; i++) {
		struct npu_request *request = npu_session_request(setup.session, i);
		struct io_uring_sqe *sqe;
		int8_t input[100];

		npu_mlp_random_input(&setup.mlp, 50 + i, input);
		assert_int_equal(pwrite(in, input, 100, i * 100), 100);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_read(sqe, in, npu_request_input(request, 0), 100, i * 100);
		sqe->user_data = TAG_READ + i;
		sqe->flags |= IOSQE_IO_LINK;
		sqe = npu_prep_infer(&ring, request, i);
		sqe->flags |= IOSQE_IO_LINK;
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_write(sqe, out, npu_request_output(request, 0), 10, i * 10);
		sqe->user_data = TAG_WRITE + i;
	}
	assert_true(io_uring_submit(&ring) >= 24);
	for (unsigned int n = 0; n < 24; n++) {
		struct io_uring_cqe cqe;

		next_cqe(&ring, &cqe);
		if (cqe.user_data >= TAG_WRITE)
			assert_int_equal(cqe.res, 10);
		else if (cqe.user_data >= TAG_READ)
			assert_int_equal(cqe.res, 100);
		else
			assert_int_equal(npu_infer_result(request_of(&setup, cqe.user_data), &cqe),
					 0);
	}
	no_more_cqes(&ring);
	for (unsigned int i = 0; i < 8; i++) {
		int8_t output[10];

		assert_int_equal(pread(out, output, 10, i * 10), 10);
		test_expect(&setup, output, 50 + i);
	}
	close(in);
	close(out);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* An application reuses SQEs as soon as submission returns, while a chain still waits for a file. */
static void test_chain_after_reuse(void **state)
{
	struct npu_request *request;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	struct test_setup setup;
	struct io_uring ring;
	int8_t input[100];
	int ends[2];

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 1, 1, 0);
	open_ring(&ring, 0);
	assert_int_equal(pipe(ends), 0);
	request = npu_session_request(setup.session, 0);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, ends[0], npu_request_input(request, 0), 100, 0);
	sqe->user_data = TAG_READ;
	sqe->flags |= IOSQE_IO_LINK;
	assert_non_null(npu_prep_infer(&ring, request, 0));
	assert_true(io_uring_submit(&ring) >= 2);
	memset(ring.sq.sqes, 0xff, ring.sq.ring_entries * sizeof(*ring.sq.sqes));

	npu_mlp_random_input(&setup.mlp, 9, input);
	assert_int_equal(write(ends[1], input, 100), 100);
	next_cqe(&ring, &cqe);
	assert_int_equal(cqe.user_data, TAG_READ);
	assert_int_equal(cqe.res, 100);
	next_cqe(&ring, &cqe);
	assert_int_equal(npu_infer_result(request, &cqe), 0);
	test_expect(&setup, npu_request_output(request, 0), 9);
	close(ends[0]);
	close(ends[1]);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* infer, then write, with @link between; @request takes long. */
static void submit_long(struct io_uring *ring, struct npu_request *request, int out,
			unsigned int link)
{
	struct io_uring_sqe *sqe = npu_prep_infer(ring, request, 0);

	assert_non_null(sqe);
	sqe->flags |= link;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_write(sqe, out, npu_request_output(request, 0), 10, 0);
	sqe->user_data = TAG_WRITE;
	assert_true(io_uring_submit(ring) >= 2);
}

static void chain_with_cancelled_job(unsigned int link, int written)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	struct npu_request *request;
	struct io_uring_cqe cqe;
	struct test_setup setup;
	struct io_uring ring;
	int out;

	test_open(&setup, 1, 1, TEST_LONG);
	open_ring(&ring, 0);
	out = scratch_file();
	request = npu_session_request(setup.session, 0);
	submit_long(&ring, request, out, link);
	nanosleep(&pause, NULL);
	no_more_cqes(&ring);
	assert_null(npu_prep_infer(&ring, request, 0));
	assert_int_equal(npu_cancel(request), 0);
	next_cqe(&ring, &cqe);
	assert_int_equal(cqe.user_data, 0);
	assert_int_equal(npu_infer_result(request, &cqe), -ECANCELED);
	assert_int_equal(npu_request_result(request), -ECANCELED);
	next_cqe(&ring, &cqe);
	assert_int_equal(cqe.user_data, TAG_WRITE);
	assert_int_equal(cqe.res, written);
	assert_int_equal(lseek(out, 0, SEEK_END), written > 0 ? written : 0);
	no_more_cqes(&ring);
	close(out);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

static void test_failed_job_breaks_chain(void **state)
{
	(void)state;
	if (no_ring())
		skip();
	chain_with_cancelled_job(IOSQE_IO_LINK, -ECANCELED);
}

static void test_hard_link_goes_on(void **state)
{
	(void)state;
	if (no_ring())
		skip();
	chain_with_cancelled_job(IOSQE_IO_HARDLINK, 10);
}

/* The file is too short: the job never runs, and the request can be used again at once. */
static void test_failed_read_stops_job(void **state)
{
	struct npu_request *request;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	struct test_setup setup;
	struct io_uring ring;
	struct npu_error err;
	int in;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 1, 1, 0);
	open_ring(&ring, 0);
	in = scratch_file();
	assert_int_equal(write(in, "short", 5), 5);
	request = npu_session_request(setup.session, 0);
	for (int round = 0; round < 20; round++) {
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_read(sqe, in, npu_request_input(request, 0), 100, 0);
		sqe->user_data = TAG_READ;
		sqe->flags |= IOSQE_IO_LINK;
		assert_non_null(npu_prep_infer(&ring, request, 0));
		io_uring_submit(&ring);
		for (int n = 0; n < 2; n++) {
			next_cqe(&ring, &cqe);
			if (cqe.user_data == TAG_READ)
				assert_int_equal(cqe.res, 5);
			else
				assert_int_equal(npu_infer_result(request, &cqe), -ECANCELED);
		}
		no_more_cqes(&ring);
		test_fill(&setup, request, round);
		assert_int_equal(npu_infer(request, &err), 0);
		test_expect(&setup, npu_request_output(request, 0), round);
	}
	close(in);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* Cancelled and used again, many times; a stale doorbell must not start the next use. */
static void test_cancel_race(void **state)
{
	struct test_setup setup;
	struct io_uring ring;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 8, 2, 0);
	open_ring(&ring, 0);
	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < 8; i++) {
			struct npu_request *request = npu_session_request(setup.session, i);

			test_fill(&setup, request, i + round);
			assert_non_null(npu_prep_infer(&ring, request, i));
		}
		io_uring_submit(&ring);
		for (unsigned int i = round % 3; i < 8; i += 3)
			npu_cancel(npu_session_request(setup.session, i));
		for (unsigned int n = 0; n < 8; n++) {
			struct io_uring_cqe cqe;
			struct npu_request *request;
			int result;

			next_cqe(&ring, &cqe);
			request = request_of(&setup, cqe.user_data);
			result = npu_infer_result(request, &cqe);
			assert_true(result == 0 || result == -ECANCELED);
			if (!result)
				test_expect(&setup, npu_request_output(request, 0),
					    cqe.user_data + round);
		}
		no_more_cqes(&ring);
	}
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* The application cancels its own read of the completion, as it may with any SQE of its ring. */
static void test_async_cancel(void **state)
{
	struct npu_request *request;
	struct io_uring_sqe *sqe;
	struct test_setup setup;
	struct io_uring ring;
	bool infer_done = false;

	(void)state;
	if (test_on_driver())
		skip_because("IORING_OP_ASYNC_CANCEL does not reach a device command");
	if (no_ring())
		skip();
	test_open(&setup, 1, 1, TEST_LONG);
	open_ring(&ring, 0);
	request = npu_session_request(setup.session, 0);
	for (int round = 0; round < 3; round++) {
		assert_non_null(npu_prep_infer(&ring, request, 7));
		io_uring_submit(&ring);
		usleep(5000);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_cancel64(sqe, 7, 0);
		sqe->user_data = TAG_READ;
		io_uring_submit(&ring);
		infer_done = false;
		for (int n = 0; n < 2; n++) {
			struct io_uring_cqe cqe;

			next_cqe(&ring, &cqe);
			if (cqe.user_data != 7)
				continue;
			assert_int_equal(npu_infer_result(request, &cqe), -ECANCELED);
			infer_done = true;
		}
		assert_true(infer_done);
	}
	no_more_cqes(&ring);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

static void test_no_room(void **state)
{
	struct npu_request *request;
	struct test_setup setup;
	struct io_uring ring;
	struct io_uring_cqe cqe;
	unsigned int n = 0;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 9, 1, 0);
	assert_int_equal(io_uring_queue_init(8, &ring, 0), 0);
	while (npu_prep_infer(&ring, npu_session_request(setup.session, n), n))
		n++;
	assert_true(n == 4 || n == 8);
	/* The one that found no room is idle. */
	request = npu_session_request(setup.session, n);
	test_fill(&setup, request, 1);
	assert_int_equal(npu_infer(request, NULL), 0);
	test_expect(&setup, npu_request_output(request, 0), 1);
	io_uring_submit(&ring);
	for (unsigned int i = 0; i < n; i++) {
		next_cqe(&ring, &cqe);
		assert_int_equal(npu_infer_result(request_of(&setup, cqe.user_data), &cqe), 0);
	}
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* Rings with wider entries; on a device with CQE32 the times come with the completion. */
static void test_wide_entries(void **state)
{
	struct npu_request *request;
	struct test_setup setup;
	struct io_uring ring;
	struct io_uring_cqe *cqe;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 1, 1, 0);
	open_ring(&ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	request = npu_session_request(setup.session, 0);
	for (int round = 0; round < 300; round++) {
		test_fill(&setup, request, round);
		assert_non_null(npu_prep_infer(&ring, request, 0));
		assert_true(io_uring_submit_and_wait(&ring, 1) >= 1);
		assert_int_equal(io_uring_wait_cqe(&ring, &cqe), 0);
		assert_int_equal(npu_infer_result(request, cqe), 0);
		io_uring_cqe_seen(&ring, cqe);
		test_expect(&setup, npu_request_output(request, 0), round);
		assert_true(npu_request_device_ns(request) > 0);
	}
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

static void test_fixed_file(void **state)
{
	struct npu_request *request;
	struct io_uring_cqe cqe;
	struct test_setup setup;
	struct io_uring ring;
	int files[2], fd;

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 1, 1, 0);
	open_ring(&ring, 0);
	fd = scratch_file();
	files[0] = fd;
	files[1] = npu_device_fd(setup.device);
	assert_int_equal(io_uring_register_files(&ring, files, 2), 0);
	request = npu_session_request(setup.session, 0);
	for (int round = 0; round < 4; round++) {
		npu_session_use_fixed_file(setup.session, round % 2 ? 1 : -1);
		test_fill(&setup, request, round);
		assert_non_null(npu_prep_infer(&ring, request, 0));
		io_uring_submit(&ring);
		next_cqe(&ring, &cqe);
		assert_int_equal(npu_infer_result(request, &cqe), 0);
		test_expect(&setup, npu_request_output(request, 0), round);
	}
	close(fd);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* A session whose inputs are 4096 bytes: whole pages. */
static void open_pages(struct test_setup *setup)
{
	static const unsigned int width[] = { 4096, 10 };
	struct npu_session_options options = { .requests = 4, .threads = 1 };
	struct npu_error err;

	npu_mlp_init(&setup->mlp, 1, width, 1);
	setup->image = npu_mlp_image(&setup->mlp, 0);
	setup->device = test_device(NULL);
	assert_int_equal(npu_program_load_memory(&setup->program, setup->image.data,
						 setup->image.bytes, &err),
			 0);
	assert_int_equal(
		npu_session_open(&setup->session, setup->device, setup->program, &options, &err),
		0);
}

static void expect_page(const struct test_setup *setup, struct npu_request *request,
			const int8_t *input)
{
	int8_t want[10];

	npu_mlp_reference(&setup->mlp, input, want);
	assert_memory_equal(npu_request_output(request, 0), want, 10);
}

static void test_direct_read(void **state)
{
	char path[] = "runtime_direct.XXXXXX";
	struct test_setup setup;
	struct io_uring ring;
	int8_t input[4096];
	int fd, direct;

	(void)state;
	if (no_ring())
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	direct = open(path, O_RDONLY | O_DIRECT);
	unlink(path);
	if (direct < 0) {
		close(fd);
		skip_because("no O_DIRECT on this file system");
	}
	open_pages(&setup);
	open_ring(&ring, 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct npu_request *request = npu_session_request(setup.session, i);
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct io_uring_cqe cqe;

		npu_mlp_random_input(&setup.mlp, i, input);
		assert_int_equal(pwrite(fd, input, 4096, i * 4096), 4096);
		assert_int_equal(fsync(fd), 0);
		assert_int_equal((uintptr_t)npu_request_input(request, 0) % 4096, 0);
		io_uring_prep_read(sqe, direct, npu_request_input(request, 0), 4096, i * 4096);
		sqe->flags |= IOSQE_IO_LINK;
		sqe->user_data = TAG_READ;
		assert_non_null(npu_prep_infer(&ring, request, i));
		io_uring_submit(&ring);
		next_cqe(&ring, &cqe);
		assert_int_equal(cqe.res, 4096);
		next_cqe(&ring, &cqe);
		assert_int_equal(npu_infer_result(request, &cqe), 0);
		expect_page(&setup, request, input);
	}
	close(direct);
	close(fd);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

static void test_registered_buffers(void **state)
{
	struct iovec buffers[4];
	struct test_setup setup;
	struct io_uring ring;
	int8_t input[4096];
	int fd;

	(void)state;
	if (no_ring())
		skip();
	open_pages(&setup);
	open_ring(&ring, 0);
	fd = scratch_file();
	for (unsigned int i = 0; i < 4; i++) {
		buffers[i].iov_base = npu_request_input(npu_session_request(setup.session, i), 0);
		buffers[i].iov_len = 4096;
	}
	assert_int_equal(io_uring_register_buffers(&ring, buffers, 4), 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct npu_request *request = npu_session_request(setup.session, i);
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct io_uring_cqe cqe;

		npu_mlp_random_input(&setup.mlp, 9 + i, input);
		assert_int_equal(pwrite(fd, input, 4096, 0), 4096);
		io_uring_prep_read_fixed(sqe, fd, buffers[i].iov_base, 4096, 0, i);
		sqe->flags |= IOSQE_IO_LINK;
		sqe->user_data = TAG_READ;
		assert_non_null(npu_prep_infer(&ring, request, i));
		io_uring_submit(&ring);
		next_cqe(&ring, &cqe);
		assert_int_equal(cqe.res, 4096);
		next_cqe(&ring, &cqe);
		assert_int_equal(npu_infer_result(request, &cqe), 0);
		expect_page(&setup, request, input);
	}
	close(fd);
	io_uring_queue_exit(&ring);
	test_close(&setup);
}

/* A session may be closed once its requests' completions were taken, whatever became of them. */
static void test_close_after_cancel(void **state)
{
	struct test_setup setup;
	struct io_uring ring;
	int ended[8];

	(void)state;
	if (no_ring())
		skip();
	test_open(&setup, 8, 2, TEST_LONG);
	open_ring(&ring, 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_non_null(npu_prep_infer(&ring, npu_session_request(setup.session, i), i));
	io_uring_submit(&ring);
	usleep(5000);
	/* On a loaded machine the first may have ended: then there is nothing to cancel. */
	for (unsigned int i = 0; i < 8; i++) {
		ended[i] = npu_cancel(npu_session_request(setup.session, i));
		assert_true(ended[i] == 0 || ended[i] == -ENOENT);
	}
	assert_int_equal(ended[7], 0);
	for (unsigned int i = 0; i < 8; i++) {
		struct io_uring_cqe cqe;

		next_cqe(&ring, &cqe);
		assert_int_equal(npu_infer_result(request_of(&setup, cqe.user_data), &cqe),
				 ended[cqe.user_data] ? 0 : -ECANCELED);
	}
	test_close(&setup);
	io_uring_queue_exit(&ring);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_after_reuse),
		cmocka_unit_test(test_failed_job_breaks_chain),
		cmocka_unit_test(test_hard_link_goes_on),
		cmocka_unit_test(test_failed_read_stops_job),
		cmocka_unit_test(test_cancel_race),
		cmocka_unit_test(test_async_cancel),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_wide_entries),
		cmocka_unit_test(test_fixed_file),
		cmocka_unit_test(test_direct_read),
		cmocka_unit_test(test_registered_buffers),
		cmocka_unit_test(test_close_after_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
