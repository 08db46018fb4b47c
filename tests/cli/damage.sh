#!/bin/sh
# The piece `cli_damage`: words of a store are overwritten at random, and every command of twz, and
# programs, are used on it: each ends with an answer or an error, none with a signal or not at all; and
# what is JSON is valid, whatever the store holds.
#
# TWZ_SEED repeats a run. --long damages ten times as many stores.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
stores=60
[ "${1:-}" != --long ] || stores=600
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
# With sanitizers, where they were built.
[ ! -x "$build/asan/twz" ] || twz=$build/asan/twz
[ ! -x "$build/asan/bin/prompt" ] || bin=$build/asan/bin
cd "$work"

mkdir -p text/sub
i=0
while [ $i -lt 40 ]; do
	echo "some words in text number $i" >text/$i
	i=$((i + 1))
done
cp text/1* text/sub
"$twz" mkstore sound --size 16M
"$twz" put sound text /text
"$bin/prompt" --store sound --exec 'index build /text' --exec 'cp -r /text /copy' >/dev/null

# Where there is something: lines of 64 bytes that differ from the one before, thinned out where
# there are many alike. Then the damage: "STORE OFFSET BYTES", the bytes for printf.
od -A d -t x8 -w64 sound | awk '$1 != "*" && NF > 1 { print $1 }' >places
awk -v stores="$stores" -v seed="$seed" '
	{ place[n++] = $1 }
	function octal(b) { return sprintf("\\%03o", b) }
	BEGIN { srand(seed) }
	END {
		for (s = 0; s < stores; s++)
			for (k = 2 ^ int(rand() * 6); k > 0; k--) {
				# Half of it among the first places: superblock, log, blocks, records.
				p = place[int(rand() * (rand() < 0.5 && n > 200 ? 200 : n))]
				p += 8 * int(rand() * 8)
				how = rand()
				bytes = ""
				for (b = 0; b < 8; b++) {
					value = int(rand() * 256)
					if (how < 0.2 || (how > 0.4 && how < 0.7 && b > 1))
						value = 0
					else if (how < 0.4)
						value = 255
					bytes = bytes octal(value)
				}
				if (how > 0.9)
					bytes = octal(int(rand() * 256))
				print s, p, bytes
			}
	}' places >damage

# What a sanitizer says ends a program with the status 1, too.
sanitized() {
	! grep -qE 'runtime error|Sanitizer' "$err" || fails "$ran (TWZ_SEED=$seed)"
}

# One command on the damaged store `it`: as said above.
attempt() {
	ran="store $store: $*"
	got=0
	timeout -k 5 "$run_seconds" "$@" >"$out" 2>"$err" </dev/null || got=$?
	case $got in
	0) passes ;;
	1 | 125)
		if [ -s "$err" ]; then
			passes
		else
			fails "$ran: fails without a message"
		fi
		;;
	*) fails "$ran: status $got (TWZ_SEED=$seed)" ;;
	esac
	sanitized
}

# The same for diff: 1 is an answer.
attempt_diff() {
	ran="store $store: $*"
	got=0
	timeout -k 5 "$run_seconds" "$@" >"$out" 2>"$err" </dev/null || got=$?
	if [ "$got" -lt 2 ] || { [ "$got" = 2 ] && [ -s "$err" ]; }; then
		passes
	else
		fails "$ran: status $got (TWZ_SEED=$seed)"
	fi
	sanitized
}

# Kept, to be looked at all at once.
answers=0
mkdir answers
attempt_json() {
	attempt "$@" --json
	cp "$out" "answers/$answers"
	answers=$((answers + 1))
}

store=0
while [ $store -lt "$stores" ]; do
	cp --sparse=always sound it
	awk -v s=$store '$1 == s { print $2, $3 }' damage >now
	while read -r at bytes; do
		# shellcheck disable=SC2059
		printf "$bytes" | dd of=it bs=1 seek="$at" conv=notrunc status=none
	done <now
	cp --sparse=always it kept
	attempt "$twz" stat it
	attempt "$twz" ls it -l /text
	attempt "$twz" tree it
	attempt "$twz" stat it /text/1
	attempt "$twz" fot it /index
	attempt "$twz" get it / got
	attempt "$twz" graph it -o picture.svg
	attempt "$twz" hexdump it /index --all
	attempt_diff "$twz" diff it sound
	# One of these a store, in turn.
	case $((store % 6)) in
	0) attempt_json "$twz" tree it ;;
	1) attempt_json "$twz" stat it /text ;;
	2) attempt_json "$twz" fot it /index ;;
	3) attempt_json "$twz" check it ;;
	4) attempt_json "$twz" graph it ;;
	5) attempt_json "$twz" hexdump it / ;;
	esac
	attempt "$twz" check it
	if cmp -s it kept; then
		passes
	else
		fails "store $store: a command that only looks has changed it"
	fi
	attempt "$twz" put it text/2 /new
	rm -rf got
	store=$((store + 1))
done

run 0 python3 -c '
import json, sys
for i in range(int(sys.argv[1])):
	try:
		json.load(open("answers/%d" % i, encoding="utf-8"))
	except ValueError as e:
		sys.exit("answers/%d: %s" % (i, e))
' "$answers"

finish cli_damage
