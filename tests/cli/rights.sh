#!/bin/sh
# The piece `cli_rights`: keys, contexts, capabilities, delegation and masks, by twz and by programs: what
# is made, what is refused and why, and what access says of it.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
cd "$work"
s=$work/store

id_of() {
	"$twz" key show "$1" | sed -n 's/^id  *//p'
}

# access_is PERMS OBJECT CONTEXT [TIME]: what access says, as letters.
access_is() {
	run 0 "$twz" access "$s" "$2" --context "$3" ${4:+--at "$4"}
	said=$(awk '/^(read|write|execute|use|delete) / {
		printf "%s", $2 == "yes" ? substr("rwxud", NR, 1) : "-" }' "$out")
	if [ "$said" = "$1" ]; then
		passes
	else
		fails "access to $2 of $3 is $said, not $1"
	fi
}

# ---- usage ---------------------------------------------------------------------------------------

page=$OLDPWD/docs/man/twz.1
for command in key sctx cap delegate access; do
	run 0 "$twz" $command --help
	says "usage: twz $command "
	run 2 "$twz" $command
	warns "twz $command --help"
	run 2 "$twz" $command --nonsense x y z
	if grep -q "^\.It Cm $command\$" "$page"; then passes; else fails "the manual's page lacks $command"; fi
done
run 2 "$twz" cap "$s" make / q --for /
warns 'permissions are'
run 2 "$twz" cap "$s" make / r
warns '--for CONTEXT is missing'
run 2 "$twz" cap "$s" make / r --for / --until tomorrow
warns 'a time is'
run 2 "$twz" cap "$s" make / r --for / --until 2020-01-01 --from 2021-01-01
warns 'it would end before it begins'
run 2 "$twz" cap "$s" make / r --for / --gate 1,2
warns 'a gate is'
run 2 "$twz" key new
run 2 "$twz" mkstore x --key y --no-key
warns 'exclude each other'
run 2 "$twz" sctx "$s" mask /
run 2 "$twz" sctx "$s" fly /

# ---- the system's key ----------------------------------------------------------------------------

run 0 "$twz" mkstore "$s" --size 32M
silent
run 0 stat -c %a "$s.key"
says 600
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
run 0 "$twz" stat "$s"
says "key          $(id_of "$s.key")"
run 0 "$twz" sctx "$s" show @boot
says 'gives        rwxud, may be delegated'
says "all of key   $(id_of "$s.key")"
says 'signature    right'
access_is rwxud @boot @boot
run 0 "$twz" access "$s" @boot
says "a capability gives it (at 0x400200, signed by $(id_of "$s.key"))"

# The private key is not in the image: no eight bytes of the seed are.
seed=$(od -An -tx1 -j144 -N8 "$s.key" | tr -d ' \n')
od -An -v -tx1 -w65536 "$s" | tr -d ' ' >image.hex
if grep -q "$seed" image.hex; then fails 'the private key is in the image'; else passes; fi
rm image.hex

# The key stays as it is when the store is made anew; another can be named; or there is none.
cp -p "$s.key" first.key
run 0 "$twz" mkstore "$s" --size 32M --force
same "$s.key" first.key
run 0 "$twz" mkstore named --size 16M --key first.key
if [ -e named.key ]; then fails 'a key was made beside the one that was named'; else passes; fi
run 1 "$twz" mkstore other --size 16M --key none.key
warns 'none.key: there is no such key file'
if [ -e other ]; then fails 'a store without its key'; else passes; fi
run 0 "$twz" mkstore plain --size 16M --no-key
run 0 "$twz" stat plain
says 'key          none'
run 1 "$twz" sctx plain show @boot
run 0 "$twz" access plain /
says "read     yes  the object's default permissions give it"
run 0 "$twz" check plain
says '0 notes, 0 violations'
run 1 "$twz" mkstore "$work/none/store"
if [ -e "$work/none/store.key" ]; then fails 'a key without its store'; else passes; fi
run 1 "$twz" mkstore plain
if [ -e plain.key ]; then fails 'a key for a store that was not made'; else passes; fi

