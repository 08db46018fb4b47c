#!/bin/sh
# The piece `kill_plug`: the plug is pulled at random moments: of an index build, of renames and
# copies and removals, of a boot; also twice in a row. After each the store is sound, and Linux or
# the machine, in turns, finds the old or the new, whole, and never less than what had been said to
# be done.
#
# TWZ_SEED repeats the choices. A moment is a part of the time for which something is under way, which each pull
# tells more of. --long pulls more often.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
builds=28 loops=8 boots=24
if [ "${1:-}" = --long ]; then
	builds=400 loops=80 boots=240
fi
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
cd "$work"
s=$work/store
steps=500
mkdir steps
for i in $(seq 0 $steps); do
	echo "step $i" >"steps/$i"
done

# ---- index build ---------------------------------------------------------------------------------

# Two sets of texts with different answers, built in turns: so the old and the new can be told apart.
mkdir -p text/some
cp /usr/share/common-licenses/* text/ 2>/dev/null || true
cp /usr/share/common-licenses/GPL-2 text/some/ 2>/dev/null || echo 'no warranty' >text/some/own
echo ready >ready
"$twz" mkstore "$s" --size 32M
"$twz" put "$s" text /text
"$twz" put "$s" ready /ready

on linux 0 'index build /text' 'index build /text/some --as /other' 'index find warranty'
grep '^/text/' "$out" >answer.all
on linux 0 'index find warranty --as /other'
grep '^/text/' "$out" >answer.some
if [ -s answer.some ] && ! cmp -s answer.all answer.some; then
	passes
else
	fails 'the two indexes give the same'
fi
on linux 0 'rm /index /other'
: >answer.none
# That each frame is something's, the check says; by how many the objects are found follows from IDs.
objects() {
	"$twz" stat "$s" | grep '^objects'
}
objects >objects.before

# How long it takes to boot, and to build both, to begin with.
began=$(milliseconds)
power 'cat /ready' 'index build /text' 'index build /text/some'
await ready && boot=$(($(milliseconds) - began)) began=$(milliseconds)
await /index: && all=$(($(milliseconds) - began)) began=$(milliseconds)
await /index: && some=$(($(milliseconds) - began))
pull 0
on linux 0 'rm /index'
echo "a boot takes $boot ms, the builds $all and $some ms"

# One line for each pull: what is built, by which home it is looked at, from what on the moment counts, at which of
# 1000 parts of the time for it, and if not 0 at which of a boot and a build is a second pull in the boot after it.
awk -v n=$((10 * builds)) -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 0; i < n; i++) {
		which = rand() < 0.5 ? "all" : "some"
		from = i % 7 == 0 ? "power" : i % 7 == 1 ? "built" : "ready"
		at = i % 7 == 2 ? 0.8 + rand() * 0.3 : rand()
		printf "%s %s %s %d %d\n", which, i % 2 ? "linux" : "machine", from, at * 1000,
			i % 5 < 2 ? 1 + rand() * 1000 : 0
	}
}' >moments

# build WHICH FROM MS: pulls the plug in a build; how far it had come is in $phase.
not_begun=0 under_way=0 built=0
build() {
	path=/text
	[ "$1" = all ] || path=/text/some
	power 'cat /ready' "index build $path"
	case $2 in
	ready) await ready || true ;;
	built) await /index: || true ;;
	esac
	pull "$(seconds "$3")"
	if grep -q '^/index:' seen; then
		phase=built built=$((built + 1))
	elif grep -q '^ready' seen; then
		phase='under way' under_way=$((under_way + 1))
	else
		phase='not begun' not_begun=$((not_begun + 1))
	fi
	ran="a build of $path, $phase, pulled $3 ms behind '$2', the index was $state"
	sound "$ran"
}

# learn WHICH FROM: what the pull tells of how long that takes.
learn() {
	case $2:$phase in
	power:'not begun') later boot ;;
	power:*) earlier boot ;;
	ready:built) earlier "$1" ;;
	ready:*) later "$1" ;;
	esac
}

# What the oracle says there is now, in $now, and whether that is whole.
ask() {
	"on_$1" 'index find warranty' 'index check' || true
	now=neither
	for known in none all some; do
		! grep '^/text/' "$out" | cmp -s - "answer.$known" || now=$known
	done
	if [ $now = none ]; then
		grep -q 'there is no index' "$out" "$err" || now=silent
	else
		grep -q 'all right' "$out" || now="wrong $now"
	fi
}

state=none enough=no i=0
while read -r which where from part second; do
	i=$((i + 1))
	again $i "$builds" || break
	takes=$some
	[ "$which" = some ] || takes=$all
	case $from in
	power) build "$which" power $((boot * part / 1000)) ;;
	built) build "$which" built $((part / 50)) ;;
	ready) build "$which" ready $((takes * part / 1000)) ;;
	esac
	learn "$which" "$from"
	may=" $which $state "
	case $phase in
	built) may=" $which " ;;
	'not begun') may=" $state " ;;
	esac
	if [ "$second" -gt 0 ]; then
		build "$which" power $(((boot + takes) * second / 1000))
		case $phase in
		built) may=" $which " ;;
		'under way') may="$may$which " ;;
		esac
		ran="$ran, the second time in a row; it may be$may"
	fi
	ask "$where"
	case $may in
	*" $now "*) passes ;;
	*) fails "$ran: the index is $now" ;;
	esac
	state=$now
	rm -rf text.now
	run 0 "$twz" get "$s" /text text.now
	same text text.now
	if [ $not_begun -gt 0 ] && [ $under_way -gt $((builds / 8)) ] && [ $built -gt 0 ]; then
		enough=yes
	fi
done <moments
echo "builds: $not_begun not begun, $under_way under way, $built done"
if [ $enough = yes ]; then passes; else fails 'the moments missed the builds'; fi

# ---- boots ---------------------------------------------------------------------------------------

# Pulls early in one boot after the other, from power-on to the prompt and a little further, each after
# a build that was pulled: a mount never finds less to do than that.
epoch() {
	"$twz" stat "$s" | awk '$1 == "epoch" { print $2 }'
}
awk -v n=$((10 * boots)) -v seed="$seed" 'BEGIN {
	srand(seed + 1)
	for (i = 0; i < n; i++)
		printf "%d %d\n", rand() * 1000, rand() * 1100
}' >moments
unmounted=0 mounted=0 enough=no i=0
while read -r first second; do
	i=$((i + 1))
	again $i "$boots" || break
	build some ready $((some * first / 1000))
	learn some ready
	before=$(epoch) second=$((boot * second / 1000))
	power 'cat /ready'
	pull "$(seconds $second)"
	if [ "$(epoch)" = "$before" ]; then
		unmounted=$((unmounted + 1))
		later boot
	else
		mounted=$((mounted + 1))
		earlier boot
	fi
	[ $unmounted = 0 ] || [ $mounted = 0 ] || enough=yes
	sound "a boot pulled after $second ms, after $ran"
done <moments
echo "boots: $unmounted before the mount, $mounted behind it"
if [ $enough = yes ]; then passes; else fails 'the moments missed the mount'; fi
ask machine
case $now in
all | some) passes ;;
*) fails "after these boots the index is $now" ;;
esac

# Nothing lost: when the index is gone the store holds what it held before.
on machine 0 'index build /text' 'index check' 'rm /index'
on linux 0 'ls /' 'ls /' # where what was deleted is freed between two programs
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
objects >objects.after
same objects.before objects.after

# ---- mv, cp, rm ----------------------------------------------------------------------------------

# A walk through the states of a namespace: the commands, each followed by one that says how far it
# came, and the state behind each as a line "NAME=CONTENT ...".
mkdir names
for name in a b c d; do
	echo "content of $name" >names/$name
done
"$twz" put "$s" steps /steps
walk() {
	awk -v seed="$1" -v steps="$steps" '
	function has(name) { return name in content }
	function pick(want, name) {
		do {
			name = substr("abcdefg", 1 + int(rand() * 7), 1)
		} while (want && !has(name))
		return name
	}
	function state(i, name, all) {
		for (i = 1; i <= 7; i++) {
			name = substr("abcdefg", i, 1)
			if (has(name)) all = all name "=" content[name] " "
		}
		print all >"states"
	}
	BEGIN {
		srand(seed)
		n = split("a b c d", first, " ")
		for (i = 1; i <= n; i++) content[first[i]] = first[i]
		state()
		print "cat /steps/0"
		for (step = 1; step <= steps; step++) {
			from = pick(1)
			do { to = pick(0) } while (to == from)
			what = rand() < 0.4 ? "mv" : rand() < 0.7 ? "cp" : "rm"
			if (what == "rm" && length(content) <= 3) what = "cp"
			if (what != "rm") content[to] = content[from]
			if (what != "cp") delete content[from]
			print what, "/names/" from, what == "rm" ? "" : "/names/" to
			print "cat /steps/" step
			state()
		}
	}' >input
}

# The namespace in $1 as such a line. A copy may lie under the name of what it was to replace, whole.
state_of() {
	for file in "$1"/*; do
		content=$(sed -n 's/^content of //p' "$file")
		case $file in
		*.twz-new) [ -n "$content" ] || echo "$file is not whole" ;;
		*) printf '%s=%s ' "${file##*/}" "$content" ;;
		esac
	done
	echo
}

