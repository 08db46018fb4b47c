# debug.sh: the machine, or a program, under gdb. A part of the front door, which reads it.
# shellcheck shell=sh disable=SC2086,SC2154 # numbers and words that the front door has set

# debug_machine KERNEL OPTION...: the machine runs beside gdb, in a session of its own, so that Ctrl-C
# is for gdb alone; it dies with this script. Its console's input is a pipe that twz-type writes to.
debug_machine() {
	kernel=$1
	shift
	room=$(mktemp -d)
	mkfifo "$room/console"
	# Opened for both ways, it has no end.
	setsid setpriv --pdeathsig KILL "build/$profile/vm" --kernel "$kernel" --gdb "$room/gdb" \
		--log - "$@" <>"$room/console" &
	machine_pid=$!
	trap 'kill $machine_pid 2>/dev/null || true; rm -rf "$room"' EXIT
	trap 'exit 130' TERM HUP
	trap : INT
	until [ -S "$room/gdb" ]; do
		kill -0 $machine_pid 2>/dev/null || {
			wait $machine_pid && status=0 || status=$?
			exit "$status"
		}
		sleep 0.1
	done
	export TWZ_CONSOLE="$room/console" TWZ_BUILD="build/$profile"
	status=0
	gdb -q -iex 'set debuginfod enabled off' -ex 'set confirm off' -x tools/gdb/machine.py \
		-ex "target remote $room/gdb" "$kernel" || status=$?
	exit "$status"
}

# debug_program PROGRAM ARGUMENT...: what the prompt would run on Linux, a test, or twz.
debug_program() {
	program=$1
	if test_names | grep -qxF -e "$program"; then
		need_packages $packages_test
		build "build/debug/test/$program"
		shift
		set -- "build/debug/test/$program" "$@"
	else
		build all
		if [ "$program" = twz ]; then
			shift
			set -- build/debug/twz "$@"
		else
			[ -x "build/debug/bin/$program" ] || usage_error "there is no program '$program'"
			[ -e "$store" ] || make_store "$store" $DEFAULT_SIZE
			line=
			for word; do
				case $word in
				*[!A-Za-z0-9_./:,=@%+-]* | '') word="'$word'" ;;
				esac
				line="$line${line:+ }$word"
			done
			set -- build/debug/bin/prompt --store "$store" --exec "$line"
		fi
	fi
	exec gdb -q -iex 'set debuginfod enabled off' -ex 'set follow-fork-mode child' \
		-ex 'set breakpoint pending on' --args "$@"
}
