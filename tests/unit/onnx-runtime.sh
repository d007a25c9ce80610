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
version=1.27.0
cache=${NPU_CACHE:-$HOME/.cache/npu}
for program in onnx_file onnx_layers; do
	[ -x "$B/tests/$program" ] ||
		skip_all "no $B/tests/$program; make $B/tests/$program builds it"
done
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

# A result for every model: LOG has "ok NAME figures" or "not NAME why"; a model that is missing
# there has failed, too.
report() {
	while read -r name what; do
		line=$(grep "^[a-z]* $name\( \|\$\)" "$1") || line="not $name missing"
		details=${line#* * }
		[ "$details" != "$line" ] || details=
		case $line in
		ok*) tap_result 0 "$what: $2${details:+ ($details)}" ;;
		*)
			tap_result 1 "$what: $2"
			echo "# $line"
			;;
		esac
	done <"$folder/names"
}

for program in onnx_file onnx_layers; do
	folder=$work/$program
	mkdir "$folder"
	ok "$program writes its models" env NPU_EXPORT="$folder" "$B/tests/$program"
	if find_python; then
		"$python" "$here/onnx-check.py" "$folder" 13 14 15 16 17 >"$work/log" 2>"$work/errors"
		report "$work/log" "opsets 13 to 17 pass onnx.checker"
		tap_show "$work/errors"
	else
		skip "$program: onnx.checker" "no python3-onnx"
	fi
	if find_runtime; then
		node "$here/onnx-run.js" "$folder" >"$work/log" 2>"$work/errors"
		report "$work/log" "ONNX Runtime gives the same answers"
		tap_show "$work/errors"
	else
		skip "$program: ONNX Runtime" "no onnxruntime-node $version"
	fi
done
tap_done
