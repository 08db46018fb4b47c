#!/bin/sh
# format.sh ROOT: every C file is as clang-format writes it (ROOT/.clang-format; `make format`).
set -eu
here=$(dirname "$(readlink -f "$0")")
"$here/sources.sh" "$1" c >/dev/null # a failure of the list is a failure here
cd "$1"
"$here/sources.sh" . c | xargs -r clang-format --dry-run --Werror 2>&1 |
	sed -n 's/: error: code should be clang-formatted.*/: not as clang-format writes it (make format)/p' |
	awk -F : '!seen[$1]++ { print; bad = 1 } END { exit bad }'
