#!/bin/sh
# start.sh: what a process does to open a store is bounded (start.c).
set -eu
tmp=$TWZ_TMP
export TWZ_MEDIUM=clwb # a fence is no system call, wherever $TWZ_TMP lies

"${CC:-gcc}" -std=gnu11 -pthread -I. -Ilib/include -o "$tmp/start" tests/rt/start.c \
	-Wl,--start-group "$TWZ_BUILD/libtwz.a" "$TWZ_BUILD/librt.a" "$TWZ_BUILD/libcore.a" \
	-Wl,--end-group -lsodium
status=0
"$tmp/start" "$tmp/start.store" "$tmp/large.store" || status=$?
rm -f "$tmp/start.store" "$tmp/large.store"
exit $status
