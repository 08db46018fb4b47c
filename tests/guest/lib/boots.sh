# Boots of the machine that run tests in it, for the pieces that do (`. tests/guest/lib/boots.sh`).
# They report the numbers passed and failed.
# shellcheck shell=sh
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
piece=$(basename "$0" .sh)
passed=0 failed=0

fail() {
	echo "$piece: FAILED: $*"
	failed=$((failed + 1))
}

# boot KERNEL BOOT SECONDS OPTION... -- COMMAND...: with a new store; its output, and $status.
boot() {
	kernel=$1 boot=$2 seconds=$3
	shift 3
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	echo "---- $kernel$options"
	rm -f "$TWZ_TMP/store"
	"$TWZ_BUILD/twz" mkstore "$TWZ_TMP/store" --size 64M
	status=0
	# shellcheck disable=SC2086
	"$TWZ_BUILD/vm" --store "$TWZ_TMP/store" --kernel "$TWZ_BUILD/machine/$kernel" \
		--boot "$TWZ_BUILD/machine/$boot" --timeout "$seconds" --silence 300 $options \
		--exec "$*" </dev/null >"$TWZ_TMP/out" 2>&1 || status=$?
	tr -d '\r' <"$TWZ_TMP/out" | sed 's/^guest:/  &/'
}

check_store() {
	"$TWZ_BUILD/twz" check "$TWZ_TMP/store" || fail "the store is damaged"
}

# machine KERNEL BOOT SECONDS OPTION... -- NAME...: a boot with these tests, and the image afterwards.
machine() {
	with=
	while [ "$1" != -- ]; do
		with="$with $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	boot $with -- tests "$@"
	verdict=$(tr -d '\r' <"$TWZ_TMP/out" |
		sed -n 's/^guest: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
	if [ -n "$verdict" ]; then
		passed=$((passed + ${verdict% *})) failed=$((failed + ${verdict#* }))
	fi
	case $status:$verdict in
	0:*' 0') ;;
	1:*' 0' | *:) fail "the machine ended with status $status" ;;
	esac
	check_store
}