# Damaged, foreign, open to others.
printf x >bad.key
chmod 600 bad.key
run 1 "$twz" mkstore other --size 16M --key bad.key
warns 'bad.key: is no private key'
cp -p first.key bad.key
printf x | dd of=bad.key bs=1 seek=150 conv=notrunc status=none
run 1 "$twz" mkstore other --size 16M --key bad.key
warns 'bad.key: is damaged'
cp -p first.key bad.key
printf x | dd of=bad.key bs=1 seek=60 conv=notrunc status=none
run 1 "$twz" mkstore other --size 16M --key bad.key
warns 'bad.key: is damaged'
cp first.key bad.key
chmod 644 bad.key
run 1 "$twz" mkstore other --size 16M --key bad.key
warns 'others can read this private key'

# ---- keys of people ------------------------------------------------------------------------------

run 0 "$twz" key new --store "$s" --out alice.key
alice=$(cat "$out")
run 0 "$twz" key new --store "$s" --out alice.key
says "$alice"
run 0 "$twz" stat "$s" "$alice"
says 'type         key'
says 'permissions  read'
run 0 "$twz" key new --out bob.key
run 0 "$twz" key new --store "$s" --out bob.key # the ID does not depend on the store
says "$(id_of bob.key)"
run 0 sh -c "echo sesame | '$twz' key new --store '$s' --out carol.key --passphrase"
run 0 "$twz" key show carol.key
says 'sealed       under a passphrase'
run 1 "$twz" key new --out "$work/none/x"
run 1 sh -c "'$twz' key new --out dave.key --passphrase </dev/null"
warns 'a passphrase is needed'
if [ -e dave.key ]; then fails 'a key file without its passphrase'; else passes; fi

# ---- contexts and capabilities -------------------------------------------------------------------

run 0 "$twz" sctx "$s" new /alice --key alice.key --empty
context=$(cat "$out")
run 0 "$twz" sctx "$s" new /bob --key bob.key --empty
run 1 "$twz" sctx "$s" new /carol --key carol.key
warns 'carol.key: is sealed: its passphrase is needed'
run 0 "$twz" sctx "$s" new /carol --key carol.key --global rw --undetachable --empty
run 0 "$twz" sctx "$s" show /carol
says 'global mask    rw---'
says 'undetachable   yes'
run 1 "$twz" sctx "$s" new /alice
warns 'the name exists already'
run 1 "$twz" sctx "$s" show /
warns 'the object is of another type'
run 1 "$twz" cap "$s" make @boot r --for /
warns '/: is no context'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
access_is ----- @boot /alice

run 0 "$twz" cap "$s" make @boot rw --for /alice --until +1h
access_is rw--- @boot /alice
says 'until 20'
access_is ----- @boot /alice +2h
says 'the capability has expired'
access_is ----- @boot /bob
run 0 "$twz" sctx "$s" remove /alice @boot
run 1 "$twz" sctx "$s" remove /alice @boot
warns 'has no capability for it'
access_is ----- @boot /alice
run 0 "$twz" cap "$s" make @boot ud --for "$context" --from 2030-01-01 --until 2031-01-01T00:00:00Z
access_is ----- @boot /alice
says 'does not count yet'
access_is ---ud @boot /alice 2030-06-01
access_is ----- @boot /alice 2031-01-01
run 0 "$twz" sctx "$s" remove "$context" @boot

# Wrong keys; an object that nobody can give.
run 1 "$twz" cap "$s" make @boot r --for /alice --sign alice.key
warns 'alice.key: this key has no say here'
run 1 "$twz" cap "$s" make @key r --for /alice
warns 'it was made under no key'
run 1 "$twz" cap "$s" make @boot r --of-key --for /alice
warns '@boot: is no key'
run 1 "$twz" cap "$s" make @boot r --for /alice --sign none.key

