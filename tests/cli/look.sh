#!/bin/sh
# The piece `cli_look`: what twz shows: graph, hexdump, diff, and the JSON of all that only looks.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
gcc -std=gnu11 -Wall -Wextra -Werror -pthread -I. -Ilib/include -o "$work/fill" tests/cli/look.c \
	-Wl,--start-group "$build/libtwz.a" "$build/librt.a" "$build/libcore.a" -Wl,--end-group -lsodium
cd "$work"
s=$work/store

# lacks TEXT: the last output has it nowhere.
lacks() {
	if grep -qF -e "$1" "$out"; then
		fails "$ran: says '$1'"
	else
		passes
	fi
}

# json_is EXPRESSION: of the last output, `j`, an expression of Python is true.
json_is() {
	if python3 -c '
import json, sys
j = json.load(open(sys.argv[1], encoding="utf-8"))
sys.exit(not eval(sys.argv[2]))' "$out" "$1" 2>why; then
		passes
	else
		fails "$ran: $1: $(tail -n 1 why)"
	fi
}

mkdir -p text/sub
printf 'one\n' >text/a
printf '<&"\047>' >'text/<b> & "c"'
printf 'three\n' >text/sub/c
"$twz" mkstore "$s" --size 32M
"$twz" put "$s" text /text
TWZ_STORE=$s "$work/fill"
cp --sparse=always "$s" kept
here=$("$twz" stat "$s" /here | awk '$1 == "id" { print $2 }')
there=$("$twz" stat "$s" /there | awk '$1 == "id" { print $2 }')
lost=$("$twz" fot "$s" /here | awk '$1 == 3 { print $4 }')
root=$("$twz" stat "$s" / | awk '$1 == "id" { print $2 }')

# ---- graph ---------------------------------------------------------------------------------------

run 0 "$twz" graph "$s"
cp "$out" a.svg
says "id=\"o$here\""
says "ID $there"
says "/here leads to /there:"
says '1 pointer (1 holds)'
says "/there leads to /here:" # by a value of a dictionary
says '&#60;b&#62; &#38; &#34;c&#34;'
says 'without a name'
says '@key'
run 0 python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' a.svg
run 0 "$twz" graph "$s" -o b.svg
silent
same a.svg b.svg # the same store gives the same bytes
run 0 "$twz" graph "$s" --from /text
says "id=\"o$("$twz" stat "$s" /text/sub/c | awk '$1 == "id" { print $2 }')\""
lacks "$here"
run 0 "$twz" graph "$s" --from /text --depth 1
lacks "id=\"o$("$twz" stat "$s" /text/sub/c | awk '$1 == "id" { print $2 }')\""
says '1 object, ' # folded, and counted
run 0 "$twz" graph "$s" --from /here # an object: what it leads to, whatever it is called
says "id=\"o$lost\""
lacks 'sub'
says '>/there<' # outside of boxes by its path
run 0 "$twz" graph "$s" --from "$lost" # and what leads to it
says "/here leads to $lost:"
run 0 "$twz" graph "$s" --dot
says 'digraph store {'
says 'tooltip="1 pointer (1 holds)"'
run 0 "$twz" graph "$s" --json
json_is "sorted(o.get('path', '') for o in j['objects']) == ['', '', '', '/', '/here', '/text', '/text/<b> & \"c\"', '/text/a', '/text/sub', '/text/sub/c', '/there']"
json_is "[l['holds'] for l in j['links'] if (l['from'], l['to']) == ('$here', '$there')] == [True]"
json_is "[l['kind'] for l in j['links'] if (l['from'], l['to']) == ('$here', '$lost')] == ['pointer']"
cp --sparse=always kept tied
run 0 "$twz" tie tied /text/a /text/sub/c
run 0 "$twz" graph tied --json
json_is "[l['kind'] for l in j['links']].count('tie') == 1"

# What a late-bound pointer leads to is found by its name, once that is there.
mkdir late
: >late/name
run 0 "$twz" put tied late /
run 0 "$twz" graph tied
says 'late-bound name'
says '/here leads to /late/name:'

