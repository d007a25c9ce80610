#!/bin/sh
# SPDX-License-Identifier: MIT
# make install: what lies where, and that a program builds against it by pkg-config alone.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. tests/tap.sh

case ${B:-build} in
*build) ;;
*) skip_all "installs the plain build only" ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
usr=$root/usr

# The test-suite runs under make: its variables must not reach this one.
make_quietly() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make "$@" >"$work/log" 2>&1 ||
		{ tap_show "$work/log"; return 1; }
}

ok "make install" make_quietly install DESTDIR="$root" prefix=/usr
for file in bin/npu include/npu.h include/npu_train.h include/npu_accel.h lib/libnpu.a \
	lib/libnpu-train.a lib/pkgconfig/npu.pc lib/pkgconfig/npu-train.pc \
	lib/udev/rules.d/60-npu.rules share/man/man1/npu.1 share/man/man3/npu.3 share/man/man7/npu.7; do
	ok "installs $file" [ -s "$usr/$file" ]
done
for library in npu npu-train; do
	same "lib$library.so is a link to its SONAME" "$(readlink "$usr/lib/lib$library.so")" \
		lib$library.so.0
	same "SONAME of lib$library" "$(objdump -p "$usr/lib/lib$library.so" |
		awk '/SONAME/ { print $2 }')" lib$library.so.0
done
ok "libnpu exports npu_ names only" sh -c '! nm -D --defined-only "$0" |
	awk "\$2 != \"A\" { print \$3 }" | grep -v "^npu_" >&2' "$usr/lib/libnpu.so"
ok "libnpu needs liburing and libdrm beside the C library" sh -c '! objdump -p "$0" |
	awk "/NEEDED/ { print \$2 }" | grep -Ev "^(liburing|libdrm|libc|ld-linux[-a-z0-9_]*)\.so" >&2' \
	"$usr/lib/libnpu.so"

cat >"$work/program.c" <<'C'
#include <npu_accel.h>
#include <npu_train.h>
#include <stdio.h>

int main(void)
{
	const uint32_t dim[3] = { 1, 1, 3 };
	struct npu_model *model;
	struct npu_device *device;

	if (npu_model_create(&model, dim, 1, NULL) < 0 ||
	    npu_model_add(model, npu_dense(.units = 2), NULL) < 0 ||
	    npu_device_open(&device, NULL, NULL) < 0)
		return 1;
	printf("%s %zu %d\n", npu_version(), npu_model_parameter_count(model), NPU_INSN_SIZE);
	npu_device_close(device);
	npu_model_free(model);
	return 0;
}
C
# With a prefix of its own, as pkg-config takes what the .pc files say. A DESTDIR of / keeps
# ldconfig out.
prefix=$work/prefix
ok "make install with another prefix" make_quietly install DESTDIR=/ prefix="$prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

version=$(pkg-config --modversion npu)
shared() {
	# shellcheck disable=SC2046 # lists of words
	${CC:-gcc} -Wall -Werror -o "$work/shared" "$work/program.c" \
		$(pkg-config --cflags --libs npu-train) -Wl,-rpath-link,"$prefix/lib" >&2
}
static() {
	# shellcheck disable=SC2046 # lists of words
	${CC:-gcc} -Wall -Werror -o "$work/static" "$work/program.c" \
		$(pkg-config --cflags --static --libs npu-train |
			sed "s|-lnpu-train|$prefix/lib/libnpu-train.a|; s|-lnpu |$prefix/lib/libnpu.a |") >&2
}
ok "a program links with the shared libraries" shared
same "and runs" "$(LD_LIBRARY_PATH=$prefix/lib "$work/shared")" "$version 8 384"
ok "it needs both" sh -c 'test "$(objdump -p "$0" | grep -c "NEEDED *libnpu")" = 2' "$work/shared"
ok "a program links with the static libraries" static
same "and runs without the shared ones" "$("$work/static")" "$version 8 384"
same "it needs neither" "$(objdump -p "$work/static" | grep -c 'NEEDED *libnpu')" 0

ok "make install-dkms" make_quietly install-dkms DESTDIR="$root" dkmsdir=/usr/src/npu
ok "it has the module's sources" [ -s "$root/usr/src/npu/kmod/uapi/npu_accel.h" ]
ok "and a configuration" grep -q 'PACKAGE_VERSION="[0-9.]*"' "$root/usr/src/npu/dkms.conf"

ok "make uninstall" make_quietly uninstall DESTDIR="$root" prefix=/usr
same "takes everything away" "$(find "$usr" -not -type d -not -path '*/src/*' | wc -l)" 0
tap_done
