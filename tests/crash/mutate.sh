#!/bin/sh
# The piece `mutate`: switches off every step of core (core/step.h), one at a time, and expects a
# test to fail. A step without which all tests pass is not tested, or not needed.
#
# usage: mutate.sh [--long] [KIND:NAME]     with a step: only this one
#
# The tests are the crash tests and the unit tests of core in $TWZ_BUILD/test. Each runs once as it
# is, which tells the steps that it reaches; then, for each step, those that reach it run with the
# step off, the fastest first, until one fails, crashes or hangs. tests/crash/survivors.txt holds
# the steps that no test can miss, each with the reason: "KIND:NAME | reason". Steps whose names begin
# with "test:" are the tests' own and stay on.
set -eu
cd "$(dirname "$0")/../.."
TWZ_BUILD=${TWZ_BUILD:-build/debug}
export TWZ_BUILD
excuses=tests/crash/survivors.txt
seconds=30 # of a processor's time, for one test with a step off: more is a hang
sleeps=300 # of any time: it hangs asleep
tab=$(printf '\t')
export ASAN_OPTIONS=symbolize=0 UBSAN_OPTIONS=symbolize=0
# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null || true
unset TWZ_LONG TWZ_CRASH TWZ_SEED TWZ_STEP_OFF TWZ_STEP_REACHED

# tests: the names of those that have a source now.
tests() {
	for source in tests/crash/*.c core/*_test.c; do
		name=$(basename "$source" .c)
		case $source in
		tests/*) name=crash_$name ;;
		core/*) name=core_${name%_test} ;;
		esac
		[ ! -x "$TWZ_BUILD/test/$name" ] || echo "$name"
	done
}

# baseline NAME: runs it as it is; leaves NAME.steps, NAME.reached and NAME.time in $work.
baseline() {
	began=$(date +%s%N)
	# A test without any step does not know --steps: what it prints is none.
	"$TWZ_BUILD/test/$1" --steps 2>/dev/null | grep "^[a-z]*:.*$tab" >"$work/$1.steps" || return 0
	if ! TWZ_STATES=$few TWZ_STEP_REACHED=$work/$1.reached timeout $sleeps \
		"$TWZ_BUILD/test/$1" >"$work/$1.log" 2>&1; then
		echo "$1 fails with every step on: it takes no part"
		mv "$work/$1.reached" "$work/$1.bad" 2>/dev/null || : >"$work/$1.bad"
	fi
	printf '%09d\t%s\n' $((($(date +%s%N) - began) / 1000000)) "$1" >"$work/$1.time"
}

# caught STEP STATES: the first test that fails without the step, and what it says.
caught() {
	grep -lsF "$1$tab" "$work"/*.reached | while read -r file; do
		cat "${file%.reached}.time"
	done | sort | while read -r _ name; do
		log=$work/$$.log
		code=0
		# shellcheck disable=SC3045
		(ulimit -t $seconds && TWZ_STEP_OFF=$1 TWZ_STATES=$2 exec timeout -k 5 $sleeps \
			"$TWZ_BUILD/test/$name") >"$log" 2>&1 || code=$?
		[ "$code" != 0 ] || continue
		what=$(sed -n 's/^\[  FAILED  \] \([a-z_0-9]*\)$/\1/p; s/^  \(.*\): FAILED: .*/\1/p' "$log" |
			head -n 1)
		case $code in
		124 | 137 | 152) what=hangs ;; # 137: SIGKILL, 152: SIGXCPU
		esac
		echo "$name: ${what:-exit status $code}"
		break
	done
}

# one STEP: its verdict as a line "passed|failed TEXT".
one() {
	place=$(sed -n "s|^.*$tab||p" "$work/step/$1" | sort -u | tr '\n' ' ')
	step=$(head -n 1 "$work/step/$1")
	step=${step%%"$tab"*}
	reason=$(grep -F "$step | " $excuses 2>/dev/null | sed 's/^[^|]* | //' || true)
	if grep -qsF "$step$tab" "$work"/*.reached; then
		by=$(caught "$step" "$few")
		[ -n "$by" ] || by=$(caught "$step" "$many")
		verdict='no test misses it'
	else
		by=
		verdict='no test reaches it'
	fi
	if [ -n "$by" ] && [ -n "$reason" ]; then
		echo "failed  $step: $excuses excuses it, but it is caught by $by"
	elif [ -n "$by" ]; then
		echo "passed  $step: $by"
	elif [ -n "$reason" ]; then
		echo "passed  $step: $verdict; excused: $reason"
	else
		echo "failed  $step: $verdict  ($place)"
	fi
}

few=200 many=4000 # a torn record that comes alive takes some 3,000 to be met
case ${1:-} in
--baseline)
	work=$2
	baseline "$3"
	exit
	;;
--one)
	work=$2
	one "$3"
	exit
	;;
--long)
	many=40000
	shift
	;;
esac
only=${1:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/step"
tests | xargs -P 2 -n 1 "$0" --baseline "$work"

# A file for each step, its number as the name; the lines are the places where it is used.
cat "$work"/*.steps | grep -v '^[a-z]*:test:' | sort -u | awk -F '\t' -v dir="$work/step/" '
	$1 != last { close(file); file = sprintf("%s%04d", dir, ++n); last = $1 }
	{ print >file }'
if [ -n "$only" ]; then
	grep -LF "$only$tab" "$work"/step/* | xargs -r rm -f
fi
if [ -z "$(ls "$work/step")" ]; then
	echo "no test in $TWZ_BUILD/test has ${only:-any step}"
	echo "mutate: 0 passed, 1 failed"
	exit 1
fi

find "$work/step" -type f -printf '%f\n' | sort |
	xargs -P 2 -n 1 "$0" --one "$work" >"$work/verdicts"
sort -k 2 "$work/verdicts"
[ -z "$only" ] && [ -f $excuses ] && sed -n '/^#/!s/ | .*//p' $excuses | while read -r step; do
	grep -qF "$step: " "$work/verdicts" || echo "failed  $step: $excuses excuses it, but there is none"
done | tee -a "$work/verdicts"

passed=$(grep -c '^passed' "$work/verdicts" || true)
failed=$(($(grep -c '^failed' "$work/verdicts" || true) + $(find "$work" -name '*.bad' | wc -l)))
echo "mutate: $passed passed, $failed failed"
[ "$failed" = 0 ]
