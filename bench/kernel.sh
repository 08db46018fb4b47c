#!/bin/sh
# What the kernel's operations cost in instructions, counted in the machine (--icount: the time stamp
# counter counts what is executed), beside Linux 6.1 on the same machine; how long the start takes;
# how large the kernel is.
#
# The programs of bench/guest/ measure and print "figure NAME VALUE"; bench/lib/peer_linux.sh does the
# same for Linux. Here they are run and get their bounds.
set -eu
cd "$(dirname "$0")/.."
pages_per_mib=256
# shellcheck source=bench/lib/machine.sh
. bench/lib/machine.sh

# ---- files ---------------------------------------------------------------------------------------

# text_files FOLDER FILES KIB: files of words
text_files() {
	mkdir -p "$1"
	awk -v folder="$1" -v files="$2" -v bytes=$(($3 * 1024)) 'BEGIN {
		srand(1)
		for (f = 0; f < files; f++) {
			name = folder "/" f
			for (n = 0; n + 9 <= bytes; n += 9)
				printf "w%07d%s", rand() * 20000, n % 10 ? " " : "\n" >name
			close(name)
		}
	}'
}

# ---- what is measured ----------------------------------------------------------------------------

measure_calls() {
	run "$store" calls >"$figures"
	instructions 'null system call' null_call 60 null_call
	instructions 'thread_sync, two threads take turns: a round trip' sync_round 1200 futex
	instructions 'the same, one of them of a higher priority' sync_round_unequal ''
	instructions 'fault upcall and return' upcall 400 signal
	instructions 'fault upcall and return, null page' upcall_null
	instructions 'fault upcall and return, a right missing' upcall_right
	run "$store" calls --smp 2 >"$figures"
	instructions 'thread_sync on two processors: a round trip' sync_round '' futex_smp
}

# There and back, to a callee that does nothing.
measure_gates() {
	run "$store" gate >"$figures"
	instructions "gate with the callee's own view, by a call" gate_view 500 pipe
	instructions 'the same, back by ret' gate_view_ret
	instructions 'gate in place, by a call' gate_place 400
	instructions 'the same, back by ret' gate_place_ret
	instructions 'gate in place, by a jump, back by ret' gate_jump 600
	instructions "gate with the callee's own view, by a jump, back by ret" gate_jump_view
	run "$store" service >"$figures"
	instructions 'call of a service' service_call
	instructions 'call of a service that reads 64 bytes of a buffer' service_read
}

measure_memory() {
	run "$store" memory >"$figures"
	instructions 'map and touch, persistent object' map_nvm 500
	instructions 'map and touch, volatile object' map_dram 500
	instructions 'map, touch and unmap' map_unmap '' mmap_munmap
	line 'map and touch: page tables made' \
		$(($(value "$figures" map_nvm_tables) + $(value "$figures" map_dram_tables))) pages 0
	instructions 'map and touch, a page zeroed' map_zeroed 1100 touch
	zeroed=$((1 + $(value "$figures" map_new_tables)))
	# Its first touch is decided anew.
	instructions "map and touch a new volatile object, $zeroed pages zeroed" map_new \
		$((700 + 600 * zeroed))
	instructions 'create a one-page persistent object' create 10000 create
	instructions 'create: the slowest of 101, the index grows' create_most
	instructions 'create a one-page volatile object' create_dram

	leaves=$(value "$figures" tables_leaves)
	tables=$(value "$figures" tables)
	line '16 views over one object of 256 MiB: page tables' "$tables" pages \
		$((leaves + 1 + 16 * 3))
	line '16 views over one object of 256 MiB: page tables, Linux' \
		"$(value "$linux" table_pages)" pages
	line 'page tables of a view, beside those of objects' \
		"$(awk "BEGIN { print ($tables - $leaves - 1) / 16 }")" pages 3
	line "page tables of a view's own volatile object" "$(value "$figures" tables_view_object)" pages
	line "page tables of a thread's own object" "$(value "$figures" tables_thread)" pages
}

# What a program does instead of opening a file.
measure_names() {
	run "$store" lookup >"$figures"
	instructions 'look up a path of three names, warm' name_three 600 open
	instructions 'the same, 1,000 names in each namespace' name_three_many 600
	instructions 'a path of three names of which the last is not there' name_three_nothing
}

# Every one of 20,000 is counted.
measure_lifetime() {
	new_store "$store.many" 256M
	run "$store.many" lifetime >"$figures"
	rm -f "$store.many"
	instructions 'create 20,000 persistent objects: the median of the first 1,000' many_first
	line 'create 20,000: the slowest to that' \
		"$(awk "BEGIN { print $(value "$figures" many_most) / $(value "$figures" many_first) }")" \
		ratio 2
	line 'create 20,000: growth steps, aside' "$(value "$figures" many_growths)" creations
	instructions 'create 20,000: the slowest growth step' many_grown_most
}

