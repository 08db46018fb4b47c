#!/bin/sh
# The piece `machine_programs`: init, and the programs that are about the machine, in QEMU: statuses,
# what they list, power, and views that are brought back.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
images=$build/guest/image
manual=$PWD/docs
cd "$work"
s=$work/store
echo hello >text
"$twz" mkstore "$s" --size 32M && "$twz" put "$s" text /text

# m STATUS COMMAND...: the commands in one boot. Further options of vm are in $options.
options=
m() {
	status=$1
	shift
	for command; do
		shift
		set -- "$@" --exec "$command"
	done
	# shellcheck disable=SC2086
	run "$status" "$build/vm" --store "$s" --timeout 500 --silence 300 $options "$@"
}

# ---- init: the commands, and the status that the machine is turned off with ----------------------

m 0 'cat /text' 'cat /text'
same "$out" - <<'LIST'
hello
hello
LIST
m 7 'exit 7' 'cat /text'
silent
m 127 nonsense
says 'prompt: nonsense: there is no such program'
m 1 'cat /none'
m 0 poweroff 'cat /text'
silent

# Lines of the input, up to its end; no word of init.
run 1 sh -c "printf 'cat /text\ncat /none\nexit 1\n' | '$build/vm' --store '$s' --timeout 500 --silence 300"
says hello
if grep -q 'boot [0-9]' "$out"; then
	fails 'init describes the machine to nobody'
else
	passes
fi

# A reset: the same store, the next epoch, and the input goes on.
run 3 sh -c "{
	printf 'reboot\n'
	until [ \"\$(grep -cs 'apic: .* cycles and ' log)\" = 2 ]; do # the second kernel; without it the time is over at last
		sleep 0.1
	done
	printf 'cat /text\nexit 3\n'
} | '$build/vm' --store '$s' --log log --timeout 500 --silence 300"
says hello

# The prompt crashes: an image whose first instruction is none.
{
	head -c 24 "$images/prompt"
	head -c 8 /dev/zero
	printf '\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\17\13'
} >crash
truncate -s 4096 crash
run 0 "$build/pack" crash.boot init="$images/init" prompt=crash
options='--boot crash.boot'
m 139 'cat /text'
for seconds in 3 30 300; do # on a busy host it takes longer
	run 124 "$build/vm" --store "$s" --boot crash.boot --silence 400 --timeout $seconds
	! grep -q 'here is another' "$out" || break
done
says 'init: the prompt crashed (status 139); here is another'
run 0 "$build/pack" none.boot init="$images/init"
options='--boot none.boot'
m 126 'cat /text'
says 'init: the prompt cannot be started: there is no such object or name'
options=

# A machine without a store.
"$build/vm" --store "$s" --dry-run | sed "s/'-object' '[^']*' '-device' 'nvdimm[^']*'//" >without
run 0 sh without
says 'init: there is no store'

# ---- ps, free, view ------------------------------------------------------------------------------

m 0 ps
says ' init'
says ' prompt'
says ' ready  '
m 0 'ps -l'
m 1 'kill 4000'
says 'kill: 4000: there is no such thread'
m 0 free
says 'memory '
says 'known to the kernel: '
key=$("$twz" key show "$s.key" | sed -n 's/^id  *//p')
m 0 "limit --frames 12345 $key" "limit $key"
says "key      $key"
says ' of 12345'
m 0 "limit $key" "limit --frames none $key" "limit $key" # it has lasted
says ' of 12345'
# What is too little for the system to start is said, and can be lifted.
run 0 "$twz" key limit "$s" @key --frames 5
m 126 'cat /text'
says "or the limit of the system's key is too low"
run 0 "$twz" key limit "$s" @key --frames none
m 0 'cat /text'
# Below what it uses, it ends.
m 139 "limit --frames 60 $key" 'cat /text'
says 'the limit of the key is reached'
m 126 'cat /text'
says 'init: the prompt cannot be started: a limit is reached'
run 0 "$twz" key limit "$s" @key --frames none
m 0 'cat /text'
m 0 view
says '    1  000040000000  r-x  '
says '  text'
says '    4  000100000000  rw-  '
m 1 'view /text'
says 'view: /text: the object is of another type'
m 0 'view --registered'
silent

# ---- snapshot, diff, verify ----------------------------------------------------------------------

