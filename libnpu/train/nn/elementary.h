/* SPDX-License-Identifier: MIT */
/*
 * Elementary functions with the same result on every CPU.
 *
 * libm picks an implementation by CPU, and the last bit differs between them. What calibration,
 * table making, initial weights and the f32 reference compute must not, so it is computed here
 * from IEEE operations alone, each rounded once (contraction is off). Within 2 ulp, tanh 4; erfc
 * within 2e-13 of itself.
 */
#ifndef NPU_NN_ELEMENTARY_H
#define NPU_NN_ELEMENTARY_H

double npu_exp(double x);   /* 0 below -745.2, infinity above 709.8 */
double npu_expm1(double x); /* exp(x) - 1, without loss near 0 */
double npu_log(double x);   /* natural; -infinity at 0, NaN below */
double npu_log1p(double x); /* log(1 + x), without loss near 0 */
double npu_tanh(double x);
double npu_sigmoid(double x); /* 1 / (1 + exp(-x)) */
double npu_erfc(double x);    /* 2 / sqrt(pi) times the integral of exp(-t^2) from x on */

#endif /* NPU_NN_ELEMENTARY_H */
