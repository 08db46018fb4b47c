#!/bin/sh
# The piece `cli_twz`: every command of twz on sound stores: what it does, says and refuses.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store

# ---- help and usage ------------------------------------------------------------------------------

run 0 "$twz" --help
for command in mkstore ls tree stat fot put get check; do
	says "twz $command"
done
for command in mkstore ls tree stat fot put get check; do
	run 0 "$twz" $command --help
	says "usage: twz $command FILE"
	run 2 "$twz" $command
	warns "$command --help"
	run 2 "$twz" $command --nonsense x y z
	warns 'there is no option --nonsense'
done
run 2 "$twz"
run 2 "$twz" nonsense
warns "there is no command 'nonsense'"
run 2 "$twz" ls a b c
warns 'one argument too many'
run 2 "$twz" mkstore x --size
warns 'needs a value'

# The manual's pages have every command and option of --help, and no other.
pages=$OLDPWD/docs/man
for page in "$pages"/twz*; do
	run 0 mandoc -Tlint -W warning "$page"
	silent
done
commands=$("$twz" --help | sed -n 's/^    twz \([a-z]*\) .*/\1/p')
echo "$commands" | sort >commands
sed -n '/^\.Ss Commands/,/^\.Sh/s/^\.It Cm \([a-z]*\)$/\1/p' "$pages/twz.1" | sort |
	grep -vxE 'names|console' >commands.manual # which are services
