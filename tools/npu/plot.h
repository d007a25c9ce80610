/* SPDX-License-Identifier: MIT */
/* Curves of a training as a picture. */
#ifndef NPU_PLOT_H
#define NPU_PLOT_H

#include "npu_train.h"

/*
 * Write an SVG: loss, accuracy where there are classes, and learning rate over the epochs, the best
 * epoch marked. Its background is clear and its colours suit light and dark ones.
 */
int plot_write(const struct npu_history *history, const char *path, struct npu_error *err);

#endif
