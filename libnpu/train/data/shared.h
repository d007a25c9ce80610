/* SPDX-License-Identifier: MIT */
#ifndef NPU_DATA_SHARED_H
#define NPU_DATA_SHARED_H

#include <stdatomic.h>

#include "npu_train/data.h"

/**
 * struct npu_shared - first member of a dataset's context that its parts read from too
 * @references: datasets whose context it is or whose parts read from it
 * @destroy: called when the last of them is freed
 *
 * A dataset is known to have one by its release, npu_shared_release(). The last may be freed by
 * any thread, hence the atomic count.
 */
struct npu_shared {
	atomic_uint references;
	void (*destroy)(struct npu_shared *shared);
};

/* Make @shared the context of @data, which holds the first reference. */
void npu_shared_attach(struct npu_dataset *data, struct npu_shared *shared,
		       void (*destroy)(struct npu_shared *shared));

/* The context of @data with one more reference, or NULL if it is not shared. */
struct npu_shared *npu_shared_get(const struct npu_dataset *data);
void npu_shared_put(struct npu_shared *shared);

/* For npu_dataset.release. */
void npu_shared_release(struct npu_dataset *data);

#endif /* NPU_DATA_SHARED_H */
