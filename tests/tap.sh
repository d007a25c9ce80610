# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# TAP for shell tests: `. tests/tap.sh`, then ok/same/..., then tap_done.
# A test's own output goes to stderr or files; stdout is TAP's.

tap_count=0
tap_failures=0

# tap_result STATUS NAME: STATUS is that of the command before.
tap_result() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		tap_failures=$((tap_failures + 1))
	fi
}

# Lines of a file as diagnostics.
tap_show() {
	sed 's/^/#   /' "$1"
}

# ok NAME COMMAND...: the command ends with 0.
ok() {
	tap_name=$1
	shift
	"$@"
	tap_result $? "$tap_name"
}

# same NAME GOT WANTED
same() {
	[ "$2" = "$3" ]
	tap_result $? "$1"
	[ "$2" = "$3" ] || printf '#   got:    %s\n#   wanted: %s\n' "$2" "$3"
}

# skip NAME REASON
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# skip_all REASON: before any test.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

tap_done() {
	echo "1..$tap_count"
	[ "$tap_failures" -eq 0 ]
	exit $?
}
