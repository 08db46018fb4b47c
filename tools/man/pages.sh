#!/bin/sh
# The manual pages of section 3, out of the public headers: one for each header, and a link for each function.
#
# usage: pages.sh FOLDER [TABLE]     fills it; says what is wrong and fails if the headers and the table of what
#                                    crashes leave, docs/man/crashes, differ
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
table=$(readlink -f "${2:-$top/docs/man/crashes}")
cd "$top"
tools/man/names.sh >"$out/.pages"
while read -r page header files; do
	# shellcheck disable=SC2086
	awk -v page="$page" -v header="$header" -f tools/man/page.awk abi/errors.h "$table" $files \
		>"$out/$page.3"
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z0-9_]*\).*/\1/p' "$out/$page.3" | while read -r name; do
		[ "$name" = "$page" ] || echo ".so man3/$page.3" >"$out/$name.3"
	done
done <"$out/.pages"
sed -n 's/^\(twz_[a-z0-9_]*\) .*/\1/p' "$table" | while read -r name; do
	[ -f "$out/$name.3" ] || grep -q "^$name internal" "$table" || echo "$name"
done >"$out/.strangers"
if [ -s "$out/.strangers" ]; then
	echo "docs/man/crashes: in no public header: $(tr '\n' ' ' <"$out/.strangers")" >&2
	exit 1
fi
rm "$out/.pages" "$out/.strangers"
