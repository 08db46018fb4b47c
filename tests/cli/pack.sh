#!/bin/sh
# The piece `cli_pack`: the boot archive: what pack makes of images, and what it refuses.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/cli/helpers
. tests/cli/helpers
pack=$build/asan/pack
[ -x "$pack" ] || pack=$build/pack
cd "$work"

# le BYTES NUMBER: little endian.
le() {
	le_left=$1 le_value=$2
	while [ "$le_left" -gt 0 ]; do
		# shellcheck disable=SC2059
		printf "\\$(printf %03o $((le_value & 255)))"
		le_value=$((le_value >> 8)) le_left=$((le_left - 1))
	done
}

text=$((0x40400000)) # where the text is in a program's view

# header FIELD=VALUE...: struct twz_program of a program with 2 pages of text and 1 of data.
header() {
	magic=$((0x6d676f72707a7774)) version=1 rt=$((0x10000)) entry=$((text + 64)) recovery=0
	text_pages=2 data_pages=1 zero_pages=3 reserved=0
	for field; do
		case $field in
		*=*) eval "$field" ;;
		esac
	done
	le 8 $magic
	le 4 $version
	le 4 $rt
	le 8 $entry
	le 8 $recovery
	le 4 $text_pages
	le 4 $data_pages
	le 4 $zero_pages
	le 4 $reserved
}

# image FILE BYTES FIELD=VALUE...: of that size, with a mark at the end of the first two pages.
image() {
	image_file=$1 image_bytes=$2
	shift 2
	header "$@" >"$image_file"
	truncate -s "$image_bytes" "$image_file"
	for at in 4095 8191; do
		[ "$image_bytes" -le $at ] || printf x | dd of="$image_file" bs=1 seek=$at conv=notrunc status=none
	done
}

# field FILE OFFSET BYTES: as an unsigned number. hex FILE OFFSET BYTES: byte by byte.
field() {
	od -An -v -tu"$3" -j"$2" -N"$3" "$1" | tr -d ' '
}
hex() {
	od -An -v -tx1 -j"$2" -N"$3" "$1" | tr -d ' \n'
}

is() {
	if [ "$2" = "$3" ]; then
		passes
	else
		fails "$1 is $2, not $3"
	fi
}

# ---- help and usage ------------------------------------------------------------------------------

image good 12288
run 0 "$pack" --help
says 'usage: pack OUT'
run 2 "$pack"
warns 'an argument is missing (pack --help)'
run 2 "$pack" boot
run 2 "$pack" --nonsense
warns 'there is no option --nonsense'
run 2 "$pack" boot init
warns 'NAME=IMAGE is wanted, not init'
run 2 "$pack" boot init=
run 2 "$pack" boot =good init=good
run 2 "$pack" boot init=good a/b=good
warns 'no name for a program: a/b'
run 2 "$pack" boot init=good .x=good
run 2 "$pack" boot init=good "$(printf %048d 0)=good"
run 2 "$pack" boot ls=good
warns 'there is no init'
run 2 "$pack" boot init=good ls=good ls=good
warns 'given twice: ls'

# ---- the archive ---------------------------------------------------------------------------------

image short 8200 recovery=$((text + 8191)) # its last page is not whole
run 0 "$pack" boot "$(printf %047d 0)=short" ls=good init=good
silent
is 'the magic number' "$(hex boot 0 8)" 74777a626f6f7400
is 'the version' "$(field boot 8 4)" 1
is 'the count' "$(field boot 12 4)" 3
is 'the pages of the header' "$(field boot 16 4)" 1
is 'the rest of the header' "$(hex boot 20 44 | tr -d 0)" ''
is 'the size' "$(wc -c <boot)" $((4096 * (1 + 3 * 3)))
is 'the first name' "$(hex boot 64 8)" 696e697400000000
is 'the second name' "$(hex boot $((64 + 176)) 1)" 30
is 'the third name' "$(hex boot $((64 + 352)) 4)" 6c730000
page=1
for entry in 0 1 2; do
	at=$((64 + 176 * entry))
	is "entry $entry: the page" "$(field boot $((at + 160)) 8)" $page
	is "entry $entry: the pages" "$(field boot $((at + 168)) 8)" 3
	is "entry $entry: version, type, flags" "$(hex boot $((at + 64)) 12)" 010000000000000001000000
	is "entry $entry: permissions" "$(field boot $((at + 76)) 4)" 5
	is "entry $entry: key and nonce" "$(hex boot $((at + 80)) 32 | tr -d 0)" ''
	is "entry $entry: the size" "$(field boot $((at + 144)) 8)" 12288
	page=$((page + 3))