run 2 "$twz" graph "$s" --depth 0
warns '--depth is a number from 1 to 1000'
run 2 "$twz" graph "$s" --json --dot
run 1 "$twz" graph "$s" --from /nowhere
warns '/nowhere: there is no such object or name'
run 1 "$twz" graph "$s" -o "$work/none/x.svg"
warns 'No such file'
run 1 "$twz" graph "$s" -o /dev/full
warns '/dev/full: No space left'
run 0 test -c /dev/full

# Many objects: folded, bounded, and all there as JSON.
mkdir many
i=0
while [ $i -lt 1200 ]; do
	: >"many/$i"
	i=$((i + 1))
done
run 0 "$twz" mkstore large --size 64M
run 0 "$twz" put large many /many
run 0 "$twz" graph large -o large.svg
if [ "$(wc -c <large.svg)" -lt 200000 ] && grep -q '1,152 more: data' large.svg; then
	passes
else
	fails 'a picture of 1,200 objects is not folded'
fi
run 0 "$twz" graph large --json
json_is "len(j['objects']) == 1204"
rm -rf large many

# ---- hexdump -------------------------------------------------------------------------------------

run 0 "$twz" hexdump "$s" /here
says '0x0000002000    magic          "twzmeta"'
says 'FOT entry 1  kind 1, flags 0x1'
says "target $there /there"
says '10 bytes at 0x'
says ' -> /there + 0x'
says ' -> /late/name + 0x0'
says " -> $lost + 0x400000"
says 'log record'
says 'stores 8 bytes to 0x'
says 'block 0  magic "ud"'
says '  magic "fe", size_class 6'
says 'hole up to 0x100000'
run 0 "$twz" hexdump "$s" /there
says 'leaf of a map'
says 'inner node of a map'
says '0x14: 0x1400'
says 'segments of a vector'
says 'bytes          8'
says 'dictionary'
says 'first.count    4'
says 'entry of a dictionary  length 15, bytes 16'
says '|of mine.'
says '0x6865726500000004: 0x10000' # "here", 4 bytes: a pointer by the FOT's entry 1
lacks 0xffffffffffffffff # places of the tree that are free
run 0 "$twz" hexdump "$s" /there --json
json_is "[p['what'] for p in j['parts'] if p['what'] in ('map', 'vector', 'dictionary')] == ['map', 'vector', 'dictionary', 'dictionary', 'map']"
json_is "[f['value'] for p in j['parts'] if p['what'] == 'entry of a dictionary' for f in p['fields'] if f['name'] == 'length'] == [3, 7, 15, 15]"
run 0 "$twz" hexdump "$s" / --all
says 'namespace'
says "id $here /here"
run 0 "$twz" hexdump "$s" @boot
says 'capability'
says 'global_mask    rwxud'
run 0 "$twz" hexdump "$s" @key
says 'digest 1024  blake2b '
says 'public key'
run 0 "$twz" hexdump "$s" /text/a 0x400000 4
same "$out" - <<'TEXT'
0x0000400000  6f 6e 65 0a                                       |one.|
TEXT
run 0 "$twz" hexdump "$s" /text/a 0x400001 2
same "$out" - <<'TEXT'
0x0000400001  6e 65                                             |ne|
TEXT
run 0 "$twz" hexdump "$s" /text/a 0x8000000000 # far behind its end
silent
cp --sparse=always kept queued
run 0 "$bin/prompt" --store queued --exec 'queue make /q' --exec 'queue send /q hello'
run 0 "$twz" hexdump queued /q
says 'extension 0  tag twz.io, methods 0x'
says 'method table'
says '    implementation twz.queue'
says 'message  bytes 5'
says '|hello...'
head -c 100000 /dev/urandom >random
cp --sparse=always kept bytes
run 0 "$twz" put bytes random /random
run 0 "$twz" hexdump bytes /random
says 'more from 0x'
if [ "$(wc -l <"$out")" -lt 420 ]; then passes; else fails 'hexdump is not bounded'; fi
run 0 "$twz" hexdump bytes /random --all
lacks 'more from 0x'
if [ "$(wc -l <"$out")" -gt 6250 ]; then passes; else fails 'hexdump --all is not all'; fi
run 0 "$twz" hexdump bytes /random 0x400000 100000 --all --json
json_is "bytes.fromhex(''.join(p['bytes'] for p in j['parts'])) == open('random', 'rb').read()"
run 0 "$twz" hexdump "$s" /here --json
json_is "[f['value'] for p in j['parts'] if p['what'] == 'meta page' for f in p['fields'] if f['name'] == 'fot_next'] == [3]"
json_is "[f['leads_to'] for p in j['parts'] if p['what'] == 'FOT entry' for f in p['fields'] if f.get('value') == '$there'] == ['/there']"
run 2 "$twz" hexdump "$s" /here x
warns 'OFFSET is a number'
run 2 "$twz" hexdump "$s" /here 0 0x10000000001
warns 'BYTES is a number'
run 1 "$twz" hexdump "$s" /nowhere
warns 'there is no such object or name'

