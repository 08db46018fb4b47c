#!/bin/sh
# The piece `kill_many`: many processes work in one store at the same time, and are killed one after the other, at any
# instant, some at any instruction (tests/kill/many.c). What they find wrong, and what `twz check` finds
# in the end, is a failure.
#
# TWZ_SEED repeats the choices, not the instants. --long kills 25 times as many.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
kills=2000
[ "${1:-}" != --long ] || kills=50000
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
s=$work/store
run_seconds=3600

run 0 "$build/kill/many" "$s" "$kills" "$seed"
cat "$out" "$err"
says "$kills kills"
run 0 "$twz" check "$s"
says ' 0 notes, 0 violations'

finish kill_many
