#!/bin/sh
# The piece `cli_ties`: tie, untie, and what stat, rm, check and twz say of ties.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store
none=0123456789abcdef0123456789abcdef

# id PATH: the object's ID.
id() {
	"$twz" stat "$s" "$1" | awk '$1 == "id" { print $2 }'
}

# sound: no violation, nothing lost, nothing that a name leads to missing.
sound() {
	run 0 "$twz" check "$s"
	says '0 notes, 0 violations'
}

# gone ID, there ID
gone() {
	run 1 "$twz" stat "$s" "$1"
	warns 'there is no such object or name'
}
there() {
	run 0 "$twz" stat "$s" "$1"
}

# ---- usage ---------------------------------------------------------------------------------------

for program in tie untie; do
	run 0 "$bin/$program" --help
	says "usage: $program"
	says 'exit status: '
	run 2 "$bin/$program" --nonsense
	run 2 "$bin/$program"
	run 2 "$bin/$program" a b c
	run 0 "$twz" $program --help
	says "usage: twz $program FILE"
	run 2 "$twz" $program
	run 2 "$twz" $program "$s" a b c
	run 2 "$twz" $program "$s" --nonsense a b
	warns 'there is no option --nonsense'
done
run 2 "$bin/untie" a
run 2 "$twz" untie "$s" a
run 1 "$twz" tie nowhere a b
run 1 "$twz" untie nowhere a b
run 1 "$twz" tie nowhere a
if [ -e nowhere ]; then fails 'a store that nobody made'; else passes; fi

# ---- by programs and by twz, which do the same ---------------------------------------------------

mkdir text
for name in book page note; do
	echo "$name" >text/$name
done

# The commands of one or the other: STATUS COMMAND ARGUMENT...
programs() {
	expected=$1
	shift
	prompt "$expected" "$*"
}
host() {
	expected=$1 command=$2
	shift 2
	run "$expected" "$twz" "$command" "$s" "$@"
}

for by in programs host; do
	"$twz" mkstore "$s" --size 16M --force
	"$twz" put "$s" text /text
	book=$(id /text/book) page=$(id /text/page) note=$(id /text/note)
	$by 0 tie /text/page /text/book
	silent
	$by 0 tie /text/page /text/book
	$by 0 tie "$page" "$note"
	$by 0 tie /text/page
	says "tied to      $book"
	says "tied to      $note"
	$by 0 tie /text/book
	says "tied to it   $page"
	$by 0 stat /text/page
	says "tied to      $book"
	if grep -q '^deleted' "$out"; then fails 'it was not deleted'; else passes; fi
	$by 0 untie /text/page /text/note
	silent
	$by 1 untie /text/page /text/note
	warns 'is not so tied to it ('
	$by 1 untie /text/page /text/book --hold
	warns 'is not held by a pointer there'
	$by 0 tie /text/note
	silent
	there "$page"
	$by 1 tie /text/page /text/page
	warns 'cannot be tied to itself'
	$by 1 tie / /text/page
	warns "/: is one of the store's own objects, which are tied to nothing"
	$by 1 tie /text/page /none
	$by 1 tie /none
	warns '/none: there is no such object or name'
	$by 1 tie $none /text/page
	$by 1 untie /text/page $none
	$by 2 tie --ending /text/page
	warns '--ending is about a tie that is made, with a TO'
	sound

	# A name goes, its object stays; and with what it is tied to, it goes.
	prompt 0 'rm /text/page'
	warns "has no name any more, and stays until what it is tied to is gone, as $page"
	prompt 0 "stat $page" "tie $page"
	says 'deleted      with its last tie'
	run 0 "$twz" stat "$s" "$page"
	says 'deleted      with its last tie'
	sound
	prompt 0 'rm /text/book'
	silent
	gone "$page"
	gone "$book"
	sound

	# Marked, and untied.
	"$twz" put -q "$s" text/* /text
	book=$(id /text/book) page=$(id /text/page)
	$by 0 tie /text/page /text/book
	prompt 0 'rm /text/page'
	$by 0 untie "$page" /text/book
	gone "$page"
	there "$book"
	sound

	# Replaced: what had the name stays, too.
	"$twz" put -q "$s" text/* /text
	note=$(id /text/note)
	$by 0 tie /text/note /text/book
	"$twz" put -q "$s" text/note /text/note
	there "$note"
	prompt 0 'cat /text/note' 'rm /text/book'
	gone "$note"
	run 0 "$twz" ls "$s" /text/note
	sound

	# More than stat shows: of 20 it shows 16.
	prompt 0 'cp /text/page /text/holder'
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		echo "cp /text/page /text/p$n"
		echo "tie /text/p$n /text/holder"
		echo "rm /text/p$n"
	done >commands
	"$bin/prompt" --store "$s" <commands >"$out" 2>"$err"
	$by 0 stat /text/holder
	says 'ties         more ('
	if [ "$(grep -c '^tied to it' "$out")" = 16 ]; then passes; else fails 'not 16 ties'; fi
	$by 0 tie /text/holder
	if [ "$(grep -c '^tied to it' "$out")" = 20 ]; then passes; else fails 'not 20 ties'; fi
	before=$("$twz" stat "$s" | awk '$1 == "objects" { print $2 }')
	sound
	prompt 0 'rm /text/holder' 'stat'
	after=$("$twz" stat "$s" | awk '$1 == "objects" { print $2 }')
	if [ $((before - after)) = 21 ]; then passes; else fails "$before objects, $after afterwards"; fi
	sound
done

# An object that nothing leads to is said to be lost unless a tie leads to it; a circle is lost.
prompt 0 'cp /text/page /text/a' 'cp /text/page /text/b' 'tie /text/a /text/b' 'tie /text/b /text/a' \
	'rm /text/a /text/b'
run 0 "$twz" check "$s"
says '2 notes, 0 violations'

finish cli_ties
