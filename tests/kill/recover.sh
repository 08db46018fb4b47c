#!/bin/sh
# The piece `kill_recover`: programs that are brought back, over plugs pulled at random. Counts go on
# by themselves from at least what was seen, with the boot archive changed too; what cannot be brought
# back is said, and the machine comes up.
#
# TWZ_SEED repeats the choices. --long pulls more often.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
pulls=16
[ "${1:-}" != --long ] || pulls=300
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
images=$build/guest/image programs=$build/home
cd "$work"
s=$work/store
echo ready >ready
"$twz" mkstore "$s" --size 32M
"$twz" put "$s" ready /ready
mkfifo input
exec 4<>input

# count NAME: asks the machine for the count, which is in $count then.
count() {
	echo "counter $1 --show" >&4
	if await '[0-9]'; then
		count=${line%% *}
	else
		fails "$ran: the machine does not say the count of $1"
		finish kill_recover
	fi
}

# grows NAME: the count goes on by itself.
grows() {
	count "$1"
	first=$count tries=0
	while [ "$count" = "$first" ] && [ $tries -lt 5000 ]; do
		sleep 0.02
		count "$1"
		tries=$((tries + 1))
	done
	if [ "$count" -gt "$first" ]; then
		passes
	else
		fails "$ran: $1 stays at $count"
	fi
}

# not_less NAME COUNT THAN
not_less() {
	if [ "${2:-0}" -ge "$3" ]; then
		passes
	else
		fails "$ran: $1 is at ${2:-nothing}, and was at $3"
	fi
}

hosted() {
	on linux 0 "counter $1 --show"
	hosted=$(sed 's/ .*//' "$out")
}

# ---- counts --------------------------------------------------------------------------------------

# started NAME MS: a program that registers, pulled when it has counted; on a busy host that takes longer.
started() {
	ran="started $1"
	cp "$s" before
	for moment in 0.2 2 20 200; do
		cp before "$s"
		power 'cat /ready' "counter $1 --every $2"
		await ready || true
		pull "$moment"
		cp "$s" looked_at
		counted=$("$bin/prompt" --store looked_at --exec "counter $1 --show" 2>/dev/null | sed 's/ .*//')
		[ "${counted:-0}" -lt 1 ] || break
	done
	hosted "$1"
	not_less "$1" "$hosted" 1
}

# Two; the first one is brought back while the other one is started.
started /a 1
a=$hosted
started /b 3
b=$hosted

# Other programs are in the archive: the counter's text is another, and so is its ID. Then `counter` is
# a program that counts nothing. What was registered runs from the store's copy.
sed 's/Counts in the object NAME/Counts in one object NAME/' "$images/counter" >counter.other
cmp -s counter.other "$images/counter" && fails 'the image is not changed'
archive() {
	counter=$1
	out_file=$2
	set --
	for image in "$images"/*; do
		[ ! -f "$image" ] || [ "${image##*/}" = counter ] || set -- "$@" "${image##*/}=$image"
	done
	"$build/pack" "$out_file" counter="$counter" "$@"
}
archive counter.other boot.other
archive "$images/ls" boot.none

awk -v n="$pulls" -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 0; i < n; i++)
		printf "%d %.5f\n", i, rand() * 0.2
}' >moments
all=$options early=0
while read -r i moment; do
	ran="boot $i, pulled after $moment s"
	options=$all
	[ $((i % 4)) != 1 ] || options="$all --boot $work/boot.other"
	power
	if [ $((i % 4)) = 3 ]; then
		early=$((early + 1)) # somewhere between power-on and the counters' first steps
	else
		grows /a
		not_less /a "$count" "$a"
		a=$count
		grows /b
		not_less /b "$count" "$b"
		b=$count
	fi
	pull "$moment"
	sound "$ran"
	# What the machine had said is durable; and what is durable now is where it goes on.
	[ $((i % 2)) = 0 ] || continue
	hosted /a
	not_less /a "$hosted" "$a"
	a=$hosted
	hosted /b
	not_less /b "$hosted" "$b"
	b=$hosted
done <moments
echo "$pulls boots, $early pulled early; the counts are $a and $b"

# With no counter in the archive at all.
rm input
exec 4<&-
options="$all --boot $work/boot.none"
on machine 0 ps 'view --registered' 'cat /ready'
says ' recovered'
if [ "$(grep -c '  entry ' "$out")" = 2 ] && [ "$(grep -c ' recovered$' "$out")" = 2 ]; then
	passes
else
	fails 'not both are brought back without their program in the archive'
fi
options=$all

# ---- what cannot be brought back -----------------------------------------------------------------

view=$(sed -n 's/^\([0-9a-f]*\)  entry .*/\1/p' "$out" | head -n 1)
on machine 0 "view $view"
image=$(sed -n 's/^ *1  000040000000  r-x  \([0-9a-f]*\) .*/\1/p' "$out")
run 0 "$twz" stat "$s" "$image"
says 'sealed       yes'

# The program's object is gone: both need it. The archive's would do, were it the same.
cp "$s" whole
run 0 env TWZ_STORE="$s" "$programs/kinds" delete "$image"
options="$all --boot $work/boot.none"
on machine 0 'cat /ready' ps
says ready
if [ "$(grep -c 'init: view .* is not brought back: there is no such object or name' "$out")" = 2 ]; then
	passes
else
	fails 'it is not said that both programs are gone'
fi
options=$all
run 0 "$twz" check "$s"
says ' 0 violations'

# Its text is no program any more. Page 1024 of the object is where its data begins.
cp whole "$s"
damage() {
	"$twz" stat "$s" "$1" >place
	frame=$(sed -n 's/^ *pages* 1024[ :].*: frames* \([0-9]*\).*/\1/p' place)
	head -c 64 /dev/zero | dd of="$s" bs=1 seek=$((frame * 4096)) conv=notrunc status=none
}
damage "$image"
options="$all --boot $work/boot.none"
on machine 0 'cat /ready' ps
says ready
says ' is not brought back: '
options=$all

# One view is spoiled: the other one goes on.
cp whole "$s"
damage "$view"
on machine 0 'cat /ready' ps
says ready
says "init: view $view is not brought back: the object is of another type"
if [ "$(grep -c ' counter$' "$out")" = 1 ]; then
	passes
else
	fails 'the sound view is not brought back'
fi

# A view's record is spoiled, 224 bytes in a frame with a head of 64: the list of those that are
# registered ends there.
cp whole "$s"
"$twz" stat "$s" "$view" >place
record=$(sed -n 's/^record *frame \([0-9]*\), place \([0-9]*\)$/\1 \2/p' place)
head -c 64 /dev/urandom | dd of="$s" bs=1 conv=notrunc status=none \
	seek=$((${record% *} * 4096 + 64 + ${record#* } * 224))
on machine 0 'cat /ready'
says ready
says 'init: further views are not brought back: '

# ---- the end -------------------------------------------------------------------------------------

cp whole "$s"
on machine 0 'counter /a --stop' 'counter /b --stop' 'cat /ready'
on machine 0 'cat /ready'
on machine 0 ps 'view --registered'
if grep -q 'counter\|recovered\|entry' "$out"; then
	fails 'what was stopped is brought back'
else
	passes
fi
run 0 "$twz" check "$s"
says ' 0 violations'

finish kill_recover
