#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh [learn|infer]: from nothing to a network on the NPU.
#
# learn makes data, trains and quantises; infer runs the test set on the NPU, in this process
# where there is none, and sums up; without an argument both. The virtual machine's demo learns
# outside and infers inside. Everything it shows is measured here and now.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
NPU=${NPU:-$top/build/npu}
DEMO_DIR=${DEMO_DIR:-$top/build/demo}
DEVICE=${DEVICE:-auto}		# or driver: fail where there is no NPU
SECONDS_EACH=${SECONDS_EACH:-1}	# of the two speed measurements

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

heading() {
	printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

# Show a command the way one would type it, then run it.
show() {
	printf '$ npu %s\n' "$*"
	"$NPU" "$@"
}

# The first value of KEY in a JSON file that npu has written.
value() {
	sed -n "s/^ *\"$2\": *\"\{0,1\}\(.*[^\",]\)\"\{0,1\},\{0,1\}\$/\1/p" "$1" | head -n 1
}

percent() {
	awk -v x="$(value "$1" accuracy)" 'BEGIN { printf "%.2f %%", 100 * x }'
}

# expect WHAT CONDITION: the condition is awk's.
expect() {
	awk "BEGIN { exit !($2) }" && return
	echo "demo: $1: $2 does not hold" >&2
	exit 1
}

learn() {
	mkdir -p "$DEMO_DIR"
	cd "$DEMO_DIR"
	heading "Data: four spirals, wound into each other"
	show generate spirals --seed 1 --samples 4000 -o train.csv
	show generate spirals --seed 2 --samples 2000 -o test.csv

	heading "A network without a hidden layer: straight lines do not part spirals"
	show train train.csv --label class --hidden none --epochs 10 --test 0 -q -o linear.onnx
	"$NPU" eval linear.onnx test.csv --label class --json >linear.json
	echo "accuracy on the test set: $(percent linear.json) (chance is 25 %)"

	heading "Two hidden layers of 64"
	show train train.csv --label class --hidden 64,64 --epochs 60 --test 0 -o model.onnx
	"$NPU" eval model.onnx test.csv --label class --json >f32.json
	echo "accuracy on the test set: $(percent f32.json)"

	heading "Quantise to an integer program"
	show compile model.onnx --samples train.csv --label class -o model.npu
}

infer() {
	cd "$DEMO_DIR"
	heading "Run the test set on the NPU"
	show eval model.npu test.csv --label class --device "$DEVICE"
	"$NPU" eval model.npu test.csv --label class --device "$DEVICE" --json >int8.json
	"$NPU" bench model.npu --device "$DEVICE" --seconds "$SECONDS_EACH" --json >bench.json
	summary
}

summary() {
	linear=$(value linear.json accuracy)
	f32=$(value f32.json accuracy)
	int8=$(value int8.json accuracy)

	heading "Summary: $(value int8.json samples) test points that training has not seen"
	printf '  %-34s %s\n' \
		"accuracy, no hidden layer, f32" "$(percent linear.json)" \
		"accuracy, 64-64, f32" "$(percent f32.json)" \
		"accuracy, 64-64, int8 on the NPU" "$(percent int8.json)" \
		"latency, median" "$(value bench.json p50 | awk '{ printf "%.2f µs", $1 }')" \
		"throughput" "$(value bench.json samples_per_second |
			awk '{ printf "%.0f inferences/s", $1 }')" \
		"where it ran" "$(value bench.json where)"
	expect "a linear model must fail here" "$linear < 0.5"
	expect "the network must have learned" "$f32 > 0.9"
	expect "int8 must keep what f32 has learned" "$int8 > $f32 - 0.02"
}

case ${1:-all} in
learn) learn ;;
infer) infer ;;
all) learn && infer ;;
*)
	echo "usage: demo.sh [learn|infer]" >&2
	exit 2
	;;
esac
