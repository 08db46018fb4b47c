#!/bin/sh
# headers.sh OUT: the public headers as they are installed, made in OUT/include/twz; and OUT/symbols.
#
# What lib/include/twz/*.h include of abi/ and core/ comes along, as <twz/abi/...> and <twz/core/...>: nothing is
# listed by hand. A program's own names stay its own: what abi/ and core/ declare under a name that does not
# begin with twz_ (heap_alloc) gets the prefix twz_core_. OUT/symbols has those of these functions that a
# program comes to need, by a macro or an inline function: old and new name, for objcopy --redefine-syms.
# CC is the compiler.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
out=$1
: "${CC:=gcc}"
rm -rf "$out/include"
mkdir -p "$out/include/twz"

compile() {
	$CC -std=gnu11 -I. -Ilib/include "$@" "$out/all.c"
}
for header in lib/include/twz/*.h; do
	echo "#include <twz/${header##*/}>"
done >"$out/all.c"
compile -M | grep -oE '\b(abi|core)/[a-z_0-9]+\.h' >"$out/included"
compile -fsyntax-only -aux-info "$out/functions"
compile -O0 -fkeep-inline-functions -c -o "$out/all.o"

# The names at file scope: functions as the compiler has them, the rest by the project's format. core/mem.h
# declares what is the host's.
{
	awk '$2 ~ /^\.\/(abi|core)\// && $2 !~ /core\/mem\.h/ { sub(/ \(.*/, ""); sub(/.*[ *]/, ""); print }' \
		"$out/functions"
	xargs cat <"$out/included" | awk '
		/^#define / { sub(/\(.*/, "", $2); print $2 }
		/^(struct|union|enum) [a-zA-Z_0-9]+ \{/ { print $2 }
		/^extern .*;/ { sub(/(\[.*)?( __attribute__.*)?;.*/, ""); sub(/.*[ *]/, ""); print }
		/^enum .*\{/ { constants = 1 }
		/^}/ { constants = 0 }
		constants && /^\t[A-Za-z_0-9]+( =.*)?,/ { sub(/,.*/, "", $1); print $1 }
	'
} | grep -vi '^twz_' | sort -u |
	awk '{ print $1, ($1 ~ /^[A-Z]/ ? "TWZ_CORE_" : "twz_core_") $1 }' >"$out/names"

{
	nm -u "$out/all.o" | awk '{ print $2 }'
	cat lib/include/twz/*.h | tr -cs 'A-Za-z0-9_' '\n'
} | sort -u | join - "$out/names" >"$out/symbols"

sed 's,\(.*\) \(.*\),s/\\b\1\\b/\2/g,' "$out/names" >"$out/edits"
cat >>"$out/edits" <<'EOF'
s,#include "\(abi\|core\)/\([a-z_]*\.h\)",#include <twz/\1/\2>,
EOF
{ cat "$out/included"; ls lib/include/twz/*.h; } | while read -r header; do
	to=$out/include/twz/${header#lib/include/twz/}
	mkdir -p "${to%/*}"
	sed -f "$out/edits" "$header" >"$to"
done
rm "$out/all.c" "$out/all.o" "$out/edits" "$out/functions" "$out/included" "$out/names"
