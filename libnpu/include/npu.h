/* SPDX-License-Identifier: MIT */
/*
 * npu.h - run compiled neural networks on the NPU, or in process where there is none
 *
 * This is the runtime that a product ships: libnpu.so. It reads like a book, from the simple
 * call to the ones for an application with a ring of its own:
 *
 *	1. errors        2. devices       3. programs      4. sessions
 *	5. requests      6. data in, data out              7. blocking
 *	8. many in flight                 9. in the application's own io_uring
 *
 * The whole of it, in four calls:
 *
 *	struct npu_error err;
 *	struct npu_device *dev;
 *	struct npu_program *prog;
 *	struct npu_session *s;
 *
 *	npu_device_open(&dev, NULL, &err);
 *	npu_program_load(&prog, "digits.npu", &err);
 *	npu_session_open(&s, dev, prog, NULL, &err);
 *	npu_infer_f32(s, image, scores, &err);
 *
 * Every function that can fail returns a negative errno and, where it takes a struct npu_error,
 * a sentence: what, why, and what to do about it. The library never aborts and never prints.
 * Every create or open has a free or close, which accepts NULL.
 *
 * Threads: objects of different sessions are independent. One session is used by one thread at
 * a time; a device and a program may be shared by sessions of several threads.
 */
#ifndef NPU_H
#define NPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define NPU_VERSION_MAJOR 0
#define NPU_VERSION_MINOR 1
#define NPU_VERSION_PATCH 0

/* "MAJOR.MINOR.PATCH" of the library that is loaded. */
const char *npu_version(void);

/* ------------------------------------------------------------------ 1. errors */

/**
 * struct npu_error - why a call failed
 * @code: the negative errno that the call returned, 0 after npu_error_clear()
 * @message: one sentence without a newline: which layer, file or field; the cause; the remedy
 *
 * Owned by the caller, who may pass NULL instead. Written only on failure.
 */
struct npu_error {
	int code;
	char message[508];
};

void npu_error_clear(struct npu_error *err);

/* ----------------------------------------------------------------- 2. devices */

struct npu_device;

/**
 * enum npu_backend - where programs run
 * @NPU_BACKEND_AUTO: the driver where a device can be opened, else in process
 * @NPU_BACKEND_DRIVER: /dev/accel/accelN or /dev/dri/renderDN of npu.ko, or an error
 * @NPU_BACKEND_EMBEDDED: in process
 */
enum npu_backend {
	NPU_BACKEND_AUTO = 0,
	NPU_BACKEND_DRIVER,
	NPU_BACKEND_EMBEDDED,
};

/**
 * struct npu_allocator - memory for what the library keeps
 * @alloc: returns @bytes aligned to @align (a power of two), or NULL
 * @free: releases what @alloc returned
 * @context: passed to both
 */
struct npu_allocator {
	void *(*alloc)(void *context, size_t bytes, size_t align);
	void (*free)(void *context, void *memory);
	void *context;
};

/**
 * struct npu_device_options - all zero is the default
 * @backend: where programs run
 * @path: the device node, or NULL to look for one by driver name
 * @variant: embedded: force a kernel variant ("scalar", "avx2", ...); NULL for the fastest, or
 *	what the environment variable NPU_VARIANT names
 * @no_uring: driver: use ioctls even where io_uring is available
 * @allocator: for the device, and what is opened on it; NULL for malloc
 */
struct npu_device_options {
	enum npu_backend backend;
	const char *path;
	const char *variant;
	bool no_uring;
	const struct npu_allocator *allocator;
};

/**
 * npu_device_open - open the NPU
 * @device: out; close with npu_device_close() after its sessions
 * @options: NULL for the defaults
 *
 * With NPU_BACKEND_AUTO this fails only for want of memory, or for a kernel variant that does
 * not exist; npu_device_info() says where it ended up, and why not on the driver.
 */
int npu_device_open(struct npu_device **device, const struct npu_device_options *options,
		    struct npu_error *err);
void npu_device_close(struct npu_device *device);

/**
 * struct npu_device_info - what a device is
 * @backend: NPU_BACKEND_DRIVER or NPU_BACKEND_EMBEDDED
 * @name: "simd" or the driver's backend; "embedded"
 * @variant: kernel variant, "avx2"
 * @path: device node, "" if embedded
 * @cores: compute cores of the driver; CPUs that this process may use if embedded
 * @uring: requests go by io_uring
 * @fallback: with NPU_BACKEND_AUTO and no driver: the sentence that says why, else ""
 */
