#!/bin/sh
# How long the build takes: all programs, tools and tests from nothing, and again after one file of
# core changed. In a folder of its own, so that what is built already stays.
set -eu
cd "$(dirname "$0")/.."
folder=build/measured
trap 'rm -rf "$folder"' EXIT
rm -rf "$folder"

# seconds NAME BOUND MAKE-ARGUMENT...
seconds() {
	name=$1 bound=$2
	shift 2
	began=$(date +%s%N)
	make -j"$(nproc)" P=debug BUILD="$folder" "$@" >/dev/null
	tenths=$((($(date +%s%N) - began) / 100000000))
	holds=yes
	[ $tenths -lt $((bound * 10)) ] || holds=no
	printf '%s\t%d.%d\ts\t< %d\t%s\n' "$name" $((tenths / 10)) $((tenths % 10)) "$bound" $holds
}

seconds 'clean build of programs and tools' 120 all
seconds 'the tests as well, every variant' 120 tests
seconds 'programs and tools after touching one file' 5 -W "$(find core -name '*.c' | sort | head -n 1)" all
