#!/bin/sh
# The piece `home_ties`: ties that one home makes hold in the other, and end there; what is temporary
# ends with its program in both; nothing is lost.
#
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
# shellcheck source=tests/kill/machine
. tests/kill/machine
# shellcheck source=tests/home/programs
. tests/home/programs
objects() {
	"$twz" stat "$s" | awk '$1 == "objects" { print $2 }'
}

# nothing_lost WHAT: as many objects as at first, and all of them are reached.
nothing_lost() {
	on linux 0 'ls /' # what goes on in the background is done after a program
	now=$(objects)
	if [ "$now" = "$first" ]; then
		passes
	else
		fails "$1: $now objects, not $first"
	fi
	run 0 "$twz" check "$s"
	says '0 notes, 0 violations'
}

"$twz" mkstore "$s" --size 64M
first=$(objects)
for way in 'linux machine' 'machine linux' 'linux linux' 'machine machine'; do
	from=${way% *} to=${way#* }
	on "$from" 0 'ties make 300'
	for home in "$to" "$from"; do
		on "$home" 0 'ties show'
		says 'book: 300 of 300 pages, 300 tied to it, kinds 1'
		says 'holder: 1 tied to it, kinds 2, value 42'
	done
	run 0 "$twz" fot "$s" /ties/holder
	says '    1  id       hold  '
	run 0 "$twz" check "$s"
	says '0 notes, 0 violations'
	# The pages go with the book, what is held with its holder.
	on "$to" 0 'rm /ties/book' 'ties show'
	says 'holder: 1 tied to it, kinds 2, value 42'
	on "$from" 0 'rm -r /ties'
	nothing_lost "made by $from, ended by $to"
	# Marked in one, untied in the other.
	on "$from" 0 'ties make 1' 'tie /ties/book /ties/holder' 'rm /ties/book' 2>/dev/null
	book=$("$twz" tie "$s" /ties/holder | awk '$1 == "tied" && NF == 4 { print $4 }')
	on "$to" 0 "stat $book"
	says 'deleted      with its last tie'
	on "$to" 0 "untie $book /ties/holder" 'rm -r /ties'
	nothing_lost "marked by $from, untied by $to"
	# What is temporary.
	on "$from" 0 'ties temporary' "ties count $first"
	made=$(awk 'NR == 1 { print $1 }' "$out") now=$(awk 'END { print $1 }' "$out")
	if [ "$made" -ge $((first + 20)) ] && [ "$now" = "$first" ]; then
		passes
	else
		fails "temporary objects on $from: of $first objects, $made, then $now"
	fi
	nothing_lost "temporary on $from"
done

finish home_ties
