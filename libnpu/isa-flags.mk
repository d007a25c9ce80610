# SPDX-License-Identifier: MIT
# Files that need instruction-set flags: OBJECT: ISA_CFLAGS := FLAGS. Everything else is built
# for the baseline of the architecture and chooses among these at run time.