# A store of 2 GiB, with 1 MiB or 1 GiB of objects in it.
measure_start() {
	files=$TWZ_TMP/files
	text_files "$files" 1 1024
	new_store "$store.small" 2G
	"$TWZ_BUILD/twz" put "$store.small" "$files" /files >/dev/null 2>&1
	run "$store.small" boot >"$figures"
	small=$(value "$figures" boot_prompt)
	instructions 'firmware' firmware
	instructions "kernel's entry to init" boot_init
	line 'power-on to prompt, after the firmware; 1 MiB in use' "$small" instructions 200000000
	line 'power-on to init, Linux, with the firmware' "$(value "$linux" init)" instructions

	i=1
	while [ $i -lt 1024 ]; do
		cp "$files/0" "$files/$i"
		i=$((i + 1))
	done
	new_store "$store.large" 2G
	"$TWZ_BUILD/twz" put "$store.large" "$files" /files >/dev/null 2>&1
	rm -rf "$files"
	used=$("$TWZ_BUILD/twz" stat "$store.large" | awk '$1 == "used" { print $2 }')
	[ "$used" -ge $((1024 * pages_per_mib)) ] || fail "only $used pages are in use"
	run "$store.large" boot >"$figures"
	large=$(value "$figures" boot_prompt)
	rm -f "$store.small" "$store.large"
	line 'power-on to prompt; 1 GiB in use' "$large" instructions 200000000
	line 'power-on to prompt: 1 GiB in use to 1 MiB' \
		"$(awk "BEGIN { printf \"%.3f\", $large / $small }")" ratio 1.1

	began=$(date +%s%N)
	timeout -k 5 60 "$TWZ_BUILD/vm" --store "$store" --exec help </dev/null >/dev/null ||
		fail "help ended with status $?"
	line 'a whole run of the command help' \
		"$(awk "BEGIN { printf \"%.2f\", ($(date +%s%N) - $began) / 1e9 }")" s
}

# The plug is pulled when the program has registered.
measure_recovery() {
	"$TWZ_BUILD/vm" --icount --timeout 60 --boot "$TWZ_BUILD/machine/boot-bench" --store "$store" \
		--exec 'recovery /entered' </dev/null >"$TWZ_TMP/out" &
	machine=$!
	while ! grep -q '^registered' "$TWZ_TMP/out"; do
		kill -0 $machine 2>/dev/null || fail "the program to be recovered does not register"
		sleep 0.1
	done
	kill -9 $machine
	wait $machine 2>/dev/null || true
	run "$store" 'recovery --await /entered' >"$figures"
	instructions "power cut to the recovered program's entry, after the firmware" recovered 50000000
}

# In the kernel that checks itself: only that one looks at the time.
measure_stretch() {
	text_files "$TWZ_TMP/text" 16 64
	"$TWZ_BUILD/twz" put "$store" "$TWZ_TMP/text" /text >/dev/null 2>&1
	run "$store" 'index build /text' --exec boot --kernel "$TWZ_BUILD/machine/kernel-check" >"$figures"
	instructions "longest hold of the kernel's lock, index build (checking kernel)" longest_stretch
}

# ---- the kernel's size ---------------------------------------------------------------------------

# Neither blank nor comment.
lines_of_code() {
	awk '{
		code = ""
		while ($0 != "") {
			if (comment) {
				end = index($0, "*/")
				if (!end) break
				$0 = substr($0, end + 2)
				comment = 0
			} else {
				begin = index($0, "/*")
				other = index($0, "//")
				if (other && (!begin || other < begin)) {
					code = code substr($0, 1, other - 1)
					break
				}
				if (!begin) {
					code = code $0
					break
				}
				code = code substr($0, 1, begin - 1)
				$0 = substr($0, begin + 2)
				comment = 1
			}
		}
		if (code ~ /[^ \t]/) n++
	}
	END { print n + 0 }'
}

# The sources of which something is linked, and the headers that they include: the linker drops what
# it says of a file when it drops all of its functions.
kernel_files() {
	readelf --debug-dump=info --dwarf-depth=1 "$TWZ_BUILD/machine/kernel" |
		sed -n 's/.*DW_AT_name .*: \(\(kernel\|core\)\/[a-z0-9_/]*\.[cS]\) *$/\1/p' | sort -u |
		while read -r source; do
			echo "$source"
			sed 's/\\$//' "$TWZ_BUILD/obj/kernel/${source%.*}.d" | tr ' ' '\n' |
				sed -n '/^\(kernel\|core\|abi\)\/.*\.h$/p'
		done | sort -u
}

measure_size() {
	kernel_files >"$TWZ_TMP/list"
	all=$(xargs cat <"$TWZ_TMP/list" | lines_of_code)
	own=$(grep '^kernel/' "$TWZ_TMP/list" | xargs cat | lines_of_code)
	[ "$own" -gt 1000 ] || fail "the kernel does not say which files it is made of"
	line 'lines of code linked into the kernel, core and headers included' "$all" lines
	line 'lines of code linked into the kernel, kernel/' "$own" lines
}

bench/lib/peer_linux.sh >"$linux"
new_store "$store" 64M
measure_calls
measure_gates
measure_memory
measure_names
measure_lifetime
measure_start
measure_recovery
measure_stretch
measure_size
