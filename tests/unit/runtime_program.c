// SPDX-License-Identifier: MIT
/* The loader of .npu files: what is good is described right, what is bad gets its sentence. */
#include <errno.h>
#include <unistd.h>

#include "npu_engine.h"
#include "runtime_device.h"

static struct npu_mlp mlp;
static struct npu_image good;

static int make_good(void **state)
{
	static const unsigned int width[] = { 100, 40, 10 };

	(void)state;
	npu_mlp_init(&mlp, 2, width, 1);
	good = npu_mlp_image(&mlp, 1);
	return 0;
}

static int free_good(void **state)
{
	(void)state;
	free(good.data);
	npu_mlp_free(&mlp);
	return 0;
}

static uint8_t *copy_of_good(void)
{
	uint8_t *copy = aligned_alloc(4096, (good.bytes + 4095) / 4096 * 4096);

	assert_non_null(copy);
	memcpy(copy, good.data, good.bytes);
	return copy;
}

static void test_good(void **state)
{
	struct npu_program *program;
	const struct npu_io *io;
	struct npu_error err;

	(void)state;
	assert_int_equal(npu_program_load_memory(&program, good.data, good.bytes, &err), 0);
	assert_int_equal(npu_program_inputs(program), 1);
	assert_int_equal(npu_program_outputs(program), 1);
	io = npu_program_input(program, 0);
	assert_string_equal(io->name, "pixels");
	assert_int_equal(io->element, NPU_INT8);
	assert_int_equal(io->elements, 100);
	assert_int_equal(io->bytes, 100);
	assert_int_equal(io->dim[3], 100);
	assert_true(io->scale == 1 / 16.0f);
	io = npu_program_output(program, 0);
	assert_string_equal(io->name, "scores");
	assert_int_equal(io->elements, 10);
	assert_null(npu_program_input(program, 1));
	assert_null(npu_program_output(program, 1));
	assert_string_equal(npu_program_label(program, 0), "zero");
	assert_string_equal(npu_program_label(program, 1), "one");
	assert_null(npu_program_label(program, 2));
	npu_program_free(program);
	npu_program_free(NULL);
}

static void write_file(const char *path, const void *data, size_t bytes)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	assert_int_equal(fclose(f), 0);
}

static void test_file(void **state)
{
	char path[] = "runtime_program.XXXXXX";
	struct npu_program *program;
	struct npu_error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, good.data, good.bytes);
	assert_int_equal(npu_program_load(&program, path, &err), 0);
	assert_string_equal(npu_program_output(program, 0)->name, "scores");
	npu_program_free(program);

	write_file(path, good.data, good.bytes - 1);
	assert_int_equal(npu_program_load(&program, path, &err), -ENODATA);
	assert_non_null(strstr(err.message, path));
	assert_non_null(strstr(err.message, "truncated"));

	write_file(path, "", 0);
	assert_int_equal(npu_program_load(&program, path, &err), -ENODATA);
	assert_non_null(strstr(err.message, "empty"));

	unlink(path);
	assert_int_equal(npu_program_load(&program, path, &err), -ENOENT);
	assert_non_null(strstr(err.message, path));
	assert_int_equal(npu_program_load(&program, ".", &err), -EINVAL);
	assert_non_null(strstr(err.message, "regular"));
}

static void test_memory_alignment(void **state)
{
	uint8_t *copy = aligned_alloc(4096, (good.bytes + 4096 + 4095) / 4096 * 4096);
	struct npu_program *program;
	struct npu_error err;

	(void)state;
	memcpy(copy + 8, good.data, good.bytes);
	assert_int_equal(npu_program_load_memory(&program, copy + 8, good.bytes, &err), -EINVAL);
	assert_non_null(strstr(err.message, "aligned"));
	free(copy);
}

static void test_truncated_everywhere(void **state)
{
	struct npu_program *program;
	struct npu_error err;

	(void)state;
	for (size_t bytes = 0; bytes < good.bytes; bytes++) {
		/* Exactly this long, so that a sanitizer sees a read past the end. */
		void *part = NULL;

		assert_int_equal(posix_memalign(&part, 64, bytes), 0);
		memcpy(part, good.data, bytes);
		npu_error_clear(&err);
		if (npu_program_load_memory(&program, part, bytes, &err) != -ENODATA)
			fail_msg("cut to %zu bytes: not refused as truncated", bytes);
		assert_int_equal(err.code, -ENODATA);
		assert_non_null(strstr(err.message, "truncated"));
		free(part);
	}
}

/* Load a damaged file: it is refused with a sentence, or it is still a program. */
static bool refused(const uint8_t *data, size_t bytes)
{
	struct npu_program *program = NULL;
	struct npu_error err = { 0 };
	int ret = npu_program_load_memory(&program, data, bytes, &err);

	if (!ret) {
		npu_program_free(program);
		return false;
	}
	assert_true(ret < 0);
	assert_int_equal(err.code, ret);
	assert_true(strlen(err.message) > 20);
	assert_null(strchr(err.message, '\n'));
	return true;
}

