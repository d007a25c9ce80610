// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "program.h"

/* Bytes in front of the weights: what is copied. */
static uint64_t head_bytes(const struct npu_file_header *header)
{
	const struct npu_file_span *weights = &header->section[NPU_SECTION_WEIGHTS];

	return weights->bytes ? weights->offset : header->file_bytes;
}

static const void *section(const struct npu_program *program, const struct npu_file_header *header,
			   enum npu_file_section i)
{
	return header->section[i].bytes ? program->head + header->section[i].offset : NULL;
}

static void find_sections(struct npu_program *program, const struct npu_file_header *header)
{
	program->insns = section(program, header, NPU_SECTION_INSNS);
	program->consts = section(program, header, NPU_SECTION_CONSTS);
	program->slots = section(program, header, NPU_SECTION_SLOTS);
	program->tensors = section(program, header, NPU_SECTION_TENSORS);
	program->floats = section(program, header, NPU_SECTION_FLOATS);
	program->strings = section(program, header, NPU_SECTION_STRINGS);
	program->labels = section(program, header, NPU_SECTION_LABELS);
	if (header->names.bytes)
		program->names = (const uint32_t *)(program->head + header->names.offset);
	program->isa_version = header->isa_version;
	program->insn_count = header->section[NPU_SECTION_INSNS].bytes / NPU_INSN_SIZE;
	program->const_size = header->section[NPU_SECTION_CONSTS].bytes;
	program->slot_count =
		header->section[NPU_SECTION_SLOTS].bytes / sizeof(struct npu_file_slot);
	program->label_count = header->section[NPU_SECTION_LABELS].bytes / sizeof(uint32_t);
	program->inputs = header->inputs;
	program->outputs = header->outputs;
}

static enum npu_element element_of(uint32_t type)
{
	if (type == NPU_TYPE_INT32)
		return NPU_INT32;
	return type == NPU_TYPE_INT16 ? NPU_INT16 : NPU_INT8;
}

static int describe_io(struct npu_program *program, const char *name, struct npu_error *err)
{
	uint32_t count = program->inputs + program->outputs;

	program->io = calloc(count, sizeof(*program->io));
	if (!program->io)
		return npu_error_set(err, -ENOMEM, "%s: no memory for its %u tensors", name, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct npu_file_tensor *t = &program->tensors[i];
		struct npu_io *io = &program->io[i];

		io->name = program->strings + t->name;
		io->element = element_of(t->type);
		memcpy(io->dim, t->dim, sizeof(io->dim));
		io->elements = (size_t)t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
		io->bytes = io->elements * npu_io_width(io->element);
		io->scale = t->scale;
		io->zero_point = t->zero_point;
	}
	return 0;
}

/* From a whole file in memory; @name is for the sentence. */
static int load(struct npu_program *program, const uint8_t *file, size_t bytes, const char *name,
		struct npu_error *err)
{
	struct npu_file_header header;
	size_t head;
	int ret;

	if (bytes < sizeof(header))
		return npu_error_set(err, -ENODATA,
				     "%s: truncated: %zu bytes are less than the "
				     "header's %zu; copy the file again",
				     name, bytes, sizeof(header));
	memcpy(&header, file, sizeof(header));
	ret = npu_program_check_header(&header, file, bytes, name, err);
	if (ret)
		return ret;

	head = head_bytes(&header);
	/* aligned_alloc wants a whole number of alignments. */
	program->head = aligned_alloc(64, (head + 63) & ~(size_t)63);
	if (!program->head)
		return npu_error_set(err, -ENOMEM, "%s: no memory for %zu bytes of program", name,
				     head);
	memcpy(program->head, file, head);
	if (header.section[NPU_SECTION_WEIGHTS].bytes)
		program->weights = file + header.section[NPU_SECTION_WEIGHTS].offset;
	find_sections(program, &header);
	ret = npu_program_check(program, &header, name, err);
	if (ret)
		return ret;
	return describe_io(program, name, err);
}

static int create(struct npu_program **out, const char *name, const void *data, size_t bytes,
		  void *map, struct npu_error *err)
{
	struct npu_program *program = calloc(1, sizeof(*program));
	int ret;

	if (!program)
		return npu_error_set(err, -ENOMEM, "%s: no memory to load it", name);
	ret = load(program, data, bytes, name, err);
	if (ret) {
		npu_program_free(program);
		return ret;
	}
	program->map = map;
	program->map_bytes = bytes;
	*out = program;
	return 0;
}

int npu_program_load_memory(struct npu_program **program, const void *data, size_t bytes,
			    struct npu_error *err)
{
	if (!data || (uintptr_t)data % NPU_SLOT_ALIGN)
		return npu_error_set(err, -EINVAL,
				     "the program's memory is not aligned to %d bytes",
				     NPU_SLOT_ALIGN);
	return create(program, "program in memory", data, bytes, NULL, err);
}

int npu_program_load(struct npu_program **program, const char *path, struct npu_error *err)
{
	struct stat st;
	void *map;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return npu_error_set(err, -errno, "%s: cannot be opened: %s", path,
				     strerror(errno));
	if (fstat(fd, &st)) {
		ret = npu_error_set(err, -errno, "%s: %s", path, strerror(errno));
		goto err_close;
	}
	if (!S_ISREG(st.st_mode)) {
		ret = npu_error_set(err, -EINVAL,
				    "%s: not a regular file, which a program must be "
				    "to be mapped",
				    path);
		goto err_close;
	}
	if (st.st_size == 0) {
		ret = npu_error_set(err, -ENODATA,
				    "%s: truncated: the file is empty; copy it again", path);
		goto err_close;
	}
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = npu_error_set(err, -errno, "%s: cannot be mapped: %s", path, strerror(errno));
		goto err_close;
	}
	ret = create(program, path, map, st.st_size, map, err);
	if (ret)
		munmap(map, st.st_size);
err_close:
	close(fd);
	return ret;
}

void npu_program_free(struct npu_program *program)
{
	if (!program)
		return;
	if (program->map)
		munmap(program->map, program->map_bytes);
	free(program->io);
	free(program->head);
	free(program);
}

unsigned int npu_program_inputs(const struct npu_program *program)
{
	return program->inputs;
}

unsigned int npu_program_outputs(const struct npu_program *program)
{
	return program->outputs;
}

const struct npu_io *npu_program_input(const struct npu_program *program, unsigned int i)
{
	return i < program->inputs ? &program->io[i] : NULL;
}

const struct npu_io *npu_program_output(const struct npu_program *program, unsigned int i)
{
	return i < program->outputs ? &program->io[program->inputs + i] : NULL;
}

const char *npu_program_label(const struct npu_program *program, unsigned int i)
{
	return i < program->label_count ? program->strings + program->labels[i] : NULL;
}