run 0 diff commands commands.manual
# options_of PAGE COMMAND: those of its synopses there. Else: those of --help.
options_of() {
	awk -v command="$2" '
		/^\.Sh SYNOPSIS/ { inside = 1; next }
		/^\.Sh/ { inside = 0 }
		inside && /^\.Nm/ { here = 0 }
		inside && /^\.Cm/ && !here { here = $2 == command; next }
		inside && here {
			while (match($0, /Fl -?[a-z-]+/)) {
				print "-" substr($0, RSTART + 3, RLENGTH - 3)
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' "$1" | sort -u
}
options_helped() {
	"$twz" "$1" --help | tr -cs 'a-zA-Z/-' '\n' | grep -xE -e '--?[a-z][a-z-]*' | sort -u
}
for command in $commands; do
	options_helped "$command" >helped || true
	options_of "$pages/twz.1" "$command" >in.manual
	# "Options as for twz cap make": what is said there.
	[ "$command" != delegate ] || options_of "$pages/twz.1" cap | sort -u - in.manual -o in.manual
	[ "$command" != delegate ] || options_helped cap | sort -u - helped -o helped
	run 0 diff helped in.manual
	page=$pages/twz-$command.1
	if [ -e "$page" ]; then
		options_of "$page" "$command" >in.manual
		run 0 diff helped in.manual
	fi
done

# ---- mkstore -------------------------------------------------------------------------------------

run 0 "$twz" mkstore "$s" --size 32M
silent
run 1 "$twz" mkstore "$s"
warns "$s: exists"
run 0 "$twz" mkstore "$s" --size=64M --force
run 0 "$twz" stat "$s"
says '64.0 MiB'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
for size in 15M 17T 0 x 1X 12MM -1 99999999999999999999 ''; do
	run 2 "$twz" mkstore other --size "$size"
	warns 'the size must be'
done
mkfifo special
mkdir folder
for path in special folder; do
	run 1 "$twz" mkstore "$path" --force # never a device in place of which a file would be put
	warns "$path: exists and is no ordinary file"
	run 1 "$twz" ls "$path"
	warns "$path: this is not a Twizzler store"
	run 1 "$twz" put "$path" "$0" /x
	warns "$path: this is not a Twizzler store"
done
rm -r special folder
run 1 sh -c "ulimit -f 1000; trap '' XFSZ; '$twz' mkstore other --size 16M"
warns 'other: larger than this process may make files (ulimit -f)'
run 1 "$twz" mkstore "$work/none/store"
warns 'No such file'
run 0 "$twz" mkstore default
run 0 "$twz" stat default
says '256.0 MiB'
run 0 "$twz" mkstore huge --size 1T
run 0 "$twz" ls huge
run 0 "$twz" stat huge
says '1048576.0 MiB'
rm -f huge default
if [ "$(find . -name '*.making*' | wc -l)" = 0 ] && [ ! -e other ]; then
	passes
else
	fails 'mkstore leaves something'
fi

# ---- put, ls, tree, get --------------------------------------------------------------------------

mkdir -p tree/below/deep tree/empty
printf 'hello\n' >tree/hello
printf 'no newline' >tree/below/short
: >tree/nothing
head -c 300000 /dev/urandom >tree/below/random
head -c 5000000 /dev/zero >tree/below/deep/zeros
printf 'x' >>tree/below/deep/zeros
i=0
while [ $i -lt 200 ]; do
	echo "this is number $i" >"tree/below/deep/number $i"
	i=$((i + 1))
done
printf 'ünïcödé\n' >'tree/nämé with blanks'
printf 'replaced\n' >other

run 0 "$twz" put "$s" tree /tree
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
run 0 "$twz" ls "$s"
says 'tree/'
run 0 "$twz" ls "$s" /tree
same "$out" - <<'LIST'
below/
empty/
hello
nothing
nämé with blanks
LIST
run 0 "$twz" ls "$s" -l /tree
says '           6  '
says 'namespace'
run 0 "$twz" ls "$s" tree/hello
says 'tree/hello'
run 0 "$twz" tree "$s"
says '|-- number 17'
says "\`-- nämé with blanks"
run 0 "$twz" tree "$s" /tree/empty
run 0 "$twz" get "$s" /tree again
silent
same tree again
mkdir into
run 0 "$twz" get "$s" /tree/below into
same tree/below into/below
run 0 "$twz" get "$s" tree/hello -
same "$out" tree/hello
run 0 "$twz" get "$s" tree/below/deep/zeros -
same "$out" tree/below/deep/zeros
run 0 "$twz" get "$s" / everything
same tree everything/tree

# Into a namespace, several, replaced, merged.
run 0 "$twz" put "$s" -q tree/hello other /tree/empty/
run 1 "$twz" get "$s" /tree/empty -
warns '/tree/empty: is a namespace'
run 0 "$twz" ls "$s" /tree/empty
same "$out" - <<'LIST'
hello
other
LIST
run 0 "$twz" put "$s" other /tree/hello
run 0 "$twz" get "$s" /tree/hello -
says replaced
cp other again/hello
mkdir again/empty/more
cp tree/hello other again/empty
cp other again/empty/more/
run 0 "$twz" put "$s" again/empty /tree
run 0 "$twz" get "$s" /tree third
same again third
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
run 0 env -C tree "$twz" put "$s" . /
run 0 "$twz" ls "$s"
says 'tree/'

run 1 "$twz" put "$s" tree/none /x
warns 'tree/none: No such file'
run 1 "$twz" put "$s" tree/hello other /nowhere
warns '/nowhere: is no namespace'
run 1 "$twz" put "$s" tree/hello /none/x
warns '/none/x: there is no such object or name'
run 1 "$twz" put "$s" tree/below /tree/hello
warns '/tree/hello: '
run 1 "$twz" put "$s" tree/hello "/$(printf 'a\001b')"
warns 'character not allowed'
run 1 "$twz" put "$s" tree/hello "/$(printf '%0256d' 0)"
mkfifo tree/pipe
ln -s ../hello tree/below/link
run 1 "$twz" put "$s" tree /with
warns 'tree/pipe: neither file nor folder'
run 0 "$twz" get "$s" /with/below/link -
same "$out" tree/hello
rm tree/pipe tree/below/link

# The output may be a file that holds something already; zeros are part of the data.
truncate -s 3M gap
run 0 "$twz" put "$s" gap /gap
cat tree/hello gap gap >joined.wanted
cp tree/hello joined
run 0 sh -c "'$twz' get '$s' /gap - >>joined"
run 0 sh -c "{ cat joined; '$twz' get '$s' /gap -; } >joined.twice"
same joined.twice joined.wanted
run 0 "$twz" get "$s" /gap gap.again
same gap.again gap
# Holes of a file are not read and stay holes: data in its middle, a byte at its end, a hole at the end.
truncate -s 3G sparse
printf middle | dd of=sparse bs=1 seek=2000000001 conv=notrunc 2>/dev/null
printf e | dd of=sparse bs=1 seek=3000000000 conv=notrunc 2>/dev/null
# shellcheck disable=SC2016 # what it read, and the shell, which waited for it; nothing, if this host does not say
run 0 sh -c '"$@" && { sed -n "s/^rchar: //p" /proc/$$/io 2>/dev/null || echo 0; }' put \
	"$twz" put "$s" sparse /sparse
if [ "$(cat "$out")" -lt 100000000 ]; then passes; else fails "$ran: holes are read"; fi
run 0 "$twz" get "$s" /sparse sparse.again
same sparse.again sparse
run 0 "$twz" check "$s"
rm -f sparse sparse.again

# What is not ours is not removed, whatever happens.
mkfifo sink
run 1 sh -c "trap '' PIPE; head -c 1 sink >sink.head & '$twz' get '$s' /gap sink"
warns 'sink: Broken pipe'
run 0 test -p sink
rm -f sink sink.head gap gap.again joined joined.wanted joined.twice

# A stream that is closed: nothing that is printed goes into the store or into a file.
run 0 sh -c "'$twz' put '$s' tree /streams <&-"
run 1 sh -c "'$twz' put '$s' none /x 2>&-"
silent
run 1 sh -c "'$twz' ls '$s' >&-"
warns 'standard output: Bad file descriptor'
run 1 sh -c "'$twz' get '$s' /tree/hello - >&-"
run 0 "$twz" check "$s"
says '0 notes, 0 violations'

run 1 "$twz" get "$s" /none x
warns '/none: there is no such object or name'
run 1 "$twz" get "$s" /tree/hello/x x
run 1 "$twz" get "$s" /tree/hello "$work/none/x"
warns 'No such file'
run 1 "$twz" ls "$s" /none
warns '/none: there is no such'
run 1 "$twz" tree "$s" /none

# ---- stat, fot, check ----------------------------------------------------------------------------

run 0 "$twz" stat "$s" /tree/hello
says 'type         data'
says 'size         6 bytes of data'
says 'extents'
id=$(sed -n 's/^id  *//p' "$out")
run 0 "$twz" stat "$s" "$id"
says "$id"
run 0 "$twz" get "$s" "$id" -
same "$out" tree/hello
run 0 "$twz" fot "$s" /tree/hello
silent
run 1 "$twz" stat "$s" 00000000000000000000000000000001
warns 'there is no such object'
run 1 "$twz" fot "$s" /none

# ---- what is cut short, and what has no head ----

cp "$s" cut
truncate -s 20M cut
cp "$s" headless
dd if=/dev/zero of=headless bs=1 seek=40 count=8 conv=notrunc status=none
dd if=/dev/zero of=headless bs=1 seek=4136 count=8 conv=notrunc status=none
for command in ls tree stat check; do
	run 1 "$twz" $command cut
	warns "cut: the file was cut short: 20971520 of 67108864 bytes are there"
	run 1 "$twz" $command headless
	warns "headless: the superblock, the update log"
done
run 1 "$twz" put cut tree /x
run 125 "$bin/prompt" --store cut --exec ls
warns "cut: the file was cut short"
if [ "$(wc -l <"$err")" = 1 ]; then passes; else fails 'one thing, said twice'; fi
rm cut headless

# ---- what is no store ----------------------------------------------------------------------------

head -c 20000000 /dev/zero >zeros
head -c 20000000 /dev/urandom >random
: >empty
for file in zeros random empty; do
	for command in ls tree stat check; do
		run 1 "$twz" $command $file
		warns 'not a Twizzler store'
	done
	run 1 "$twz" fot $file /x
	run 1 "$twz" get $file /x y
	run 1 "$twz" put $file other /x
done
for command in ls tree stat check; do
	run 1 "$twz" $command absent
	warns 'absent: No such file'
	run 1 "$twz" $command /
done

# A store that is full: an error, and nothing lost.
run 0 "$twz" mkstore small --size 16M
head -c 30000000 /dev/urandom >large
run 1 "$twz" put small large /large
warns 'large: the store is full'
run 0 "$twz" check small
says '0 violations'
run 0 "$twz" put small tree/hello /hello
run 0 "$twz" check small
says '0 notes, 0 violations'


finish cli_twz
