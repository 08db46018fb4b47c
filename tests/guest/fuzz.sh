#!/bin/sh
# fuzz.sh [--long]: the piece `guest_fuzz`: system calls at random in the machine (run/fuzzing.c), on the kernel
# that checks itself. TWZ_SEED is the first child's, TWZ_CALLS how many.
#
# One processor that counts its instructions as its time: no waiting takes any, and nothing else on this
# machine makes a difference. What processors do at the same time is fuzz.c's.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
. tests/guest/lib/boots.sh

calls=200000 seconds=500
[ "${1-}" != --long ] || calls=10000000 seconds=7000
boot kernel-check boot-test "$seconds" --smp 1 --mem 128M --icount -- \
	fuzzing "${TWZ_CALLS:-$calls}" "${TWZ_SEED:-1}"
if [ "$status" = 0 ]; then
	passed=1
else
	fail "the machine ended with status $status"
fi
check_store
echo "guest_fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ]
