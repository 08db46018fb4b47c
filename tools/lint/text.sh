#!/bin/sh
# text.sh ROOT CHECK: one of the checks that a pattern or a count can do.
set -eu
here=$(dirname "$(readlink -f "$0")")
cd "$1"
case $2 in
machine)
	# No path of the machine that somebody worked on.
	"$here/sources.sh" . text | xargs -r grep -HnE '(^|[^A-Za-z0-9_.})])/(wor[k]|roo[t])/' | sed 's/$/   (a path of one machine)/'
	;;
dead)
	# What does not work and is not tested is not in the tree.
	"$here/sources.sh" . c | xargs -r grep -HnE '^[[:space:]]*#[[:space:]]*if[[:space:]]+[01]([^0-9]|$)|if \((0|1|false|true)\)|&& false|\|\| true' | sed 's/$/   (dead or switched-off code)/'
	;;
length)
	"$here/sources.sh" . text | grep -v '\.md$' | xargs -r wc -l |
		awk '$1 > 900 && $2 != "total" { print $2 ": " $1 " lines, more than 900" }'
	;;
headers)
	"$here/sources.sh" . h | while IFS= read -r header; do
		head -n 1 "$header" | grep -q '^/[*/]' || echo "$header:1: does not begin with a comment"
	done
	;;
tidy)
	"$here/sources.sh" . text | xargs -r grep -HnE '[[:blank:]]+$' | sed 's/$/   (blanks at the end)/'
	;;
esac | awk '{ print; bad = 1 } END { exit bad }'
