#!/bin/sh
# The piece `vm`: what vm makes of a machine, with a kernel that does what it is told
# (tests/vm/machine.S).
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
vm=$(readlink -f "$TWZ_BUILD/asan/vm")
twz=$(readlink -f "$TWZ_BUILD/twz")
prompt=$(readlink -f "$TWZ_BUILD/bin/prompt")
# as_kernel NAME OPTION...: machine.S, assembled with these options.
as_kernel() {
	name=$1
	shift
	gcc -c "$@" -o "$TWZ_TMP/$name.o" tests/vm/machine.S
	ld -o "$TWZ_TMP/$name" -e start -Ttext=0x100000 -z max-page-size=0x1000 -z noexecstack "$TWZ_TMP/$name.o"
}
as_kernel kernel
as_kernel again -DCOMMANDS='"borR"'
# The image of the front door, with the real kernel.
(
	# shellcheck source=tools/door/image.sh
	. tools/door/image.sh
	STATUS_FAILED=1
	die() {
		echo "$*"
		exit "$1"
	}
	make_image "$TWZ_TMP/image" "$TWZ_BUILD/machine" kernel '
help
exit 42'
)
cd "$TWZ_TMP"
: >boot
"$twz" mkstore store --size 16M
passed=0 failed=0

fail() {
	echo "    $*; status $status, stdout and stderr:"
	sed 's/^/    > /' out err
	exit 1
}

expect_status() {
	[ "$status" = "$1" ] || fail "expected status $1"
}

expect() {
	grep -qe "$2" "$1" || fail "expected '$2' in $1"
}

# machine LETTERS OPTION...: runs that machine; its input is `in`.
: >in
machine() {
	letters=$1
	shift
	status=0
	timeout -k 5 550 "$vm" --store store --kernel kernel --boot boot --exec "$letters" --silence 300 "$@" \
		<in >out 2>err || status=$?
}

case_the_status_is_what_the_kernel_said() {
	machine bosO
	expect_status 42
	[ "$(cat out)" = 'a line' ] || fail "wrong output"
	[ ! -s err ] || fail "it says something"
}

case_a_panic_is_120_with_the_log() {
	machine blpH
	expect_status 120
	expect err '^a line$'
	expect err 'panicked'
	machine blpT
	expect_status 120
}

# hangs LETTERS TEXT: on a busy host it takes longer till it hangs where it is told to.
hangs() {
	for silence in 1 10 100; do
		machine "$1" --silence $silence
		! grep -q "$2" err || break
	done
	expect_status 121
	expect err "$2"
}

case_a_hang_is_121_with_the_log() {
	hangs blH '^a line$'
	hangs bsH 'does not turn off'
}

case_an_end_without_a_word_is_122() {
	machine bT
	expect_status 122
	expect err 'triple fault'
	machine bO
	expect_status 122
	machine bsO --bios boot
	expect_status 122
	expect err 'qemu: could not load'
}

case_time_over_is_124() {
	machine bH --timeout 1
	expect_status 124
}

case_the_log_goes_where_it_is_asked_to_go() {
	machine blsO --log log
	expect_status 42
	[ "$(cat log)" = 'a line' ] || fail "wrong log"
	[ ! -s err ] || fail "it says something"
	machine blpH --log -
	[ "$(grep -c '^a line$' err)" = 1 ] || fail "not once on stderr"
	machine bsO --log nowhere/log
	expect_status 2
}

case_input_is_kept_until_the_kernel_takes_it() {
	seq 300 >in
	printf 'the last line\001x' >>in
	machine besO
	: >in
	expect_status 42
	seq 300 >expected
	printf 'the last line\001x\n' >>expected
	cmp -s out expected || fail "the input did not come whole"
}

case_who_takes_no_output_makes_no_hang() {
	for silence in 1 10 50; do # on a busy host it takes longer till the output is full
		rm -f code
		(
			code=0
			"$vm" --store store --kernel kernel --boot boot --exec bm --silence $silence \
				--timeout $((4 * silence)) || code=$?
			echo $code >code
		) 2>err </dev/null | until [ -s code ]; do sleep 0.1; done
		status=$(cat code)
		[ "$status" != 124 ] || break
	done
	expect_status 124
}

case_an_output_that_is_full_is_told() {
	status=0
	: >out
	"$vm" --store store --kernel kernel --boot boot --exec bm --timeout 500 --silence 300 >/dev/full 2>err </dev/null || status=$?
	expect_status 141
	expect err 'the output: No space left on device'
}

case_a_reset_starts_the_machine_again() {
	machine brR
	expect_status 0
	# This one has its letters built in: with --exec, a reset is the end.
	for seconds in 2 20 200; do # on a busy host it takes longer
		status=0
		timeout -k 5 550 "$vm" --store store --kernel again --boot boot --timeout $seconds </dev/null \
			>out 2>err || status=$?
		expect_status 124
		[ "$(grep -c 'a line' out)" -le 1 ] || break
	done
	[ "$(grep -c 'a line' out)" -gt 1 ] || fail "it was not started again"
}

