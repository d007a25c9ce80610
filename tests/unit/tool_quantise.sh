#!/bin/sh
# SPDX-License-Identifier: MIT
# npu compile: ways to calibrate, mixed precision; npu train --qat.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. tests/tap.sh
. tests/npu-tool.sh

"$NPU" generate spirals --samples 600 -o points.csv >out
"$NPU" generate spirals --samples 300 --seed 2 -o others.csv >out
npu "train" 0 train points.csv -l class -e 40 -H 16,16 -q -o model.onnx
npu "train, the last epochs aware of quantisation" 0 train points.csv -l class -e 40 -H 16,16 \
	--qat 31 -q -o aware.onnx
npu "aware from an epoch that there is not" 1 train points.csv -l class -e 5 --qat 6 -q -o no.onnx
says "it is said why" "quantise_from is epoch 6"

for how in percentile min-max entropy mse; do
	npu "calibrate by $how" 0 compile model.onnx -s points.csv -l class --calibration $how \
		-o $how.npu
done
npu "corrected and equalised" 0 compile model.onnx -s points.csv -l class --bias-correction \
	--equalise -o corrected.npu
npu "a model that was trained for it" 0 compile aware.onnx -s points.csv -l class -o aware.npu
npu "that program runs" 0 eval aware.npu others.csv -l class

npu "as good as f32" 0 compile model.onnx -s points.csv -l class --max-drop 0 \
	--measure others.csv -o mixed.npu
prints "what it was measured on" '^of 300 samples right: .* in f32, .* in this program$'
prints "what is int16" '^int16:'
npu "decibels, on samples set aside" 0 compile model.onnx -s points.csv -l class --min-sqnr 38 \
	-o mixed.npu --json
prints "half of them calibrate" '"calibration_samples": 300,'
prints "the others are measured on" '"samples": 300,'
prints "int16 values are listed" '"int16":'
npu "more than weights of 8 bits give" 1 compile model.onnx -s points.csv -l class --min-sqnr 150 \
	-o no.npu
says "it is said why" "int8 weights"
npu "points without classes" 1 compile model.onnx -s points.csv -t class --max-drop 1 -o no.npu
npu "int16 can't be raised" 2 compile model.onnx -s points.csv -l class -p int16 --max-drop 1 \
	-o no.npu
says "it is said why" "leave --precision out"
npu "two limits" 2 compile model.onnx -s points.csv -l class --max-drop 1 --min-sqnr 20 -o no.npu
says "it is said why" "give one of them"
npu "measured for nothing" 2 compile model.onnx -s points.csv -l class --measure others.csv -o no.npu
says "it is said why" "measure is for --max-drop"
npu "answers of nothing" 2 compile model.onnx -s points.csv -l class --max-drop 1 \
	--measure-labels others.csv -o no.npu
says "it is said why" "give that, too"
npu "a percentile of the squared error" 2 compile model.onnx -s points.csv -l class \
	--calibration mse --percentile 99 -o no.npu
says "it is said why" "not mse"
tap_done
