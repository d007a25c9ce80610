// SPDX-License-Identifier: MIT
#include <math.h>

#include "elementary.h"
#include "rng.h"

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void npu_rng_seed(struct npu_rng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t state = stream;
	int i;

	/* Mixing the stream first keeps (seed, stream + 1) away from (seed + 1, stream). */
	state = splitmix(&state) ^ seed;
	for (i = 0; i < 4; i++)
		rng->state[i] = splitmix(&state);
}

uint64_t npu_rng_mix(uint64_t a, uint64_t b)
{
	uint64_t state = splitmix(&a) ^ b;

	return splitmix(&state);
}

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

uint64_t npu_rng_next(struct npu_rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

double npu_rng_uniform(struct npu_rng *rng)
{
	return (double)(npu_rng_next(rng) >> 11) * 0x1p-53;
}

/* The polar method (Marsaglia 1964) needs a logarithm and a root, both of ours or exact. */
double npu_rng_normal(struct npu_rng *rng)
{
	double u, v, s;

	do {
		u = 2 * npu_rng_uniform(rng) - 1;
		v = 2 * npu_rng_uniform(rng) - 1;
		s = u * u + v * v;
	} while (s >= 1 || s == 0);
	return u * sqrt(-2 * npu_log(s) / s);
}

uint64_t npu_rng_below(struct npu_rng *rng, uint64_t bound)
{
	uint64_t excess = -bound % bound; /* 2^64 mod bound */
	uint64_t x;

	/* The lowest 2^64 mod bound numbers would make some remainders likelier than others. */
	do {
		x = npu_rng_next(rng);
	} while (x < excess);
	return x % bound;
}

void npu_rng_shuffle(struct npu_rng *rng, size_t *index, size_t count)
{
	size_t i;

	for (i = count; i > 1; i--) {
		size_t j = npu_rng_below(rng, i);
		size_t kept = index[i - 1];

		index[i - 1] = index[j];
		index[j] = kept;
	}
}
