#!/bin/sh
# The piece `model_hosted`: operations on objects, copies, names, pointers, ties, views and rights, hosted,
# beside a model in memory (tests/model/model.h), killed again and again. After each kill the store is as
# behind the last operation that was done, or the next; in the end nothing is left.
#
# TWZ_SEED chooses other operations and moments. --long does more of everything.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
seed=${TWZ_SEED:-1}
# As it ships, and under sanitizers.
operations=200000 kills=40 operations_asan=20000 kills_asan=5
if [ "${1:-}" = --long ]; then
	run_seconds=3000
	operations=4000000 kills=800 operations_asan=1000000 kills_asan=200
fi
# shellcheck source=tests/model/common
. tests/model/common

# go_on UNTIL: in the background, its output in `seen`.
go_on() {
	: >seen
	TWZ_STORE=$s "$model" "$seed" "$1" >seen 2>seen.err &
	machine=$!
}

# comes_to LINE: it has said something that begins so, or has ended.
comes_to() {
	while kill -0 "$machine" 2>/dev/null && ! grep -q "^$1" seen; do
		sleep 0.002
	done
}

killed() {
	sleep "$1"
	kill -9 "$machine" 2>/dev/null || true
	wait "$machine" 2>/dev/null || true
	machine=
	cp seen.err "$err"
	if [ -s "$err" ]; then
		fails "the model, killed $1 s behind '$(tail -n 1 seen)'"
		finish model_hosted
		exit 1
	fi
	sound "killed $1 s behind '$(tail -n 1 seen)', with seed $seed"
}

# One in five is killed in its recovery or close behind.
killing() {
	new_store
	go_on "$2"
	comes_to 'at 2048'
	killed 0
	i=0 busy=0
	for moment in $(moments "$1"); do
		i=$((i + 1))
		go_on "$2"
		if [ $((i % 5)) = 0 ]; then
			killed "$(awk -v m="$moment" 'BEGIN { print 0.1 * m }')"
		else
			comes_to start
			until=$(goal "$2" $(($1 - i)) "$moment")
			[ "$until" -le "$(noted seen)" ] || comes_to "at $until"
			killed "$(awk -v m="$moment" 'BEGIN { print m / 100 }')"
		fi
		grep -q '^done' seen || busy=$((busy + 1))
	done
	run 0 env TWZ_STORE="$s" "$model" "$seed" "$2"
	done_by "$2"
	echo "seed $seed: $2 operations, killed under way $busy times of $1; $(tail -n 1 "$out")"
	if [ $busy -gt $(($1 / 5)) ]; then
		passes
	else
		fails 'the moments missed the operations'
	fi
	notices "$2"
	leaves_nothing "seed $seed"
}

model=$build/home/model
killing "$kills" "$operations"
model=$build/asan/home/model seed=$((seed + 1))
killing "$kills_asan" "$operations_asan"

finish model_hosted
