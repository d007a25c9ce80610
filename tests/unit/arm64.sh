#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernels for AArch64: programs that compare kernels with the reference, cross-compiled, on
# emulated CPUs: the engine's variants on one with NEON alone, one with its dot product, one with
# products of matrices; the rest on one of them.
set -u

cpus="cortex-a53 cortex-a76 max"
each="engine_variants engine_golden engine_golden_network engine_golden_shape engine_golden_window
	engine_golden_recurrent engine_recurrent engine_depthwise"
once="engine_hostile engine_hostile_recurrent engine_recurrent_real engine_reference engine_reference_resize engine_reference_shape
	engine_reference_window engine_validate engine_validate_shape
	engine_validate_window nn_variants nn_products nn_activations nn_conv nn_gradients"

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool: apt-get install gcc-aarch64-linux-gnu qemu-user"
		exit 0
	}
done

output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0 test=0

# report PROGRAM CPU: of the last command
report() {
	result=$?
	test=$((test + 1))
	if [ $result = 0 ] && grep -q '^ok' "$output" && ! grep -v SKIP "$output" | grep -q '^ok'; then
		echo "ok $test - $1 on $2 # SKIP $(sed -n 's/^# SKIP //p' "$output" | head -n 1)"
	elif [ $result = 0 ]; then
		echo "ok $test - $1 on $2"
	else
		grep -v '^ok' "$output" | tail -n 40 | sed 's/^#* */# /'
		echo "not ok $test - $1 on $2"
		status=1
	fi
}

build() {
	make -s --no-print-directory -j"$(nproc)" "build/arm64/tests/$1" >"$output" 2>&1 &&
		! grep 'warning:' "$output"
}

run() {
	qemu-aarch64 -cpu "$2" "build/arm64/tests/$1" >"$output" 2>&1
}

echo "1..$(($(echo $each | wc -w) * $(echo $cpus | wc -w) + $(echo $once | wc -w)))"
for program in $each; do
	build "$program"
	built=$?
	for cpu in $cpus; do
		[ $built = 0 ] && run "$program" "$cpu"
		report "$program" "$cpu"
	done
done
for program in $once; do
	build "$program" && run "$program" max
	report "$program" max
done
exit $status