struct npu_device_info {
	enum npu_backend backend;
	char name[32];
	char variant[32];
	char path[64];
	unsigned int cores;
	bool uring;
	char fallback[256];
};

void npu_device_info(const struct npu_device *device, struct npu_device_info *info);

/* ---------------------------------------------------------------- 3. programs */

struct npu_program;

/* Element type of a program's input or output. */
enum npu_element {
	NPU_INT8 = 1,
	NPU_INT16 = 2,
	NPU_INT32 = 4, /* whole numbers: lengths of sequences, say */
};

/**
 * struct npu_io - an input or output of a program
 * @name: as in the ONNX model
 * @element: type in memory
 * @dim: N, H, W, C; N is the batch that the program was compiled for
 * @elements: the product of @dim
 * @bytes: of one request's tensor
 * @scale: real = scale * (q - zero_point)
 * @zero_point: the integer that stands for real 0
 */
struct npu_io {
	const char *name;
	enum npu_element element;
	uint32_t dim[4];
	size_t elements;
	size_t bytes;
	float scale;
	int32_t zero_point;
};

/**
 * npu_program_load - map a .npu file
 * @program: out; free with npu_program_free() after its sessions
 * @path: file; it stays mapped, read-only
 */
int npu_program_load(struct npu_program **program, const char *path, struct npu_error *err);

/* As above, from memory that the caller keeps, 64-byte aligned, until npu_program_free(). */
int npu_program_load_memory(struct npu_program **program, const void *data, size_t bytes,
			    struct npu_error *err);
void npu_program_free(struct npu_program *program);

unsigned int npu_program_inputs(const struct npu_program *program);
unsigned int npu_program_outputs(const struct npu_program *program);
/* The i-th input or output, NULL past the end; valid as long as the program. */
const struct npu_io *npu_program_input(const struct npu_program *program, unsigned int i);
const struct npu_io *npu_program_output(const struct npu_program *program, unsigned int i);
/* Name of class @i, NULL if the program has none or past the end. */
const char *npu_program_label(const struct npu_program *program, unsigned int i);

/* ---------------------------------------------------------------- 4. sessions */

struct npu_session;

#define NPU_MAX_REQUESTS 4096
#define NPU_MAX_THREADS 256

/**
 * struct npu_session_options - all zero is the default
 * @requests: in flight at most; 0 for 1, NPU_MAX_REQUESTS at most
 * @threads: embedded: worker threads, NPU_MAX_THREADS at most; 0 to compute inside the calling
 *	thread: in npu_submit(), so that npu_reap() finds the request finished. With two and more,
 *	those that have no request of their own help with that of another, with the same result
 *	to the bit; and npu_infer(), whose caller would only wait, computes in the calling thread
 *	with the help of @threads - 1 workers. A worker without work looks for some for 50 us
 *	before it sleeps
 * @failover: driver: what a device that is removed leaves is computed in process. It takes memory
 *	for that when the session is opened. See npu_request_backend()
 * @memory: one block for everything, aligned to 64 bytes (to 4096 for O_DIRECT, see below), or
 *	NULL to use the device's allocator; the caller's again after npu_session_close()
 * @memory_bytes: its size, at least the quote's heap_bytes
 */
struct npu_session_options {
	unsigned int requests;
	unsigned int threads;
	bool failover;
	void *memory;
	size_t memory_bytes;
};

/**
 * struct npu_memory_quote - what npu_session_open() will take, exact
 * @heap_bytes: from the allocator, or of the block
 * @device_bytes: in buffer objects of the driver, 0 if embedded
 *
 * Worker threads have stacks from the thread library besides.
 */
struct npu_memory_quote {
	size_t heap_bytes;
	size_t device_bytes;
};

int npu_session_quote(struct npu_device *device, const struct npu_program *program,
		      const struct npu_session_options *options, struct npu_memory_quote *quote,
		      struct npu_error *err);

/**
 * npu_session_open - make a program ready to run on a device
 *
 * After this nothing is allocated. Close with npu_session_close(), which cancels what is
 * still in flight and waits for it. Requests in the application's own ring (9) must have
 * completed there, cancelled by npu_cancel() if need be, before the session is closed.
 *
 * Besides memory a session takes descriptors: one for npu_session_eventfd(); the driver's ring;
 * in process with threads, two and two more for each request, and two for a program with a state.
 *
 * The requests of a program that keeps a state (below) run one after another, in the order in
 * which they were submitted. In an application's ring (9) they have to be linked for that.
 */
