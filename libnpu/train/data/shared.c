// SPDX-License-Identifier: MIT
#include "shared.h"

void npu_shared_attach(struct npu_dataset *data, struct npu_shared *shared,
		       void (*destroy)(struct npu_shared *shared))
{
	atomic_init(&shared->references, 1);
	shared->destroy = destroy;
	data->context = shared;
	data->release = npu_shared_release;
}

struct npu_shared *npu_shared_get(const struct npu_dataset *data)
{
	struct npu_shared *shared = data->context;

	if (data->release != npu_shared_release)
		return NULL;
	atomic_fetch_add(&shared->references, 1);
	return shared;
}

void npu_shared_put(struct npu_shared *shared)
{
	if (shared && atomic_fetch_sub(&shared->references, 1) == 1)
		shared->destroy(shared);
}

void npu_shared_release(struct npu_dataset *data)
{
	npu_shared_put(data->context);
}