awk 'BEGIN { for (i = 0; i < 2000; i++) print i == 1000 ? "unspoilt" : "1234567" }' >pages
"$twz" put "$s" pages /pages
m 0 'snapshot /pages' 'diff /pages /pages.1' 'snapshot --seal /pages /sealed' 'verify /sealed'
says '/pages.1'
says '0 bytes differ, in 0 ranges; 5 pages are shared'
says '/sealed: genuine, '
m 1 'diff /text /pages'
says 'data  0x0: '
m 1 'verify /pages'
says 'verify: /pages: is not sealed'
# Its second page is damaged: wherever the word is, it is another one.
m 0 'rm /pages /pages.1'
grep -obUa unspoilt "$s" | cut -d : -f 1 | while read -r at; do
	printf 'spoiled!' | dd of="$s" bs=1 seek="$at" conv=notrunc status=none
done
m 1 'verify /sealed'
says 'verify: /sealed: is not genuine, first at offset 0x401000 of the object'
m 0 'verify --at 8192 /sealed' 'rm /sealed'
says '/sealed: genuine, '

# ---- untrusted: as the manual has it, but for addresses and IDs --------------------------------------

same_each_time() {
	tr -d '\r' <"$1" | sed 's/0x[0-9a-f]*/0x/g; s/object [0-9a-f]\{32\}/object/; s/thread [0-9]*/thread/'
}

m 0 untrusted
same_each_time "$out" >shown
sed -n '/^    > untrusted$/,/^$/s/^    //p' "$manual/gates.md" | sed 1d >printed
same_each_time printed >said
[ -s said ] || fails 'the manual does not have it'
same shown said
# Somebody else's, who is confined herself.
run 0 "$twz" key new --store "$s" --out alice.key
run 0 "$twz" sctx "$s" new /alice --key alice.key
m 0 'as --undetachable /alice untrusted'

# ---- counter: brought back -----------------------------------------------------------------------

# counted FILE: the count that the last line of `counter --show` in it says.
counted() {
	sed -n 's/^\([0-9]*\) in [0-9]* boots*$/\1/p' "$1" | tail -n 1
}

m 0 'counter /done --every 0 --to 20' 'counter /done --show' 'view --registered'
same "$out" - <<'LIST'
20
20 in 1 boot
LIST
# The plug is pulled while it counts. At the next boot it is there by itself, where it was.
counting() {
	cp "$s" before
	for seconds in 3 30 300; do # on a busy host it takes longer till it has counted
		cp before "$s"
		run 124 "$build/vm" --store "$s" --silence 400 --timeout $seconds --exec "counter $1 --every 5"
		cp "$s" looked_at
		"$bin/prompt" --store looked_at --exec "counter $1 --show" >shown 2>&1 || :
		count=$(counted shown)
		[ "${count:-0}" -le 1 ] || break
	done
}
counting /count
counting /other
m 0 ps 'counter /count --show' 'view --registered'
says ' counter'
before=$(counted "$out")
if [ "$before" -gt 1 ] && [ "$(grep -c '  entry ' "$out")" = 2 ]; then
	passes
else
	fails "the count is $before, two views are registered"
fi
view=$(sed -n 's/^\([0-9a-f]*\)  entry .*/\1/p' "$out" | head -n 1)
# The first of them, which comes behind init, is controlled.
m 0 'kill --suspend 2' ps 'kill --continue 2' 'kill --signal 5 2' ps
says ' suspended  normal '
says ' ended      normal '
for _ in $(seq 20); do # it may come to its first step behind all of this
	m 0 "view $view" 'counter /count --show'
	[ "$(counted "$out")" -le "$before" ] || break
done
says '    1  000040000000  r-x  '
if [ "$(counted "$out")" -gt "$before" ]; then
	passes
else
	fails "it was not brought back: $(counted "$out") is not more than $before"
fi

# One that is spoiled is left out with a message, and the other one goes on. The view's data begins
# with page 1024 of the object; at 16 there is the entry.
run 0 "$twz" stat "$s" "$view"
frame=$(sed -n 's/^ *pages* 1024.*: frames* \([0-9]*\).*/\1/p' "$out")
printf '\0\0\0\0\0\0\0\0' | dd of="$s" bs=1 seek=$((frame * 4096 + 16)) conv=notrunc status=none
m 0 'cat /text' ps
says 'init: view '
says ' is not brought back: the object is of another type'
says hello
if [ "$(grep -c ' counter$' "$out")" = 1 ]; then
	passes
else
	fails 'the sound view is not brought back'
fi

# Stopped, in this boot or before the next: not brought back again.
m 0 'counter /count --stop' 'counter /other --stop' 'cat /text'
m 0 'cat /text'
m 0 'counter /count --show' ps
if grep -q ' counter$' "$out"; then
	fails 'it is brought back although it was stopped'
else
	passes
fi

run 0 "$twz" check "$s"
says '0 violations'

finish machine_programs
