/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_SCHEDULE_H
#define NPU_NN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "npu_train/training.h"

/**
 * struct npu_rate - a learning rate on its way
 * @schedule: resolved
 * @base: the optimiser's rate
 * @batches: steps of an epoch
 * @lowered: plateau: what @base has been multiplied by so far
 * @waited: plateau: epochs without a better loss
 */
struct npu_rate {
	struct npu_schedule schedule;
	float base;
	uint64_t batches;
	double lowered;
	unsigned int waited;
};

/* Fill in the defaults and check the figures; @epochs and @rate are those of the run. */
int npu_schedule_resolve(struct npu_schedule *schedule, unsigned int epochs, float rate,
			 struct npu_error *err);

void npu_rate_init(struct npu_rate *rate, const struct npu_schedule *schedule, float base,
		   uint64_t batches);

/* Of step @step, from 0. The same on every CPU. */
float npu_rate_at(const struct npu_rate *rate, uint64_t step);

/* An epoch has ended, and its loss was the best so far, or was not. */
void npu_rate_watch(struct npu_rate *rate, bool better);

#endif /* NPU_NN_SCHEDULE_H */