# Of a key; a sealed private key signs with its passphrase.
carol=$(id_of carol.key)
run 1 "$twz" cap "$s" make "$carol" rwx --of-key --for /alice
warns 'this key has no say here'
run 1 sh -c "echo wrong | '$twz' cap '$s' make $carol rwx --of-key --for /alice --sign carol.key"
warns 'the passphrase is wrong'
run 1 "$twz" cap "$s" make "$carol" rwx --of-key --for /alice --sign carol.key
warns 'its passphrase is needed'
access_is ----- /carol /alice
run 0 sh -c "echo sesame | '$twz' cap '$s' make $carol rwx --of-key --for /alice --sign carol.key"
access_is rwx-- /carol /alice
run 0 "$twz" sctx "$s" remove /alice "$carol"
access_is ----- /carol /alice

# What a new context is given: the names; what is made under its owner's key; and the boot context may use
# it. Without the system's private key none of it.
run 0 "$twz" sctx "$s" new /dan --key bob.key
access_is r---- / /dan
access_is rwxud /dan /dan
access_is rwxud "$(id_of bob.key)" /dan
access_is r--u- /dan @boot
access_is ----- @boot /dan
run 0 "$twz" sctx "$s" show /dan
if [ "$(grep -c 'signature    right' "$out")" = 2 ]; then passes; else fails 'it has not two capabilities'; fi
run 0 "$twz" sctx "$s" new /eve
access_is r---- / /eve
access_is ----- /eve /eve
access_is rwxud /eve @boot
run 0 sh -c "echo sesame | '$twz' sctx '$s' new /fay --key carol.key"
access_is rwxud /fay /fay
mv "$s.key" away.key
run 1 "$twz" sctx "$s" new /gil --key bob.key
warns "$s.key: "
run 1 "$twz" sctx "$s" new /gil --key bob.key --sign bob.key
warns 'bob.key: this key has no say over the root namespace'
run 0 "$twz" sctx "$s" new /gil --key bob.key --sign away.key
access_is r---- / /gil
mv away.key "$s.key"
run 1 "$twz" access "$s" /none
run 0 "$twz" key new --store plain --out bob.key
run 0 "$twz" sctx plain new /bob --key bob.key # where all may read the names, and nothing boots
run 0 "$twz" check plain
says '0 notes, 0 violations'

# What is put belongs to the system, or to who has the key; the root namespace to the system.
mkdir -p theirs
echo hello >theirs/text
run 0 "$twz" put "$s" theirs/text /text
access_is ----- /text /dan
access_is rwxud /text @boot
access_is rwxud / @boot
run 0 "$twz" put "$s" --key bob.key theirs /theirs
access_is rwxud /theirs /dan
access_is rwxud /theirs/text /dan
access_is ----- /theirs/text @boot
run 1 "$twz" put "$s" --key none.key theirs /theirs
warns 'none.key: '
run 0 "$twz" stat "$s" /text
says 'permissions  none'
run 0 "$twz" put plain theirs/text /text
run 0 "$twz" stat plain /text
says 'permissions  read write use delete'

# ---- by way of a file ----------------------------------------------------------------------------

run 0 "$twz" cap "$s" make @boot rx --for /alice --delegate --out a.cap
access_is ----- @boot /alice
run 1 "$twz" cap "$s" make @boot rx --for /alice --out a.cap
warns 'a.cap: File exists'
run 0 "$twz" cap "$s" show a.cap
says 'gives        r-x--, may be delegated'
says 'signature    right'
run 1 "$twz" sctx "$s" add /bob a.cap
warns 'for another context'
run 0 "$twz" sctx "$s" add /alice a.cap
run 0 "$twz" sctx "$s" add /alice a.cap
access_is r-x-- @boot /alice
run 0 "$twz" sctx "$s" show /alice
if [ "$(grep -c '^capability' "$out")" = 1 ]; then passes; else fails 'added twice'; fi
for at in 8 13 16 40 50 100 200; do # permissions, flags, target, accessor, signer, signature
	cp a.cap changed.cap
	printf '\377' | dd of=changed.cap bs=1 seek=$at conv=notrunc status=none
	if "$twz" cap "$s" show changed.cap 2>/dev/null | grep -q 'signature    right'; then
		fails "a capability changed at $at has a right signature"
	else
		passes
	fi
