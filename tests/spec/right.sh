#!/bin/sh
# right.sh [--long]: the piece `spec_right`: core's decision on rights (core/right.c) against the executable
# specification in right.py, over more than a million small worlds; TWZ_SEED changes the random ones.
set -eu
cd "$(dirname "$0")/../.."

"${CC:-gcc}" -std=gnu11 -O2 -g -Wall -Wextra -Werror -I. -o "$TWZ_TMP/right" tests/spec/right.c \
	core/right.c core/cap.c core/crypto.c core/sign.c -lsodium
code=0
python3 tests/spec/right.py "$TWZ_TMP/right" "$@" --seed "${TWZ_SEED:-1}" || code=$?
if [ "$code" = 0 ]; then
	echo 'spec_right: 1 passed, 0 failed'
else
	echo 'spec_right: 0 passed, 1 failed'
fi
exit "$code"
