# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Tests of the npu command: `. tests/npu-tool.sh` after tests/tap.sh. They then are in an empty
# folder, which goes with them.

NPU=$(realpath "${B:-build}/npu")
[ -x "$NPU" ] || skip_all "no $NPU; make tools builds it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1
export NO_COLOR=1
# Leaks are the concern of the library tests; here ASan must not change exit codes.
export ASAN_OPTIONS=detect_leaks=0

# npu NAME CODE ARGUMENT...: run the tool, keep its output, expect the exit code.
npu() {
	npu_name=$1 npu_code=$2
	shift 2
	"$NPU" "$@" >out 2>err
	npu_status=$?
	[ $npu_status -eq "$npu_code" ]
	tap_result $? "$npu_name"
	if [ $npu_status -ne "$npu_code" ]; then
		echo "#   npu $* ended with $npu_status, not $npu_code"
		tap_show out
		tap_show err
	fi
}

# says NAME PATTERN: one line on stderr, "npu: ...", that matches.
says() {
	[ "$(wc -l <err)" -eq 1 ] && grep -q '^npu: ' err && grep -Eq "$2" err
	tap_result $? "$1"
	grep -Eq "$2" err || tap_show err
}

prints() {
	grep -Eq "$2" out
	tap_result $? "$1"
	grep -Eq "$2" out || tap_show out
}

json() {
	python3 -m json.tool <out >/dev/null 2>json-error
	tap_result $? "$1"
}
