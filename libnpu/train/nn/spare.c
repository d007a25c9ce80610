// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "spare.h"

/**
 * struct npu_spare_pass - one place
 * @spare: the buffers that are in it, or NULL
 */
struct npu_spare_pass {
	_Atomic(struct spare *) spare;
};

/**
 * struct spare - the buffers and what they are for
 * @pass: first, so that its address is the structure's
 * @threads: of the pool
 */
struct spare {
	struct npu_pass pass;
	size_t threads;
};

static void free_spare(struct spare *spare)
{
	if (!spare)
		return;
	npu_pass_free(&spare->pass);
	free(spare);
}

struct npu_spare_pass *npu_spare_pass_create(void)
{
	return calloc(1, sizeof(struct npu_spare_pass));
}

void npu_spare_pass_free(struct npu_spare_pass *place)
{
	if (!place)
		return;
	npu_spare_pass_drop(place);
	free(place);
}

void npu_spare_pass_drop(struct npu_spare_pass *place)
{
	free_spare(atomic_exchange(&place->spare, NULL));
}

struct npu_pass *npu_spare_pass_take(const struct npu_model *model, size_t capacity,
				     size_t threads, struct npu_error *err)
{
	struct spare *spare = atomic_exchange(&model->spare->spare, NULL);

	if (spare && spare->pass.capacity >= capacity && spare->threads == threads)
		return &spare->pass;
	free_spare(spare);
	spare = malloc(sizeof(*spare));
	if (!spare) {
		npu_error_set(err, -ENOMEM, "out of memory for a prediction");
		return NULL;
	}
	spare->threads = threads;
	if (npu_pass_create(&spare->pass, model, capacity, threads, false, err)) {
		free(spare);
		return NULL;
	}
	return &spare->pass;
}

void npu_spare_pass_put(const struct npu_model *model, struct npu_pass *pass)
{
	free_spare(atomic_exchange(&model->spare->spare, (struct spare *)pass));
}
