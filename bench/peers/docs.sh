#!/bin/sh
# docs.sh [FOLDER]: puts what bench/peers.sh measured last into docs/peers.md and docs/peers.svg. FOLDER
# is where it left it, by default build/release/peers.
set -eu
cd "$(dirname "$0")/../.."
from=${1:-build/release/peers}
page=docs/peers.md
tab=$(printf '\t')

[ -f "$from/machine" ] || {
	echo "docs.sh: $from has nothing that was measured: ./twizzler bench peers" >&2
	exit 1
}
value() {
	sed -n "s/^$1: //p" "$from/machine"
}

# awk_with SCRIPT
awk_with() {
	LC_ALL=C awk -f bench/peers/names.awk -f "bench/peers/$1" "$from/medians"
}

measured() {
	echo '![Bars: the time of each](peers.svg)'
	awk_with table.awk
	echo
	echo "Measured on: $(value processor), $(value processors) processors, $(value kernel);" \
		"$(value compiler);"
	value package | paste -s -d , | sed 's/,/, /g; s/$/;/'
	echo "Rounds: $(value rounds); keys: $(value keys)."
}

grep -q "^libtwz$tab" "$from/medians" || grep -q "${tab}libtwz$tab" "$from/medians" || {
	echo "docs.sh: $from/medians has no figures of libtwz" >&2
	exit 1
}
measured >"$page.new"
awk -v new="$page.new" '
	/^<!-- measured -->$/ { print; while ((getline line <new) > 0) print line; skip = 1 }
	/^<!-- end of what was measured -->$/ { skip = 0 }
	!skip' "$page" >"$page.made"
rm "$page.new"
mv "$page.made" "$page"
awk_with plot.awk >docs/peers.svg
