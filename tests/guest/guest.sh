#!/bin/sh
# The piece `guest`: the tests that run in the machine, on our own kernel: tests/guest/*.c.
#
#     tests/guest/guest.sh [NAME...]      only these programs
#
# On the kernel that checks itself with two processors, then on the one that ships with one and four.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
. tests/guest/lib/boots.sh
[ "${1-}" != --long ] || shift

machine kernel-check boot-test 500 --smp 2 --mem 128M -- "$@"
# Calls at random are the checking kernel's; four processors are for what processors share.
[ $# -gt 0 ] || set -- calls contexts copies faults gatecross gateends gates memory objects \
	runtime service sync threads views viewload
machine kernel boot-test 500 --smp 1 --mem 64M -- "$@"
case " $* " in *" runtime "*) set -- gatecross service sync threads views viewload ;; esac
machine kernel boot-test 500 --smp 4 --mem 128M -- "$@"
echo "guest: $passed passed, $failed failed"
[ "$failed" = 0 ]
