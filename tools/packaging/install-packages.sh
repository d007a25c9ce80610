#!/bin/sh
# SPDX-License-Identifier: MIT
# install-packages.sh PACKAGE...: install the Debian packages that are missing.
# Says what it is about to do; without root and without sudo it says what to type instead.
set -eu

missing=
for package; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "npu: this is not a Debian system; install what corresponds to:$missing" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	root=
elif command -v sudo >/dev/null; then
	root=sudo
else
	echo "npu: packages are missing and there is no sudo; as root: apt-get install$missing" >&2
	exit 1
fi
echo "Installing:$missing"
log=$(mktemp)
# The lists of a fresh image are empty; the lock may be held by another installation.
install_missing() {
	# shellcheck disable=SC2086 # a list of words
	$root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 \
		install -y --no-install-recommends $missing
}
# shellcheck disable=SC2024 # the log is the caller's
if ! { $root apt-get update && install_missing; } >"$log" 2>&1; then
	tail -n 5 "$log" >&2
	echo "npu: apt-get could not install:$missing; its log is $log" >&2
	exit 1
fi
rm -f "$log"
