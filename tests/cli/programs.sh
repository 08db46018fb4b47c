#!/bin/sh
# The piece `cli_programs`: the prompt, and the programs that it runs: what they do, say and refuse.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store

mkdir -p text/sub
printf 'one\ntwo\n' >text/a
printf 'three\n' >text/b
printf 'four\n' >text/sub/c
head -c 700000 /dev/urandom >text/large
"$twz" mkstore "$s" --size 32M && "$twz" put "$s" text /text

# ---- help and usage ------------------------------------------------------------------------------

for program in prompt ls cat cp snapshot diff verify mv rm stat index counter ps free limit view access sctx cap queue \
	kill wait items poweroff reboot; do
	run 0 "$bin/$program" --help
	says "usage: $program"
	says 'exit status: '
	run 2 "$bin/$program" --nonsense
	warns "$program: there is no option --nonsense ($program --help)"
	prompt 0 "$program --help"
	says "usage: $program"
done
for program in cat cp snapshot diff verify mv rm index; do
	prompt 2 $program
	warns "$program: an argument is missing ($program --help)"
done

# ---- prompt --------------------------------------------------------------------------------------

prompt 0 'cat /text/a' 'cat /text/b'
same "$out" - <<'EOF2'
one
two
three
EOF2
prompt 0 help
says 'programs:'
says 'index'
prompt 127 nonsense
warns 'prompt: nonsense: there is no such program'
prompt 127 'cat /text/a' '../twz --help'
prompt 0 'nonsense' 'cat /text/a'
prompt 1 'cat /text/a' 'cat /none'
prompt 7 'exit 7' 'cat /text/a'
silent
prompt 0 'cat /none' exit
prompt 2 'exit x'
prompt 119 'exit 119'
prompt 2 'exit 120'
warns 'prompt: exit takes a number up to 119'
prompt 2 "cat '/text/a"
warns "a ' is not closed"
prompt 2 'cat "/text/a'
prompt 2 "cat \\"
prompt 0 'cp /text/a "/text/with  blanks"' "cat '/text/with  blanks'" 'cat /text/with\ \ blanks' 'c"a"t /te"xt"/a'
same "$out" - <<'EOF2'
one
two
one
two
one
two
EOF2
prompt 0 '' '   ' 'rm "/text/with  blanks"'
silent
run 125 "$bin/prompt" --store none --exec ls
warns 'prompt: none: '
run 125 "$bin/prompt" --store text/large --exec ls
warns 'this is not a Twizzler store'
run 125 "$bin/ls"
run 2 "$bin/prompt" --store "$s" --timeout x
run 2 "$bin/prompt" --store "$s" --timeout 0
run 2 "$bin/prompt" --store "$s" extra
run 2 "$bin/prompt" --store
warns 'a value is missing behind --store'

# Lines from the input; the banner and the prompt's own messages are no output.
run 0 sh -c "printf 'cat /text/a\nnonsense\n\nexit\ncat /text/b\n' | '$bin/prompt' --store '$s'"
same "$out" text/a
warns 'exit or Ctrl-D'
warns 'nonsense: there is no such program'
run 5 sh -c "printf 'nonsense\nexit 5' | '$bin/prompt' --store '$s'"
run 0 sh -c "printf 'nonsense\n' | '$bin/prompt' --store '$s'"

# A stream that is closed: nothing that is printed goes into the store.
run 1 sh -c "'$bin/prompt' --store '$s' --exec 'cat /text/a' >&-"
warns 'cat: output: '
run 1 sh -c "'$bin/prompt' --store '$s' --exec 'cat /text/a' --exec 'cat /none' 2>&-"
same "$out" text/a
run 1 sh -c "TWZ_STORE='$s' '$bin/cat' /text/a /none >&- 2>&-"
run 0 sh -c "'$bin/prompt' --store '$s' <&-"
run 0 "$twz" check "$s"
says '0 notes, 0 violations'

# A person at a terminal, who types what is not ASCII.
if
	printf 'cp /text/b "/größe ä"\nls /\nexit\n' |
		script -qec "'$bin/prompt' --store '$s'" /dev/null >"$out" 2>"$err"
then
	passes
else
	fails "the prompt on a terminal: status $?"
fi
prompt 0 'cat "/größe ä"'
same "$out" text/b
prompt 0 'rm "/größe ä"'

# The time-out, with nothing left behind, and without hurting what is quicker.
mkfifo never
exec 8<>never # nothing comes, and no end of it
started=$(date +%s)
run 124 sh -c "'$bin/prompt' --store '$s' --timeout 1 <never"
exec 8>&-
if [ $(($(date +%s) - started)) -lt "$run_seconds" ]; then
	passes