int npu_session_open(struct npu_session **session, struct npu_device *device,
		     const struct npu_program *program, const struct npu_session_options *options,
		     struct npu_error *err);
void npu_session_close(struct npu_session *session);

/*
 * Hot swap: @program takes over from the one in use, which has the same inputs and outputs (number,
 * types and dims; -EINVAL otherwise) but may have other layers, weights and scales.
 *
 * Requests in flight end with the program that was in use when they were submitted, or put into a
 * ring; later ones run the new one. npu_request_write_f32() converts for the program that the
 * request will run, npu_request_read_f32() for the one that it ran: inputs that were converted
 * before the swap, for other scales, are refused with -ESTALE until they have been written again.
 * A state starts at zero. After an error the old program stays in use.
 *
 * The swap allocates, from the device's allocator even if the session has a block of its own, what
 * npu_session_swap_quote() says: weights on the driver; state, and scratch memory in process;
 * inputs and outputs only if the new program lays them out otherwise. In that case
 * npu_request_input() and npu_request_output() have new addresses, and what was written into
 * inputs is lost. What a program took is given back by the next swap but one or by
 * npu_session_close(), that of the first by the latter only.
 *
 * The old program may be freed once all its requests have been reaped and read. -EBUSY: requests of
 * three programs are in flight already.
 */
int npu_session_swap(struct npu_session *session, const struct npu_program *program,
		     struct npu_error *err);
int npu_session_swap_quote(struct npu_session *session, const struct npu_program *program,
			   struct npu_memory_quote *quote, struct npu_error *err);

/* The program that requests which are submitted now run. */
const struct npu_program *npu_session_program(const struct npu_session *session);

/*
 * A recurrent program that was compiled to be streamed keeps a state from one request to the next,
 * which is zero when the session is opened. It can be set back, and saved and restored, by another
 * session of the same program, on whatever backend, too. Save and restore take just the bytes that
 * npu_session_state_bytes() says, which is 0 for other programs. -EBUSY while requests are in
 * flight, -EINVAL for a program without a state or another number of bytes.
 */
size_t npu_session_state_bytes(const struct npu_session *session);
int npu_session_reset_state(struct npu_session *session, struct npu_error *err);
int npu_session_save_state(const struct npu_session *session, void *memory, size_t bytes,
			   struct npu_error *err);
int npu_session_restore_state(struct npu_session *session, const void *memory, size_t bytes,
			      struct npu_error *err);

/* ---------------------------------------------------------------- 5. requests */

struct npu_request;

/* The i-th of the session's requests, NULL past the end. The session owns it. */
struct npu_request *npu_session_request(struct npu_session *session, unsigned int i);

/* For the application: a pointer that travels with the request. */
void npu_request_set_user(struct npu_request *request, void *user);
void *npu_request_user(const struct npu_request *request);

/* The program that it runs, or ran last. */
const struct npu_program *npu_request_program(const struct npu_request *request);

/* -------------------------------------------------------- 6. data in, data out */

/*
 * The memory of a request's i-th input or output, npu_io.bytes long and 64-byte aligned;
 * NULL past the end. Write inputs before submitting, read outputs after completion. On the
 * driver this is the device buffer itself: nothing is copied.
 *
 * It is ordinary memory on both backends: files are read into it with O_DIRECT, and it can be
 * registered with a ring. For that the first input is aligned to 4096 bytes where the inputs and
 * outputs of a request take as much, to 512 where they take that.
 */
void *npu_request_input(struct npu_request *request, unsigned int i);
const void *npu_request_output(const struct npu_request *request, unsigned int i);

/*
 * Convert to and from real numbers: npu_io.elements floats. Input applies the model's
 * preprocessing, then q = clamp(round(x * (1 / scale)) + zero_point), halves away from zero,
 * NaN to the zero point; int32 likewise. -EINVAL past the end.
 */
int npu_request_write_f32(struct npu_request *request, unsigned int i, const float *values);
int npu_request_read_f32(const struct npu_request *request, unsigned int i, float *values);

/* ---------------------------------------------------------------- 7. blocking */

/* Submit @request and wait for it. */
int npu_infer(struct npu_request *request, struct npu_error *err);

/* Everything at once for one input and one output: write, infer with request 0, read. */
int npu_infer_f32(struct npu_session *session, const float *input, float *output,
		  struct npu_error *err);

/* ---------------------------------------------------------- 8. many in flight */

/**
 * npu_submit - start requests, all in one system call where the device can
 *
 * -EBUSY: one of them is in flight already, -EINVAL: one belongs to another session. Nothing was
 * started then. After another error some may have been: they are reaped as usual, the others are
 * idle. On a driver without io_uring this waits while the session's queues hold as much work as
 * they may.
 */
