#!/bin/sh
# The piece `door`: the front door itself, in a folder where everything behind it is a stand-in.
# Needs no build.
set -eu
cd "$(dirname "$0")/../.."
real=$PWD
: "${TWZ_TMP:=$(mktemp -d)}"
home=$(readlink -f "$TWZ_TMP")/home
rm -rf "$home"
mkdir -p "$home/docs/format" "$home/tests/a" "$home/bench" "$home/path" "$home/tools"
cp twizzler "$home/"
cp -R tools/door "$home/tools/"
cd "$home"
passed=0 failed=0

# ---- the stand-ins: a Makefile that "builds" scripts, and a package system -----------------------

cat >Makefile <<'EOF'
.PHONY: all tests bench machine stub
all tests:
	@test ! -e broken || { echo 'x.c:1: error: broken'; exit 1; }
	@mkdir -p build/$(P)/bin && cp prompt build/$(P)/bin/ && cp twz vm build/$(P)/
machine stub:
	@mkdir -p build/$(P)/machine && cd build/$(P)/machine && touch kernel kernel-check boot BOOTX64.EFI
bench: all
	@mkdir -p build/release/bench && cp figure build/release/bench/
print-tests:
print-bench:
	@echo figure
EOF
cat >prompt <<'EOF'
#!/bin/sh
echo "$$ ${0##*/} $*"
exit 7
EOF
cat >twz <<'EOF'
#!/bin/sh
case $1 in
mkstore)
	test "$4" != tiny || exit 2
	echo "size $4" >"$2"
	;;
put)
	(cd "$3" && find . -type f) >>"$2" && test ! -e "$3/../../refuse" || exit 1
	test -z "${SLOW:-}" || { : >"$SLOW.at_it"; until test -e "$SLOW.goes_on"; do sleep 0.05; done; }
	;;
esac
EOF
cat >figure <<'EOF'
#!/bin/sh
printf 'local pointer\t7\tinstructions\t<= 8\t%s\nlist\t9.5\tns\t-\t-\n' "${HOLDS:-yes}"
EOF
cat >path/dpkg-query <<'EOF'
#!/bin/sh
for package; do
	test "$package" = libedit-dev && test ! -e installed || echo "installed $package"
