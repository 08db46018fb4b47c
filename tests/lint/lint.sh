#!/bin/sh
# The piece `lint`: every check of tools/lint on this tree. A check counts as passed only if it also
# refuses a bad example and lets a good one pass: one that cannot fail is a defect.
# Needs no build.
set -eu
cd "$(dirname "$0")/../.."
lint=$PWD/tools/lint
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# sample ROOT: a small tree that every check accepts.
sample() {
	mkdir -p "$1/core" "$1/lib" "$1/tools/lint"
	cp .clang-format "$1/"
	cp tools/lint/arrows "$1/tools/lint/"
	printf '/* x.h - a header. */\nint x(int a);\n' >"$1/core/x.h"
	printf '#include "core/x.h"\n\nint x(int a)\n{\n\treturn a;\n}\n' >"$1/core/x.c"
	printf '#!/bin/sh\necho x\n' >"$1/lib/x.sh"
	chmod +x "$1/lib/x.sh"
}

# proof NAME BAD-FILE BAD-TEXT SCRIPT [ARGUMENT]: BAD-TEXT (for printf) in BAD-FILE must be refused,
# the sample accepted. check: the same, and then the tree must be accepted.
check() {
	tree=yes
	example "$@"
}

proof() {
	tree=
	example "$@"
}

example() {
	name=$1 bad_file=$2 bad_text=$3 script=$lint/$4
	shift 4
	rm -rf "$work/good" "$work/bad"
	sample "$work/good"
	sample "$work/bad"
	mkdir -p "$work/bad/$(dirname "$bad_file")"
	# shellcheck disable=SC2059
	printf "$bad_text" >"$work/bad/$bad_file"
	[ "${bad_file%.sh}" = "$bad_file" ] || chmod +x "$work/bad/$bad_file"
	verdict=passed
	if ! "$script" "$work/good" "$@" >"$work/out" 2>&1; then
		verdict='failed: it refuses the good example'
	elif "$script" "$work/bad" "$@" >"$work/out" 2>&1; then
		verdict='failed: it accepts the bad example'
	elif ! grep -q "$bad_file" "$work/out"; then
		verdict='failed: it does not name the bad file'
	elif [ -n "$tree" ] && ! "$script" . "$@" >"$work/out" 2>&1; then
		verdict=failed
	fi
	if [ "$verdict" = passed ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$name: $verdict"
		sed 's/^/    /' "$work/out"
	fi
}

check 'format' core/bad.c 'int  x ;\n' format.sh
check 'cppcheck' core/bad.c 'int f(void);\nint f(void)\n{\n\tint a[2] = {0};\n\treturn a[2];\n}\n' cppcheck.sh
check 'shellcheck' lib/bad.sh '#!/bin/sh\ncd x\nls\n' shell.sh
check 'arrows: core on lib' core/bad.c '#include <twz/object.h>\n' arrows.sh
proof 'arrows: core on libc' core/bad.c '#include <string.h>\n' arrows.sh
proof 'arrows: abi on core' abi/bad.h '#include "core/x.h"\n' arrows.sh
proof 'arrows: lib on core' lib/bad.c '#include "core/x.h"\n' arrows.sh
proof 'arrows: lib on a runtime' lib/bad.c '#include "rt/linux/x.h"\n' arrows.sh
proof 'arrows: bin on libc' bin/bad.c '#include <stdio.h>\n' arrows.sh
proof 'arrows: a way round' core/bad.c '#include "core/../lib/x.h"\n' arrows.sh
proof 'arrows: a new folder' news/bad.c '#include "abi/x.h"\n' arrows.sh
check 'no path of one machine' core/bad.c '/* /wor''k/x */\n' text.sh machine
check 'no dead code' core/bad.c '#if 0\n#endif\n' text.sh dead
check 'no file over 900 lines' core/bad.c "$(printf '%901s' '' | sed 's/ /\\n/g')" text.sh length
check 'headers begin with a comment' core/bad.h '#pragma once\n' text.sh headers
check 'no blanks at the end of lines' core/bad.c 'int x; \n' text.sh tidy

echo "lint: $passed passed, $failed failed"
[ "$failed" = 0 ]
