#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernels for AArch64: programs that compare kernels with the reference, cross-compiled, on an
# emulated CPU.
set -u

programs="nn_variants nn_products nn_activations nn_conv nn_gradients"

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool: apt-get install gcc-aarch64-linux-gnu qemu-user"
		exit 0
	}
done

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0 test=0
echo "1..$(echo $programs | wc -w)"
for program in $programs; do
	test=$((test + 1))
	if make -s --no-print-directory -j"$(nproc)" "build/arm64/tests/$program" >"$output" 2>&1 &&
		! grep 'warning:' "$output" &&
		qemu-aarch64 "build/arm64/tests/$program" >"$output" 2>&1; then
		echo "ok $test - $program on AArch64"
	else
		grep -v '^ok' "$output" | tail -n 40 | sed 's/^#* */# /'
		echo "not ok $test - $program on AArch64"
		status=1
	fi
done
exit $status
