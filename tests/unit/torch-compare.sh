#!/bin/sh
# SPDX-License-Identifier: MIT
# Every layer with each of its options, as nn_case_table.h has them, in PyTorch (Debian's
# python3-torch) with the same weights: outputs, loss and gradients to 1e-4.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tap.sh"

B=${B:-build}
program=$B/tests/nn_gradients
[ -x "$program" ] || make -s "build/tests/nn_gradients" >&2
[ -x "$program" ] || skip_all "no $program; make build/tests/nn_gradients builds it"
for python in python3 /usr/bin/python3 ""; do
	"$python" -c 'import torch' 2>/dev/null && break
done
[ -n "$python" ] || skip_all "no python3-torch"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" --dump "$work" >&2 || {
	echo "1..1"
	echo "not ok 1 - nn_gradients --dump"
	exit 1
}
PYTHONDONTWRITEBYTECODE=1 "$python" "$here/torch-compare.py" "$work"
