#!/bin/sh
# What rights cost, counted in the machine (--icount: the time stamp counter counts what is executed, by
# all processors): decisions, the first use of a capability, taking a right away, page tables of many
# views in many contexts. The programs are bench/guest/rights.c, revoke.c and spaces.c.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/lib/machine.sh
. bench/lib/machine.sh

# ratio NAME FIGURE FIGURE [BOUND]
ratio() {
	line "$1" "$(awk "BEGIN { printf \"%.3f\", $(value "$figures" "$2") / $(value "$figures" "$3") }")" \
		ratio "${4:-}"
}

measure_first_use() {
	run "$store" rights >"$figures"
	instructions "the library's verification, 192 bytes" verify
	instructions 'first use of a capability, by a touch' first_touch
	ratio 'first use by a touch, to the verification' first_touch verify 1.1
	instructions 'first use of a capability, by a system call' first_call
	ratio 'first use by a system call, to the verification' first_call verify 1.1
	instructions 'decision, the verdict known' decision
	instructions 'decision after publishing, the verdict known' decision_published
	instructions 'publish a context of 300 capabilities' publish
}

measure_create() {
	# Before there were rights and accounts it took 8,766 and 4,695: 5 % more.
	instructions 'create a persistent object under a key' create_key 9204
	ratio 'create a persistent object: with a key to without' create_key create
	instructions 'create a volatile object under a key' create_dram_key 4929
	ratio 'create a volatile object: with a key to without' create_dram_key create_dram
}

# In the kernel that ships, instruction by instruction: what a system call takes for the decision.
measure_kept() {
	at=$(nm -S "$TWZ_BUILD/machine/kernel" | awk '$4 == "object_get" { print "0x" $1 "+0x" $2 }')
	command=$("$TWZ_BUILD/vm" --dry-run --icount --boot "$TWZ_BUILD/machine/boot-bench" --store "$store" \
		--exec 'rights --calls')
	eval "timeout -k 5 60 $command -singlestep -d exec,nochain -dfilter $at -D '$TWZ_TMP/trace'" \
		</dev/null >/dev/null 2>&1 || true # how it ends is for vm to know
	line 'decision that is kept, in a system call' \
		"$(bench/lib/inlined.sh "$TWZ_TMP/trace" object_get right_check)" instructions 40
}

measure_revocation() {
	run "$store" revoke --smp 2 >"$figures"
	instructions 'taking a right away that the other processor uses, without the wait: at most' \
		revoke_most 20000
	instructions 'the wait for the other processor: at most' revoke_wait_most
	rounds=$(value "$figures" revoke_rounds)
	line "interrupts sent to the other processor, $rounds times" \
		"$(value "$figures" revoke_ipis)" interrupts "$rounds"
	line "accesses after the return, $rounds times" "$(value "$figures" revoke_late)" accesses 0
	line "last access after a capability's end: at most" "$(value "$figures" expiry_ns)" ns 1000000
}

measure_spaces() {
	run "$store" spaces >"$figures"
	leaves=$(value "$figures" pair_leaves) pairs=$(value "$figures" pairs)
	tables=$(value "$figures" pair_tables)
	line '16 views, 16 contexts, one object of 256 MiB: page tables' "$tables" pages \
		$((leaves + pairs * 3))
	line 'page tables of a pair of view and context, beside those of objects' \
		"$(awk "BEGIN { printf \"%.2f\", ($tables - $leaves) / $pairs }")" pages 3
}

new_store "$store" 64M
measure_first_use
measure_create
measure_kept
measure_revocation
measure_spaces
