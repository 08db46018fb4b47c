#!/bin/sh
# The piece `guest`: the tests that run in the machine, on our own kernel: tests/guest/*.c.
#
#     tests/guest/guest.sh [NAME...]      only these programs
#
# On the kernel that checks itself with two processors, then on the one that ships with one and four, then
# with instructions counted on the one that measures.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
. tests/guest/lib/boots.sh
[ "${1-}" != --long ] || shift

machine kernel-check boot-test 300 --smp 2 --mem 128M -- "$@"
# Calls at random are the checking kernel's; four processors are for what processors share.
[ $# -gt 0 ] || set -- calls contexts faults long memory objects runtime sync threads views
machine kernel boot-test 120 --smp 1 --mem 64M -- "$@"
case " $* " in *" runtime "*) set -- sync threads views ;; esac
machine kernel boot-test 120 --smp 4 --mem 128M -- "$@"

# How long preemption is off at most, in instructions (kernel/stretch.h). Without what spins for seconds,
# which takes minutes where instructions are counted: threads, and calls at random.
log=$TWZ_TMP/log
machine kernel-stretch boot-test 240 --smp 1 --mem 64M --icount --log "$log" -- \
	calls contexts faults long memory objects runtime sync views
stretches=$(tr -d '\r' <"$log" | sed -n 's/.* stretch: //p')
echo "stretch: $(echo "$stretches" | sed -n 's/^longest //p')"
case $(echo "$stretches" | sed -n 's/^longest \([0-9]*\) .*/\1/p') in
[0-9] | [0-9][0-9] | [0-9][0-9][0-9] | [0-9][0-9][0-9][0-9] | 10000) passed=$((passed + 1)) ;;
*) fail "longer than 10,000 instructions: $(echo "$stretches" | grep -v longest | tr '\n' ' ')" ;;
esac
echo "guest: $passed passed, $failed failed"
[ "$failed" = 0 ]