done
cp a.cap changed.cap
printf '\377' | dd of=changed.cap bs=1 seek=200 conv=notrunc status=none
run 0 "$twz" sctx "$s" remove /alice @boot
run 0 "$twz" sctx "$s" add /alice changed.cap
access_is ----- @boot /alice
says 'a signature of the capability is wrong'
run 0 "$twz" sctx "$s" remove /alice @boot
run 0 "$twz" sctx "$s" add /alice a.cap
head -c 100 a.cap >short.cap
cat a.cap a.cap >long.cap
for file in short.cap long.cap first.key /dev/null; do
	run 1 "$twz" sctx "$s" add /alice $file
	warns "$file: is no capability"
done

# ---- delegation ----------------------------------------------------------------------------------

run 1 "$twz" delegate "$s" /alice @boot r --for /bob
warns 'this key has no say here'
run 1 "$twz" delegate "$s" /alice @boot rw --for /bob --sign alice.key
warns 'would give more than what it stems from'
run 1 "$twz" delegate "$s" /bob @boot r --for /carol --sign bob.key
warns 'has no capability for it to delegate'
run 0 "$twz" delegate "$s" /alice @boot r --for /bob --sign alice.key --until +30m --delegate
access_is r---- @boot /bob
access_is ----- @boot /bob +31m
says 'has expired'
run 0 "$twz" sctx "$s" show /bob
says '  from'
run 1 "$twz" delegate "$s" /bob @boot r --for /carol --sign bob.key --until +31m
warns 'would give more than what it stems from'
run 0 "$twz" delegate "$s" /bob @boot r --for /alice --sign bob.key --until +1m --out b.cap
run 0 "$twz" cap "$s" show b.cap
if [ "$(grep -c 'signature    right' "$out")" = 3 ]; then passes; else fails 'the chain has not three records'; fi
run 1 sh -c "echo sesame | '$twz' delegate '$s' /bob @boot r --for /carol --sign carol.key --until +1m"
warns 'carol.key: this key has no say here'
run 0 "$twz" delegate "$s" /bob @boot r --for /carol --sign bob.key --until +1m
access_is r---- @boot /carol
run 1 sh -c "echo sesame | '$twz' delegate '$s' /carol @boot r --for /alice --sign carol.key --until +1s"
warns 'may not be delegated'

# The boot context has all of the system's key, and can pass on one object of it.
run 0 "$twz" delegate "$s" @boot @boot d --for /alice
access_is r-x-d @boot /alice

# ---- masks ---------------------------------------------------------------------------------------

run 0 "$twz" sctx "$s" mask /alice @boot --mask rd
access_is r---d @boot /alice
says "masks take it away (context $context: global rwxud, override -----, mask r---d)"
run 0 "$twz" sctx "$s" mask /alice --global -
access_is ----- @boot /alice
run 0 "$twz" sctx "$s" mask /alice @boot --override rx
access_is r-x-- @boot /alice
run 0 "$twz" sctx "$s" show /alice
says 'override     r-x--'
run 0 "$twz" sctx "$s" mask /alice @boot --global rwxud
access_is r-x-d @boot /alice
run 0 "$twz" sctx "$s" show /alice
if grep -q '^mask' "$out"; then fails 'the mask is still there'; else passes; fi

# ---- gates ---------------------------------------------------------------------------------------

run 0 "$twz" cap "$s" make @boot - --gate 0x400000,256,64 --for /alice --delegate --until +1h --out g.cap
run 0 "$twz" cap "$s" show g.cap
says 'gives        -----, may be delegated'
says 'gate         0x400000, 0x100 bytes, each 0x40'
run 0 "$twz" sctx "$s" add /alice g.cap
run 1 "$twz" delegate "$s" /alice @boot - --gate 0x400000,320,64 --for /dan --sign alice.key --until +1m
warns 'would give more than what it stems from'
run 0 "$twz" delegate "$s" /alice @boot - --gate 0x400040,128,128 --for /dan --sign alice.key --until +1m
run 0 "$twz" sctx "$s" show /dan
says 'gate         0x400040, 0x80 bytes, each 0x80'
access_is ----- @boot /dan
enters() { # YES-OR-NO OFFSET CONTEXT
	run 0 "$twz" access "$s" @boot --context "$3" --entry "$2"
	says "enter    $1"
}
enters 'yes  a capability gives it (at 0x' 0x400000 /alice
enters 'yes  a capability gives it (at 0x' 0x4000c0 /alice
enters 'no   nobody gives it' 0x400020 /alice
enters 'no   nobody gives it' 0x400100 /alice
enters 'yes  a capability gives it (at 0x' 4194368 /dan
enters 'no   nobody gives it' 0x400080 /dan
enters 'no   nobody gives it' 0x400000 @boot # who has all permissions
run 0 "$twz" access "$s" @boot --context /dan --entry 0x400040 --at +2m
says 'enter    no   the capability has expired'
run 0 "$twz" sctx "$s" mask /dan @boot --mask rwud
enters "no   the context's masks take it away" 0x400040 /dan
run 0 "$twz" sctx "$s" mask /dan @boot
for offset in '' x 0x 12y; do
	run 2 "$twz" access "$s" @boot --entry "$offset"
	warns 'an offset is a number'