else
	fails 'it was not the time-out that ended it'
fi
run 0 "$bin/prompt" --store "$s" --timeout="$run_seconds" --exec 'cat /text/a'
same "$out" text/a
run 5 "$bin/prompt" --store "$s" --timeout="$run_seconds" --exec 'exit 5'

# Somebody has the store: who writes shares it, who only reads or replaces it does not.
mkfifo held
"$bin/prompt" --store "$s" <held >holds 2>&1 &
holder=$!
exec 9>held
echo ls >&9
until_says holds text/
run 0 "$bin/prompt" --store "$s" --exec ls
says 'text/'
cp "$twz" held.file
run 0 "$twz" put "$s" held.file /held
run 1 "$twz" ls "$s"
warns "in use by process $holder: it is free when that has ended"
run 1 "$twz" mkstore "$s" --force
warns "in use by process $holder: it is free when that has ended"
exec 9>&-
wait $holder
prompt 0 'rm /held'

# ---- ls, cat, stat -------------------------------------------------------------------------------

prompt 0 ls
says 'text/'
prompt 0 'ls /text'
same "$out" - <<'EOF2'
a
b
large
sub/
EOF2
prompt 0 'ls /text/ text/sub /text/a'
same "$out" - <<'EOF2'
/text/:
a
b
large
sub/

text/sub:
c

/text/a
EOF2
prompt 0 'ls -l /text'
says 'data                 8  '
says 'data            700000  '
says 'namespace '
prompt 1 'ls /none'
warns 'ls: /none: there is no such object or name'
prompt 1 'ls /none /text/sub'
says 'c'
prompt 0 'cat /text/large'
same "$out" text/large
prompt 1 'cat /none /text/a'
warns 'cat: /none: '
same "$out" text/a
long=$(head -c 5000 /dev/zero | tr '\0' x)
prompt 1 "cat $long"
warns 'xxx...: '
prompt 2 "cat --$long"
warns 'xxx... (cat --help)'
prompt 127 "$long"
warns 'xxx...: there is no such program; help lists them'
prompt 1 'cat /text'
warns 'cat: /text: is a namespace'
prompt 1 'cat /text/a/x'
prompt 0 'stat /text/a'
says 'type         data'
says 'size         8 bytes of data'
says 'permissions  none'
prompt 0 'stat /text /text/b'
says 'type         namespace'
prompt 0 stat
says 'objects'
prompt 1 'stat /none'
warns 'stat: /none: '

# ---- snapshot, diff, verify ----------------------------------------------------------------------

prompt 0 'cp /text/large /log' 'snapshot /log' 'snapshot /log' 'snapshot /log /kept' 'diff /log /log.2'
says '/log.1'
says '/log.2'
says '/kept'
says '0 bytes differ, in 0 ranges; 172 pages are shared'
prompt 1 'snapshot /log /kept'
warns 'snapshot: /kept: the name exists already'
prompt 1 'snapshot /text'
warns 'snapshot: /text: is a namespace; a version is of one object'
prompt 1 'snapshot /none'
warns 'snapshot: /none: there is no such'
prompt 0 'cat /kept'
same "$out" text/large
prompt 1 'diff /text/a /text/b'
says 'data  0x0: '
says 'meta  0x10: 1 bytes' # the size
says '0 pages are shared'
prompt 1 'diff -q /text/a /text/b'
run 0 sh -c "! grep -q 0x '$out'"
prompt 2 'diff /text/a /none'
warns 'diff: /none: there is no such'
prompt 1 'verify /log'
warns 'verify: /log: is not sealed'
prompt 0 'snapshot --seal /log /sealed' 'verify /sealed' 'verify --at 5000 --bytes 10000 /sealed' 'cat /sealed'
says '/sealed: genuine, '
says '/sealed: genuine, 10000 bytes'
prompt 1 'verify --at 700001 /sealed'
warns 'verify: /sealed: has no data there'
prompt 2 'verify --bytes x /sealed'
warns 'this is no number of bytes: x'
prompt 0 'diff /log /sealed' # its own are the meta page, the digests, and the last page of the data
says '170 pages are shared'
prompt 0 'rm /log /log.1 /log.2 /kept /sealed'

# A sealed object whose second page is damaged: wherever the word is, it is another one.
awk 'BEGIN { for (i = 0; i < 2000; i++) print i == 1000 ? "unspoilt" : "1234567" }' >text/pages
cp "$s" damaged
"$twz" put damaged text/pages /pages
run 0 "$bin/prompt" --store damaged --exec 'snapshot --seal /pages /sealed' --exec 'rm /pages' \
	--exec 'verify /sealed'
