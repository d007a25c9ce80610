// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "session.h"

static void *malloc_alloc(void *context, size_t bytes, size_t align)
{
	void *memory;

	(void)context;
	if (align < sizeof(void *))
		align = sizeof(void *);
	return posix_memalign(&memory, align, bytes) ? NULL : memory;
}

static void malloc_free(void *context, void *memory)
{
	(void)context;
	free(memory);
}

static const struct npu_allocator malloc_allocator = { malloc_alloc, malloc_free, NULL };

static int open_driver(struct npu_device *device, const struct npu_device_options *options,
		       struct npu_error *err)
{
	struct npu_device_info *info = &device->info;
	int ret;

	device->fd = npu_node_open(options->path, info->path, sizeof(info->path), err);
	if (device->fd < 0)
		return device->fd;
	ret = npu_node_query(device->fd, info->path, &device->driver, err);
	if (ret) {
		close(device->fd);
		device->fd = -1;
		return ret;
	}
	device->variant = npu_variant_find(NULL, device->cpu_features);
	info->uring = !options->no_uring && npu_uring_works(&device->driver);
	device->ops = info->uring ? &npu_driver_uring_ops : &npu_driver_ioctl_ops;
	info->backend = NPU_BACKEND_DRIVER;
	snprintf(info->name, sizeof(info->name), "%s", device->driver.backend);
	snprintf(info->variant, sizeof(info->variant), "%s", device->driver.variant);
	info->cores = device->driver.cores;
	return 0;
}

/* The sentence for a variant that can't be had: unknown, or too much for this CPU. */
static int refuse_variant(const char *name, struct npu_error *err)
{
	const struct npu_variant *variant;

	for (unsigned int i = 0; (variant = npu_variant_at(i)); i++)
		if (!strcmp(npu_variant_name(variant), name))
			return npu_error_set(err, -EOPNOTSUPP,
					     "kernel variant %s needs CPU "
					     "features that this machine does not have; leave the "
					     "option or NPU_VARIANT unset for the fastest that it "
					     "has",
					     name);
	return npu_error_set(err, -EINVAL,
			     "there is no kernel variant %s; leave the option or "
			     "NPU_VARIANT unset for the fastest",
			     name);
}

static int open_embedded(struct npu_device *device, const struct npu_device_options *options,
			 struct npu_error *err)
{
	struct npu_device_info *info = &device->info;
	const char *name = options->variant ? options->variant : getenv("NPU_VARIANT");

	if (name && !name[0])
		name = NULL;
	device->variant = npu_variant_find(name, device->cpu_features);
	if (!device->variant)
		return refuse_variant(name ? name : "scalar", err);
	device->ops = &npu_embedded_ops;
	info->backend = NPU_BACKEND_EMBEDDED;
	info->path[0] = '\0';
	snprintf(info->name, sizeof(info->name), "embedded");
	snprintf(info->variant, sizeof(info->variant), "%s", npu_variant_name(device->variant));
	info->cores = npu_cpu_count();
	return 0;
}

static int open_backend(struct npu_device *device, const struct npu_device_options *options,
			struct npu_error *err)
{
	struct npu_error why;

	switch (options->backend) {
	case NPU_BACKEND_DRIVER:
		return open_driver(device, options, err);
	case NPU_BACKEND_EMBEDDED:
		return open_embedded(device, options, err);
	case NPU_BACKEND_AUTO:
		if (!open_driver(device, options, &why))
			return 0;
		snprintf(device->info.fallback, sizeof(device->info.fallback), "%.*s",
			 (int)sizeof(device->info.fallback) - 1, why.message);
		return open_embedded(device, options, err);
	}
	return npu_error_set(err, -EINVAL, "options.backend %d is not one of enum npu_backend",
			     options->backend);
}

int npu_device_open(struct npu_device **out, const struct npu_device_options *options,
		    struct npu_error *err)
{
	static const struct npu_device_options defaults;
	const struct npu_allocator *allocator;
	struct npu_device *device;
	int ret;

	if (!options)
		options = &defaults;
	allocator = options->allocator ? options->allocator : &malloc_allocator;
	device = allocator->alloc(allocator->context, sizeof(*device), _Alignof(struct npu_device));
	if (!device)
		return npu_error_set(err, -ENOMEM, "no memory for a device");
	memset(device, 0, sizeof(*device));
	device->allocator = *allocator;
	device->fd = -1;
	device->cpu_features = npu_cpu_features();
	ret = open_backend(device, options, err);
	if (ret) {
		npu_device_close(device);
		return ret;
	}
	*out = device;
	return 0;
}

void npu_device_close(struct npu_device *device)
{
	struct npu_allocator allocator;

	if (!device)
		return;
	if (device->fd >= 0)
		close(device->fd);
	allocator = device->allocator;
	allocator.free(allocator.context, device);
}

void npu_device_info(const struct npu_device *device, struct npu_device_info *info)
{
	*info = device->info;
}

int npu_device_fd(const struct npu_device *device)
{
	return device->fd;
}
