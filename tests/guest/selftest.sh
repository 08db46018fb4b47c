#!/bin/sh
# The piece `guest_selftest`: the harness of tests/guest reports what is wrong (tests/guest/self).
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
"$TWZ_BUILD/twz" mkstore "$TWZ_TMP/store" --size 64M

# boot COMMAND: its output is in `lines`.
boot() {
	status=0
	"$TWZ_BUILD/vm" --store "$TWZ_TMP/store" --boot "$TWZ_BUILD/machine/boot-test" --smp 2 \
		--timeout 500 --silence 300 --exec "$1" </dev/null >"$TWZ_TMP/out" 2>&1 || status=$?
	tr -d '\r' <"$TWZ_TMP/out" >"$TWZ_TMP/lines"
	sed 's/^/    /' "$TWZ_TMP/lines"
}

passed=0 failed=0

fails() {
	if [ "$status" = 1 ]; then
		passed=$((passed + 1))
	else
		echo "FAILED: status $status"
		failed=$((failed + 1))
	fi
}

# A line of the output begins so.
says() {
	if grep -q "^$1" "$TWZ_TMP/lines"; then
		passed=$((passed + 1))
	else
		echo "FAILED: no line '$1'"
		failed=$((failed + 1))
	fi
}

boot 'tests self_fails self_leaks self_crashes'
says 'tests/guest/self/self_fails.c:[0-9]*: fails: not so: 1 == 2$'
says 'tests/guest/self/self_fails.c:[0-9]*: fails: not so: 3 == 4: 3 (0x3), 4 (0x4)$'
says 'self_fails: 1 passed, 1 failed$'
says 'self_leaks: FAILED: leaks nothing: frames_used is [0-9]*, +'
says 'self_leaks: FAILED: leaks nothing: objects is [0-9]*, +1$'
says 'self_leaks: FAILED: leaks nothing: store_objects is [0-9]*, +1$'
says 'self_leaks: FAILED: leaks nothing: store_used is [0-9]*, +'
says 'self_crashes: FAILED: crashes: ended with status 139$'
# Of each what is right passes, and that nothing is left but by self_leaks, which runs six times:
# 1 + 1, 6 x 2, 1 + 1.
says 'guest: 16 passed, 3 failed$'
fails
# On a busy host it takes longer until it hangs.
for seconds in 3 30 200; do
	boot "tests --seconds $seconds self_hangs"
	! grep -q '^self_hangs: FAILED: hangs: ' "$TWZ_TMP/lines" || break
done
says 'self_hangs: FAILED: hangs: ended when its time was over$'
says 'guest: 1 passed, 1 failed$'
fails
echo "guest_selftest: $passed passed, $failed failed"
[ "$failed" = 0 ]