grep -obUa unspoilt damaged | cut -d : -f 1 | while read -r at; do
	printf 'spoiled!' | dd of=damaged bs=1 seek="$at" conv=notrunc status=none
done
run 1 "$bin/prompt" --store damaged --exec 'verify /sealed'
warns 'verify: /sealed: is not genuine, first at offset 0x401000 of the object'
run 0 "$bin/prompt" --store damaged --exec 'verify --at 8192 --bytes 9999 /sealed'
says '/sealed: genuine, '
run 1 "$bin/prompt" --store damaged --exec 'verify --at 8191 /sealed'
rm text/pages

# ---- queue, wait, items --------------------------------------------------------------------------

prompt 0 'queue make --bytes 40 /q' 'queue send /q one' 'queue send /q two' 'stat /q'
says 'interface    twz.io, by queue'
says 'interface    twz.event, by queue'
prompt 1 'queue send /q three'
warns 'queue: /q: there is no room'
prompt 0 'wait --timeout 5 message /q more /text/b'
printf 'message /q\n' | same "$out" -
prompt 0 'queue receive /q' 'cat /q'
printf 'one\ntwo' | same "$out" -
prompt 1 'queue receive /q'
warns 'queue: /q: there is no message'
prompt 1 'queue receive --wait 1 /q'
prompt 1 'queue send /q 0123456789012345678901234567890123456789'
warns 'the message is longer than the queue'
prompt 1 'queue send /text/a x'
warns 'queue: /text/a: is no queue'
prompt 1 'queue make /q'
warns 'the name exists already'
prompt 1 'queue make --bytes 0 /q2'
prompt 2 'queue make --bytes x /q2'
prompt 2 'queue send /q'
prompt 2 'queue nonsense /q'
warns 'no such command: nonsense'
prompt 1 'wait --timeout 1 message /q'
warns 'wait: the time is over'
prompt 1 'wait --timeout 0 end /text/a'
warns 'wait: /text/a: that does not happen to it'
prompt 2 'wait nonsense /q'
prompt 2 'wait message'
prompt 2 'wait message /q name'
prompt 0 'wait --timeout 5 input -' # the end of it
prompt 0 'items /text/a /text'
says '       2 lines of /text/a'
prompt 0 'items --item 2 /text/a' 'items --item 1 /text'
printf 'two\na\n' | same "$out" -
prompt 1 'items --item 3 /text/a'
warns 'items: /text/a: has fewer items'
prompt 1 'items /q'
warns 'items: /q: has no items'
run 0 sh -c "printf 'typed\\n' | TWZ_STORE='$s' '$bin/cat' - /text/a"
printf 'typed\none\ntwo\n' | same "$out" -
prompt 0 'rm /q'

# ---- cp, mv, rm ----------------------------------------------------------------------------------

prompt 0 'cp /text/large /copy' 'cat /copy'
same "$out" text/large
prompt 0 'cp /text/a /copy' 'cat /copy'
same "$out" text/a
prompt 0 'cp /text/a /text/b /text/sub' 'cat /text/sub/a /text/sub/b /text/sub/c'
same "$out" - <<'EOF2'
one
two
three
four
EOF2
prompt 1 'cp /text/a /text/a'
warns 'is the source itself'
prompt 1 'cp /none /x'
warns 'cp: /none: there is no such'
prompt 1 'cp /text/a /none/x'
prompt 1 'cp /text/a /text/b /text/a'
warns '/text/a: is no namespace'
prompt 1 'cp /text /again'
warns 'cp: /text: is a namespace; -r copies it'
prompt 0 'cp -r /text /again' 'cat /again/sub/c'
same "$out" text/sub/c
run 0 "$twz" get "$s" /again again
mkdir -p expected/sub
cp text/a text/b text/large expected
cp text/a text/b text/sub/c expected/sub
same expected again
prompt 1 'cp -r /text /text/sub'
warns 'lies in the source'
prompt 1 'cp -r / /text'
warns 'lies in the source'
prompt 0 'cp -r /text /again' 'ls /again'
says 'text/'
prompt 1 'cp -r /text /again/a'

prompt 0 'mv /again/a /again/z' 'cat /again/z'
same "$out" text/a
prompt 1 'cat /again/a'
prompt 0 'mv /again/z /again/text' 'cat /again/text/z'
same "$out" text/a
prompt 0 'mv /again/b /again/text/z' 'cat /again/text/z'
same "$out" text/b
prompt 1 'mv /none /x'
warns 'mv: /none: '
prompt 1 'mv /again /again/text'
warns 'lies in the source'
prompt 1 'mv /again/text/z /again/text/z'
prompt 0 'cat /again/text/z'
prompt 1 'mv /again/text /text/sub/c'
warns '/text/sub/c: exists and is no namespace'
prompt 0 'mv /again/text /again/large /text/sub' 'cat /text/sub/large'
same "$out" text/large

