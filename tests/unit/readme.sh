#!/bin/sh
# SPDX-License-Identifier: MIT
# The C examples of README.md, taken from it: they compile without warnings and do what it says.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. tests/tap.sh

B=$(realpath "${B:-build}")
[ -f "$B/libnpu-train.a" ] || skip_all "no $B/libnpu-train.a; make libs builds it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sanitizers=
case $B in
*-san) sanitizers="-fsanitize=address,undefined" ;;
*-tsan) sanitizers="-fsanitize=thread" ;;
esac

# Write the n-th ```c block of the README to example-n.c.
awk -v work="$work" '
	/^```c$/ { inside = 1; file = work "/example-" ++n ".c"; next }
	/^```/ { inside = 0 }
	inside { print >file }' README.md

build() {
	# shellcheck disable=SC2046,SC2086 # lists of words
	${CC:-gcc} -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror $sanitizers -Ilibnpu/include \
		-o "$work/example-$1" "$work/example-$1.c" "$B/libnpu-train.a" "$B/libnpu.a" \
		$(pkg-config --libs libprotobuf-c zlib libpng libjpeg libdrm liburing) -lm -pthread >&2
}

lines=$(wc -l <"$work/example-1.c")
ok "the first example has at most 30 lines ($lines)" [ "$lines" -le 30 ]
ok "it compiles without warnings" build 1
# It leaves the model to exit(), as short programs do.
ASAN_OPTIONS=detect_leaks=0 "$work/example-1" >"$work/losses"
same "it runs" $? 0
tap_show "$work/losses"
same "it prints six epochs" "$(grep -c '^epoch .* loss [0-9.]*$' "$work/losses")" 6
ok "the loss falls at every line" awk '
	NR > 1 && $4 >= last { exit bad = 1 }
	{ last = $4 }
	END { exit bad }' "$work/losses"
ok "and to less than a third of the first" awk '
	NR == 1 { first = $4 }
	{ last = $4 }
	END { exit !(last < first / 3) }' "$work/losses"

ok "the second example compiles without warnings" build 2
if [ -x "$B/npu" ]; then
	npu=$B/npu
	cd "$work" || exit 1
	export ASAN_OPTIONS=detect_leaks=0
	ok "the README's commands make its model" sh -ec '
		"$0" generate spirals -o train.csv
		"$0" train train.csv --label class --hidden 64,64 --epochs 5 -q -o model.onnx
		"$0" compile model.onnx --samples train.csv --label class -o model.npu' "$npu" >&2
	./example-2 >outputs
	same "it runs" $? 0
	same "it names the four classes" "$(cut -d: -f1 outputs | tr -d '\n')" ABCD
	ok "their probabilities add up to one" awk '
		{ sum += $2 }
		END { exit !(sum > 0.97 && sum < 1.03) }' outputs
else
	skip "the second example runs" "no npu"
fi
tap_done
