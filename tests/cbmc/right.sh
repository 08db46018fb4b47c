#!/bin/sh
# right.sh: the piece `cbmc_right`: CBMC proves of core/right.c what tests/cbmc/right.c states, for all inputs
# within the bounds that stand beside each proof. CBMC comes from Debian (tests/cbmc/fetch), into TWZ_CACHE.
set -eu
cd "$(dirname "$0")/../.."
cache=${TWZ_CACHE:-build/cache}
passed=0 failed=0

[ -f "$cache/cbmc/.version" ] || tests/cbmc/fetch "$cache"
echo "CBMC $(cat "$cache/cbmc/.version")"

# prove NAME OPTION...: every loop is unwound to its end, or it is no proof.
prove() {
	name=$1
	shift
	if "$cache/cbmc/run" cbmc tests/cbmc/right.c -I. --function "PROOF_$name" "$@" \
		--unwinding-assertions --bounds-check --pointer-check --slice-formula \
		--verbosity 4 >"$TWZ_TMP/$name" 2>&1 && grep -q '^VERIFICATION SUCCESSFUL' "$TWZ_TMP/$name"; then
		passed=$((passed + 1))
		echo "proved: $name"
	else
		failed=$((failed + 1))
		echo "FAILED: $name"
		grep -v ': SUCCESS$' "$TWZ_TMP/$name" || true
	fi
}

prove at --unwind 2
prove open --unwind 2
prove search --unwind 3
prove limit --unwind 2
prove mask_never_adds --unwind 6
prove link_never_exceeds --unwind 6
prove entry --unwind 6
prove gate_never_exceeds --unwind 1

echo "cbmc_right: $passed passed, $failed failed"
[ "$failed" = 0 ]
