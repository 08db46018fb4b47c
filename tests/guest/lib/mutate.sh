# Switches off steps of the kernel, one after the other, and expects the test of each to fail: for the pieces
# that do (`. tests/guest/lib/mutate.sh`). The list is in tests/guest/lib/steps.
#
#     mutate FOLDER [STEP...]      those that a test of tests/FOLDER is to miss, or these
# shellcheck shell=sh
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
list=tests/guest/lib/steps
passed=0 failed=0

# All that the sources have, as the word off= names them.
steps() {
	grep -rho 'KSTEP("[a-z-]*")' kernel | sed 's/.*"\(.*\)".*/\1/'
	grep -ho 'STEP("check", "right: [^"]*")' core/*.c | sed 's/.*, "\(.*\)".*/\1/; s/[ :]/-/g'
}

fail() {
	echo "$1: FAILED: $2"
	failed=$((failed + 1))
}

# run SECONDS STEP TESTS: the machine's output; 0 if the tests passed.
run() {
	rm -f "$TWZ_TMP/store" "$TWZ_TMP/store.key"
	# shellcheck disable=SC2086
	"$TWZ_BUILD/twz" mkstore "$TWZ_TMP/store" --size 64M $key >/dev/null
	"$TWZ_BUILD/vm" --store "$TWZ_TMP/store" --kernel "$TWZ_BUILD/machine/kernel-check" \
		--boot "$TWZ_BUILD/machine/$boot" --smp 2 --mem 128M --timeout "$1" --silence "$1" \
		--word "off=$2" --exec "$3" </dev/null >"$TWZ_TMP/out" 2>&1
}

# What the run says of it: the first thing that failed, or how the machine ended.
missed() {
	tr -d '\r' <"$TWZ_TMP/out" | grep -m 1 -e 'FAILED' -e 'panic' -e ' failed' ||
		echo "the machine ended with status $1"
}

# With nothing switched off all is well: else what follows would show nothing. Once for each test.
well() {
	case $good in *"|$1|"*) return 0 ;; esac
	run 500 nothing "$1" || return 1
	good="$good|$1|"
}

switch_off() {
	status=0
	if ! well "$2"; then
		fail "$1" "$2 fails with no step switched off: $(missed $?)"
		return
	fi
	# How processors meet differs: what a race is to show is shown by one of some runs. Who hangs
	# misses the step, too.
	tries=0
	while [ "$status" = 0 ] && [ $tries -lt 40 ]; do
		run 20 "$1" "$2" || status=$?
		tries=$((tries + 1))
	done
	if [ "$status" = 0 ]; then
		fail "$1" "not missed by $2"
	else
		echo "$1: missed by $2: $(missed "$status")"
		passed=$((passed + 1))
	fi
}

# Those in the list that no source has.
stale() {
	steps >"$TWZ_TMP/steps"
	sed -n "s/^\([^# ][^ ]*\) $1 .*/\1/p" "$list" >"$TWZ_TMP/listed"
	while read -r step; do
		grep -qxF "$step" "$TWZ_TMP/steps" || fail "$step" "is in $list, and in no source"
	done <"$TWZ_TMP/listed"
}

mutate() {
	folder=$1 good=
	shift
	case $folder in
	guest) boot=boot-test key=--no-key ;;
	*) boot=boot-$folder key= ;;
	esac
	[ $# -gt 0 ] || eval "set -- $(steps | sort -u | sed "s/'/'\\\\''/g; s/.*/'&'/" | tr '\n' ' ')"
	for step; do
		line=$(grep "^$step " "$list") || {
			fail "$step" "there is no test for it in $list"
			continue
		}
		where=${line#* }
		[ "${where%% *}" != "$folder" ] || switch_off "$step" "${where#* }"
	done
	echo "${folder}_mutate: $passed passed, $failed failed"
	[ "$failed" = 0 ]
}
