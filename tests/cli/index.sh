#!/bin/sh
# The piece `cli_index`: the program index against the host's tools over the same texts.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store
export LC_ALL=C

mkdir -p text/odd
cp /usr/share/common-licenses/* text/ 2>/dev/null || true
printf 'no newline at the end' >text/odd/end
printf '\n\n\nDon'"'"'t do, don'"'"'t DO.\n\n' >text/odd/blank
printf 'na\303\257ve caf\303\251 na\303\257ve\nunder_score a-b c\n' >text/odd/utf8
printf '%0300d short %0255d\n' 1 2 >text/odd/long
: >text/odd/empty
printf 'text\000binary' >text/odd/binary
awk 'BEGIN { for (i = 0; i < 3000; i++) print "line " i " common", "word" i % 7 }' >text/odd/many

run 0 "$twz" mkstore "$s" --size 64M
run 0 "$twz" put "$s" text /text

p() {
	status=$1
	shift
	prompt "$status" "index $*"
}

# ---- before there is one -------------------------------------------------------------------------

p 1 find warranty
warns 'index: /index: there is no index; make one with: index build PATH'
for command in words stat check; do
	p 1 $command
	warns 'there is no index'
done
p 2 nonsense
p 2 find
p 2 build
p 2 build /text more
p 1 build /none
warns 'index: /none: there is no such'
p 1 find warranty --as /text/odd/end
warns 'index: /text/odd/end: is no index'
# Only an index is replaced, and what is refused leaves nothing.
for name in /text/odd/end /text; do
	p 1 build /text/odd --as $name
	warns "index: $name: exists and is no index"
done
run 0 "$twz" check "$s"
says '0 notes, 0 violations'

# ---- the whole, against the host -----------------------------------------------------------------

p 0 build /text
says '/index: '
says '1 objects are no text'
p 0 check
says 'all right'
p 0 stat
says 'postings'

# Every word with the number of its lines.
find text -type f ! -name binary | sort | while IFS= read -r file; do
	cat "$file"
	echo
done | awk '
	{
		n = split(tolower($0), word, /[^a-z0-9'"'"'\200-\377]+/)
		for (i = 1; i <= n; i++)
			if (word[i] != "" && length(word[i]) <= 255 && last[word[i]] != NR) {
				last[word[i]] = NR
				lines[word[i]]++
			}
	}
	END { for (w in lines) printf "%8d %s\n", lines[w], w }' | sort -k 2 >words
p 0 words
same "$out" words

# Words with the lines themselves. A word is bounded by what is in no word.
host() {
	(cd text && find . -type f ! -name binary | sed 's|^\./||' | sort | while IFS= read -r file; do
		grep -naP -i -e "$1" "$file" | sed "s|^\([0-9]*\):|/text/$file:\1: |"
	done)
}
in_word="[A-Za-z0-9'\x80-\xff]"
bounded() {
	printf '%s\n' "(?<!$in_word)$1(?!$in_word)"
}
awk 'BEGIN { srand(7) } { print rand(), $2 }' words | sort | head -n 60 | cut -d ' ' -f 2 >sample
printf '%s\n' warranty the a common "don't" naïve café 0 gpl >>sample
while IFS= read -r word; do
	host "$(bounded "$word")" >expected
	p 0 "find \"$word\""
	sort "$out" >got
	sort expected | same got -
done <sample

# As anybody would ask the host.
(cd text && grep -nwi warranty GPL-3) | sed 's|^\([0-9]*\):|/text/GPL-3:\1: |' >expected
p 0 find WARRANTY
grep '^/text/GPL-3:' "$out" >got
same got expected
grep -rnwi warranty text --include='GPL*' --include='LGPL*' | wc -l >expected
grep -c '^/text/L*GPL' "$out" >got
same got expected

# Several words: the lines that have all.
for words in 'free software' 'the of a' 'common word3' 'warranty nonsenseword' 'line 77 common'; do
	host '' >expected
	for word in $words; do
		grep -aP -i -e "^[^ ]* .*$(bounded "$word")" expected >less || true
		mv less expected
	done
	if [ -s expected ]; then status=0; else status=1; fi
	p $status "find $words"
	sort "$out" >got
	sort expected | same got -
done
p 1 find nonsenseword
silent
p 1 find thereisno such
p 2 'find ...'
warns 'this is no word'
p 0 words warr
grep -E '^ *[0-9]+ warr' words | same "$out" -
p 0 words zzzz
silent
p 2 'words "a b"'

# ---- a new one takes its place, others beside it ---------------------------------------------------

p 0 build /text/odd --as /second
says '/second: '
p 0 find common --as=/second
p 1 find warranty --as /second
p 0 build /text/odd
p 1 find warranty
p 0 check
p 0 build /text
p 0 find warranty
prompt 0 'ls /'
same "$out" - <<'EOF2'
index
second
text/
EOF2
run 0 "$twz" check "$s"
says '0 notes, 0 violations'

# A text is gone.
p 0 find free software
grep -v '^/text/GPL-3' "$out" >expected
prompt 0 'rm /text/GPL-3'
p 1 find free software
same "$out" expected
warns '/text/GPL-3: is gone since the index was built'
p 1 check

# No room: an error, and the index before stays.
run 0 "$twz" mkstore small --size 16M
mkdir texts
awk 'BEGIN { srand(3); for (i = 0; i < 120000; i++) print "w" int(rand() * 1e9), "x" int(rand() * 1e9) }' >texts/large
printf 'hello world\n' >hello
s=$work/small
run 0 "$twz" put small hello /hello
p 0 build /hello
run 0 "$twz" put small texts /texts
p 1 build /texts
warns 'index: /index: the store is full'
p 0 find hello
run 0 "$twz" check small
says '0 notes, 0 violations'

finish cli_index
