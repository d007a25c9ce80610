// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "spare.h"

static void free_spare(struct npu_spare *spare)
{
	if (!spare)
		return;
	npu_pass_free(&spare->pass);
	npu_batch_free(&spare->batch);
	free(spare);
}

static struct npu_spare *exchange(const struct npu_model *model, struct npu_spare *spare)
{
	return atomic_exchange(&model->predicting->spare, spare);
}

void npu_spare_drop(const struct npu_model *model)
{
	free_spare(exchange(model, NULL));
}

void npu_spare_put(const struct npu_model *model, struct npu_spare *spare)
{
	free_spare(exchange(model, spare));
}

static int create(struct npu_spare *spare, const struct npu_model *model, size_t capacity,
		  size_t threads, struct npu_error *err)
{
	uint32_t none;
	const struct npu_dataset inputs = {
		.features = model->features,
		.lengths = &none,
	};
	int ret = npu_batch_create(&spare->batch, &inputs, capacity, err);

	spare->threads = threads;
	return ret ? ret : npu_pass_create(&spare->pass, model, capacity, threads, false, NULL, err);
}

struct npu_spare *npu_spare_take(const struct npu_model *model, size_t capacity, size_t threads,
				 struct npu_error *err)
{
	struct npu_spare *spare = exchange(model, NULL);

	if (spare && spare->pass.capacity >= capacity && spare->threads == threads)
		return spare;
	free_spare(spare);
	spare = calloc(1, sizeof(*spare));
	if (!spare) {
		npu_error_set(err, -ENOMEM, "out of memory for a prediction");
		return NULL;
	}
	if (create(spare, model, capacity, threads, err)) {
		free_spare(spare);
		return NULL;
	}
	return spare;
}