/* Every byte in front of the weights takes values that a field would not have by chance. */
static void test_corrupted_everywhere(void **state)
{
	static const uint8_t flip[] = { 0x01, 0x80, 0xff };
	const struct npu_file_header *header = (const void *)good.data;
	size_t head = header->section[NPU_SECTION_WEIGHTS].offset;
	uint8_t *copy = copy_of_good();

	(void)state;
	for (size_t at = 0; at < head; at++) {
		for (size_t i = 0; i < sizeof(flip); i++) {
			copy[at] = good.data[at] ^ flip[i];
			refused(copy, good.bytes);
		}
		copy[at] = good.data[at];
	}
	assert_false(refused(copy, good.bytes));
	free(copy);
}

struct damage {
	const char *what;
	enum npu_file_section section; /* NPU_SECTIONS: the header */
	size_t offset;
	size_t bytes;
	uint64_t value;
	const char *says;
};

/* clang-format off */
#define HEADER(field, v, text) \
	{ "header." #field, NPU_SECTIONS, offsetof(struct npu_file_header, field), \
	  sizeof(((struct npu_file_header *)0)->field), v, text }
#define SPAN(i, field, v, text) \
	{ #i "." #field, NPU_SECTIONS, offsetof(struct npu_file_header, section) + \
	  NPU_SECTION_##i * sizeof(struct npu_file_span) + offsetof(struct npu_file_span, field), \
	  8, v, text }
#define SLOT(n, field, v, text) \
	{ "slot[" #n "]." #field, NPU_SECTION_SLOTS, n * sizeof(struct npu_file_slot) + \
	  offsetof(struct npu_file_slot, field), sizeof(((struct npu_file_slot *)0)->field), v, \
	  text }
#define TENSOR(n, field, v, text) \
	{ "tensor[" #n "]." #field, NPU_SECTION_TENSORS, n * sizeof(struct npu_file_tensor) + \
	  offsetof(struct npu_file_tensor, field), \
	  sizeof(((struct npu_file_tensor *)0)->field) == 16 ? 4 : \
	  sizeof(((struct npu_file_tensor *)0)->field), v, text }
#define INSN(n, field, v, text) \
	{ "insn[" #n "]." #field, NPU_SECTION_INSNS, n * NPU_INSN_SIZE + \
	  offsetof(struct npu_insn, field), sizeof(((struct npu_insn *)0)->field), v, text }
/* clang-format on */