# The machine in the background, once QEMU runs: its process is $child, QEMU's $qemu.
start() {
	"$vm" --store store --kernel kernel --boot boot --exec bH --timeout 500 --silence 500 </dev/null >out 2>err &
	child=$!
	qemu=
	while [ -z "$qemu" ] && kill -0 $child 2>/dev/null; do
		sleep 0.1
		qemu=$(cat /proc/$child/task/$child/children 2>/dev/null || true)
	done
	status=0
	[ -n "$qemu" ] || fail "QEMU does not start"
}

# Killed: QEMU goes with it, all of its threads, a moment later.
is_gone() {
	end=$(($(date +%s) + 200))
	while grep -qs '^State:.[^ZX]' "/proc/${qemu% }/task"/*/status; do
		[ "$(date +%s)" -lt $end ] || fail "QEMU lives on"
		sleep 0.01
	done
}

case_a_store_is_held_while_it_runs() {
	start
	"$prompt" --store store --exec 'ls /' >out 2>err </dev/null || true
	expect err "the machine runs on it (process $child): it is free when that has ended"
	machine bsO
	expect_status 125
	expect err "the machine runs on it (process $child): it is free when that has ended"
	"$twz" ls store >out 2>err && fail "a reader got it too"
	kill $child
	wait $child 2>/dev/null || true
	is_gone
}

case_killed_is_the_plug_pulled() {
	start
	kill -KILL $child
	wait $child 2>/dev/null && status=0 || status=$?
	expect_status 137
	is_gone
	machine bsO
	expect_status 42
}

case_a_store_that_is_none_is_125() {
	for bad in none small damaged; do
		status=0
		: >small
		cp store damaged
		dd if=/dev/urandom of=damaged bs=8192 count=1 conv=notrunc 2>/dev/null
		"$vm" --store $bad --kernel kernel --boot boot </dev/null >out 2>err || status=$?
		expect_status 125
		expect err "$bad: "
	done
}

case_a_host_without_room_is_125() {
	free=$(($(df -Pm . | awk 'NR == 2 { print $4 }') / 1024 + 1))
	[ $free -lt 400 ] || return 0 # no store that the machine takes is too large for this host
	"$twz" mkstore large --size ${free}G
	status=0
	"$vm" --store large --kernel kernel --boot boot </dev/null >out 2>err || status=$?
	rm large
	expect_status 125
	expect err 'no room'
}

case_a_store_too_large_for_the_machine_is_125() {
	"$twz" mkstore large --size 600G
	status=0
	"$vm" --store large --kernel kernel --boot boot </dev/null >out 2>err || status=$?
	rm large
	expect_status 125
	expect err 'at most'
}

case_what_makes_no_sense_is_2() {
	for line in '--smp 0' '--smp 17' '--mem 1' '--mem 5x' '--accel x' '--timeout 0' '--silence x' '--what' \
		'--exec' '--disk d' 'x' '--icount=1' '--icount --accel kvm'; do
		# shellcheck disable=SC2086
		machine x $line
		[ "$status" = 2 ] || fail "'$line'"
		[ -s err ] || fail "'$line' said nothing"
	done
	machine "$(printf 'a\tb')"
	expect_status 2
	machine "$(seq 2000)"
	expect_status 2
	machine "$(printf '%04000d' 1)"
	expect_status 2
	machine x --kernel nowhere
	expect_status 126
}

case_the_command_is_shown_and_the_machine_as_asked() {
	machine bsO --dry-run --smp 3 --mem 1G --icount
	expect_status 0
	expect out "'-smp' '3'"
	expect out "'1024M,slots"
	expect out "'shift=0,sleep=off'"
	machine bsO --smp 3 --mem 1G
	expect_status 42
	machine bosO --icount
	expect_status 42
}

case_an_image_boots_by_uefi() {
	status=0
	timeout -k 5 950 "$vm" --store store --disk image --timeout 900 --silence 900 </dev/null >out 2>err || status=$?
	expect_status 42
	expect out '^built in: help exit'
	! grep -q 'Twizzler takes over' out || fail "the firmware is heard on stdout"
	machine x --disk image
	expect_status 2
}

cases=$(sed -n 's/^case_\([a-z0-9_]*\)() {$/\1/p' "$OLDPWD/tests/vm/vm.sh")
for name in $cases; do
	if ("case_$name"); then
		passed=$((passed + 1))
	else
		echo "$name: failed"
		failed=$((failed + 1))
	fi
done
echo "vm: $passed passed, $failed failed"
[ "$failed" = 0 ]
