#!/bin/sh
# The piece `kill_ties`: a hosted program with temporary objects is killed with -9 at a random moment,
# some hundred times. They are gone after it, in the prompt that ran it, which lives on; and when the
# prompt is killed with it, after the next start. The store is sound, and nothing is lost.
#
# TWZ_SEED repeats the choices. --long kills ten times as often.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
kills=200
[ "${1:-}" != --long ] || kills=2000
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
mkdir "$work/bin"
for program in "$bin"/* "$build"/home/*; do
	[ ! -f "$program" ] || cp "$program" "$work/bin"
done
bin=$work/bin
cd "$work"
s=$work/store

"$twz" mkstore "$s" --size 32M
objects() {
	"$twz" stat "$s" | awk '$1 == "objects" { print $2 }'
}
prompt 0 'ties make 10' 'ties show'
says 'book: 10 of 10 pages, 10 tied to it, kinds 1'
says 'holder: 1 tied to it, kinds 2, value 42'
run 0 "$twz" fot "$s" /ties/holder
says '    1  id       hold  '
prompt 0 'cp /ties/holder /copy'
run 0 "$twz" fot "$s" /copy
says '    1  id       -     '
before=$(objects)

awk -v n="$kills" -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 0; i < n; i++)
		printf "%d %.5f\n", rand() * 1000000000, rand() * 0.02
}' >moments

# ---- the program is killed -----------------------------------------------------------------------

# One prompt for all; what it says comes through a pipe.
mkfifo commands said
"$bin/prompt" --store "$s" <commands >said 2>"$err" &
prompt=$!
trap 'kill -9 $prompt 2>/dev/null || true; rm -rf "$work"' EXIT
exec 3>commands 4<said

# asked COMMAND: its first line.
asked() {
	echo "$1" >&3
	IFS= read -r line <&4 || fails "the prompt ended: $1"
}

asked 'ties count'
first=$line
while read -r run_seed moment; do
	asked "ties churn $run_seed"
	[ "$line" = 'at it' ] || fails "ties churn says '$line'"
	sleep "$moment"
	kill -9 "$(pgrep -P $prompt)"
	asked 'ties count'
	if [ "$line" = "$first" ]; then
		passes
	else
		fails "killed after $moment s, with seed $run_seed: $line, not $first"
	fi
done <moments
asked 'ties temporary'
asked 'ties count'
if [ "$line" = "$first" ]; then passes; else fails "after a regular end: $line, not $first"; fi
echo exit >&3
if wait $prompt; then passes; else fails 'the prompt failed'; fi
exec 3>&- 4<&-
run 0 "$twz" check "$s"
says '0 notes, 0 violations'

# ---- all of it is killed -------------------------------------------------------------------------

head -n $((kills / 4)) moments >fewer
while read -r run_seed moment; do
	: >seen
	"$bin/prompt" --store "$s" --exec "ties churn $run_seed" >seen 2>"$err" &
	prompt=$!
	while kill -0 $prompt && ! grep -q '^at it' seen; do
		sleep 0.001
	done
	sleep "$moment"
	child=$(pgrep -P $prompt || true)
	kill -9 $prompt
	wait $prompt 2>/dev/null || true
	# The program dies with it, a moment later: until then who opens the store is beside it.
	# shellcheck disable=SC2086
	gone $child
	prompt 0 'ties show' 'ties count'
	says 'book: 10 of 10 pages, 10 tied to it, kinds 1'
	says 'holder: 1 tied to it, kinds 2, value 42'
	says "$first"
	run 0 "$twz" check "$s"
	says '0 notes, 0 violations'
done <fewer
after=$(objects)
if [ "$after" = "$before" ]; then passes; else fails "$before objects, $after afterwards"; fi

finish kill_ties