done
for gate in 1 1,2 1,2,3,4 1,2,0 x,2,3; do
	run 2 "$twz" cap "$s" make @boot - --gate "$gate" --for /alice
	warns "a gate is OFFSET,LENGTH,ALIGN, not $gate"
done

# page_of OBJECT: the frame of its first page of data.
page_of() {
	"$twz" stat "$s" "$1" | sed -n 's/^  pages 1024 to .*: frames \([0-9]*\) .*/\1/p'
}

# word_at FILE BYTE: eight bytes of it, as a number. put_words FILE BYTE NUMBER...: so many there.
word_at() {
	od -An -tu8 -j"$2" -N8 "$1" | tr -d ' '
}
put_words() {
	file=$1 at=$2
	shift 2
	for word; do
		for shift in 0 8 16 24 32 40 48 56; do
			# shellcheck disable=SC2059
			printf "\\$(printf %03o $((word >> shift & 255)))"
		done
	done | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
}

# Gates are made by programs on the machine (twz_context_gate_set): here, by hand.
run 0 "$twz" sctx "$s" new /gates --empty
gated=$(cat "$out")
data=$(($(page_of /gates) * 4096))
gates=$(word_at "$s" $((data + 64)))
gates=$(((gates + 127) / 128 * 128)) gate=$((data + gates - 0x400000))
put_words "$s" $((data + 48)) $gates 1 $((gates + 128)) 0 $((gates + 128 - $(word_at "$s" $((data + 32)))))
put_words "$s" $gate 7 7 0x400000 512 $((6 << 32 | 64)) 0 $((1024 << 32 | 4)) 8 8 9 9 16384 \
	0x40000000 0x80000000 0x123 0
run 0 "$twz" sctx "$s" show /gates
same "$out" - <<GATES
context        $gated
key            $(id_of "$s.key")
global mask    rwxud
undetachable   no
published      0
gate 0 at 0x$(printf %x $gates)
  is           abortable, public
  object       00000000000000070000000000000007
  entries      0x400000, 0x200 bytes, each 0x40
  object at    0x40000000
  view         00000000000000080000000000000008
  stacks in    00000000000000090000000000000009
  stacks       4 of 0x4000 bytes, from 0x80000000 on
  handler      0x123, with 0x400 bytes of each stack
GATES
prompt 0 'sctx show /gates'
says 'gate 0'
says '  entries      0x400000, 0x200 bytes, each 0x40'
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
run 0 "$twz" sctx "$s" mask /gates / --mask r # it goes along
run 0 "$twz" sctx "$s" show /gates
says '  entries      0x400000, 0x200 bytes, each 0x40'
cp "$s" damaged
put_words damaged $((gate + 32)) 0 # no alignment
run 1 "$twz" check damaged
says ': context: gate 0 is damaged'
run 0 "$twz" sctx damaged show /gates
says '  is           out of place: nobody enters there'
for at in 48 56; do # where they are, how many
	cp "$s" damaged
	put_words damaged $((data + at)) 0x700000000000
	run 1 "$twz" check damaged
	says ': context: its gates are out of place'
	run 1 "$twz" sctx damaged show /gates
done

