#!/bin/sh
# The piece `guest_selftest`: the harness of tests/guest reports what is wrong (tests/guest/self).
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
"$TWZ_BUILD/twz" mkstore "$TWZ_TMP/store" --size 64M
status=0
"$TWZ_BUILD/vm" --store "$TWZ_TMP/store" --boot "$TWZ_BUILD/machine/boot-test" --smp 2 --timeout 60 \
	--exec 'tests --seconds 3 self_fails self_leaks self_hangs self_crashes' \
	</dev/null >"$TWZ_TMP/out" 2>&1 || status=$?
tr -d '\r' <"$TWZ_TMP/out" >"$TWZ_TMP/lines"
sed 's/^/    /' "$TWZ_TMP/lines"
passed=0 failed=0

# A line of the output begins so.
says() {
	if grep -q "^$1" "$TWZ_TMP/lines"; then
		passed=$((passed + 1))
	else
		echo "FAILED: no line '$1'"
		failed=$((failed + 1))
	fi
}

says 'tests/guest/self/self_fails.c:[0-9]*: fails: not so: 1 == 2$'
says 'tests/guest/self/self_fails.c:[0-9]*: fails: not so: 3 == 4: 3 (0x3), 4 (0x4)$'
says 'self_fails: 1 passed, 1 failed$'
says 'self_leaks: FAILED: leaks nothing: frames_used is [0-9]*, +'
says 'self_leaks: FAILED: leaks nothing: objects is [0-9]*, +1$'
says 'self_leaks: FAILED: leaks nothing: store_objects is [0-9]*, +1$'
says 'self_leaks: FAILED: leaks nothing: store_used is [0-9]*, +'
says 'self_hangs: FAILED: hangs: ended when its time was over$'
says 'self_crashes: FAILED: crashes: ended with status 139$'
# Of each what is right passes, and that nothing is left but by self_leaks, which runs six times:
# 1 + 1, 6 x 2, 1, 1 + 1.
says 'guest: 17 passed, 4 failed$'
if [ "$status" = 1 ]; then
	passed=$((passed + 1))
else
	echo "FAILED: status $status"
	failed=$((failed + 1))
fi
echo "guest_selftest: $passed passed, $failed failed"
[ "$failed" = 0 ]
