#!/bin/sh
# The piece `cli_limits`: accounts of keys and their limits, shown and set by twz.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store

# account_is KEY OBJECTS PAGES PAGE-LIMIT FRAME-LIMIT: the line of that key.
account_is() {
	run 0 "$twz" key accounts "$s"
	line=$(awk -v key="$1" '$1 == key { print $2, $3, $4, $5 }' "$out")
	if [ "$line" = "$2 $3 $4 $5" ]; then
		passes
	else
		fails "the account of $1 is '$line', not '$2 $3 $4 $5'"
	fi
}

# ---- usage ---------------------------------------------------------------------------------------

run 0 "$twz" key --help
says 'twz key accounts FILE'
says 'twz key limit FILE KEY [--pages N] [--frames N]'
run 2 "$twz" key accounts
run 2 "$twz" key accounts x y
run 2 "$twz" key accounts x --pages 3
run 2 "$twz" key limit
run 2 "$twz" key limit x
run 2 "$twz" key limit x y
warns 'limit needs --pages, --frames or both (twz key --help)'
for wrong in 0 -1 12x 1.5 '' all 99999999999999999999; do
	run 2 "$twz" key limit x y --pages "$wrong"
	warns '--pages is a number from 1 on, or none'
	run 2 "$twz" key limit x y --frames "$wrong"
	warns '--frames is a number from 1 on, or none'
done
run 1 "$twz" key accounts nowhere
run 1 "$twz" key limit nowhere @key --pages 3
if [ -e nowhere ]; then fails 'a store that nobody made'; else passes; fi

# ---- accounts ------------------------------------------------------------------------------------

run 0 "$twz" mkstore "$s" --size 16M
run 0 "$twz" key new --store "$s" --out alice.key
alice=$(cat "$out")
run 0 "$twz" key new --store "$s" --out bob.key
bob=$(cat "$out")
run 0 "$twz" key accounts "$s"
says 'key                                   objects        pages   page limit  frame limit'
if grep -q "$alice" "$out"; then fails 'an account of nothing'; else passes; fi
run 0 "$twz" sctx "$s" new /alice --key alice.key
run 0 "$twz" key accounts "$s"
used=$(awk -v key="$alice" '$1 == key { print $3 }' "$out")
account_is "$alice" 1 "$used" none none

# ---- limits --------------------------------------------------------------------------------------

run 0 "$twz" key limit "$s" "$alice" --pages $((2 * used)) --frames 300
silent
account_is "$alice" 1 "$used" $((2 * used)) 300
run 0 "$twz" sctx "$s" new /alice2 --key alice.key
account_is "$alice" 2 $((2 * used)) $((2 * used)) 300
run 1 "$twz" sctx "$s" new /alice3 --key alice.key
warns '/alice3: a limit is reached'
account_is "$alice" 2 $((2 * used)) $((2 * used)) 300
# Others do not mind.
run 0 "$twz" sctx "$s" new /bob --key bob.key
account_is "$bob" 1 "$used" none none
# Each by itself; lowered below what is used; lifted.
run 0 "$twz" key limit "$s" "$alice" --frames 400
account_is "$alice" 2 $((2 * used)) $((2 * used)) 400
run 0 "$twz" key limit "$s" "$alice" --pages=1
account_is "$alice" 2 $((2 * used)) 1 400
run 1 "$twz" sctx "$s" new /alice3 --key alice.key
run 0 "$twz" key limit "$s" "$alice" --pages none
account_is "$alice" 2 $((2 * used)) none 400
run 0 "$twz" sctx "$s" new /alice3 --key alice.key
account_is "$alice" 3 $((3 * used)) none 400
# The system's; a key that nothing was made under; one of frames alone.
run 0 "$twz" key limit "$s" @key --pages 1000
run 0 "$twz" key accounts "$s"
says '         1000         none'
run 0 "$twz" sctx "$s" new /more
run 0 "$twz" key new --store "$s" --out carol.key
carol=$(cat "$out")
run 0 "$twz" key limit "$s" "$carol" --frames 7
account_is "$carol" 0 0 none 7
run 0 "$twz" check "$s"
says '0 violations'
run 0 "$twz" key limit "$s" "$carol" --frames none
run 0 "$twz" key accounts "$s"
if grep -q "$carol" "$out"; then fails 'an account of nothing'; else passes; fi
run 0 "$twz" key limit "$s" "$carol" --pages none
run 0 "$twz" check "$s"

# ---- errors --------------------------------------------------------------------------------------

run 1 "$twz" key limit "$s" /alice --pages 3
warns '/alice: is no public key'
run 1 "$twz" key limit "$s" /none --pages 3
warns '/none: there is no such object or name'
run 1 "$twz" key limit "$s" 0123456789abcdef0123456789abcdef --pages 3
warns 'there is no such object or name'
run 0 "$twz" mkstore plain --size 16M --no-key
run 1 "$twz" key limit plain @key --pages 3
run 0 "$twz" key accounts plain

# The words of an account, one by one: all others are shown, and check finds it.
run 0 "$twz" key limit "$s" "$bob" --pages 4242 --frames 4343
at=$(od -An -v -tu8 -w8 "$s" | awk '$1 == 4242 { print 8 * (NR - 1) - 24 }' | tail -n 1)
for word in 0 16 24 32 40 48 56; do
	cp "$s" damaged
	printf '\377' | dd of=damaged bs=1 seek=$((at + word)) conv=notrunc status=none
	run 1 "$twz" key accounts damaged
	warns 'damaged: an account is damaged'
	says "$alice"
	run 1 "$twz" check damaged
	says 'S16'
	if [ $word != 0 ]; then # else it is another key's
		run 1 "$twz" key limit damaged "$bob" --pages 5
	fi
done

finish cli_limits