# ---- diff ----------------------------------------------------------------------------------------

run 0 "$twz" diff kept "$s"
says '0 objects added, 0 gone, 0 changed, 11 equal'
cp --sparse=always kept second
printf 'other\n' >other
run 0 "$twz" put second other /text/a
run 0 "$twz" put second other /new
run 1 "$twz" diff kept second
says 'gone     '
says '/text/a'
says '  data       /new'
says "changed  $root  namespace  /"
says '    data  0x'
says '2 objects added, 1 gone, 2 changed, 8 equal'
run 1 "$twz" diff kept second -q
lacks '    data  0x'
run 1 "$twz" diff kept second --json
json_is "(j['added'], j['gone'], j['changed'], j['equal']) == (2, 1, 2, 8)"
json_is "sorted((o['change'], o['path']) for o in j['objects']) == [('added', '/new'), ('added', '/text/a'), ('changed', '/'), ('changed', '/text'), ('gone', '/text/a')]"
json_is "all(o['ranges'] and o['bytes'] for o in j['objects'] if o['change'] == 'changed')"
run 0 "$bin/prompt" --store second --exec 'cp /new /copy'
run 0 "$twz" diff second /new /copy
says '0 bytes differ, in 0 ranges; 2 pages are shared'
run 1 "$twz" diff second /text/a "/text/<b> & \"c\""
says 'data  0x0: 6 bytes'
run 1 "$twz" diff second /text/a "/text/<b> & \"c\"" --json
json_is "j['ranges'][-1] == {'where': 'data', 'offset': 0x400000, 'bytes': 6}"
run 2 "$twz" diff kept
run 2 "$twz" diff kept nothing
warns 'nothing: No such file'
run 2 "$twz" diff kept / /nowhere
warns '/nowhere: there is no such'
run 2 "$twz" diff kept second --json --nonsense
if [ ! -s "$out" ]; then passes; else fails 'a usage error prints JSON'; fi

# ---- the JSON of the others ----------------------------------------------------------------------

