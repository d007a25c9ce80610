/* SPDX-License-Identifier: MIT */
/* Real numbers as the integers that the device computes with. */
#ifndef NPU_COMPILE_SCALE_H
#define NPU_COMPILE_SCALE_H

#include <stdint.h>

#include "npu_accel.h"

/*
 * real = 2^exponent * significand / 2^31, significand in [2^30, 2^31], rounded half up; @real is
 * positive. The split is made from the bits of the number, so that it is the same everywhere.
 */
int64_t npu_significand(double real, int *exponent);

/*
 * A real multiplier, 0 or more, as an instruction holds it: 0 where it is below 2^-32, the
 * largest there is from 2^30 up.
 */
struct npu_scale npu_scale_from_real(double real);

/* Nearest integer, halves away from zero, clamped to [low, high]; NaN gives 0. */
int64_t npu_round_clamp(double real, int64_t low, int64_t high);

#endif