static const struct damage damages[] = {
	HEADER(magic, 0, "not a .npu file"),
	HEADER(version, 3, "version 3"),
	HEADER(version, 0, "version 0"),
	HEADER(isa_version, 0, "instruction set version"),
	HEADER(isa_version, 99, "instruction set version 99"),
	HEADER(file_bytes, 1 << 30, "truncated"),
	HEADER(file_bytes, 100, "the header says 100"),
	HEADER(inputs, 0, "no inputs"),
	HEADER(outputs, 0, "no outputs"),
	HEADER(inputs, 2, "2 inputs"),
	HEADER(inputs, 0xffffffff, "4294967295 inputs"),
	HEADER(reserved[3], 1, "reserved[3]"),
	HEADER(names.bytes, 2, "section NAMES"),
	HEADER(names.bytes, 4, "section NAMES overlaps"),
	HEADER(names.bytes, 1 << 19, "above the limit"),
	SPAN(INSNS, bytes, 0, "is not zero"),
	SPAN(INSNS, bytes, 385, "section INSNS"),
	SPAN(INSNS, bytes, 1ull << 40, "above the limit"),
	SPAN(INSNS, offset, 64, "overlaps"),
	SPAN(INSNS, offset, 0xffffffffffffffc0, "section INSNS"),
	SPAN(CONSTS, offset, 65, "multiple of 64"),
	SPAN(CONSTS, bytes, 17 << 20, "above the limit"),
	SPAN(SLOTS, bytes, 17, "section SLOTS"),
	SPAN(TENSORS, bytes, 1, "section TENSORS"),
	SPAN(FLOATS, bytes, 2, "section FLOATS"),
	SPAN(STRINGS, bytes, 3, "not zero"),
	SPAN(LABELS, bytes, 6, "section LABELS"),
	SPAN(WEIGHTS, offset, 64, "multiple of 4096"),
	SPAN(WEIGHTS, bytes, 1ull << 33, "above the limit"),
	SPAN(WEIGHTS, bytes, 0, "not zero"),
	SLOT(0, kind, 4, "kind 4"),
	SLOT(0, reserved, 1, "reserved"),
	SLOT(0, bytes, 8, "slot 0 has 8 bytes"),
	SLOT(0, bytes, 1ull << 32, "4 GiB"),
	SLOT(0, kind, 0, "slot 0"),
	SLOT(1, kind, 2, "both for scratch"),
	SLOT(1, bytes, 1 << 30, "bytes of weights"),
	TENSOR(0, name, 1 << 20, "name"),
	TENSOR(0, slot, 1, "slot 1"),
	TENSOR(0, slot, 77, "slot 77"),
	TENSOR(0, offset, 1, "offset"),
	TENSOR(1, offset, 0xffffffc0, "outside its slot"),
	TENSOR(0, type, NPU_TYPE_INT64, "type"),
	TENSOR(0, dim, 0, "dim[0]"),
	TENSOR(0, dim, 0xffffffff, "dim[0]"),
	TENSOR(0, dim, 1000, "outside its slot"),
	TENSOR(0, scale, 0, "scale"),
	TENSOR(0, scale, 0x7fc00000, "scale"),
	TENSOR(1, scale, 0xbf800000, "scale"),
	TENSOR(0, zero_point, 128, "zero_point"),
	TENSOR(0, zero_point, (uint32_t)-129, "zero_point"),
	TENSOR(0, mean, 2, "FLOATS"),
	TENSOR(0, factor, 0xffffffff, "FLOATS"),
	TENSOR(0, preprocess_count, 2, "preprocess_count"),
	TENSOR(0, preprocess_count, 100, "FLOATS"),
	TENSOR(1, preprocess_count, 1, "output 0"),
	TENSOR(0, reserved, 1, "reserved"),
	{ "float", NPU_SECTION_FLOATS, 0, 4, 0x7f800000, "finite" },
	{ "string start", NPU_SECTION_STRINGS, 0, 1, 'x', "STRINGS" },
	{ "string end", NPU_SECTION_STRINGS, 23, 1, 'x', "STRINGS" },
	{ "label", NPU_SECTION_LABELS, 4, 4, 24, "label 1" },
	INSN(1, opcode, 0, "instruction 1: opcode"),
	INSN(0, reserved, 1, "instruction 0: reserved"),
	INSN(1, flags, 4, "instruction 1: flags"),
	INSN(1, t[0].slot, 9, "instruction 1: t[0].slot"),
	INSN(1, t[2].layout, 7, "instruction 1: t[2].layout"),
	INSN(0, fc.scales, 0xfffffffc, "instruction 0: fc.scales"),
};

static void test_damages(void **state)
{
	const struct npu_file_header *header = (const void *)good.data;

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		size_t base = d->section == NPU_SECTIONS ? 0 : header->section[d->section].offset;
		uint8_t *copy = copy_of_good();
		struct npu_program *program;
		struct npu_error err = { 0 };

		memcpy(copy + base + d->offset, &d->value, d->bytes);
		if (!npu_program_load_memory(&program, copy, good.bytes, &err))
			fail_msg("%s = %llx: accepted", d->what, (unsigned long long)d->value);
		if (!strstr(err.message, d->says))
			fail_msg("%s = %llx: says \"%s\", not \"%s\"", d->what,
				 (unsigned long long)d->value, err.message, d->says);
		free(copy);
	}
}

static void test_gaps_are_zero(void **state)
{
	const struct npu_file_header *header = (const void *)good.data;
	uint8_t *copy = copy_of_good();

	(void)state;
	copy[header->section[NPU_SECTION_WEIGHTS].offset - 1] = 1;
	assert_true(refused(copy, good.bytes));
	free(copy);
}

/* No sentence is asked for: the same codes, no crash. */
/* Files of version 1 are read; what version 2 brought is not in them. */
static void test_version_1(void **state)
{
	uint8_t *copy = copy_of_good();
	struct npu_file_header *header = (void *)copy;
	struct npu_file_slot *slots = (void *)(copy + header->section[NPU_SECTION_SLOTS].offset);
	struct npu_program *program;
	struct npu_error err = { 0 };

	(void)state;
	header->version = 1;
	assert_int_equal(npu_program_load_memory(&program, copy, good.bytes, &err), 0);
	npu_program_free(program);
	slots[0].kind = NPU_FILE_SLOT_STATE;
	assert_true(refused(copy, good.bytes));
	memcpy(copy, good.data, good.bytes);
	header->version = 1;
	header->names.bytes = sizeof(uint32_t);
	assert_true(refused(copy, good.bytes));
	free(copy);
}

static void test_without_error(void **state)
{
	struct npu_program *program;

	(void)state;
	assert_int_equal(npu_program_load_memory(&program, good.data, 10, NULL), -ENODATA);
	assert_int_equal(npu_program_load(&program, "/nonexistent", NULL), -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_memory_alignment),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_corrupted_everywhere),
		cmocka_unit_test(test_damages),
		cmocka_unit_test(test_gaps_are_zero),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_without_error),
	};

	return cmocka_run_group_tests(tests, make_good, free_good);
}
