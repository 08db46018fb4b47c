#!/bin/sh
# cppcheck.sh ROOT: cppcheck finds nothing. A false alarm is answered where it stands, with
# /* cppcheck-suppress ID ; reason */. Off for all: comparePointers, which takes the two ends of a
# linker section for different objects; and in examples, which have no such comments, uninitvar, which does
# not see what a macro stores. It cannot parse a cast to __typeof__, so that is given away.
set -eu
here=$(dirname "$(readlink -f "$0")")
cd "$1"
cache=
if [ -d build ]; then
	mkdir -p build/cppcheck
	cache=--cppcheck-build-dir=build/cppcheck
fi
"$here/sources.sh" . c | grep '\.c$' >"${TMPDIR:-/tmp}/cppcheck.$$" || true
trap 'rm -f "${TMPDIR:-/tmp}/cppcheck.$$"' EXIT
[ -s "${TMPDIR:-/tmp}/cppcheck.$$" ] || exit 0
# shellcheck disable=SC2086
cppcheck --quiet $cache --file-list="${TMPDIR:-/tmp}/cppcheck.$$" --error-exitcode=1 --inline-suppr \
	--std=c11 --platform=unix64 --enable=warning,portability \
	--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=comparePointers \
	--suppress='uninitvar:examples/*' \
	--suppress=uninitvar:bin/tasks.c \
	-D'__typeof__(x)=uint64_t' --max-configs=4 -I. -Ilib/include -j 2 2>&1
