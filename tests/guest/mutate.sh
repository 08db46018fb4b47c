#!/bin/sh
# The piece `guest_mutate`: every step of the kernel that isolation rests on (kernel/step.h), switched off,
# is missed by a test in the machine. A step that none misses is not needed, or not tested.
#
#     tests/guest/mutate.sh [STEP...]      only these steps
#
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
: "${TWZ_BUILD:=build/debug}" "${TWZ_TMP:=$(mktemp -d)}"
[ "${1-}" != --long ] || shift
passed=0 failed=0

# The test that is to miss a step.
test_of() {
	case $1 in
	access) echo objects rights_of_an_entry_hold ;;
	call-right) echo objects a_right_that_is_not_there_is_refused ;;
	compare) echo sync any_word_with_another_value_ends_the_wait ;;
	copy-on-write) echo objects copies_hold_what_their_source_had ;;
	deleted-is-gone) echo objects what_is_made_is_found_until_it_is_deleted ;;
	depth) echo faults faults_nest_to_eight_and_the_ninth_ends_the_thread ;;
	epoch | half-written) echo views an_entry_that_is_not_good_is_a_fault ;;
	limit-dram | limit-nvm) echo objects page_limits_take_rights_away_until_a_drop ;;
	null-page) echo faults faults_name_object_offset_access_and_reason ;;
	page-range) echo calls numbers_out_of_their_range_are_refused ;;
	reserve) echo memory deleting_killing_and_unmapping_work_without_memory ;;
	trim) echo memory tables_of_persistent_objects_are_a_cache ;;
	resume-address) echo faults registers_that_cannot_be_are_refused ;;
	sealed) echo faults a_store_to_what_is_sealed_is_a_fault ;;
	shootdown) echo views what_another_processor_shows_is_new_when_invalidate_returns ;;
	ties) echo threads what_is_tied_goes_when_a_thread_exits ;;
	view-type) echo views become_goes_to_another_view_and_back ;;
	zeroes) echo objects copies_hold_what_their_source_had a_sealed_object_cannot_change ;;
	*) echo "there is no test for $1" ;;
	esac
}

# run WORD TEST: the machine's output; 0 if the test passed.
run() {
	rm -f "$TWZ_TMP/store"
	"$TWZ_BUILD/twz" mkstore "$TWZ_TMP/store" --size 64M --no-key >/dev/null
	"$TWZ_BUILD/vm" --store "$TWZ_TMP/store" --kernel "$TWZ_BUILD/machine/kernel-check" \
		--boot "$TWZ_BUILD/machine/boot-test" --smp 2 --mem 128M --timeout 10 --silence 10 \
		--word "$1" --exec "$2" </dev/null >"$TWZ_TMP/out" 2>&1
}

# What the run says of it: the first thing that failed, or how the machine ended.
missed() {
	tr -d '\r' <"$TWZ_TMP/out" | grep -m 1 -e 'FAILED' -e 'panic' -e ' failed' ||
		echo "the machine ended with status $1"
}

steps=${*:-$(grep -rho 'KSTEP("[a-z-]*")' kernel | sed 's/.*"\(.*\)".*/\1/' | sort -u)}
for step in $steps; do
	test=$(test_of "$step")
	# With nothing switched off all is well: else what follows would show nothing.
	if ! run off=nothing "$test"; then
		echo "$step: FAILED: $test fails with no step switched off: $(missed $?)"
		failed=$((failed + 1))
		continue
	fi
	status=0
	run "off=$step" "$test" || status=$?
	if [ "$status" = 0 ]; then
		echo "$step: FAILED: not missed by $test"
		failed=$((failed + 1))
	else
		echo "$step: missed by $test: $(missed "$status")"
		passed=$((passed + 1))
	fi
done
echo "guest_mutate: $passed passed, $failed failed"
[ "$failed" = 0 ]
