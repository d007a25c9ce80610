#!/bin/sh
# SPDX-License-Identifier: MIT
# whole-way.sh: train, compile, run on the device by io_uring and by ioctl, and in process in every
# kernel variant: the same outputs to the bit (TAP). On data of our own, and on the 5,000
# handwritten digits of NPU_DATA where they are.
. "$(dirname "$0")/../tap.sh"

project=$(cd "$(dirname "$0")/../.." && pwd)
npu=$project/build/npu
work=$project/build/whole-way
rm -rf "$work"
mkdir -p "$work"

quietly() {
	"$@" >"$work/log" 2>&1 || {
		tap_show "$work/log"
		return 1
	}
}

# same_everywhere NAME DATA...: the outputs of $work/NAME.npu for DATA, one run as good as another
same_everywhere() {
	name=$1
	shift
	ok "$name: in process, scalar" quietly "$npu" run "$work/$name.npu" "$@" --device embedded \
		--variant scalar -o "$work/$name-scalar.npy"
	for variant in avx2 avx512vnni; do
		if ! "$npu" run "$work/$name.npu" "$@" --device embedded --variant $variant \
			-o "$work/$name-$variant.npy" >/dev/null 2>"$work/error"; then
			skip "$name: in process, $variant" "$(cat "$work/error")"
			continue
		fi
		ok "$name: in process, $variant: the same" \
			cmp "$work/$name-scalar.npy" "$work/$name-$variant.npy"
	done
	# the guest's /tmp is its own; a checksum comes back
	"$project/tests/vm/vm" run -- sh -c '
		npu=$1 program=$2; shift 2
		"$npu" run "$program" "$@" --device driver -o /tmp/uring.npy >/dev/null 2>&1 &&
		"$npu" run "$program" "$@" --device driver --no-uring -o /tmp/ioctl.npy \
			>/dev/null 2>&1 &&
		echo "uring $(sha256sum </tmp/uring.npy)" && echo "ioctl $(sha256sum </tmp/ioctl.npy)"
		' sh "$npu" "$work/$name.npu" "$@" >"$work/$name.out" 2>&1
	tap_result $? "$name: on the device"
	tap_show "$work/$name.out"
	sum=$(sha256sum <"$work/$name-scalar.npy" | cut -d' ' -f1)
	same "$name: by io_uring: the same" "$(awk '$1 == "uring" { print $2 }' "$work/$name.out")" "$sum"
	same "$name: by ioctl: the same" "$(awk '$1 == "ioctl" { print $2 }' "$work/$name.out")" "$sum"
}

ok "spirals: generate" quietly "$npu" generate spirals -o "$work/spirals.csv"
ok "spirals: train" quietly "$npu" train "$work/spirals.csv" --label class --hidden 32,32 \
	--epochs 20 -o "$work/spirals.onnx"
for precision in int8 int16; do
	ok "spirals: compile to $precision" quietly "$npu" compile "$work/spirals.onnx" \
		--samples "$work/spirals.csv" --label class --precision $precision \
		-o "$work/spirals-$precision.npu"
	same_everywhere spirals-$precision "$work/spirals.csv" --label class
done

mnist=${NPU_DATA:-}/datasets/mnist
if [ -r "$mnist/train-images-idx3-ubyte.gz" ]; then
	ok "digits: train" quietly "$npu" train "$mnist/train-images-idx3-ubyte.gz" \
		--labels "$mnist/train-labels-idx1-ubyte.gz" --hidden 128 --epochs 2 --batch 128 \
		--scale none -o "$work/digits.onnx"
	ok "digits: compile" quietly "$npu" compile "$work/digits.onnx" \
		--samples "$mnist/t10k_0_5000-images-idx3-ubyte.gz" -o "$work/digits.npu"
	same_everywhere digits "$mnist/t10k_0_5000-images-idx3-ubyte.gz"
else
	skip "digits" "NPU_DATA/datasets/mnist is not there"
fi
tap_done
