#!/bin/sh
# machine.sh: what the measurements in the machine share: lines of figures, and running the programs of
# bench/guest/, which print "figure NAME VALUE". To be sourced, from the project's folder.
set -eu
: "${TWZ_BUILD:=build/release}" "${TWZ_TMP:=$(mktemp -d)}"
export TWZ_BUILD
# shellcheck disable=SC2034 # for those who source this
store=$TWZ_TMP/store
figures=$TWZ_TMP/figures linux=$TWZ_TMP/linux # each line: NAME VALUE

fail() {
	printf 'bench %s: %s\n' "$(basename "$0" .sh)" "$*" >&2
	exit 1
}

# ---- lines ---------------------------------------------------------------------------------------

# line NAME VALUE UNIT [BOUND]: the most that holds
line() {
	printf '%s\t%s\t%s\t' "$1" "$2" "$3"
	[ -n "${4:-}" ] || {
		printf -- '-\t-\n'
		return 0
	}
	awk -v value="$2" -v most="$4" \
		'BEGIN { printf "<= %s\t%s\n", most, value <= most ? "yes" : "no" }'
}

# value FILE NAME
value() {
	found=$(awk -v name="$2" '$1 == name { print $2 }' "$1")
	[ -n "$found" ] || fail "there is no figure $2 in $1"
	echo "$found"
}

# instructions NAME FIGURE [BOUND [FIGURE OF LINUX]]
instructions() {
	line "$1" "$(value "$figures" "$2")" instructions "${3:-}"
	[ -z "${4:-}" ] || line "$1, Linux" "$(value "$linux" "$4")" instructions
}

# ---- the machine ---------------------------------------------------------------------------------

# vm OPTION...: the machine, with the programs of the bench
vm() {
	timeout -k 5 300 "$TWZ_BUILD/vm" --icount --boot "$TWZ_BUILD/machine/boot-bench" "$@" </dev/null
}

# run STORE COMMAND OPTION...: its figures
run() {
	run_store=$1 run_command=$2
	shift 2
	vm --store "$run_store" --exec "$run_command" "$@" >"$TWZ_TMP/out" ||
		fail "$run_command ended with status $?: $(tail -n 3 "$TWZ_TMP/out")"
	sed -n 's/^figure //p' "$TWZ_TMP/out"
}

new_store() {
	rm -f "$1"
	"$TWZ_BUILD/twz" mkstore "$1" --size "$2" >/dev/null
}
