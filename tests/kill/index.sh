#!/bin/sh
# The piece `kill_index`: the prompt is killed at a random moment of an index build, some hundred
# times. After each the index is the one before or the new one, whole (or there is still none), and
# the store is sound; after all nothing is lost.
#
# TWZ_SEED repeats the choices. A moment is a part of the time that a build takes, which each kill tells more of.
# --long kills ten times as often.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
kills=300
[ "${1:-}" != --long ] || kills=3000
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
cd "$work"
s=$work/store

# Two sets of texts with different answers, built in turns: so the old and the new can be told apart.
mkdir -p text/some
cp /usr/share/common-licenses/* text/ 2>/dev/null || true
cp /usr/share/common-licenses/GPL-2 text/some/ 2>/dev/null || echo 'no warranty' >text/some/own
"$twz" mkstore "$s" --size 32M
"$twz" put "$s" text /text

unchecked() {
	"$bin/prompt" --store "$s" "$@"
}

# What the whole answers are, and how long a build takes, to begin with.
unchecked --exec 'index build /text' --exec 'index build /text/some --as /other' >"$out"
unchecked --exec 'index find warranty' >answer.all
unchecked --exec 'index find warranty --as /other' >answer.some
if [ -s answer.all ] && [ -s answer.some ] && ! cmp -s answer.all answer.some; then
	passes
else
	fails 'the two indexes give the same'
fi
unchecked --exec 'rm /index /other'
: >answer.none
objects() {
	"$twz" stat "$s" | awk '$1 == "objects" || $1 == "used" { print $1, $2 }'
}
objects >objects.before
microseconds() {
	from=$(date +%s%N)
	unchecked --exec "index build $1 --as /other" >/dev/null
	echo $((($(date +%s%N) - from) / 1000))
	unchecked --exec 'rm /other'
}
all=$(microseconds /text) some=$(microseconds /text/some)
echo "a build takes $all and $some us"

# The moments: up to a fifth more than a build takes, in 1000 parts of it, so that some builds end; every third
# near that end, where the new index takes the place of the old. There are more, ten times as many at most, for a
# machine that is too fast or too slow for most of them.
awk -v n=$((10 * kills)) -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 0; i < n; i++)
		print i % 2 ? "some" : "all", int(1000 * (i % 3 ? rand() * 1.2 : 0.7 + rand() * 0.4))
}' >moments

state=none whole=0 absent=0 i=0 enough=no
while read -r which part; do
	i=$((i + 1))
	[ $i -le $kills ] || [ $enough = no ] || break
	path=/text takes=$all
	[ "$which" = all ] || path=/text/some takes=$some
	moment=$(awk -v us="$takes" -v part="$part" 'BEGIN { printf "%.6f", us * part / 1e9 }')
	"$bin/prompt" --store "$s" --exec "index build $path" >/dev/null 2>&1 &
	victim=$!
	sleep "$moment"
	programs=$(cat /proc/$victim/task/$victim/children 2>/dev/null || true)
	kill -9 $victim 2>/dev/null || true
	wait $victim 2>/dev/null || true
	# The program dies with it, a moment later: until then who opens the store is beside it.
	# shellcheck disable=SC2086
	gone $programs
	ran="a build of $path killed after $moment s, with the index $state before"
	unchecked --exec 'index find warranty' >"$out" 2>"$err" || true
	if cmp -s "$out" "answer.$which"; then
		# One build in four or five comes to its end then. (Had it been so before, this says nothing.)
		[ "$state" = "$which" ] || eval "$which=\$((takes * 6 / 7 + 1))"
		state=$which whole=$((whole + 1))
		passes
	elif cmp -s "$out" "answer.$state" && { [ "$state" != none ] || grep -q 'there is no index' "$err"; }; then
		eval "$which=\$((takes * 20 / 19 + 1))"
		absent=$((absent + 1))
		passes
	else
		fails "$ran: the index is neither the old nor the new"
	fi
	if ! "$twz" check "$s" >"$out" 2>"$err"; then
		fails "$ran: the store is damaged"
	fi
	if [ $whole -gt $((kills / 20)) ] && [ $absent -gt $((kills / 20)) ]; then
		enough=yes
	fi
done <moments
echo "$((whole + absent)) kills: $whole new, $absent old"
if [ $enough = yes ]; then passes; else fails 'the moments missed the builds'; fi

# Nothing lost: after one more build the names lead to every object, and when the index is gone the
# store holds what it held before.
prompt 0 'index build /text' 'index check'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
prompt 0 'rm /index' 'ls /'
says 'text/'
prompt 0 'ls /'
same "$out" - <<'EOF2'
text/
EOF2
objects >objects.after
same objects.before objects.after

finish kill_index