run 0 "$twz" ls "$s" --json
json_is "j['path'] == '/' and [n['name'] for n in j['names']] == ['here', 'text', 'there']"
json_is "j['names'][0] == {'name': 'here', 'id': '$here', 'is': 'there', 'type': 'data', 'size': 0}"
run 0 "$twz" ls "$s" /text/a --json
json_is "[n['size'] for n in j['names']] == [4]"
run 0 "$twz" tree "$s" --json
json_is "[n['path'] for n in j['names']] == ['/here', '/text', '/text/<b> & \"c\"', '/text/a', '/text/sub', '/text/sub/c', '/there']"
run 0 "$twz" stat "$s" --json
json_is "j['objects'] == 11 and j['frames'] == 8192 and j['root'] == '$root'"
run 0 "$twz" stat "$s" /here --json
json_is "j['id'] == '$here' and j['fot_next'] == 3 and j['ties'][0]['hold'] and j['extents'][0]['page'] == 2"
run 0 "$twz" fot "$s" /here --json
json_is "[(e['kind'], e['hold']) for e in j['entries']] == [('id', True), ('name', False), ('id', False)]"
json_is "j['entries'][1]['name'] == '/late/name' and j['entries'][1]['resolver'] is None"
run 0 "$twz" tie "$s" /there --json
json_is "j['ties'] == [{'direction': 'out', 'id': '$here', 'plain': False, 'hold': True}]"
run 2 "$twz" tie "$s" /here /there --json
run 0 "$twz" check "$s" --json
json_is "j['violations'] == 0 and j['objects'] == 11 and [f['kind'] for f in j['findings']] == ['note'] * j['notes']"
run 0 "$twz" access "$s" /here --json
json_is "[p['permission'] for p in j['permissions']] == ['read', 'write', 'execute', 'use', 'delete']"
run 0 "$twz" sctx "$s" show @boot --json
json_is "j['global_mask'] == 'rwxud' and j['entries'][0]['chain'][0]['signature'] == 'right' and j['gates'] == []"
run 0 "$twz" key show "$s.key" --json
json_is "len(j['public']) == 64 and not j['sealed']"
run 0 "$twz" key accounts "$s" --json
json_is "j['accounts'][0]['page_limit'] == 0"
run 0 cmp kept "$s" # nothing so far has changed it
run 0 "$twz" cap "$s" make /here r --for @boot --out one.cap
run 0 "$twz" cap "$s" show one.cap --json
json_is "j['chain'][0]['perms'] == 'r----' and j['chain'][0]['target'] == '$here'"
echo passphrase >passphrase
run 0 "$twz" user "$s" new alice --passphrase-file passphrase
run 0 "$twz" user "$s" list --json
json_is "[u['name'] for u in j['users']] == ['alice']"

# ---- exit statuses -------------------------------------------------------------------------------

# Of each that looks: the answer, what is not there, a command line that makes no sense, a store that
# cannot be read.
head -c 20000000 /dev/zero >zeros
while read -r command rest; do
	fails_with=1
	[ "$command" != diff ] || fails_with=2
	# shellcheck disable=SC2086
	{
		run 0 "$twz" $command "$s" $rest
		run 2 "$twz" $command "$s" $rest --nonsense
		warns "twz: $command: there is no option --nonsense (twz $command --help)"
		run 2 "$twz" $command
		warns "(twz $command --help)"
		run $fails_with "$twz" $command zeros $rest
		warns 'not a Twizzler store'
		run $fails_with "$twz" $command zeros $rest --json
		json_is "'not a Twizzler store' in j['error']"
	}
done <<'COMMANDS'
ls
tree
stat
stat /here
fot /here
tie /here
graph
hexdump /here
diff /here /here
check
access /here
COMMANDS
for command in 'stat' 'fot' 'tie' 'graph --from' 'hexdump' 'ls' 'tree' 'access'; do
	# shellcheck disable=SC2086
	run 1 "$twz" ${command%% *} "$s" ${command#"${command%% *}"} /nowhere
	warns '/nowhere: there is no such object or name'
done

# An error is a member, too, and on stderr.
run 1 "$twz" ls "$s" /nowhere --json
json_is "j == {'error': '/nowhere: there is no such object or name'}"
warns 'twz: /nowhere: '
run 1 "$twz" stat nothing --json
json_is "'No such file' in j['error']"

# A name of any bytes: the one byte of a name is made what is no UTF-8, no XML and no end of a string.
run 0 "$twz" mkstore names --size 16M
: >q
run 0 "$twz" put names q /zqz
for byte in 377 001 042 134 303; do
	cp --sparse=always names hostile
	LC_ALL=C grep -aobF zqz hostile | cut -d : -f 1 | while read -r at; do
		# shellcheck disable=SC2059
		printf "\\$byte" | dd of=hostile bs=1 seek=$((at + 1)) conv=notrunc status=none
	done
	run 0 "$twz" tree hostile --json
	json_is "j['names'][0]['path'].encode('utf-8', 'surrogateescape') == b'/z' + bytes([0o$byte]) + b'z'"
	run 0 "$twz" graph hostile -o hostile.svg
	run 0 python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' hostile.svg
done

finish cli_look
