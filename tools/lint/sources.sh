#!/bin/sh
# sources.sh ROOT KIND: the project's files of one kind, one a line, as paths inside ROOT.
# KIND is c (C sources and headers), h (headers), sh (shell) or text (all that people write).
# The checks beside this file each take a ROOT, print what is wrong and end with status 1.
set -eu
cd "$1"
list() {
	find . \( -path ./build -o -path ./.git \) -prune -o -type f "$@" -print | sed 's|^\./||' | sort
}
case $2 in
c) list -name '*.[ch]' ;;
h) list -name '*.h' ;;
sh) list \( -name '*.sh' -o -path ./twizzler -o -path ./.ci/run \) ;;
text)
	list \( -name '*.[ch]' -o -name '*.sh' -o -name '*.md' -o -name '*.py' -o -path ./twizzler \
		-o -path ./.ci/run -o -name Makefile -o -path './tools/lint/*' \)
	;;
esac