done
EOF
cat >path/apt-get <<'EOF'
#!/bin/sh
echo "$*" >>apt.log
case $* in
*update*) test ! -e no_network && : >lists ;;
*install*) test -e lists && : >installed ;;
esac
EOF
printf '#!/bin/sh\nexit 1\n' >path/sudo
cat >path/cp <<EOF
#!/bin/sh
case \$* in
*licences*) test ! -e no_room || exit 1 ;;
esac
exec $(command -v cp) "\$@"
EOF
cat >path/id <<'EOF'
#!/bin/sh
echo "${ID:-0}"
EOF
cp prompt vm
chmod +x prompt twz vm figure path/*
echo text >README.md
echo text >docs/format/log.md
: >installed
PATH=$home/path:$PATH
export PATH

# ---- the cases -----------------------------------------------------------------------------------

# The last command's stdout is in `out`, stderr in `err`, status in $status.
door() {
	status=0
	./twizzler "$@" >out 2>err </dev/null || status=$?
}

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

# piece NAME TEXT: a script in the inner test run.
piece() {
	printf '#!/bin/sh\n%s\n' "$2" >"tests/a/$1.sh"
	chmod +x "tests/a/$1.sh"
}

case_help_for_every_command() {
	for command in run test bench build install image debug clean; do
		door $command --help
		expect_status 0
		expect out "usage: ./twizzler $command"
	done
	door help
	expect_status 0
	expect out './twizzler run'
}

case_usage_errors_are_status_2() {
	for line in 'run --on x' 'run --on linux --smp 2' 'run --smp' 'run --on linux --check' 'run --timeout 0' 'run --timeout' 'run --what' 'run x' \
		'run --profile x' 'test nothing_like_it' 'test --jobs x' 'bench --profile debug' 'bench x' \
		'debug nothing' 'debug --smp 2 ls' 'image a b' 'image --what' \
		'install x' 'install --prefix' 'install --prefix a:b|c' 'clean x' 'what'; do
		# shellcheck disable=SC2086
		door $line
		[ "$status" = 2 ] || fail "'$line'"
		[ ! -s out ] || fail "'$line' wrote to stdout"
		[ -s err ] || fail "'$line' said nothing"
	done
}

# becomes ARGUMENTS...: `run` with these becomes another program, as the same process $child.
becomes() {
	./twizzler run "$@" >out 2>err </dev/null &
	child=$!
	status=0
	wait $child || status=$?
	expect_status 7
	[ "$(wc -l <out)" = 1 ] || fail "more on stdout than the command's output"
}

case_run_becomes_the_machine() {
	becomes --store s.store --timeout 5 --exec 'ls "a b"' --smp 2 --log=- --icount --exec=x
	expect out "^$child vm --kernel $home/build/release/machine/kernel --store $home/s.store \
--timeout 5 --exec ls \"a b\" --smp 2 --log - --icount --exec x\$"
	becomes --store s.store --check --profile debug --mem=1G
	expect out "^$child vm --kernel $home/build/debug/machine/kernel-check --store $home/s.store \
--mem 1G\$"
}

case_run_becomes_the_prompt() {
	becomes --on linux --store s.store --timeout 5 --exec 'ls "a b"' --exec=x
	expect out "^$child prompt --store $home/s.store --timeout 5 --exec ls \"a b\" --exec x\$"
}

case_image_makes_a_volume() {
	door image u.img --check --exec 'ls /' --exec=exit
	expect_status 0
	[ "$(mtype -i u.img ::/twizzler/command-line)" = '
ls /
exit' ] || fail "wrong command line"
	for file in EFI/BOOT/BOOTX64.EFI twizzler/kernel twizzler/boot; do
		mtype -i u.img "::/$file" >out 2>err || fail "$file is missing"
	done
	door image nowhere/u.img
	expect_status 1
	[ ! -e nowhere ] || fail "it made a folder"
}

case_debug_ends_with_its_machine() {
	printf '#!/bin/sh\nexit 3\n' >vm
	chmod +x vm
	door debug --store d.store
	cp prompt vm
	expect_status 3
}

case_the_store_is_where_the_user_is() {
	(cd docs && ../twizzler run --store u.store --exec x) >out 2>err </dev/null || true
	[ -f docs/u.store ] || fail "docs/u.store is missing"
}

case_a_new_store_holds_each_text_once() {
	door run --store t.store --size 5M
	expect t.store 'size 5M'
	expect t.store '^./README.md$'
	expect t.store '^./docs/format/log.md$'
	expect t.store '^./licences/GPL-3$'
	! grep -qx './licences/GPL' t.store || fail "a link was stored as well"
}

case_an_image_is_no_folder() {
	mkdir -p folder
	door image folder
	expect_status 1
	expect err 'is a folder'
	for left in folder.making.* folder/*; do
		[ ! -e "$left" ] || fail "$left was left"
	done
}

case_who_waits_for_another_build_is_told() {
	mkdir -p build
	flock -o build/.lock sh -c ': >building; until [ -e built ]; do sleep 0.05; done' &
	until [ -e building ]; do sleep 0.05; done
	: >err
	(door build && expect_status 0) &
	until grep -q 'waiting for another build' err; do sleep 0.05; done
	: >built
	wait $!
	wait
	door build
	expect_status 0
	! grep -q waiting err || fail "it says so without another"
}

case_an_interrupted_first_run_leaves_no_store() {
	for signal in KILL TERM; do
		slow=$home/slow.$signal
		SLOW=$slow ./twizzler run --store k.store >out 2>err </dev/null &
		child=$!
		until [ -e "$slow.at_it" ]; do sleep 0.05; done
		kill -s $signal $child
		: >"$slow.goes_on"
		wait $child 2>/dev/null && status=0 || status=$?
		[ ! -e k.store ] || fail "k.store exists after $signal"
	done
	door run --store k.store
	expect_status 7
	[ -f k.store ] || fail "k.store is missing"
	for left in k.store.making.*; do
		[ ! -e "$left" ] || fail "$left was left"
	done
}

case_a_store_that_cannot_be_made_is_125() {
	: >refuse
	door run --store r.store
	rm refuse
	expect_status 125
	[ ! -e r.store ] || fail "r.store exists"
	door run --store "$home/nowhere/r.store"
	expect_status 125
}

case_a_host_without_room_leaves_no_store() {
	: >no_room
	door run --store r.store
	rm no_room
	expect_status 125
	expect err 'r.store could not be made'
	for left in r.store*; do
		[ ! -e "$left" ] || fail "$left was left"
	done
}

case_a_size_that_cannot_be_is_a_usage_error() {
	door run --store z.store --size tiny
	expect_status 2
	[ ! -e z.store ] || fail "z.store was made"
}

case_a_failed_build_is_126_and_explained() {
	: >broken
	piece one 'echo "a_one: 2 passed, 0 failed"'
	door run
	expect_status 126
	expect err 'error: broken'
	door test
	rm broken
	expect_status 126
	expect out '^0 passed, 1 failed$'
}

case_packages_are_installed_for_a_script_as_root() {
	rm -f installed lists apt.log
	door run --store p.store
	expect_status 7
	[ "$(wc -l <apt.log)" = 3 ] || fail "the lists were not fetched exactly when needed"
	door run --store p.store
	[ "$(wc -l <apt.log)" = 3 ] || fail "installed twice"
}

case_without_a_network_it_says_so() {
	rm -f installed lists
	: >no_network
	door run
	rm no_network
	: >installed
	expect_status 126
	expect err 'network'
	expect err 'apt-get install -y --no-install-recommends libedit-dev'
}

case_without_the_right_it_prints_the_line() {
	rm -f installed lists apt.log
	export ID=1000
	door run
	unset ID
	: >installed
	expect_status 126
	expect err 'apt-get install -y --no-install-recommends libedit-dev'
	[ ! -e apt.log ] || fail "it tried all the same"
}

case_clean_keeps_stores() {
	mkdir -p build
	: >build/mine.store
	door clean
	expect_status 1
	[ -e build/mine.store ] || fail "the store is gone"
	rm build/mine.store
	: >twizzler.store
	door clean
	expect_status 0
	[ ! -e build ] || fail "build/ is still there"
	[ -e twizzler.store ] || fail "the default store is gone"
}

case_test_adds_up() {
	rm -f tests/a/*
	piece one 'echo "a_one: 2 passed, 0 failed"'
	piece two 'echo "[==========] 3 tests"; echo "[  PASSED  ] 3 test(s)."'
	door test
	expect_status 0
	[ "$(tail -n 1 out)" = '5 passed, 0 failed' ] || fail "wrong sum"
	door test a_two --long
	[ "$(tail -n 1 out)" = '3 passed, 0 failed' ] || fail "wrong sum of one"
	door test --list
	[ "$(cat out)" = 'a_one
a_two' ] || fail "wrong list"
}

case_test_never_takes_trouble_for_success() {
	rm -f tests/a/*
	piece crash 'echo "x: 1 passed, 0 failed"; kill -SEGV $$'
	piece status 'echo "x: 1 passed, 0 failed"; exit 3'
	piece silent 'echo hello'
	piece empty 'echo "x: 0 passed, 0 failed"'
	piece early 'echo "x: 1 passed, 0 failed"; echo and then it broke'
	piece counted 'echo "x: 1 passed, 2 failed"; exit 1'
	piece lying 'echo "x: 1 passed, 2 failed"'
	piece cmocka 'echo "[  PASSED  ] 1 test(s)."; echo "[  FAILED  ] 1 test(s), listed below:"; exit 1'
	door test
	expect_status 1
	# crash 1+1, status 1+1, silent 1, empty 1, early 1, counted 1+2, lying 1+2, cmocka 1+1
	[ "$(tail -n 1 out)" = '5 passed, 10 failed' ] || fail "wrong sum"
	expect out 'crashed with signal 11'
	expect out 'again: ./twizzler test a_crash'
	piece slow 'sleep 600; echo "x: 1 passed, 0 failed"'
	TWZ_PIECE_SECONDS=1 door test a_slow
	expect_status 1
	[ "$(tail -n 1 out)" = '0 passed, 1 failed' ] || fail "what takes too long is passed"
	expect out 'stopped after 1 seconds'
}

case_test_shows_what_failed_before_the_end_of_a_log() {
	rm -f tests/a/*
	# shellcheck disable=SC2016
	piece long 'echo early
		echo "x.c:7: it: not so: 1 == 2"
		echo "x: FAILED: it: 1 checks"
		for i in $(seq 30); do echo "line $i"; done
		echo "x: 9 passed, 1 failed"; exit 1'
	# shellcheck disable=SC2016
	piece much 'for i in $(seq 60); do echo "FAILED: part $i"; done; echo "x: 0 passed, 60 failed"; exit 1'
	door test a_long
	expect_status 1
	[ "$(sed -n 's/^    | //p' out)" = "x.c:7: it: not so: 1 == 2
x: FAILED: it: 1 checks
...
$(seq -f 'line %g' 7 30)
x: 9 passed, 1 failed" ] || fail "other lines"
	door test a_much
	expect_status 1
	[ "$(grep -c '^    | ' out)" = 46 ] || fail "more lines than there is room for"
	expect out 'FAILED: part 20$'
	expect out '| \.\.\. and 16 more$'
	expect out 'FAILED: part 60$'
	piece short 'echo "x: FAILED: it"; echo "x: 0 passed, 1 failed"; exit 1'
	door test a_short
	[ "$(sed -n 's/^    | //p' out)" = 'x: FAILED: it
x: 0 passed, 1 failed' ] || fail "a line twice, or none"
}

case_bench_tells_whether_figures_hold() {
	door bench
	expect_status 0
	expect out '^name  *value  *unit  *bound  *holds$'
	expect out '^local pointer  *7  *instructions  *<= 8  *yes$'
	door bench --json
	expect out '"name": "list", "value": 9.5, "unit": "ns", "bound": null, "holds": null}$'
	HOLDS=no door bench
	expect_status 1
	HOLDS=rubbish door bench
	expect_status 1
}

cases=$(sed -n 's/^case_\([a-z0-9_]*\)() {$/\1/p' "$real/tests/door/door.sh")
for name in $cases; do
	if ("case_$name"); then
		passed=$((passed + 1))
	else
		echo "$name: failed"
		failed=$((failed + 1))
	fi
done
echo "door: $passed passed, $failed failed"
[ "$failed" = 0 ]
