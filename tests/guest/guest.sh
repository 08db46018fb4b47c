#!/bin/sh
# The piece `guest`: the tests that run in the machine, on our own kernel: tests/guest/*.c.
#
#     tests/guest/guest.sh [NAME...]      only these programs
#
# On the kernel that checks itself with two processors, then on the one that ships with one and four.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
[ "${1-}" != --long ] || shift
vm=$TWZ_BUILD/vm
twz=$TWZ_BUILD/twz
passed=0 failed=0

fail() {
	echo "guest: FAILED: $*"
	failed=$((failed + 1))
}

# machine KERNEL SECONDS OPTION... -- NAME...: one boot, its output, the image afterwards.
machine() {
	kernel=$1 seconds=$2
	shift 2
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	echo "---- $kernel$options"
	rm -f "$TWZ_TMP/store"
	"$twz" mkstore "$TWZ_TMP/store" --size 64M
	status=0
	# shellcheck disable=SC2086
	"$vm" --store "$TWZ_TMP/store" --kernel "$TWZ_BUILD/machine/$kernel" \
		--boot "$TWZ_BUILD/machine/boot-test" --timeout "$seconds" $options \
		--exec "tests $*" </dev/null >"$TWZ_TMP/out" 2>&1 || status=$?
	tr -d '\r' <"$TWZ_TMP/out" | sed 's/^guest:/  &/'
	verdict=$(tr -d '\r' <"$TWZ_TMP/out" |
		sed -n 's/^guest: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
	if [ -n "$verdict" ]; then
		passed=$((passed + ${verdict% *})) failed=$((failed + ${verdict#* }))
	fi
	case $status:$verdict in
	0:*' 0') ;;
	1:*' 0' | *:) fail "the machine ended with status $status" ;;
	esac
	"$twz" check "$TWZ_TMP/store" || fail "the store is damaged"
}

machine kernel-check 300 --smp 2 --mem 128M -- "$@"
# Calls at random are the checking kernel's; four processors are for what processors share.
[ $# -gt 0 ] || set -- calls faults memory objects runtime sync threads views
machine kernel 120 --smp 1 --mem 64M -- "$@"
case " $* " in *" runtime "*) set -- sync threads views ;; esac
machine kernel 120 --smp 4 --mem 128M -- "$@"
echo "guest: $passed passed, $failed failed"
[ "$failed" = 0 ]
