#!/bin/sh
# SPDX-License-Identifier: MIT
# The ONNX files that npu_model_save() writes, in the tools of others: onnx.checker (Debian's
# python3-onnx) for operator sets 13 to 17, and ONNX Runtime (npm's onnxruntime-node), whose
# answers have to be those of npu_model_predict() to 1e-5. What is not installed is skipped;
# ONNX Runtime is fetched into $NPU_CACHE (~/.cache/npu) where npm can.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tap.sh"

B=${B:-build}
models="seed classifier binary image separate pixels"
version=1.27.0
cache=${NPU_CACHE:-$HOME/.cache/npu}
[ -x "$B/tests/onnx_file" ] || skip_all "no $B/tests/onnx_file; make $B/tests/onnx_file builds it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

find_python() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import onnx' 2>/dev/null && return 0
	done
	return 1
}

# ONNX Runtime in the cache; its post-install script would only fetch a CUDA provider.
find_runtime() {
	command -v node >/dev/null || return 1
	export NODE_PATH="$cache/node_modules"
	node -e "require('onnxruntime-node')" 2>/dev/null && return 0
	command -v npm >/dev/null || return 1
	mkdir -p "$cache" && (
		cd "$cache" || exit 1
		[ -f package.json ] || npm init -y
		timeout 240 npm install --ignore-scripts --no-audit --no-fund \
			"onnxruntime-node@$version"
	) >"$work/npm.log" 2>&1 </dev/null
	node -e "require('onnxruntime-node')" 2>/dev/null
}

# Operator sets 14 and later come from the checker, which rewrites the version.
run_model() {
	if node "$here/onnx-run.js" "$2" "$work/$1.in.npy" "$work/$1.out.npy" >"$work/log" 2>&1; then
		tap_result 0 "$3"
	else
		tap_result 1 "$3"
		tap_show "$work/log"
	fi
}

ok "models are written" env NPU_EXPORT="$work" "$B/tests/onnx_file"
find_python && python_found=1 || python_found=
find_runtime && runtime_found=1 || runtime_found=

for model in $models; do
	if [ -n "$runtime_found" ]; then
		run_model $model "$work/$model.onnx" "$model: ONNX Runtime gives the same answers"
	else
		skip "$model: ONNX Runtime gives the same answers" "no onnxruntime-node $version"
	fi
	for opset in 13 14 15 16 17; do
		if [ -z "$python_found" ]; then
			skip "$model: opset $opset passes onnx.checker" "no python3-onnx"
			continue
		fi
		"$python" "$here/onnx-check.py" $opset "$work/$model.onnx" "$work/$model-$opset.onnx" \
			>"$work/log" 2>&1
		status=$?
		tap_result $status "$model: opset $opset passes onnx.checker"
		[ $status -eq 0 ] || tap_show "$work/log"
		[ $status -eq 0 ] && [ -n "$runtime_found" ] &&
			run_model $model "$work/$model-$opset.onnx" "$model: opset $opset in ONNX Runtime"
	done
done
tap_done
