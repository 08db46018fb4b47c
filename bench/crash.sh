#!/bin/sh
# What the crash tests visit and find, and the processes killed during `index build`: the figures of
# the test run, read from the logs of its pieces.
set -eu
cd "$(dirname "$0")/.."
pieces='crash_tx crash_heap crash_store kill_index'
# shellcheck disable=SC2086
./twizzler test $pieces --jobs 1 >/dev/null 2>&1 || true # what failed is counted below

# line NAME VALUE UNIT RELATION BOUND
line() {
	holds=$(awk -v value="$2" -v relation="$4" -v bound="$5" 'BEGIN {
		print (relation == ">=" ? value >= bound : value <= bound) ? "yes" : "no"
	}')
	printf '%s\t%s\t%s\t%s %s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$holds"
}

distinct=0 slowest=0 failed=0
for piece in crash_tx crash_heap crash_store; do
	log=build/debug/test/log/$piece.log
	distinct=$((distinct + $(sed -n 's/^states: \([0-9]*\) distinct.*/\1/p' "$log")))
	speed=$(sed -n 's/^states: .* distinct, \([0-9]*\) a second$/\1/p' "$log")
	[ "$slowest" -ne 0 ] && [ "$slowest" -le "$speed" ] || slowest=$speed
	failed=$((failed + $(sed -n '$s/.* passed, \([0-9]*\) failed$/\1/p' "$log")))
done
line 'crash states, distinct' $distinct states '>=' 100000
line 'crash states, of the slowest test' "$slowest" '1/s' '>=' 2000
line 'crash cases with a violation' $failed cases '<=' 0

log=build/debug/test/log/kill_index.log
line 'killed during index build' "$(sed -n 's/^\([0-9]*\) kills:.*/\1/p' "$log")" processes '>=' 300
line 'killed during index build: failed checks' \
	"$(sed -n '$s/.* passed, \([0-9]*\) failed$/\1/p' "$log")" checks '<=' 0
