#!/bin/sh
# The piece `home_faults`: every kind of fault, on Linux and in the machine. What is told and said is the
# same in both; what is repaired goes on; what nobody handles ends the program with a message that says
# what was tried, on which object, at which offset, why, and what to do. A machine error is the machine's.
#
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
# shellcheck source=tests/home/programs
. tests/home/programs
"$twz" mkstore "$s" --size 24M
on linux 0 'faults make'

# In a copy of the store, the node is spoiled that the object's last page is below: made just before it.
"$twz" stat "$s" /faults/damaged >place
frame=$(sed -n 's/^  pages 9024 to 9024: frames \([0-9]*\) to.*/\1/p' place)
cp "$s" damaged
head -c 4096 /dev/zero | dd of=damaged bs=4096 seek=$((frame - 1)) conv=notrunc status=none
run 1 "$twz" check damaged
cp "$s" whole

# ---- nobody handles it -----------------------------------------------------------------------------

# Addresses are the home's, and so are the IDs of what is made in it. Where a block lies in its heap, and where
# the store is full, is not said here.
plainly() {
	sed -n '/^faults: /{
		s/ object [0-9a-f]\{32\}/ object ID/
		s/ \(at\|to\) 0x[0-9a-f]*/ \1 ADDRESS/g
		/leads nowhere\|is full/s/offset 0x[0-9a-f]*/offset OFFSET/
		p
	}' "$out" "$err"
}

# ends KIND STORE TEXT: the program ends with status 139 and that message, in both homes.
ends() {
	printf '%s\n' "$3" >expected
	for home in linux machine; do
		cp "$2" "$s"
		on $home 139 "faults end $1"
		plainly >said
		same expected said
	done
}

gone='the object is gone, or there is no right to it'
limited='it is mapped without that right, the page has a limit, or is stored to outside of transactions'
ends null whole 'faults: a load at ADDRESS failed, offset 0x10 of object ID, code at ADDRESS: the first page of an object is never there: a pointer that was not set, or an offset taken for an address'
ends nothing whole 'faults: a load at ADDRESS failed, code at ADDRESS: no object is mapped there'
ends gone whole "faults: a load at ADDRESS failed, offset 0x400000 of object ID, code at ADDRESS: $gone"
ends right whole "faults: a store at ADDRESS failed, offset 0x400008 of object ID, code at ADDRESS: $limited"
ends jump whole "faults: a jump to ADDRESS failed, offset 0x400000 of object ID: $limited"
ends limit whole "faults: a store at ADDRESS failed, offset 0x400004 of object ID, code at ADDRESS: $limited"
ends sealed whole 'faults: a store at ADDRESS failed, offset 0x400000 of object ID, code at ADDRESS: the object is sealed and cannot change: copy it, and change the copy'
ends unresolved whole 'faults: a load at ADDRESS failed, offset OFFSET of object ID, the name /faults/later: a persistent pointer leads nowhere: its target is deleted or its name unbound'
# shellcheck disable=SC2016
ends damaged damaged 'faults: a load at ADDRESS failed, offset 0x2340000 of object ID, code at ADDRESS: the store is damaged here; run `twz check`'
ends full whole 'faults: a store at ADDRESS failed, offset OFFSET of object ID, code at ADDRESS: the store is full: delete something, and run this again'

# ---- repaired --------------------------------------------------------------------------------------

for home in linux machine; do
	cp whole "$s"
	on $home 0 'faults repair'
	sed 's/offset [0-9a-f]*/offset/' "$out" >"repaired.$home"
	run 0 "$twz" check "$s"
	says ' 0 violations'
done
same repaired.linux repaired.machine
run 0 cat repaired.machine
for kind in nothing gone right limit unresolved full; do
	says "$kind: kind "
done

# ---- a machine error -------------------------------------------------------------------------------

# A processor that reads the object's first page is told by QEMU that this memory is broken: a data load,
# uncorrected, the address is known, the program can go on. kernel/arch/x86_64/mce.c has the bits.
cp whole "$s"
"$twz" stat "$s" /faults/plain >place
frame=$(sed -n 's/^  pages 1024 to [0-9]*: frames \([0-9]*\) to.*/\1/p' place)
broken_load=0xbd80000000000134 corrupt=0xbf80000000000134 goes_on=7
mkfifo monitor.in monitor.out
exec 5<>monitor.in 6<>monitor.out # or QEMU waits for somebody to open them

# inject_once STATUS COMMAND: what the machine says, till its end, is in `seen`; the kernel's log in `log`.
inject_once() {
	all=$options
	options="$all --monitor $work/monitor --log $work/log"
	power "$2"
	if await reads; then
		base=$(sed -n 's/.*persistent memory at \([0-9a-f]*\),.*/\1/p' log)
		sleep 0.3
		printf 'mce 0 9 %s %s 0x%x 0x8c\n' "$1" $goes_on $((0x$base + frame * 4096 + 8)) >&5
	fi
	await nothing || true
	status=0
	wait "$machine" || status=$?
	machine=
	exec 3<&-
	options=$all
	cp seen "$out"
	cp vm.err "$err"
	ran="$2, broken: status $status"
}

# QEMU stops the processor for it just where an interrupt has begun, now and then, or on a busy host before the
# program reads: that is in the kernel, which cannot go on then. So again.
inject() {
	for _ in $(seq 50); do
		cp whole "$s"
		inject_once "$@"
		grep -q 'machine error in the kernel' log || break
	done
}

inject $broken_load 'faults read /faults/plain repaired'
says 'machine error: of the object, access 1, offset 400008; reads 0 now'
run 0 cat log
says 'machine error: memory at '

inject $broken_load 'faults read /faults/plain'
grep -q 'prompt: faults: memory fault' "$out" "$err" || fails "$ran: the program does not end"
plainly >said
echo 'faults: a load at ADDRESS failed, offset 0x400008 of object ID, code at ADDRESS: the memory there is broken and its content lost (a machine error): bring the object back from a copy' >expected
same expected said

# The processor's own state may be wrong: nobody can go on.
inject $corrupt 'faults read /faults/plain repaired'
if [ "$status" = 120 ]; then passes; else fails "$ran"; fi
run 0 cat log
says 'machine error in a program, which cannot go on: memory at '

finish home_faults
