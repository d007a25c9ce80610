/* SPDX-License-Identifier: MIT */
/* Networks that have a name, as text; see layer_text.h. */
#ifndef NPU_PRESET_H
#define NPU_PRESET_H

#include "npu_train.h"

/* What samples a preset takes. */
enum preset_input {
	PRESET_ANY,
	PRESET_IMAGE,	 /* height and width */
	PRESET_SEQUENCE, /* steps */
};

/**
 * struct preset - a network that has a name
 * @name: of --preset
 * @summary: a line for the help
 * @input: enum preset_input
 * @text: its layers; the last is "output"
 */
struct preset {
	const char *name;
	const char *summary;
	enum preset_input input;
	const char *text;
};

/* In the order of preset_names, which is NULL-terminated, for struct cli_option. */
extern const struct preset presets[];
extern const char *const preset_names[];

/* -EINVAL with a sentence where samples of H, W, C are nothing for the preset. */
int preset_check(const struct preset *preset, const uint32_t dim[3], struct npu_error *err);

#endif
