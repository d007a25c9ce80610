#!/bin/sh
# SPDX-License-Identifier: MIT
# module.sh W=1 | C=2: the module builds, and the compiler or sparse has nothing to say
set -eu
cd "$(dirname "$0")/../.."
for kdir in ${KDIR:-/usr/src/linux-headers-6.12*-amd64}; do :; done
tree=$PWD/build/code/module-${1%%=*}
rm -rf "$tree"
tests/vm/module "$kdir" "$tree" "$1" -j"$(nproc)"
! grep -iE 'warning:|error:' "$tree/log"