done
tail -c +4097 boot | head -c 12288 >image
same image good
tail -c +16385 boot | head -c 8200 >image
same image short
is 'what is behind a page that is not whole' "$(hex boot $((4096 * 4 + 8200)) 4088 | tr -d 0)" ''

# One content, one ID, under any name; another content, another. The ID is BLAKE2b's, as another
# implementation of docs/format/sealed.md has it for this image.
is 'the ID' "$(hex boot 112 16)" 684f7bb6e549ff283eaac5fe92d493b6
is 'the root' "$(hex boot 176 32)" 504ed9b895c590c85dad2b545ef49866a60ecdf4779aae0d98994f5e2ef50c37
is 'the ID of the same image' "$(hex boot $((64 + 352 + 48)) 112)" "$(hex boot 112 112)"
if [ "$(hex boot 112 16)" != "$(hex boot $((64 + 176 + 48)) 16)" ]; then
	passes
else
	fails 'two images have one ID'
fi

# The same images give the same bytes, in whatever order.
run 0 "$pack" again init=good ls=good "$(printf %047d 0)=short"
same boot again
# More programs than one page of the header holds.
set --
i=0
while [ $i -lt 30 ]; do
	set -- "$@" p$i=good
	i=$((i + 1))
done
run 0 "$pack" many init=short "$@"
is 'the pages of a long header' "$(field many 16 4)" 2
is 'the page of the first image' "$(field many $((64 + 160)) 8)" 2

# ---- what is refused -----------------------------------------------------------------------------

rm boot again many

# refuses TEXT: an archive with the image `bad`.
refuses() {
	run 1 "$pack" boot init=good bad=bad
	warns "pack: bad: $1"
}

rm -f bad
refuses 'No such file'
mkdir bad
refuses 'this is no program image'
rmdir bad
: >bad
refuses 'this is no program image'
header >begin
head -c 47 begin >bad
refuses 'this is no program image'
image bad 12288 magic=1
refuses 'this is no program image'
image bad 12288 version=2
refuses 'the image is of another version'
image bad 12288 reserved=1
refuses 'a reserved field'
for bytes in 8192 12289 16384; do
	image bad $bytes
	refuses "the image's header counts more or fewer pages"
done
image bad 12288 text_pages=0 data_pages=3
refuses "the image's pages do not fit"
image bad 12288 text_pages=$((0xffffffff)) data_pages=4
refuses "the image's pages do not fit"
image bad 12288 zero_pages=$((0x40000))
refuses "the image's pages do not fit"
for entry in 0 $text $((text + 47)) $((text + 8192)) $((-1)); do
	image bad 12288 entry="$entry"
	refuses "the image's entry is not in its text"
	[ "$entry" = 0 ] || image bad 12288 recovery="$entry"
	[ "$entry" = 0 ] || refuses "the image's recovery entry is not in its text"
done
if [ -e boot ]; then
	fails 'a refused image leaves an archive'
else
	passes
fi
run 1 "$pack" none/boot init=good
warns 'pack: none/boot: No such file'
if [ -c /dev/full ]; then
	run 1 "$pack" /dev/full init=good
	warns 'pack: /dev/full: No space left'
fi

finish cli_pack