awk -v n=$((10 * loops)) -v seed="$seed" 'BEGIN {
	srand(seed + 2)
	for (i = 0; i < n; i++)
		printf "%d %d %.5f\n", rand() * 1000000, rand() * 400, rand() * 0.1
}' >moments
far=0 enough=no i=0
while read -r walk_seed until moment; do
	i=$((i + 1))
	again $i "$loops" || break
	"$twz" put "$s" names /names
	walk "$walk_seed"
	power
	await "step $until" || fails "a walk with seed $walk_seed does not come to step $until"
	pull "$moment"
	reached=$(sed -n 's/^step \([0-9]*\)$/\1/p' seen | tail -n 1)
	[ "$reached" -eq $steps ] || far=$((far + 1))
	[ $far -le $((loops / 2)) ] || enough=yes
	ran="a walk with seed $walk_seed, pulled $moment s behind step $until, had said $reached"
	sound "$ran"
	rm -rf names.now
	# A name that leads nowhere was bound, and its object did not last yet (twz_name_publish): it is as good as none.
	nowhere=
	if ! "$twz" get "$s" /names names.now >"$out" 2>"$err"; then
		nowhere=$(sed -n 's,^twz: /names/\(.*\): there is no such object or name$,\1,p' "$err")
		if [ "$(wc -l <"$err")" != 1 ] || [ -z "$nowhere" ]; then fails "$ran: twz get"; fi
	fi
	state_of names.now >state.now
	if tail -n +$((reached + 1)) states | grep -qxF -f state.now; then
		passes
	else
		fails "$ran: what is there is of no state behind it: $(cat state.now)"
	fi
	on machine 0 'ls /names' 'rm -r /names'
	{ (cd names.now && ls) && printf '%s' "${nowhere:+$nowhere
}"; } | sort | cmp -s - "$out" || fails "$ran: the machine lists other names"
done <moments
rm input
echo "walks: $far were pulled under way"
[ $enough = yes ] || fails 'the moments missed the walks'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
on linux 0 'rm -r /steps' 'ls /'
objects >objects.after
same objects.before objects.after

finish kill_plug