# ---- a key that is not in the store, what is not there, a context that is damaged ------------------

run 1 "$twz" access "$s" /none
warns '/none: there is no such'
run 1 "$twz" access "$s" /alice --context /
warns '/: is no context'
run 2 "$twz" access "$s" /alice --at never
run 0 "$twz" check "$s"
says '0 notes, 0 violations'
page=$(page_of /bob)
if [ -z "$page" ]; then
	fails 'the frame of the context is not found'
else
	for at in 0 12 32 40 64 520 600 700; do # header, table, capabilities
		cp "$s" damaged
		printf '\377\377\377\377\377\377\377\377' |
			dd of=damaged bs=1 seek=$((page * 4096 + at)) conv=notrunc status=none
		status=0
		timeout "$run_seconds" "$twz" sctx damaged show /bob >"$out" 2>"$err" || status=$?
		if [ $status -le 1 ]; then passes; else fails "show, damaged at $at: status $status"; fi
		run 0 "$twz" access damaged @boot --context /bob
		if grep -q '^write *yes' "$out"; then fails "damage at $at gives a right"; else passes; fi
	done
	for at in 0 8 32 40 64 72; do # magic, version, table, nentries, heap, nused
		cp "$s" damaged
		printf '\377\377\377\377' |
			dd of=damaged bs=1 seek=$((page * 4096 + at)) conv=notrunc status=none
		run 1 "$twz" check damaged
		says ': context: '
	done
fi

# ---- programs ------------------------------------------------------------------------------------

run 0 "$twz" put "$s" "$s.key" /secret
run 0 "$twz" put "$s" carol.key /sealed
boot=$("$twz" stat "$s" | sed -n 's/^boot *//p')
prompt 0 "cap make $boot rw --for /bob --sign /secret --until +1h" \
	"access $boot --context /bob"
says 'write    yes  a capability gives it (at 0x'
says "signed by $(id_of "$s.key"), until 20"
access_is rw--- @boot /bob
prompt 0 'sctx show /bob' "cap show /bob $boot"
says 'gives        rw---'
says '    gives        r-x--, may be delegated'
prompt 0 "access $boot"
says 'delete   yes  a capability gives it'
prompt 1 "cap make /bob r --for /alice --sign /secret"
warns 'cap: /secret: this key has no say here'
prompt 1 "cap make $boot r --for /alice --sign /sealed"
warns 'cap: /sealed: is sealed under a passphrase'
prompt 1 "cap make $boot r --for /alice --sign /alice"
warns 'cap: /alice: holds no private key'
run 0 "$bin/prompt" --store "$s" \
	--exec "cap make $boot - --gate 64,256,64 --for /bob --sign /secret --until +1h" \
	--exec "cap show /bob $boot"
says 'gate         0x40, 0x100 bytes, each 0x40'
prompt 2 "cap make $boot - --gate 1,2 --for /bob --sign /secret"
warns 'a gate is OFFSET,LENGTH,ALIGN, not 1,2'
prompt 1 'sctx show /none'
warns 'sctx: /none: there is no such object or name'
prompt 1 'access /bob --context /'
warns 'access: /: the object is of another type'
prompt 2 'cap make / r'
warns 'missing: --for CONTEXT'
prompt 126 'as /dan cat /text'
warns 'as: /dan: programs act in contexts on the machine only'
prompt 126 'as /none cat /text'
prompt 127 'as /dan nonsense'
warns 'as: nonsense: there is no such program'
prompt 2 'as /dan'
prompt 2 'as --fast /dan cat'
warns 'there is no option --fast'
prompt 0 'cat /theirs/text' 'cp /theirs/text /ours' # nothing is enforced
says hello
access_is rwxud /ours @boot # a copy is its maker's
access_is ----- /ours /dan
run 0 "$twz" put plain --key bob.key theirs/text /his
run 0 "$bin/prompt" --store plain --exec 'cp /his /copy' # where nobody has a key, the source's
run 0 "$twz" stat plain /copy
says "key          $(id_of bob.key)"
prompt 2 'sctx fly /'
run 0 "$twz" check "$s"
says '0 violations'

finish cli_rights
