#!/bin/sh
# The piece `home_exchange`: one store, on Linux and in the machine in turns. What either made or
# changed, both say the same of, containers too; and a transaction that was cut off in one home, by a
# kill or by the plug, is settled in the other: all of it or nothing.
#
# TWZ_SEED repeats the choices. --long exchanges more often.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
# shellcheck source=tests/home/programs
. tests/home/programs
rounds=20
[ "${1:-}" != --long ] || rounds=400
seed=${TWZ_SEED:-$(date +%s)}
echo "seed: $seed"

# ---- what both say of it -------------------------------------------------------------------------

# compare WHAT: each of the commands prints the same in both homes.
compare() {
	while read -r command; do
		on linux "$status" "$command"
		cat "$out" "$err" >said
		on machine "$status" "$command"
		ran="$1: $command"
		same said "$out"
	done <<-COMMANDS
		ls -l / /kinds /kinds/inner /text
		stat /text/some/large /kinds/plain /kinds/copy /kinds/large /kinds/sealed /kinds/holder /queue
		items /kinds /kinds/inner /text/some/large
		items --item 2 /kinds /text/some/large
		cat /text/some/own /text/some/large
		kinds show
		bank check
		containers check
		index stat
		index check
		index words
		index find the software
	COMMANDS
	run 0 "$twz" check "$s"
	says '0 violations'
}

mkdir -p text/some
cp /usr/share/common-licenses/* text/ 2>/dev/null || true
echo 'the software has no warranty' >text/some/own
seq 4000 | sed 's/$/ the software/' >text/some/large
"$twz" mkstore "$s" --size 64M
"$twz" put "$s" text /text
status=0
on linux 0 'index build /text' 'kinds make' 'bank make' 'containers make' \
	'queue make --bytes 176 /queue'
compare 'as Linux made it'
run 0 "$twz" get "$s" /text text.now
same text text.now

# Changed by either in turns.
for n in 1 2 3 4; do
	where=machine
	[ $((n % 2)) = 1 ] || where=linux
	on $where 0 "kinds change $n" "containers change $n" "cp /text/some/large /text/some/large$n" \
		"mv /text/some/large$n /text/some/moved$n" 'cp /text/some/own /text/some/again' \
		'rm /text/some/again' 'index build /text' "queue send /queue 'from $where' $n"
	compare "change $n, by $where"
done
# Each home gets what the other put.
for n in 1 2; do
	on linux 0 'queue receive /queue' 'queue receive /queue'
	printf 'from machine\n%d\n' $((2 * n - 1)) >expected
	same expected "$out"
	on machine 0 'queue receive /queue' 'queue receive /queue'
	printf 'from linux\n%d\n' $((2 * n)) >expected
	same expected "$out"
done
for n in 1 2 3 4; do
	run 0 "$twz" get "$s" "/text/some/moved$n" moved
	same text/some/large moved
done

# As the machine makes it, from nothing.
before=$s s=$work/other
"$twz" mkstore "$s" --size 64M
"$twz" put "$s" text /text
on machine 0 'index build /text' 'kinds make' 'bank make' 'containers make' 'kinds change 5' \
	'queue make /queue'
compare 'as the machine made it'
on linux 0 'kinds change 6' 'containers change 6' 'rm -r /kinds'
on machine 0 'kinds make'
compare 'made anew by the machine'
rm "$s"
s=$before

# ---- 1 TiB ---------------------------------------------------------------------------------------

on linux 0 'large make' 'large check'
on machine 0 'large check' 'large end' 'large make' 'large check'
on linux 0 'large check' 'large end'
sound 'after large objects'

# ---- transactions that were cut off --------------------------------------------------------------

# Is there a transaction under way in the object $1? The lock's word is in the image, at offset 64 of
# the object's page 2.
locked() {
	frame=$("$twz" stat "$s" "$1" | sed -n 's/^ *pages* 2[ :].*: frames* \([0-9]*\).*/\1/p')
	[ "$(od -An -t u8 -j $((frame * 4096 + 64)) -N 8 "$s" | tr -d ' ')" != 0 ]
}

awk -v n=$((10 * rounds)) -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 0; i < n; i++)
		printf "%d %.5f\n", rand() * 1000000000, rand() * 0.05
}' >moments
i=0 bank=0 containers=0 cut_machine=0 cut_linux=0 enough=no
while read -r run_seed moment; do
	i=$((i + 1))
	again $i "$rounds" || break
	if [ $((i % 2)) = 0 ]; then
		where=machine other=linux
	else
		where=linux other=machine
	fi
	case $((i % 4)) in
	0 | 1) program=bank object=/bank0 ;;
	*) program=containers object=/shelf0 ;;
	esac
	if [ $where = machine ]; then
		power "$program run $run_seed"
		await at || fails 'the machine transacts nothing'
		pull "$moment"
	else
		: >seen
		TWZ_STORE=$s "$bin/$program" run "$run_seed" >seen 2>"$err" &
		machine=$!
		while kill -0 "$machine" && ! grep -q '^at' seen; do
			sleep 0.001
		done
		sleep "$moment"
		kill -9 "$machine"
		wait "$machine" 2>/dev/null || true
		machine=
	fi
	# Of every third, the home that was cut off settles it.
	[ $((i % 3)) != 0 ] || other=$where
	reached=$(sed -n 's/^at \([0-9]*\)\.$/\1/p' seen | tail -n 1)
	! locked $object || eval "cut_$where=\$((cut_$where + 1))"
	[ $cut_machine = 0 ] || [ $cut_linux = 0 ] || enough=yes
	on $other 0 "$program check"
	count=$(sed -n 's/^count //p' "$out")
	eval "before=\$$program $program=${count:-0}"
	# shellcheck disable=SC2154 # eval sets it
	if [ "${count:-0}" -ge "$reached" ] && [ "$reached" -gt "$before" ]; then
		passes
	else
		fails "$where said $reached, $other finds ${count:-nothing}"
	fi
	sound "$where killed after $moment s, with seed $run_seed, settled by $other"
done <moments
echo "transactions that were cut off: $cut_machine by the plug, $cut_linux by a kill; $bank and $containers done"
if [ $enough = yes ]; then passes; else fails 'no transaction was cut off'; fi
compare 'after all that'

finish home_exchange
