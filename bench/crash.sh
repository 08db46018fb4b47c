#!/bin/sh
# What the crash tests visit and find, the steps of core that they miss when they are switched off, and the
# processes killed during `index build`: the figures of the test run, read from the logs of its pieces.
#
# TWZ_LONG=1: the large counts, as ./twizzler test --long; some minutes more.
set -eu
cd "$(dirname "$0")/.."
states=$(./twizzler test --list | grep '^crash_' | grep -v -e '^crash_selftest$' -e '^crash_mutate$')
# shellcheck disable=SC2086
./twizzler test $states crash_mutate kill_index ${TWZ_LONG:+--long} --jobs 1 >/dev/null 2>&1 ||
	true # what failed is counted below
logs=build/debug/test/log
distinct_least=100000
[ -z "${TWZ_LONG:-}" ] || distinct_least=5000000

# line NAME VALUE UNIT RELATION BOUND
line() {
	holds=$(awk -v value="$2" -v relation="$4" -v bound="$5" 'BEGIN {
		print (relation == ">=" ? value >= bound : value <= bound) ? "yes" : "no"
	}')
	printf '%s\t%s\t%s\t%s %s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$holds"
}

# reported PATTERN LOG: the number in its place; 0 if the piece did not come to that line
reported() {
	found=$(sed -n "s/$1/\\1/p" "$logs/$2.log" | tail -n 1)
	echo "${found:-0}"
}

distinct=0 slowest='' failed=0
for piece in $states; do
	distinct=$((distinct + $(reported '^states: \([0-9]*\) distinct.*' "$piece")))
	speed=$(reported '^states: .* distinct, \([0-9]*\) a second$' "$piece")
	[ -n "$slowest" ] && [ "$slowest" -le "$speed" ] || slowest=$speed
	grep -q '^states: ' "$logs/$piece.log" || failed=$((failed + 1))
	failed=$((failed + $(reported '.* passed, \([0-9]*\) failed$' "$piece")))
done
line 'crash states, distinct' $distinct states '>=' $distinct_least
line 'crash states, of the slowest test' "$slowest" '1/s' '>=' 2000
line 'crash cases with a violation' $failed cases '<=' 0

# caught KINDS: the share of core's steps of these kinds that a test misses; the others go to stderr, with what
# crash_mutate says of them: it excuses or fails them. The steps of the enumerator's own test do not count.
caught() {
	awk -v kinds="^($1):" '
		/^(passed|failed)  / && $2 ~ kinds && $2 !~ /:selftest:$/ {
			n++
			if (/: no test (misses|reaches) it|^failed/) print | "cat >&2"
			else good++
		}
		END { printf "%.1f\n", n ? 100 * good / n : 0 }' "$logs/crash_mutate.log"
}
line 'flushes, fences, log steps switched off that a test misses' \
	"$(caught 'flush|fence|log' 2>/dev/null)" '%' '>=' 98
line 'all steps switched off that a test misses' "$(caught '[a-z]*')" '%' '>=' 98

line 'killed during index build' "$(reported '^\([0-9]*\) kills:.*' kill_index)" processes '>=' 300
line 'killed during index build: failed checks' \
	"$(reported '.* passed, \([0-9]*\) failed$' kill_index)" checks '<=' 0
