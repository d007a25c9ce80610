#!/bin/sh
# SPDX-License-Identifier: MIT
# harness.sh: what `vm run` promises, so that a silent guest is no passed test (TAP)
. "$(dirname "$0")/../tap.sh"

vm=$(dirname "$0")/vm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# status_of WANTED COMMAND...: vm's, of the command in a guest; its output in $work/out
status_of() {
	wanted=$1
	shift
	"$vm" run --timeout 60 "$@" >"$work/out" 2>&1
	status=$?
	[ $status -eq "$wanted" ] && return 0
	echo "# status $status, not $wanted:"
	tap_show "$work/out"
	return 1
}

ok "a command's status comes back" status_of 7 -- sh -c 'printf "a  b\n"; id -u; exit 7'
same "and so does its output" "$(cat "$work/out")" "$(printf 'a  b\n0')"
ok "arguments arrive as they are" status_of 0 --no-module -- test "a 'b' \$c" = "a 'b' \$c"
ok "a warning of the kernel fails a command that succeeded" \
	status_of 124 -- sh -c 'echo "<4>WARNING: CPU: 0 PID: 1 at made/up.c:1" >/dev/kmsg'
ok "a guest that dies has failed" \
	status_of 124 -- sh -c 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger; sleep 30'
ok "its last words are shown" grep -q 'sysrq triggered crash' "$work/out"
ok "a guest that never ends has failed" status_of 124 --timeout 8 -- sleep 1000
ok "host files cannot be written" \
	status_of 0 --no-module -- sh -c '! touch "$0" 2>/dev/null && touch /tmp/x' "$PWD/build/x"
tap_done
