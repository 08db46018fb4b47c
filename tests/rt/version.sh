#!/bin/sh
# version.sh: a program built for another version of the runtime ABI is refused before its main, both
# versions named; one built for this version runs.
set -eu
tmp=$TWZ_TMP
passed=0 failed=0

cat >"$tmp/program.c" <<'EOF'
#include <twz/twz.h>
int main(void)
{
	twz_print("main ran\n");
	return 0;
}
EOF

# check WHAT OPTION STATUS PATTERN: the program, compiled with the option, ends with that status and
# says nothing but a line like that.
check() {
	status=0
	"${CC:-gcc}" -std=gnu11 -pthread "$2" -I. -Ilib/include -o "$tmp/program" "$tmp/program.c" \
		-Wl,--start-group "$TWZ_BUILD/libtwz.a" "$TWZ_BUILD/librt.a" "$TWZ_BUILD/libcore.a" \
		-Wl,--end-group -lsodium
	"$tmp/program" >"$tmp/out" 2>&1 || status=$?
	if [ "$status" = "$3" ] && grep -q "$4" "$tmp/out" && [ "$(wc -l <"$tmp/out")" = 1 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED: %s: status %s\n' "$1" "$status"
		cat "$tmp/out"
	fi
}

check 'the same version runs' -DSAME 0 '^main ran$'
check 'another major version is refused' -DTWZ_RT_VERSION=0x00020000u 126 'version 2\.0 .* is 1\.6$'
check 'a later minor version is refused' -DTWZ_RT_VERSION=0x00010007u 126 'version 1\.7 .* is 1\.6$'

printf 'rt_version: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