prompt 1 'rm /again'
warns 'rm: /again: is a namespace; -r removes it'
prompt 0 'rm -r /again /text/sub/text' 'rm /text/sub/large /text/sub/a /text/sub/b /copy'
prompt 1 'ls /again'
prompt 1 'rm /again'
prompt 1 'rm -r /'
warns 'rm: /: is the root'
prompt 1 'rm /none /text/a'
prompt 1 'cat /text/a'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'

# A copy is one: changing either leaves the other. All is as it was in the next run.
prompt 0 'cp /text/b /text/a' 'rm /text/b' 'cat /text/a'
same "$out" text/b
prompt 0 'cat /text/a'
same "$out" text/b

# ---- counter -------------------------------------------------------------------------------------

prompt 0 'counter /count --every 0 --to 7' 'counter /count --every 0 --to 9' 'counter count --show'
same "$out" - <<'EOF2'
7
9
9 in 1 boot
EOF2
prompt 0 'counter /count --to 5' 'counter /count --every 1 --to 10' 'counter /count --show'
same "$out" - <<'EOF2'
9
10
10 in 2 boots
EOF2
# It goes on until it is stopped, or ended from outside; the count is what it was.
"$bin/prompt" --store "$s" --exec 'counter /count --every 1' >/dev/null 2>&1 &
# shellcheck disable=SC2016
run 0 sh -c 'until "$@" | awk "\$1 > 12 { found = 1 } END { exit !found }"; do sleep 0.05; done' until \
	"$bin/prompt" --store "$s" --exec 'counter /count --show'
kill $!
wait $! || true
prompt 0 'counter /count --stop' 'counter /count --show'
says ' in 3 boots'
run 124 "$bin/prompt" --store "$s" --timeout 1 --exec 'counter /other --every 1'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
prompt 1 'counter /count/x'
prompt 1 'counter /text/a'
warns 'counter: /text/a: is no counter'
prompt 1 'counter /none --show'
warns 'counter: /none: there is no such object or name'
for argument in '--every -1' '--every x' '--to x' '--to=' 'y'; do
	prompt 2 "counter /count $argument"
done
prompt 2 counter

# ---- the machine: hosted, it is the host's -------------------------------------------------------

prompt 0 ps
says '  prompt'
says '  ps'
prompt 0 'ps -l'
says 'thread  '
prompt 2 'ps extra'
prompt 1 'kill --priority low 1'
warns 'kill: 1: there is no such thread'
prompt 2 'kill --suspend --continue 1'
prompt 2 'kill --signal 64 1'
prompt 2 'kill --priority best 1'
prompt 2 'kill x'
prompt 2 kill
prompt 0 free
says 'store '
key=$("$twz" key show "$s.key" | sed -n 's/^id  *//p')
prompt 0 "limit $key"
says "key      $key"
says 'frames              0'
prompt 0 "limit --pages 123456 $key" "limit $key"
says ' of 123456'
prompt 0 "limit --frames 777 $key" "limit $key"
says ' of 123456'
says 'frames              0 of 777'
prompt 0 "limit --pages none --frames=none $key" "limit $key"
if grep -q ' of ' "$out"; then fails 'a limit that was lifted'; else passes; fi
for number in 0 -1 x 1x; do
	prompt 2 "limit --pages $number $key"
	warns "a limit is a number from 1 on, or none, not $number"
done
prompt 2 limit
prompt 1 'limit /text/a'
warns 'limit: /text/a: the object is of another type'
prompt 1 'limit 00000000000000000000000000000001'
warns 'there is no such object or name'
prompt 0 view
silent
prompt 0 'view --registered'
silent
prompt 2 'view --registered x'
prompt 1 'view /text/a'
warns 'view: /text/a: the object is of another type'
prompt 1 'view 00000000000000000000000000000001'
warns 'there is no such object or name'
for program in poweroff reboot; do
	prompt 1 $program
	warns "$program: the machine: this system does not have that"
done

# ---- a store that is full ------------------------------------------------------------------------

run 0 "$twz" mkstore small --size 16M
head -c 9000000 /dev/urandom >large
run 0 "$twz" put small large /large
s=$work/small
prompt 0 'cp /large /copy' 'cp /large /copy2' 'cp /copy /copy3'
prompt 0 'cat /copy3'
same "$out" large
run 0 "$twz" check small
says '0 notes, 0 violations'

finish cli_programs
