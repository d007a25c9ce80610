#!/bin/sh
# SPDX-License-Identifier: MIT
# Networks that PyTorch (Debian's python3-torch) exports as ONNX, in several opsets, with the batch
# fixed and free: npu_model_load() reads them and gives PyTorch's answers to 1e-5.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tap.sh"

B=${B:-build}
program=$B/tests/onnx_golden
[ -x "$program" ] || skip_all "no $program; make $program builds it"
for python in python3 /usr/bin/python3 ""; do
	"$python" -c 'import torch' 2>/dev/null && break
done
[ -n "$python" ] || skip_all "no python3-torch"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! PYTHONDONTWRITEBYTECODE=1 "$python" "$here/onnx-torch.py" "$work" >"$work/log" 2>&1; then
	sed 's/^/# /' "$work/log"
	echo "1..1"
	echo "not ok 1 - PyTorch exports its networks"
	exit 1
fi
NPU_MODELS="$work" CMOCKA_MESSAGE_OUTPUT=TAP "$program"
