#!/bin/sh
# The public headers that have a page: its name, the header as it is included, the files that declare.
# usage: names.sh     prints lines "PAGE HEADER FILE..."
set -eu
cd "$(dirname "$0")/../.."
function='^[a-z#].*[ *]twz_[a-z0-9_]*[a-z0-9]('
for file in lib/include/twz/*.h; do
	name=$(basename "$file" .h)
	[ "$name" != twz ] || continue
	core=$(sed -n 's/^#include "\(core\/[a-z_]*\.h\)"$/\1/p' "$file" | grep -x "core/$name.h" || true)
	! [ "$core" ] || grep -q "$function" "$core" || core=
	grep -q "$function" "$file" ${core:+"$core"} || continue
	echo "twz_$name twz/$name.h $file${core:+ $core}"
done
echo "twz_rt twz/obj.h abi/rt.h"
