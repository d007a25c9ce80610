/* SPDX-License-Identifier: MIT */
#ifndef NPU_NN_RNG_H
#define NPU_NN_RNG_H

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman and Vigna 2021), filled by splitmix64. The same numbers everywhere. */
struct npu_rng {
	uint64_t state[4];
};

/* Streams of one seed are independent: 0 is training, 1 + i the initial weights of layer i. */
void npu_rng_seed(struct npu_rng *rng, uint64_t seed, uint64_t stream);

/* One number from two, as independent of those for other @a and @b as random numbers are. */
uint64_t npu_rng_mix(uint64_t a, uint64_t b);

uint64_t npu_rng_next(struct npu_rng *rng);
/* Uniform in [0, 1), a multiple of 2^-53. */
double npu_rng_uniform(struct npu_rng *rng);
/* Normal with mean 0 and variance 1. */
double npu_rng_normal(struct npu_rng *rng);
/* Uniform in [0, bound); @bound is at least 1. */
uint64_t npu_rng_below(struct npu_rng *rng, uint64_t bound);
/* A random order of @index (Fisher and Yates). */
void npu_rng_shuffle(struct npu_rng *rng, size_t *index, size_t count);

#endif /* NPU_NN_RNG_H */
