/* SPDX-License-Identifier: MIT */
/*
 * Cases with outputs computed by others, $NPU_DATA/cmsis-nn: how they are read, and that an
 * instruction gives them exactly in every variant that this CPU can run; and, with
 * NPU_TEST_BACKEND=driver, on the device, by ioctl and by io_uring.
 */
#ifndef GOLDEN_CASE_H
#define GOLDEN_CASE_H

#include "device_case.h"

#include <ctype.h>

/* ------------------------------------------------------- reading the cases */

struct golden {
	char path[512]; /* of the folder */
	char name[128];
	char json[65536];
};

static inline bool data_present(void)
{
	const char *data = getenv("NPU_DATA");
	char path[512];
	FILE *file;

	if (!data)
		return false;
	snprintf(path, sizeof(path), "%s/cmsis-nn/softmax/case.json", data);
	file = fopen(path, "r");
	if (file)
		fclose(file);
	return file != NULL;
}

static inline void golden_open(struct golden *g, const char *name)
{
	char path[1024];
	size_t length;
	FILE *file;

	snprintf(g->name, sizeof(g->name), "%s", name);
	snprintf(g->path, sizeof(g->path), "%s/cmsis-nn/%s", getenv("NPU_DATA"), name);
	snprintf(path, sizeof(path), "%s/case.json", g->path);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	length = fread(g->json, 1, sizeof(g->json) - 1, file);
	g->json[length] = 0;
	fclose(file);
}

/* "NAME_KEY": "number" of the defines. */
static inline int32_t golden_value(const struct golden *g, const char *key)
{
	char quoted[256];
	const char *at;
	size_t i, n;

	n = snprintf(quoted, sizeof(quoted), "\"%s_%s\": \"", g->name, key);
	for (i = 0; i < n; i++)
		quoted[i] = toupper((unsigned char)quoted[i]);
	at = strstr(g->json, quoted);
	if (!at)
		fail_msg("%s/case.json has no %s", g->path, quoted);
	return strtol(at + n, NULL, 10);
}

/* The first @bytes of an array; fails if there are fewer. */
static inline void *golden_array(const struct golden *g, const char *key, size_t bytes)
{
	char path[1024];
	uint8_t *data = malloc(bytes + 1);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s_%s.bin", g->path, g->name, key);
	file = fopen(path, "rb");
	if (!file || !data)
		fail_msg("%s is missing", path);
	if (fread(data, 1, bytes, file) != bytes)
		fail_msg("%s is shorter than %zu bytes", path, bytes);
	fclose(file);
	return data;
}

/* --------------------------------------------------------------- checking */

static inline const struct operation *operation_named(const char *name)
{
	size_t i;

	for (i = 0; i < OPERATIONS; i++)
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	fail_msg("no operation %s", name);
	return NULL;
}

static inline void set_scale(struct engine_case *c, int32_t multiplier, int32_t shift)
{
	struct npu_scale scale = { multiplier, shift };

	assert_true(c->consts.bytes >= sizeof(scale));
	memcpy(guarded_data(&c->consts), &scale, sizeof(scale));
}

static inline void expect_golden_on_device(struct engine_case *c, const struct golden *g,
					   const struct npu_slot_need *needs, const void *expected)
{
	const char *backend = getenv("NPU_TEST_BACKEND");

	if (!backend || strcmp(backend, "driver"))
		return;
	device_run(c, needs, device_submit_ioctl);
	if (memcmp(guarded_data(&c->slot[0]), expected, c->slot[0].bytes))
		fail_msg("%s: the device differs, by ioctl", g->name);
	device_run(c, needs, device_submit_uring);
	if (memcmp(guarded_data(&c->slot[0]), expected, c->slot[0].bytes))
		fail_msg("%s: the device differs, by io_uring", g->name);
}

static inline void expect_golden(struct engine_case *c, const struct golden *g,
				 const void *expected)
{
	struct npu_slot_need needs[NPU_MAX_SLOTS];
	const struct npu_variant *variant;
	struct npu_fault fault;
	unsigned int i, run = 0;
	uint64_t cost;

	if (!case_valid(c, needs, &cost, &fault))
		fail_msg("%s: %s %s", g->name, fault.field, fault.reason);
	for (i = 0; (variant = npu_variant_at(i)); i++) {
		if (!variant_runs_here(variant))
			continue;
		case_run(c, variant, UINT32_MAX);
		if (memcmp(guarded_data(&c->slot[0]), expected, c->slot[0].bytes))
			fail_msg("%s: %s differs from the golden output", g->name,
				 npu_variant_name(variant));
		run++;
	}
	assert_true(run >= 1);
	expect_golden_on_device(c, g, needs, expected);
}

#define NEED_DATA()                                                           \
	do {                                                                  \
		if (!data_present()) {                                        \
			print_message("# NPU_DATA has no cmsis-nn folder\n"); \
			skip();                                               \
		}                                                             \
	} while (0)

#endif /* GOLDEN_CASE_H */
