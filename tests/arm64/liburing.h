/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the engine use of liburing to run on a device, of which there is none where
 * programs for another architecture run: there is no package of it for a cross compiler.
 */
#ifndef NPU_TEST_LIBURING_H
#define NPU_TEST_LIBURING_H

#include <errno.h>
#include <linux/io_uring.h>
#include <stddef.h>

struct io_uring {
	struct io_uring_sqe sqe;
};

static inline int io_uring_queue_init(unsigned int entries, struct io_uring *ring,
				      unsigned int flags)
{
	(void)entries;
	(void)ring;
	(void)flags;
	return -ENOSYS;
}

static inline struct io_uring_sqe *io_uring_get_sqe(struct io_uring *ring)
{
	return &ring->sqe;
}

static inline void io_uring_prep_rw(int opcode, struct io_uring_sqe *sqe, int fd, const void *p,
				    unsigned int length, unsigned long offset)
{
	(void)p;
	*sqe = (struct io_uring_sqe){ .opcode = opcode, .fd = fd, .len = length, .off = offset };
}

static inline int io_uring_submit_and_wait(struct io_uring *ring, unsigned int count)
{
	(void)ring;
	(void)count;
	return -ENOSYS;
}

static inline int io_uring_peek_cqe(struct io_uring *ring, struct io_uring_cqe **cqe)
{
	(void)ring;
	*cqe = NULL;
	return -EAGAIN;
}

static inline void io_uring_queue_exit(struct io_uring *ring)
{
	(void)ring;
}

#endif /* NPU_TEST_LIBURING_H */
