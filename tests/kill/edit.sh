#!/bin/sh
# The piece `kill_edit`: the plug is pulled at random while a text is edited. Every change that was answered
# is there afterwards, and at most what was sent; and the editor that edited goes on, brought back.
#
# TWZ_SEED repeats the choices. --long pulls more often.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
pulls=12
[ "${1:-}" != --long ] || pulls=200
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"
cd "$work"
s=$work/store
"$twz" mkstore "$s" --size 32M

# What was sent and not read is gone with the machine.
new_input() {
	rm -f input
	mkfifo input
	exec 4<>input
}

# commands FROM TO: the changes with these numbers.
commands() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (k = from; k <= to; k++)
			print k % 10 == 4 ? "i 1 first " k : k % 10 == 6 ? "d 2" : k % 10 == 8 ? "u" : \
				"a line " k
	}'
}

# expected K: the text after so many, in the form of the command p. What u undoes is always an a.
expected() {
	commands 1 "$1" | awk '
		$1 == "a" { line[++n] = substr($0, 3) }
		$1 == "u" { n-- }
		$1 == "i" { for (i = ++n; i > 1; i--) line[i] = line[i - 1]; line[1] = substr($0, 5) }
		$1 == "d" { for (i = 2; i < n; i++) line[i] = line[i + 1]; n-- }
		END { for (i = 1; i <= n; i++) printf "%6d  %s\n", i, line[i] }'
}

# edit_more: the changes behind $sent are sent, a few at a time, and answered; false: the machine is dead.
edit_more() {
	commands $((sent + 1)) $((sent + 8)) >&4
	sent=$((sent + 8))
	[ $((sent % 40)) -ne 0 ] || echo w >&4
	await "$sent: "
}

# answered: the number of the last change that the machine answered.
answered() {
	sed -n 's/^\(back: \)*\([0-9][0-9]*\): [0-9]* lines*$/\2/p' seen | tail -n 1
}

awk -v n="$pulls" -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 0; i < n; i++)
		printf "%d %.5f\n", i, (i % 4 == 3 ? 0.25 : 1) * rand()
}' >moments

done=0 back=0
while read -r i moment; do
	ran="boot $i, pulled after $moment s"
	new_input
	power 'edit /text'
	killed=$machine
	sent=$done
	# From power-on in each fourth boot, else from when the editor is there, in two of three from its first answer.
	if [ $((i % 4)) != 3 ]; then
		[ "$done" = 0 ] || await back: || true
		[ $((i % 4)) = 1 ] || edit_more || true
	fi
	{
		sleep "$moment"
		kill -9 "$killed" 2>/dev/null || true
	} &
	killer=$!
	while edit_more; do
		:
	done
	wait $killer || true
	pull 0
	grep -q '^back: ' seen && back=$((back + 1))
	sound "$ran"
	last=$(answered)
	on linux 0 'edit /text n p'
	now=$(sed -n 's/^\([0-9]*\): .*/\1/p' "$out")
	sed 1d "$out" >text.now
	expected "${now:-0}" >text.wanted
	same text.wanted text.now
	if [ "${now:-0}" -ge "${last:-0}" ] && [ "${now:-0}" -le "$sent" ]; then
		passes
	else
		fails "$ran: ${last:-0} changes were answered, $sent sent, and there are ${now:-none}"
	fi
	done=${now:-$done}
done <moments
echo "$pulls boots, $back with the editor brought back, $done changes"
if [ "$back" -ge $((pulls / 2)) ] && [ "$done" -gt "$pulls" ]; then
	passes
else
	fails 'the editor was hardly ever brought back, or nothing was edited'
fi

# The end is for good.
new_input
power 'edit /text' ps
await back: || true
echo q >&4
await 'nothing more' || true
pull 0
on machine 0 ps 'view --registered' 'edit /text n'
if grep -q 'recovered\|entry' "$out"; then
	fails 'the editor is brought back after its end'
else
	passes
fi
says "$done: "

finish kill_edit
