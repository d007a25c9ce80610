#!/bin/sh
# SPDX-License-Identifier: MIT
# load.sh: in the guest, the module comes and goes twenty times (TAP)
. "$(dirname "$0")/../tap.sh"

cycle() {
	rmmod npu || return 1
	[ ! -e /dev/accel/accel0 ] || return 1
	insmod "$NPU_MODULE" || return 1
	[ -c /dev/accel/accel0 ]
}

twenty() {
	n=0
	while [ $n -lt 20 ]; do
		cycle || return 1
		n=$((n + 1))
	done
}

rejected() {
	rmmod npu && ! insmod "$NPU_MODULE" variant=nonsense 2>/dev/null
	[ ! -e /dev/accel/accel0 ]
	status=$?
	rmmod npu 2>/dev/null
	return $status
}

ok "load and unload, 20 times" twenty
ok "the log names backend, instruction set and cores" \
	sh -c 'dmesg | grep -q "npu.*backend simd, instruction set [a-z0-9]*, [0-9]* core"'
ok "an unknown variant is refused" rejected
ok "one core of instruction set scalar" sh -c 'insmod "$0" cores=1 variant=scalar nice=5 &&
	dmesg | tail -n 3 | grep -q "instruction set scalar, 1 core"' "$NPU_MODULE"
tap_done
