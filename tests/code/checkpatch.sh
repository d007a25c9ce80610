#!/bin/sh
# SPDX-License-Identifier: MIT
# checkpatch.sh: kmod/ and its tests in kernel style, by the kernel's own checkpatch.pl --strict
set -eu
cd "$(dirname "$0")/../.."
make -s build/linux/scripts/checkpatch.pl
patch() {
	perl build/linux/scripts/checkpatch.pl --no-tree --strict --terse --no-summary -f \
		--max-line-length=100 --ignore "$1" $2
}
# Fields are described in the kernel-doc of their structures, locks included.
patch UNCOMMENTED_DEFINITION "$(find kmod -name '*.[ch]' ! -name '*.mod.c' ! -path 'kmod/uapi/*' \
	! -path 'kmod/engine/*')"
# User space, too, compiles these: the kernel's macros are not there.
patch BIT_MACRO,VOLATILE,PREFER_DEFINED_ATTRIBUTE_MACRO,ARRAY_SIZE,COMPLEX_MACRO,SPACING,MULTIPLE_ASSIGNMENTS,MACRO_ARG_REUSE,OPEN_ENDED_LINE,CAMELCASE,DEEP_INDENTATION \
	"$(find kmod/uapi kmod/engine -name '*.[ch]')"