int npu_submit(struct npu_session *session, struct npu_request *const *requests, unsigned int count,
	       struct npu_error *err);

/**
 * npu_reap - take finished requests
 * @requests: out, up to @max of them, in order of completion
 * @timeout_ms: 0 to poll, negative to wait for ever
 *
 * Return: how many, 0 on timeout or when none is in flight, or a negative errno.
 */
int npu_reap(struct npu_session *session, struct npu_request **requests, unsigned int max,
	     int timeout_ms, struct npu_error *err);

/* How a reaped request ended: 0 or a negative errno (-ECANCELED, -ETIMEDOUT, -ENODEV, ...). */
int npu_request_result(const struct npu_request *request);

/*
 * Where a finished request ran: with options.failover those that a removed device did not finish
 * ran in process, with the same outputs. npu_infer(), npu_submit() and npu_reap() compute them in
 * the calling thread, npu_infer_result() those that failed in the application's ring, whose chain
 * is broken by then: the CQEs of its later links say -ECANCELED. npu_request_reason() is a sentence
 * that says why, "" if it ran where the session was opened.
 *
 * Inputs, outputs and weights of a removed device stay readable and writable, with or without it.
 */
enum npu_backend npu_request_backend(const struct npu_request *request);
const char *npu_request_reason(const struct npu_request *request);

/*
 * Device and queueing time of a finished request, in ns; 0 where the device does not say. Where
 * several cores of the driver share a request, its device time is the sum of theirs.
 */
uint64_t npu_request_device_ns(const struct npu_request *request);
uint64_t npu_request_queued_ns(const struct npu_request *request);

/*
 * Cancel a request in flight, which ends with -ECANCELED: at once if it has not started (on a
 * driver without io_uring: after those in front of it), else after its current step. It still has
 * to be reaped, or its CQE to be taken. -ENOENT: it is not in flight, or has finished; on the
 * driver also: it waits for an earlier link of a chain.
 */
int npu_cancel(struct npu_request *request);

/* A descriptor that polls readable while npu_reap() has something to return. */
int npu_session_eventfd(struct npu_session *session);

/* ----------------------------------------- 9. in the application's own io_uring */

struct io_uring;
struct io_uring_sqe;
struct io_uring_cqe;

/**
 * npu_prep_infer - put a request into the caller's ring
 * @ring: the caller's; its submission queue must have room for NPU_PREP_SQES entries
 * @user_data: of the completion
 *
 * Takes as many SQEs as it needs and returns the last: set IOSQE_IO_LINK on it to go on with
 * the chain. To put it behind an SQE, set IOSQE_IO_LINK on that one first: the request then
 * outlives the reuse of its SQE, on any kernel. On the driver it is one command; in process a linked doorbell write and a read
 * of the completion, of which only the last posts a CQE on success. In process the session
 * must have at least one thread. To go on after a failed job is what IOSQE_IO_HARDLINK is for.
 *
 * When an earlier link of the chain fails, every later SQE posts a CQE with -ECANCELED; those
 * whose user_data is NPU_USER_DATA_IGNORE are to be skipped.
 *
 * Every CQE of a request must be taken before its session is closed. A ring that holds requests
 * in process can't use IOSQE_IO_DRAIN.
 *
 * Return: the SQE, or NULL if the queue has no room, the request is in flight or its inputs are of
 * a program before npu_session_swap(), the session has no thread, the driver takes no commands from rings, or the kernel is older than 5.17.
 */
struct io_uring_sqe *npu_prep_infer(struct io_uring *ring, struct npu_request *request,
				    uint64_t user_data);
#define NPU_PREP_SQES 2
#define NPU_USER_DATA_IGNORE ((uint64_t)-2)

/*
 * What became of it: 0 or a negative errno. Call it once with the CQE that carries the
 * request's user_data; the request may then be used again. -ENOENT: it is not in a ring.
 */
int npu_infer_result(struct npu_request *request, const struct io_uring_cqe *cqe);

/* The device file, to register with the ring (IORING_REGISTER_FILES); -1 if embedded. */
int npu_device_fd(const struct npu_device *device);

/*
 * After registering npu_device_fd(): use fixed file @index of the caller's ring in
 * npu_prep_infer(), -1 to go back to the descriptor. No effect if embedded.
 */
void npu_session_use_fixed_file(struct npu_session *session, int index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* NPU_H */
