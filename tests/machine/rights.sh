#!/bin/sh
# The piece `machine_rights`: programs in other contexts than the boot context, on the machine: the tour of
# docs/rights.md, word for word; then what is refused, limited, lent and taken back.
# Needs the machine.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
page=$PWD/docs/rights.md
# shellcheck source=tests/machine/common
. tests/machine/common
s=notes.store
options="--timeout 500 --silence 300"

# ---- the tour ------------------------------------------------------------------------------------

# Each block is a file: its lines begin with "$ ", for the host, or with "> ", for one boot.
sed -n '/^## A tour/,/^## Keys/p' "$page" | awk '
	/^```/ { inside = !inside; if (inside) file = sprintf("tour.%02d", ++n); next }
	inside { print >file }'
blocks=0
for block in tour.*; do
	blocks=$((blocks + 1))
	if grep -q '^> ' "$block"; then
		sed -n 's/^> //p' "$block" >commands
		grep -v '^> ' "$block" >expected || :
		set --
		while IFS= read -r line; do set -- "$@" "$line"; done <commands
		case $(tail -n 1 expected) in
		*': '*) m 1 "$@" ;;
		*) m 0 "$@" ;;
		esac
		same "$out" expected
	else
		sed -n 's/^\$ //p' "$block" >commands
		run 0 sh -eux commands
	fi
done
if [ "$blocks" = 6 ]; then passes; else fails "the tour has $blocks blocks"; fi
run 0 twz check "$s"
says '0 notes, 0 violations'

# ---- what is told of refusals --------------------------------------------------------------------

run 0 twz sctx $s new /empty --key bob.key --empty
run 0 twz sctx $s new /small --key bob.key --global r
run 0 twz cap $s make /list w --for /alice
m 126 'as /none ls' 'as /list ls' 'as /empty ls' 'as /small ls'
same "$out" - <<'LIST'
as: /none: there is no such object or name
as: /list: is no context
as: /empty: the object of that name is gone, or there is no right to it
as: /small: its masks leave a program nothing to run in: to read and execute its text, to read and write its memory
LIST
# The capability for the root namespace is one like others.
run 0 twz sctx $s new /nameless --key bob.key
run 0 twz sctx $s remove /nameless /
m 1 'as /nameless ls' 'as /nameless cat /list' 'as /nameless cp /list /here'
same "$out" - <<'LIST'
ls: /: the right is not granted
cat: /list: the right is not granted
cp: /list: the right is not granted
LIST
m 127 'as /alice nonsense'
m 2 'as /alice'
m 1 'as /alice cat /list' 'as /alice access /list' 'as /alice counter /drafts/count --every 0' \
	'as /alice counter /count' 'as /alice sctx show /bob' 'as /alice stat /list' 'as /alice reboot'
says 'cat: /list: no right to read it: nobody gives it'
says 'write    yes  a capability gives it (at 0x'
says 'counter: it cannot be brought back: the right is not granted'
says 'counter: /count: the right is not granted (r---- on its namespace; access says why)'
says 'sctx: /bob: the object of that name is gone, or there is no right to it'
says 'permissions  none'
says 'reboot: the machine: the right is not granted'

# What may not be read is named, and an index is hers.
m 0 'as /alice index build / --as /drafts/index' 'as /alice index build /drafts --as /drafts/index' \
	'as /alice index find bread --as /drafts/index' 'as /alice rm /drafts/index'
says 'index: /list: no right to read it: nobody gives it'
says '/drafts/mine:1: bread, ink'

# The status and the crash of the program are those of as.
m 7 'as /alice prompt --exec "exit 7"'
m 0 'as /alice prompt --exec "cp /drafts/mine /drafts/more" --exec "mv /drafts/more /drafts/most"' \
	'as /alice rm /drafts/most' 'as /alice ls /drafts'
same "$out" - <<'LIST'
count
mine
LIST

# ---- what a context has, and what it has not -----------------------------------------------------

m 0 'as /alice ps' 'as /alice free' 'as /alice view' 'as /alice access /alice' 'as /alice ls -l'
if [ "$(grep -c ' ps$' "$out")" = 1 ] && ! grep -q ' init$' "$out"; then
	passes
else
	fails 'it lists threads of others'
fi
says 'store '
says '  console'
says 'signed by '
says 'dangling'
m 1 'as --no-console /alice cat /drafts/mine'
silent
# Nested: the console stays as long as the outer one runs, and goes with it.
m 0 'as /alice prompt --exec "as /alice cat /drafts/mine" --exec "cat /drafts/mine"' \
	'as --no-console /alice cat /drafts/mine' 'as /alice cat /drafts/mine'
same "$out" - <<'LIST'
bread, ink
bread, ink
bread, ink
LIST
# Interrupted, or over the time: who runs it may end it.
mkfifo open # an input without an end
run 124 sh -c "'$build/vm' --store $s $options --exec 'prompt --timeout 1 --exec \"as /alice prompt\"' 3<>open <&3"
says 'prompt: the time is over'

# Masks are named, one's own too.
bob=$(twz stat $s /bob | sed -n 's/^id *//p')
m 0 'as /bob access /drafts/mine' 'access /alice --context /alice'
says "write    no   the context's masks take it away (context $bob: global rwxud, override -----, mask r----)"

# ---- limits that cannot be left ------------------------------------------------------------------

alice=$(twz stat $s /alice | sed -n 's/^id *//p')
run 0 twz sctx $s new /tight --key bob.key
run 0 twz cap $s make /alice u --for /tight --sign alice.key
run 0 twz sctx $s mask /tight /drafts --mask u
run 0 twz sctx $s new /tighter --key bob.key --undetachable
run 0 twz cap $s make /alice u --for /tighter --sign alice.key
run 0 twz sctx $s mask /tighter /drafts --mask u
m 0 "as /tight as $alice cat /drafts/mine"
says 'bread, ink'
m 1 "as --undetachable /tight as $alice access /drafts" "as /tighter as $alice access /drafts" \
	"as --undetachable /tight as $alice cat /drafts/mine"
if [ "$(grep -c '^read *no *the masks of an undetachable context take it away (context ' "$out")" = 2 ]; then
	passes
else
	fails 'the masks do not go along'
fi
says 'cat: /drafts/mine: the right is not granted'

# ---- stores without owners, and of before --------------------------------------------------------

run 0 twz mkstore plain.store --size 32M --no-key
run 0 twz put plain.store list /list
run 0 twz key new --store plain.store --out bob.key
run 0 twz sctx plain.store new /bob --key bob.key
s=plain.store
m 126 'cat /list' 'as /bob cat /list'
same "$out" - <<'LIST'
bread, ink
as: /bob: programs act in contexts on the machine only, in a store with a boot context
LIST
for s in notes.store plain.store; do
	run 0 twz check $s
	says '0 violations'
done

finish machine_rights
