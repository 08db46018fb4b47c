#!/bin/sh
# The piece `attack`: attacks in the machine on contexts and capabilities: tests/attack/*.c, each of which
# must fail in the right way.
#
#     tests/attack/attack.sh [NAME...]      only these programs
#
# On the kernel that checks itself with two processors, then on the one that ships with one and four.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
. tests/guest/lib/boots.sh
[ "${1-}" != --long ] || shift

if [ $# = 0 ]; then
	for name in tests/attack/*.c; do
		name=${name##*/}
		set -- "$@" "${name%.c}"
	done
fi
machine kernel-check boot-attack 500 --smp 2 --mem 128M -- "$@"
machine kernel boot-attack 500 --smp 1 --mem 64M -- "$@"
machine kernel boot-attack 500 --smp 4 --mem 128M -- "$@"
echo "attack: $passed passed, $failed failed"
[ "$failed" = 0 ]
