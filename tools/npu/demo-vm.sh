#!/bin/sh
# SPDX-License-Identifier: MIT
# demo-vm.sh: the demo on /dev/accel/accel0 of a virtual machine with the stock 6.12 kernel.
# The network is trained here; the module is loaded and the inference done in there.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
export NPU="${NPU:-$top/build/npu}" DEMO_DIR="${DEMO_DIR:-$top/build/demo}"

"$top/tools/npu/demo.sh" learn
printf '\nStarting the virtual machine\n'
# The guest sees this file system, read only, has a /tmp of its own, and talks through a serial
# line. Its CPU is emulated: a short measurement is enough.
# shellcheck disable=SC2016 # for the shell of the guest
exec "$top/tests/vm/vm" run -- sh -c '
	set -eu
	cp -r "$1" /tmp/demo
	echo "Linux $(uname -r)"
	export NO_COLOR=1 TERM=dumb
	export NPU="$2" DEMO_DIR=/tmp/demo DEVICE=driver SECONDS_EACH=0.5
	"$NPU" info --device driver
	"$0/tools/npu/demo.sh" infer
	echo "The CPU of this machine is emulated: its times say nothing about a board."
	' "$top" "$DEMO_DIR" "$NPU"
