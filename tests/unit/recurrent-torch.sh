#!/bin/sh
# SPDX-License-Identifier: MIT
# Outputs, states and gradients of recurrent layers against PyTorch's (Debian's python3-torch), by
# the same weights, to 1e-4. Skipped where PyTorch is not installed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tap.sh"

B=${B:-build}
[ -x "$B/tests/nn_recurrent" ] ||
	skip_all "no $B/tests/nn_recurrent; make $B/tests/nn_recurrent builds it"
for python in python3 /usr/bin/python3 none; do
	"$python" -c 'import torch' 2>/dev/null && break
done
[ "$python" != none ] || skip_all "no PyTorch; python3-torch brings it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok "layers are written" env NPU_EXPORT="$work" "$B/tests/nn_recurrent"
OMP_NUM_THREADS=1 "$python" "$here/recurrent-torch.py" "$work" >"$work/results" 2>"$work/errors"
tap_result $? "PyTorch takes them all"
tap_show "$work/errors"
while read -r result name; do
	[ "$result" = ok ]
	tap_result $? "$name"
done <"$work/results"
tap_done
